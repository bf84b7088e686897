# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the blocks: floor plates, ribbons, token cards, the product plane, the backdrop."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.layout import Block, Card, Plate, Ribbon
from ..core.story import Products
from ..core.theme import PALETTE
from ..core.wording import UNSEEN, printable
from .blocks import grid_mesh, hue_number, place
from .cell_group import set_measures
from .compat import enable_nodes
from .floor_materials import WIDTH
from .groups import Groups
from .materials import Materials
from .nodes import Nodes, named
from .text import make_text, width_of

RIBBON_HUES = {
    "spine": ("token", 0.85),
    "key": ("feature", 0.52),
    "value": ("feature", 0.42),
    "flow": ("channel", 0.50),
}
SECTION = 1  # tier of the plates under sections
SHADOW, SHADOW_Z = 7.0, -0.4  # how far a section's shadow reaches at most, and its height under everything, in units


def _flat(
    name: str, quads: list[list[tuple[float, float, float]]], hue: str, amount: float, material: bpy.types.Material
) -> bpy.types.Object:
    """Many quads in one object."""
    points = [point for quad in quads for point in quad]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], [tuple(range(4 * i, 4 * i + 4)) for i in range(len(quads))])
    mesh.materials.append(material)
    item = bpy.data.objects.new(name, mesh)
    item.pass_index = PALETTE.index(hue)
    item["fp_size"] = amount
    return item


def make_plates(
    plates: Iterable[Plate], materials: Materials, width: float = 0.35, above: float = 0.05
) -> list[bpy.types.Object]:
    """Floor plates, and a line of that width around each, so far above it, merged by tier."""
    items = []
    plates = tuple(plates)
    for tier in sorted({plate.tier for plate in plates}):
        mine = [plate for plate in plates if plate.tier == tier]
        faces = [_rectangle(*plate.low, *plate.high, plate.z) for plate in mine]
        lines = [line for plate in mine for line in _frame(plate, width, plate.z + above)]
        items.append(_flat(f"plates {tier}", faces, "plate", 1.0, materials.shade))
        items.append(_flat(f"plate lines {tier}", lines, "secondary", 0.34, materials.shade))
    return items


def _frame(plate: Plate, width: float, z: float) -> list[list[tuple[float, float, float]]]:
    """A line along the inside of a plate's edge."""
    (x0, y0), (x1, y1) = plate.low, plate.high
    return [
        _rectangle(x0, y0, x1, y0 + width, z),
        _rectangle(x0, y1 - width, x1, y1, z),
        _rectangle(x0, y0 + width, x0 + width, y1 - width, z),
        _rectangle(x1 - width, y0 + width, x1, y1 - width, z),
    ]


def make_shadows(plates: Iterable[Plate], materials: Materials) -> list[bpy.types.Object]:
    """A ring around each plate of the outermost tier, dark inside and clear outside: so narrow that none meets
    another. One object, or none where there is no plate."""
    plates = [plate for plate in plates if plate.tier == SECTION]
    if not plates:
        return []
    reach = min([SHADOW, *(0.5 * _apart(a, b) for a, b in combinations(plates, 2))])
    points: list[tuple[float, float, float]] = []
    quads = []
    for plate in plates:
        inner = _rectangle(*plate.low, *plate.high, SHADOW_Z)
        (x0, y0), (x1, y1) = plate.low, plate.high
        first = len(points)
        points += [*inner, *_rectangle(x0 - reach, y0 - reach, x1 + reach, y1 + reach, SHADOW_Z)]
        quads += [tuple(first + k for k in (i, (i + 1) % 4, 4 + (i + 1) % 4, 4 + i)) for i in range(4)]
    mesh = bpy.data.meshes.new("section shadows")
    mesh.from_pydata(points, [], quads)
    level: Any = mesh.attributes.new("level", "FLOAT", "POINT")
    level.data.foreach_set("value", np.tile(np.repeat([1.0, 0.0], 4), len(plates)).astype(np.float32))
    mesh.materials.append(materials.shadow)
    return [bpy.data.objects.new(mesh.name, mesh)]


def _apart(a: Plate, b: Plate) -> float:
    """How far two plates are apart along the axis along which they are farther."""
    return max(max(a.low[axis] - b.high[axis], b.low[axis] - a.high[axis]) for axis in (0, 1))


