# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that come out instead of a file: there whole or not at all, in the place of an earlier one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..core.errors import UserError

OURS = (".png", ".mp4", ".txt", ".md")  # what is written into such folders


def check_folder(folder: Path) -> None:
    """Raises `UserError` (code 2) where a folder that is to be replaced holds anything that is not ours."""
    for path in folder.iterdir():
        if path.suffix not in OURS or path.is_dir():
            raise UserError(f"The folder {folder} holds {path.name}, too.", "Choose a place of its own.", code=2)


def put_folder(out: Path, fill: Callable[[Path], None]) -> None:
    """A folder at `out` with what `fill` puts into it; an earlier one goes. Raises `UserError`."""
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            made.chmod(0o755)
            fill(made)
            if out.is_dir():
                check_folder(out)
                shutil.rmtree(out)
            os.replace(made, out)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"The folder {out} could not be written: {reason}.", "Choose another place.") from error
