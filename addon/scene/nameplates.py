# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws names and sizes beside the blocks of a multiply that is told."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ..core.nameplates import GAP, HEIGHT, Nameplate
from .clock import drive
from .merge import Shapes
from .overlay import Overlay, rounded
from .slices import Slices
from .text import during


def nameplate_slices(overlay: Overlay, plates: Iterable[Nameplate], shapes: Shapes) -> Slices[None]:
    """Adds the plates, each on an empty of its own, which follows its path by the clock; a slice for each."""
    for i, plate in enumerate(plates):
        root = bpy.data.objects.new(f"nameplate {i + 1}", None)
        root.empty_display_size = 0.01
        root.parent = overlay.root
        overlay.collection.objects.link(root)
        for axis in (0, 1):
            drive(root, "location", axis, overlay.scene, [(point[0], point[1 + axis]) for point in plate.path])
        mine = Overlay(overlay.scene, root, overlay.collection, overlay.aspect, overlay.materials, overlay.font)
        _draw(mine, plate, i + 1)
        mine.finish(shapes)
        yield


def _draw(overlay: Overlay, plate: Nameplate, number: int) -> None:
    """The parts side by side on a ground, around the overlay's own middle."""
    size = plate.size
    gap = GAP * size
    width = sum(overlay.name_width(body, size) + gap for body, _hue in plate.parts) - gap
    ground = rounded(f"nameplate {number} halo", width + size, HEIGHT * size, size / 2, "pill", overlay.materials.halo)
    overlay.put(during(ground, plate.start, plate.duration), 0.0, 0.0, -0.008)
    x = -width / 2
    for i, (body, hue) in enumerate(plate.parts):
        for text, shift, down in overlay.name(f"nameplate {number}.{i + 1}", body, size, hue):
            overlay.put(during(text, plate.start, plate.duration), x + shift, -down, -0.006)
        x += overlay.name_width(body, size) + gap