def _rectangle(x0: float, y0: float, x1: float, y1: float, z: float) -> list[tuple[float, float, float]]:
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]


def make_ribbons(ribbons: Sequence[Ribbon], materials: Materials) -> list[bpy.types.Object]:
    """Flat bands along their points with square joins, merged by colour and width."""
    items = []
    for color, width in sorted({(ribbon.color, ribbon.width) for ribbon in ribbons}):
        mine = [ribbon for ribbon in ribbons if (ribbon.color, ribbon.width) == (color, width)]
        hue, amount = RIBBON_HUES[color]
        item = _flat(
            f"ribbons {color}", [quad for ribbon in mine for quad in _band(ribbon)], hue, amount, materials.shade
        )
        item[WIDTH] = width
        items.append(item)
    return items


def _band(ribbon: Ribbon) -> list[list[tuple[float, float, float]]]:
    half = ribbon.width / 2
    points = [np.array(p[:2], dtype=float) for p in ribbon.points]
    z = ribbon.points[0][2]
    quads = []
    for i, (a, b) in enumerate(pairwise(points)):
        way = b - a
        length = float(np.hypot(*way))
        if length < 1e-9:
            continue
        along = way / length * half
        across = np.array([-along[1], along[0]])
        # At an inner joint both bands reach over the corner.
        start = a - (along if i > 0 else 0)
        end = b + (along if i + 2 < len(points) else 0)
        corners = (start + across, start - across, end - across, end + across)
        quads.append([(float(p[0]), float(p[1]), z) for p in corners])
    return quads


def make_card(card: Card, text: str, materials: Materials, font: bpy.types.VectorFont | None) -> list[bpy.types.Object]:
    """A token as a small standing card with its text."""
    width, height = card.size
    x, y, z = card.position
    frame = [
        (x - width / 2, y, z - height / 2),
        (x + width / 2, y, z - height / 2),
        (x + width / 2, y, z + height / 2),
        (x - width / 2, y, z + height / 2),
    ]
    back = _flat(f"card {card.token}", [frame], "pill", 0.9, materials.shade)
    # What leaves no mark is written out, in small letters of another colour, so that it is not taken for them.
    body, hue = (UNSEEN[text], "secondary") if text in UNSEEN else (printable(text), "token")
    size = min(height * 0.95, 0.9 * width / width_of(body, 1.0))
    letter = make_text(f"card {card.token} text", body, size, hue, materials.overlay, font)
    letter.location = (x, y - 0.06, z)
    letter.rotation_euler = (math.pi / 2, 0.0, 0.0)
    return [back, letter]


def make_products(
    plan: Products,
    left: Block,
    right: Block,
    left_values: NDArray[np.float32],
    right_values: NDArray[np.float32],
    materials: Materials,
) -> bpy.types.Object:
    """The plane of products left[row, k] * right[k, j], [k, j], over the right block at the row's height."""
    row = left_values[plan.row]
    products = np.ascontiguousarray(row[:, None] * right_values, dtype=np.float32)  # [k, j]
    high = float(np.abs(products).max()) or 1.0
    mesh = grid_mesh(f"products {right.key}", right, products, high)
    mesh.materials.append(materials.products)
    item = bpy.data.objects.new(mesh.name, mesh)
    place(item, right)
    item.location.z = left.origin[2] + (plan.row + 0.5) * left.row_step[2]
    rows, columns = products.shape
    set_measures(item, rows, columns, *(float(np.linalg.norm(step)) for step in (right.column_step, right.row_step)))
    item["fp_start"], item["fp_duration"], item["fp_high"] = plan.start, plan.duration, high
    item["fp_kind"] = "products"
    item.pass_index = hue_number("text", "text", "text")
    return item


def make_world(scene: bpy.types.Scene, groups: Groups) -> None:
    """The backdrop as the world's colour."""
    world = bpy.data.worlds.new("FP World")
    scene.world = world
    # Nothing reflects it, and without a GPU a large probe costs a second a frame.
    world.probe_resolution = "128"
    n = Nodes(enable_nodes(world))
    background = n.add("ShaderNodeBackground")
    n.feed(named(background.inputs, "Color"), n.group(groups.backdrop)["Color"])
    output = n.add("ShaderNodeOutputWorld")
    n.feed(named(output.inputs, "Surface"), background.outputs[0])
