# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene's render settings, changed for a while and put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import bpy

from ..core.errors import UserError
from .presets import Quality

CAPTIONS = "captions"  # the collection's name, see the scene contract
# EEVEE has had two ids; the first that this Blender knows is taken.
ENGINE_IDS = {
    "auto": ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"),
    "eevee": ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"),
    "cycles": ("CYCLES",),
}


@contextlib.contextmanager
def changed(*settings: tuple[Any, str, Any]) -> Iterator[None]:
    """Sets (owner, attribute, value) one after another and puts the old values back at the end.

    An owner that is None, or does not have the attribute in this Blender, is passed over. The old values go back in
    the order in which they were set, as some decide which values the next may have (media type, then file format).
    """
    # All are read before any is set: a new media type brings a new file format along.
    known = [(owner, name, value) for owner, name, value in settings if owner is not None and hasattr(owner, name)]
    old = [(owner, name, getattr(owner, name)) for owner, name, _ in known]
    try:
        for owner, name, value in known:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in old:
            setattr(owner, name, value)


def engine_id(scene: bpy.types.Scene, engine: str) -> str:
    """What this Blender calls `engine` ("auto", "eevee", "cycles"). Raises `UserError` where it is switched off."""
    render: Any = scene.render
    before = render.engine
    for name in ENGINE_IDS[engine]:
        try:
            render.engine = name
        except TypeError:  # not a member of the enumeration
            continue
        render.engine = before
        return name
    raise UserError(f"This Blender has no {engine} engine.", "Use another engine, or switch its add-on on.")


def captions_of(scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """The collection with the captions in the picture, which a creator may switch off too; None where there is none."""
    within = scene.collection.children_recursive
    return next((one for one in within if one.name.split(".")[0] == CAPTIONS), None)


@contextlib.contextmanager
def still_settings(scene: bpy.types.Scene, quality: Quality) -> Iterator[None]:
    """`scene` set up to render one PNG after another in `quality`: everything but its time, which is its own."""
    render, image = scene.render, scene.render.image_settings
    captions = captions_of(scene)
    with changed(
        (render, "engine", engine_id(scene, quality.engine)),
        (render, "resolution_x", quality.size[0]),
        (render, "resolution_y", quality.size[1]),
        (render, "resolution_percentage", 100),
        (render, "film_transparent", quality.transparent),
        # A creator who has switched them off in the scene wants none.
        (captions, "hide_render", not quality.burnt or getattr(captions, "hide_render", False)),
        (image, "media_type", "IMAGE"),
        (image, "file_format", "PNG"),
        (image, "color_mode", "RGBA" if quality.transparent else "RGB"),
        (image, "color_depth", "8"),
        (image, "compression", 15),
        (scene.eevee, "taa_render_samples", quality.samples),
        (getattr(scene, "cycles", None), "samples", quality.samples),
        # EEVEE turns the world into a light probe anew for every frame: at the usual 1024 that takes a CPU a second,
        # several times the frame itself, and scenes that shine by emission gain nothing from it.
        (scene.world, "probe_resolution", "128"),
    ):
        yield
