# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in cells: the node group "FP Digits" prints a cell's value, as people write it, from the same number that
colours it.

The glyphs come from the scene's font, as a small picture of distances to their outlines, so they are sharp at any
size. Where a cell is small on screen nothing is printed. Two values inside the group are for people: "Show" (1 or 0)
and "From pixels", the size of a cell on screen from which on its number is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.glyphs import distance_field
from .nodes import Nodes, named, new_group
from .slices import Slices

DIGITS = "FP Digits"
GLYPHS = "0123456789−."
MINUS, POINT = 10.0, 11.0  # places among the glyphs
# Of the scene's font at text size 1, in units: how far a digit and the point lead on, and the height of a digit.
ADVANCE, POINT_ADVANCE, HEIGHT = 0.385, 0.17, 0.48
BELOW, ABOVE = 0.04, 0.04  # room in a glyph's box under the baseline and over the digits
TEXELS = (64, 44)  # of a glyph's box, rows and columns
SPREAD = 0.05  # distance from an outline at which the picture is black or white
LARGEST = 99_999.5  # five digits: what is larger is not printed
FROM_PIXELS = 40.0
EMPHASIS = 0.45  # in the worked example numbers are there already in cells smaller by this share


def digits_slices(font: bpy.types.VectorFont | None) -> Slices[bpy.types.NodeTree]:
    """The node group, in slices: colour and strength of a cell in, the same with its number on it out.

    Value is what is printed: two decimals below a hundred, none above. Across and Along are the place in the cell and
    Width and Height its size, all in shorter sides of the cell; Pixels is that side on screen; Shown is how much of
    the number there is to see, Emphasis is 1 in the worked example. The number stands upright as the camera sees it,
    on whichever side of the block it looks at, in black or white, as is easier to read.
    """
    inputs = ("Strength", "Value", "Across", "Along", "Width", "Height", "Pixels", "Shown", "Emphasis")
    tree, n, into, out = new_group(
        DIGITS,
        (("Color", "Color"), *((name, "Float") for name in inputs), ("X Axis", "Vector"), ("Y Axis", "Vector")),
        (("Color", "Color"), ("Strength", "Float"), ("Ink", "Float")),
        "Prints the cell's number. Inside: Show (1 or 0), From pixels (a cell's size from which on it is printed)",
    )
    for axis, way in (("X Axis", (1.0, 0.0, 0.0)), ("Y Axis", (0.0, 1.0, 0.0))):
        next(entry for entry in tree.interface.items_tree if entry.name == axis).default_value = way
    show = _setting(n, "Show", 1.0)
    start = n.math("MULTIPLY", _setting(n, "From pixels", FROM_PIXELS), _less(n, into["Emphasis"], EMPHASIS))
    yield
    number = written_number(n, into["Value"])
    yield
    axes = into["X Axis"], into["Y Axis"]
    x, y, width, height = _upright(n, into["Across"], into["Along"], into["Width"], into["Height"], axes)
    size = n.math(
        "MINIMUM",
        n.math("DIVIDE", n.math("MULTIPLY", width, 0.84), n.math("MAXIMUM", number.width, 4 * ADVANCE + POINT_ADVANCE)),
        n.math("MULTIPLY", height, 0.62 / HEIGHT),
    )
    glyph, u, inside = _glyph(n, number, n.math("DIVIDE", x, size))
    yield
    v = n.math("DIVIDE", n.math("ADD", n.math("DIVIDE", y, size), HEIGHT / 2 + BELOW), BELOW + HEIGHT + ABOVE)
    inside = n.math("MULTIPLY", inside, n.math("COMPARE", v, 0.5, 0.5))
    # Texel by texel: smaller versions of the picture, which smooth sampling mixes in, would mix glyphs.
    image = yield from glyph_slices(font)
    yield
    picture = n.add("ShaderNodeTexImage", image=image, interpolation="Closest", extension="EXTEND")
    place = n.combine(n.math("DIVIDE", n.math("ADD", glyph, u), float(len(GLYPHS))), v)
    n.feed(named(picture.inputs, "Vector"), place)
    field, _green, _blue = n.separate(named(picture.outputs, "Color"))
    pixel = n.math("DIVIDE", 0.3 / SPREAD, n.math("MAXIMUM", n.math("MULTIPLY", into["Pixels"], size), 1.0))
    pixel = n.math("MINIMUM", pixel, 0.3)
    ink = n.smoothstep(field, n.math("SUBTRACT", 0.5, pixel), n.math("ADD", 0.5, pixel))
    large = n.smoothstep(into["Pixels"], n.math("MULTIPLY", start, 0.9), n.math("MULTIPLY", start, 1.2))
    for share in (inside, large, into["Shown"], show, n.math("LESS_THAN", n.math("ABSOLUTE", into["Value"]), LARGEST)):
        ink = n.math("MULTIPLY", ink, share)
    light = n.math("MULTIPLY", n.vector("DOT_PRODUCT", into["Color"], (0.2126, 0.7152, 0.0722)), into["Strength"])
    # White a little longer than contrast ratios alone would have it, as eyes do: never under 3.8.
    white = n.math("LESS_THAN", light, 0.22)
    n.feed(out["Color"], n.blend(ink, into["Color"], n.combine(white, white, white)))
    n.feed(out["Strength"], n.mix(ink, into["Strength"], 1.0))
    n.feed(out["Ink"], ink)
    return tree


