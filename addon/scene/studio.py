# SPDX-License-Identifier: GPL-3.0-or-later
"""What everything in a scene is made with: its collections, materials and font, and the shapes that are shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy

from ..core.story import Story
from ..core.theme import Theme
from ..core.values import Pooled
from .contract import Collections, open_scene
from .furniture import make_world
from .groups import Groups, group_slices
from .materials import Materials, material_slices
from .merge import Shapes
from .slabs import Atlas
from .slices import Told, aside, told
from .text import load_font


@dataclass(frozen=True)
class Studio:
    """A scene that is being built, and what everything in it is made with."""

    scene: bpy.types.Scene
    size: tuple[int, int]  # of the picture: width, height in pixels
    collections: Collections
    groups: Groups
    materials: Materials
    slabs: dict[str, Pooled]  # what blocks that are no geometry show, by their keys
    atlas: Atlas | None  # the image that they are drawn from, where there are any
    font: bpy.types.VectorFont | None
    shapes: Shapes

    @property
    def aspect(self) -> float:
        """Width over height of the picture."""
        return self.size[0] / self.size[1]

    @property
    def stage(self) -> bpy.types.Collection:
        """Where the camera and what hangs before it belong."""
        return self.collections.get(("stage",))

    @property
    def labels(self) -> bpy.types.Collection:
        """Where names and the floor belong."""
        return self.collections.get(("labels",))


def no_slabs() -> dict[str, Pooled]:
    """For a scene whose blocks are all geometry."""
    return {}


def open_studio(
    scene: bpy.types.Scene,
    story: Story,
    theme: Theme,
    size: tuple[int, int],
    fps: float,
    slabs: Callable[[], dict[str, Pooled]] = no_slabs,
) -> Told[Studio]:
    """The first twentieth of a build: picture, clock, root, materials and world. `slabs` chooses, in a thread, what
    blocks that are no geometry show."""
    collections = open_scene(scene, story, theme, size, fps)
    groups = yield from told(("materials", 0.02), group_slices(theme))
    chosen = yield from told(("materials", 0.03), aside(slabs))
    atlas = Atlas({key: (len(shown.matrix), len(shown.matrix[0])) for key, shown in chosen.items()}) if chosen else None
    materials = yield from told(("materials", 0.04), material_slices(groups, atlas.image if atlas else None))
    make_world(scene, groups)
    yield "materials", 0.05
    return Studio(scene, size, collections, groups, materials, chosen, atlas, load_font(), Shapes())
