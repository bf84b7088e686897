# SPDX-License-Identifier: GPL-3.0-or-later
"""Text objects: one font, packed into the file, so that a saved scene reads the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import bpy

from ..core.theme import PALETTE

Timed = TypeVar("Timed", bound=Any)  # takes `fp_start` and `fp_duration`
FADE = 0.12  # seconds in which it comes, and goes

# Blender ships it in every build; Inter, its interface font, breaks as a text object.
FONT = "NotoSansMath-Regular.woff2"
# What has the characters that it lacks: the Latin of most of Europe in the same design, Cyrillic, what is left.
OTHERS = ("NotoSansHebrew-Regular.woff2", "DejaVuSansMono.woff2", "Noto Sans CJK Regular.woff2")
NOBODYS = "\ue123"  # a character of private use
SUBSCRIPT, SUNK = 0.62, 0.14  # a subscript's size, and how far its middle is below that of its name, in text sizes
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


_covering: dict[tuple[str, str], str] = {}  # of a font and characters: the other font's file, "" for itself
_sizes: dict[tuple[str, str], float] = {}  # of two fonts: what `as_large` says


def width_of(body: str, size: float) -> float:
    """About how wide a line of text is at that size, in the units of the size."""
    return size * sum(_ADVANCES.get(character, ADVANCE) for character in body)


def split_name(text: str) -> tuple[str, str]:
    """What stands on the line of a block's name, and its subscript: "W_Q 1" is W with Q 1 below."""
    name, _, below = text.partition("_")
    return name, below


def load_font(name: str = FONT) -> bpy.types.VectorFont | None:
    """The scene's font, packed; None (Blender's built-in one) where this Blender does not ship it."""
    utils: Any = bpy.utils
    path = Path(utils.system_resource("DATAFILES", path="fonts")) / name
    if not path.is_file():
        return None
    font = bpy.data.fonts.load(str(path), check_existing=True)
    if font.packed_file is None:
        font.pack()
    return font


def covering(body: str, font: bpy.types.VectorFont | None) -> bpy.types.VectorFont | None:
    """The font that has every character of a text: `font` itself, or the first of OTHERS that does; `font` where none
    has."""
    strange = "".join(sorted({character for character in body if character > "~"}))
    if font is None or not strange:
        return font
    known = (font.name, strange)
    if known not in _covering:
        others = () if _has(font, strange) else OTHERS
        _covering[known] = next((name for name in others if _has(load_font(name), strange)), "")
    other = _covering[known]
    return (load_font(other) if other else None) or font


def is_latin(body: str) -> bool:
    """Whether a text needs letters of European languages that the scene's font lacks, and the other font has it all."""
    return any("À" <= character <= "ÿ" for character in body) and all(character <= "ÿ" for character in body)


def as_large(font: bpy.types.VectorFont | None, other: bpy.types.VectorFont | None) -> float:
    """By how much letters of another font must be scaled to be as large as those of the first: Blender sets fonts as
    high as their tallest sign makes them."""
    if font is None or other is None or font == other:
        return 1.0
    known = (font.name, other.name)
    if known not in _sizes:
        heights = [max(y for _x, y in _outlines(one, "H")[0]) for one in (font, other)]
        _sizes[known] = heights[0] / heights[1]
    return _sizes[known]


def _has(font: bpy.types.VectorFont | None, characters: str) -> bool:
    """Whether a font has all of these characters: what it has not it draws as the box of one that no font has."""
    if font is None:
        return False
    box, *drawn = _outlines(font, NOBODYS + characters)
    return all(one not in ([], box) or character.isspace() for one, character in zip(drawn, characters, strict=True))


def _outlines(font: bpy.types.VectorFont, characters: str) -> list[list[tuple[float, float]]]:
    """The points of each character at size one, on the base line."""
    curve: Any = bpy.data.curves.new("probe", "FONT")
    curve.font, curve.align_y = font, "TOP_BASELINE"
    probe = bpy.data.objects.new("probe", curve)
    found = []
    for character in characters:
        curve.body = character
        found.append([(vertex.co.x, vertex.co.y) for vertex in probe.to_mesh().vertices])
        probe.to_mesh_clear()
    bpy.data.batch_remove([probe, curve])
    return found


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
    own = covering(body, font)
    if own is not None:
        curve.font = own
    curve.size = size * as_large(font, own)
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
    """Show an object or a piece of one only in that window of story time; what is there from the beginning is whole
    on the first picture."""
    early = FADE if start <= 0 else 0.0
    item["fp_start"], item["fp_duration"] = float(start) - early, float(duration) + early
    return item