def _setting(n: Nodes, name: str, value: float) -> Any:
    """A value for people to change, by the node's name."""
    node = n.add("ShaderNodeValue", name=name, label=name)
    node.outputs[0].default_value = value
    return node.outputs[0]


def _less(n: Nodes, share: Any, by: float) -> Any:
    """1, less `by` where share is 1."""
    return n.math("MULTIPLY_ADD", share, -by, 1.0)


@dataclass(frozen=True)
class Written:
    """A number as it is written: sockets of a node tree."""

    whole: Any  # all its digits as one integer: in hundredths where it has decimals
    decimals: Any  # 1 where it has two, 0 where none
    digits: Any  # how many before the point
    minus: Any  # 1 where it has a minus sign
    width: Any  # at text size 1


def written_number(n: Nodes, value: Any) -> Written:
    """Rounded as Python's format does it, ties to even, with every step exact in 32 bits.

    The fraction times a hundred would not be: it is split after twelve binary places, and each part times a hundred,
    less what is compared with it, is exact.
    """
    size = n.math("ABSOLUTE", value)
    decimals = n.math("LESS_THAN", size, 100.0)
    ones = n.math("FLOOR", size)
    fraction = n.math("SUBTRACT", size, ones)
    coarse = n.math("MULTIPLY", n.math("FLOOR", n.math("MULTIPLY", fraction, 4096.0)), 1 / 4096)
    fine = n.math("SUBTRACT", fraction, coarse)
    scale = n.math("MULTIPLY_ADD", decimals, 99.0, 1.0)
    coarse, fine = n.math("MULTIPLY", coarse, scale), n.math("MULTIPLY", fine, scale)
    below = n.math("FLOOR", coarse)
    # How far it is from half-way between `below` and the next: the fine part may lead over it, even over the next.
    over = n.math("ADD", n.math("SUBTRACT", coarse, n.math("ADD", below, 0.5)), fine)
    base = n.math("MULTIPLY_ADD", ones, scale, below)
    odd = n.math("SUBTRACT", base, n.math("MULTIPLY", n.math("FLOOR", n.math("MULTIPLY", base, 0.5)), 2.0))
    more, less = n.math("GREATER_THAN", over, 0.0), n.math("LESS_THAN", over, 0.0)
    tie = n.math("SUBTRACT", n.math("SUBTRACT", 1.0, more), less)  # the node "compare" takes what is near for equal
    up = n.math("MAXIMUM", more, n.math("MULTIPLY", tie, odd))
    whole = n.math("ADD", base, up)

    before = n.math("FLOOR", n.math("DIVIDE", n.math("ADD", whole, 0.5), scale))
    digits: Any = 1.0
    for power in range(1, 5):
        digits = n.math("ADD", digits, n.math("GREATER_THAN", before, 10.0**power - 0.5))
    minus = n.math("MULTIPLY", n.math("LESS_THAN", value, 0.0), n.math("GREATER_THAN", whole, 0.5))
    width = n.math("MULTIPLY", n.math("ADD", digits, minus), ADVANCE)
    width = n.math("MULTIPLY_ADD", decimals, 2 * ADVANCE + POINT_ADVANCE, width)
    return Written(whole, decimals, digits, minus, width)


def _glyph(n: Nodes, number: Written, x: Any) -> tuple[Any, Any, Any]:
    """Which glyph stands at x of the number's line, whose middle is 0; the place in its box, 0 to 1; and whether
    there is one at all."""
    left = n.math("MULTIPLY", number.width, -0.5)
    point = n.math("MULTIPLY_ADD", n.math("ADD", number.digits, number.minus), ADVANCE, left)
    right = n.math("SUBTRACT", x, point)  # of the point's left side
    before = n.math("LESS_THAN", right, 0.0)
    after = n.math("MULTIPLY", n.math("GREATER_THAN", right, POINT_ADVANCE), number.decimals)

    steps = n.math("DIVIDE", n.mix(before, n.math("SUBTRACT", right, POINT_ADVANCE), right), ADVANCE)
    place = n.math("FLOOR", steps)  # -1, -2, ... before the point, 0 and 1 after it
    power = n.mix(before, n.math("SUBTRACT", 1.0, place), n.math("MULTIPLY_ADD", number.decimals, 2.0, -1.0))
    power = n.math("SUBTRACT", power, n.math("MULTIPLY", before, place))
    # The half keeps it from falling under a whole number where a division is not exact.
    half = n.math("ADD", number.whole, 0.5)
    here = n.math("FLOOR", n.math("DIVIDE", half, n.math("POWER", 10.0, power)))
    more = n.math("FLOOR", n.math("DIVIDE", half, n.math("POWER", 10.0, n.math("ADD", power, 1.0))))
    digit = n.math("MULTIPLY_ADD", more, -10.0, here)

    first = n.math("SUBTRACT", 0.0, number.digits)  # the place of the first digit
    sign = n.math("LESS_THAN", place, n.math("SUBTRACT", first, 0.5))
    signed = n.math("MULTIPLY", number.minus, n.math("GREATER_THAN", place, n.math("ADD", first, -1.5)))
    ahead = n.mix(sign, 1.0, signed)
    behind = n.math("MULTIPLY", number.decimals, n.math("LESS_THAN", place, 1.5))
    beside = n.math("ADD", before, after)  # the point
    glyph = n.mix(beside, POINT, n.mix(n.math("MULTIPLY", sign, before), digit, MINUS))
    u = n.mix(beside, n.math("DIVIDE", right, ADVANCE), n.math("FRACT", steps))
    return glyph, n.math("MINIMUM", n.math("MAXIMUM", u, 0.01), 0.99), n.mix(before, behind, ahead)


