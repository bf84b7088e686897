# SPDX-License-Identifier: GPL-3.0-or-later
"""Text objects: one font, packed into the file, so that a saved scene reads the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import bpy

from ..core.theme import PALETTE

Timed = TypeVar("Timed", bound=Any)  # takes `fp_start` and `fp_duration`

# Blender ships it in every build; Inter, its interface font, breaks as a text object.
FONT = "NotoSansMath-Regular.woff2"
# Height of a capital letter at text size 1, measured on that font.
CAPITAL = 0.48
# Advances at text size 1, measured on that font; all other characters take about ADVANCE.
ADVANCE = 0.385
_ADVANCES = {
    **dict.fromkeys(" .,:;'’|ijlI!", 0.17),
    **dict.fromkeys("frt()[]-1", 0.26),
    **dict.fromkeys("mwWM⋯—", 0.61),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 0.44),
}


def width_of(body: str, size: float) -> float:
    """About how wide a line of text is at that size, in the units of the size."""
    return size * sum(_ADVANCES.get(character, ADVANCE) for character in body)


def load_font() -> bpy.types.VectorFont | None:
    """The scene's font, packed; None (Blender's built-in one) where this Blender does not ship it."""
    utils: Any = bpy.utils
    path = Path(utils.system_resource("DATAFILES", path="fonts")) / FONT
    if not path.is_file():
        return None
    font = bpy.data.fonts.load(str(path), check_existing=True)
    if font.packed_file is None:
        font.pack()
    return font


def make_text(
    name: str,
    body: str,
    size: float,
    hue: str,
    material: bpy.types.Material | None,
    font: bpy.types.VectorFont | None,
    align: str = "CENTER",
    upright: str = "CENTER",
    bold: float = 0.0,
) -> bpy.types.Object:
    """A text object of that size (as Blender counts it: a capital is CAPITAL of it high, in units) and palette colour.
    `bold` thickens the outline, as a share of the size.
    It is shown at all times until its `fp_start` and `fp_duration` say otherwise."""
    curve: Any = bpy.data.curves.new(name, "FONT")
    curve.body = body
    if font is not None:
        curve.font = font
    curve.size = size
    curve.align_x = align
    curve.align_y = upright
    curve.offset = bold * size
    curve.resolution_u = 4
    curve.fill_mode = "FRONT"
    if material is not None:
        curve.materials.append(material)
    item = bpy.data.objects.new(name, curve)
    item.pass_index = PALETTE.index(hue)
    item["fp_start"], item["fp_duration"], item["fp_size"] = 0.0, 0.0, size * CAPITAL
    return item


def during(item: Timed, start: float, duration: float) -> Timed:
    """Show an object or a piece of one only in that window of story time."""
    item["fp_start"], item["fp_duration"] = float(start), float(duration)
    return item
