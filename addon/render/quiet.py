# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own chatter kept off the terminal while it renders, and kept at hand for when it fails."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

KEPT = 20_000  # bytes of the end of what was said


class Log:
    """What was said during `quiet`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def text(self) -> str:
        """The end of it, at most `KEPT` bytes."""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - KEPT))
        return self._file.read().decode("utf-8", "replace")


@contextlib.contextmanager
def quiet() -> Iterator[Log]:
    """Sends what this process writes to its standard output and error, C code included, to a temporary file.

    A program without standard streams (a window program on Windows) has nothing to silence.
    """
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):  # a closed stream has nothing left to flush
                    stream.flush()
            try:
                kept = os.dup(descriptor)
            except OSError:
                continue
            stack.callback(_put_back, kept, descriptor)
            os.dup2(file.fileno(), descriptor)
        yield Log(file)


def _put_back(kept: int, descriptor: int) -> None:
    """The stream that was there before; what Python still holds for it belongs to the silence."""
    stream = sys.stdout if descriptor == 1 else sys.stderr
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os.dup2(kept, descriptor)
    os.close(kept)
