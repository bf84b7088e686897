# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel asks for, kept with the scene."""

from __future__ import annotations

import bpy
from bpy.props import PointerProperty

from .act_fields import ActFields
from .film_fields import FilmFields
from .render_fields import RenderFields
from .run_fields import RunFields

KEPT = (RunFields, FilmFields, RenderFields)  # what is asked for; an act is looked up in the scene


class ForwardPassSettings(RunFields, FilmFields, RenderFields, ActFields, bpy.types.PropertyGroup):
    """The panel's fields. The saved scene needs none of them: they are gone where the add-on is not there."""


def scene_of(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene that is shown: there always is one, whatever the type says."""
    assert context.scene is not None
    return context.scene


def settings_of(scene: bpy.types.Scene) -> ForwardPassSettings:
    """The panel's fields of that scene."""
    settings: ForwardPassSettings = scene.forward_pass  # type: ignore[attr-defined]
    return settings


def copy_settings(source: bpy.types.Scene, target: bpy.types.Scene) -> None:
    """Carries the panel's fields over to another scene, in the order in which they are declared: a preset sets the
    format, a quality the transparency, unless somebody chose otherwise since."""
    here, there = settings_of(source), settings_of(target)
    for name in (name for fields in KEPT for name in fields.__annotations__):
        setattr(there, name, getattr(here, name))


CLASSES = (ForwardPassSettings,)


def register() -> None:
    """Every scene gets the fields."""
    bpy.types.Scene.forward_pass = PointerProperty(type=ForwardPassSettings)  # type: ignore


def unregister() -> None:
    """And loses them."""
    del bpy.types.Scene.forward_pass  # type: ignore[attr-defined]