def _upright(
    n: Nodes, across: Any, along: Any, width: Any, height: Any, ways: tuple[Any, Any]
) -> tuple[Any, Any, Any, Any]:
    """Place and size turned by quarters, so that x leads to the right and y up as the camera sees the block."""
    axes = []
    for axis in ways:
        node = n.add("ShaderNodeVectorTransform", vector_type="VECTOR", convert_from="OBJECT", convert_to="CAMERA")
        n.feed(named(node.inputs, "Vector"), axis)
        axes.append(n.separate(named(node.outputs, "Vector")))
    (xx, xy, _), (yx, yy, _) = axes
    side = n.math("MULTIPLY_ADD", n.add("ShaderNodeNewGeometry").outputs["Backfacing"], -2.0, 1.0)
    lying = n.math("MULTIPLY_ADD", side, yy, xx)  # how well the block's x leads right and its y up
    standing = n.math("SUBTRACT", yx, n.math("MULTIPLY", side, xy))  # its y right and its x down
    turned = n.math("GREATER_THAN", n.math("ABSOLUTE", standing), n.math("ABSOLUTE", lying))
    sign = n.mix(turned, n.math("SIGN", lying), n.math("SIGN", standing))
    x = n.math("MULTIPLY", sign, n.mix(turned, across, along))
    y = n.mix(turned, along, n.math("MULTIPLY", across, -1.0))
    y = n.math("MULTIPLY", n.math("MULTIPLY", sign, side), y)
    return x, y, n.mix(turned, width, height), n.mix(turned, height, width)


def glyph_slices(font: bpy.types.VectorFont | None) -> Slices[bpy.types.Image]:
    """The glyphs side by side, each in a box of TEXELS: 0.5 on the outline, more inside, 1 from SPREAD on."""
    rows, columns = TEXELS
    fields = []
    for glyph in GLYPHS:
        fields.append(distance_field(_outline(glyph, font), (0.0, -BELOW), (ADVANCE, HEIGHT + ABOVE), TEXELS))
        yield
    sheet = np.clip(0.5 + np.concatenate(fields, axis=1) / (2 * SPREAD), 0.0, 1.0)  # [rows, glyphs * columns]
    image = bpy.data.images.new("FP Digits", columns * len(GLYPHS), rows, alpha=False, is_data=True)
    pixels = np.ones((*sheet.shape, 4), np.float32)
    pixels[..., :3] = sheet[::-1, :, None]  # Blender counts from the bottom
    image.pixels.foreach_set(pixels.ravel())  # type: ignore[attr-defined]
    yield
    image.pack()
    return image


def _outline(glyph: str, font: bpy.types.VectorFont | None) -> NDArray[np.float64]:
    """The straight pieces of a glyph's outline at text size 1, [n, 2, 2], the glyph in the middle of its box."""
    curve: Any = bpy.data.curves.new("glyph", "FONT")
    curve.body, curve.size, curve.resolution_u, curve.fill_mode = glyph, 1.0, 4, "FRONT"
    if font is not None:
        curve.font = font
    item = bpy.data.objects.new("glyph", curve)
    mesh = item.to_mesh()
    points = np.empty(3 * len(mesh.vertices))
    mesh.vertices.foreach_get("co", points)
    counts: dict[tuple[int, int], int] = {}
    for face in mesh.polygons:
        for pair in face.edge_keys:
            counts[pair] = counts.get(pair, 0) + 1
    rim = [pair for pair, count in counts.items() if count == 1]
    edges = points.reshape(-1, 3)[:, :2][np.array(rim, int).reshape(-1, 2)]
    item.to_mesh_clear()
    bpy.data.objects.remove(item)
    bpy.data.curves.remove(curve)
    if len(edges) and glyph != ".":
        low, high = edges[..., 0].min(), edges[..., 0].max()
        edges = edges + [[[ADVANCE / 2 - (low + high) / 2, 0.0]]]
    return edges
