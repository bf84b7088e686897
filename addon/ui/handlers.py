# SPDX-License-Identifier: GPL-3.0-or-later
"""What must happen to a running job when Blender itself goes on: another file, undo, save."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from .generate import Generation
from .session import SESSION


@persistent  # type: ignore[untyped-decorator]
def end_job(*_: object) -> None:
    """Another file is about to be opened: what runs belongs to this one."""
    SESSION.end()
    SESSION.dismiss()


@persistent  # type: ignore[untyped-decorator]
def cancel_building(*_: object) -> None:
    """Undo exchanges the data under a scene that is being built."""
    if isinstance(SESSION.job, Generation) and SESSION.job.state == "building":
        SESSION.cancel()


@persistent  # type: ignore[untyped-decorator]
def finish_building(*_: object) -> None:
    """A file is about to be saved: no half scene may be in it."""
    if isinstance(SESSION.job, Generation):
        SESSION.job.finish_building()


HANDLERS = (
    ("load_pre", end_job),
    ("undo_pre", cancel_building),
    ("redo_pre", cancel_building),
    ("save_pre", finish_building),
)


def register() -> None:
    """Blender calls them from now on."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """And no longer."""
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
