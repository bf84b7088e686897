# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying a Python for torch, in a thread."""

from __future__ import annotations

import threading
from pathlib import Path

from ..core.errors import UserError
from ..process.python import PythonInfo, find_python, try_python
from .progress import as_user_error


class PythonTest:
    """A test of the chosen Python (None: of the one that would be found), from the moment this is made."""

    def __init__(self, chosen: Path | None) -> None:
        self.info: PythonInfo | None = None
        self.error: UserError | None = None
        self._chosen = chosen
        self._thread = threading.Thread(target=self._run, name="forward-pass-python", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the answer is still to come."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Until the answer is there."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self.info = try_python(find_python(self._chosen))
        except Exception as error:  # a thread's exception reaches nobody: hand it over
            self.error = as_user_error(error, "Testing the Python")
