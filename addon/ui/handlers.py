# SPDX-License-Identifier: GPL-3.0-or-later
"""What must happen when Blender itself goes on: another file, undo, save, a change of the scene."""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ..core.errors import UserError
from ..scene.migrate import update_scene
from ..scene.themes import follow_world
from .generate import Generation
from .place import is_generated
from .properties import settings_of
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


@persistent  # type: ignore[untyped-decorator]
def update_scenes(*_: object) -> None:
    """A file was opened: what an earlier version of the add-on did not yet note in its scenes is noted now."""
    newer = [scene.name for scene in bpy.data.scenes if is_generated(scene) and not update_scene(scene)]
    if newer:
        SESSION.fail(newer_scene(newer[0]))


@persistent  # type: ignore[untyped-decorator]
def follow_theme(scene: bpy.types.Scene, *_: object) -> None:
    """Something changed: the scene may have been given the world of a theme."""
    if is_generated(scene) and scene.library is None:
        name = follow_world(scene)
        if name and settings_of(scene).theme != name:
            settings_of(scene).theme = name


@persistent  # type: ignore[untyped-decorator]
def follow_themes(*_: object) -> None:
    """The same of every scene, after data was exchanged."""
    for scene in bpy.data.scenes:
        follow_theme(scene)


def newer_scene(name: str) -> UserError:
    """What to say of a scene that a later version made."""
    what = f'The scene "{name}" was made by a newer Forward Pass.'
    return UserError(what, "It plays and renders; to work on it, update the add-on.")


HANDLERS = (
    ("load_post", update_scenes),
    ("load_post", follow_themes),
    ("depsgraph_update_post", follow_theme),
    ("undo_post", follow_themes),
    ("redo_post", follow_themes),
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
