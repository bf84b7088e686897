# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves the open file, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from ..core.errors import UserError


def save_blend(path: Path) -> None:
    """Save the open file at `path`: written beside, then renamed. UserError where that cannot be."""
    partial = path.with_name(f".{path.name}.partial.blend")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(partial), copy=True, compress=True)
        os.replace(partial, path)
    except (RuntimeError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"The scene could not be saved to {path}.", f"Choose another place ({error}).") from error
