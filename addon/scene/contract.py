# SPDX-License-Identifier: GPL-3.0-or-later
"""What every built scene has, whatever it shows: picture, clock, collections, and what the contract asks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import bpy

from ..core.story import Story
from ..core.theme import Theme
from ..core.trace import Trace
from .acts import NAMES
from .clock import key_clock
from .compat import eevee

VERSION = 1  # of the scene contract
TRACE = "fp_trace"  # the file name of the trace, and its SHA-256
ROOT = "Forward Pass"


class Collections:
    """The collections under the root, made when first asked for, by their path of names."""

    def __init__(self, root: bpy.types.Collection) -> None:
        self._made: dict[tuple[str, ...], bpy.types.Collection] = {(): root}

    def get(self, path: tuple[str, ...]) -> bpy.types.Collection:
        """The collection at a path under the root; none is the root itself."""
        if path not in self._made:
            made = bpy.data.collections.new(path[-1])
            self.get(path[:-1]).children.link(made)
            self._made[path] = made
        return self._made[path]


def open_scene(scene: bpy.types.Scene, story: Story, theme: Theme, size: tuple[int, int], fps: float) -> Collections:
    """Gives a scene its picture of `size` (width, height in pixels), its clock and its root, before anything is in it;
    returns the collections under that root."""
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.fps, scene.render.fps_base = round(fps), round(fps) / fps
    plain_settings(scene)
    key_clock(scene, story.duration, fps, (act.start for act in story.acts))
    scene["fp_theme"] = theme.name
    root = bpy.data.collections.new(ROOT)
    scene.collection.children.link(root)
    return Collections(root)


def plain_settings(scene: bpy.types.Scene) -> None:
    """Everything is emission: no shadows, no ray tracing, and colours come out as they were chosen."""
    scene.render.engine = eevee()
    scene.eevee.use_shadows = False
    scene.eevee.use_raytracing = False
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.look = "None"
    scene.render.film_transparent = False


def keep_contract(
    scene: bpy.types.Scene,
    story: Story,
    traces: Sequence[Trace],
    pitch: Mapping[str, float],
    recipe: str,
    fps: float,
) -> None:
    """What the scene contract asks of the scene itself. Last of all, as `fp_version` says that a scene is whole.

    `fp_trace` is the first of the traces, empty where nothing ran, and `fp_trace_2` the second; `pitch` is axis name ->
    Blender units.
    """
    scene["fp_version"], scene["fp_recipe"] = VERSION, recipe
    scene[TRACE] = ""
    for key, trace in zip((TRACE, f"{TRACE}_2"), traces, strict=False):
        scene[key] = f"{trace.path.name} {trace.sha256}"
    scene["fp_pitch"] = dict(pitch)
    scene[NAMES] = "\n".join(act.name for act in story.acts)
    for act in story.acts:
        scene.timeline_markers.new(act.name, frame=1 + round(act.start * fps))
