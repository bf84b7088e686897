# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers in cells: spelt as Python spells them, by the node tree computed in 32 bits, and read from a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from forward_pass.core.glyphs import distance_field
from forward_pass.core.theme import THEMES
from forward_pass.scene.compat import eevee, enable_nodes
from forward_pass.scene.digits import (
    ADVANCE,
    FROM_PIXELS,
    GLYPHS,
    HEIGHT,
    POINT_ADVANCE,
    _glyph,
    digits_slices,
    glyph_slices,
    written_number,
)
from forward_pass.scene.nodes import named, new_group
from forward_pass.scene.overlay import number
from forward_pass.scene.slices import at_once
from forward_pass.scene.text import CAPITAL, load_font
from tests.scene.node_math import compute

pytestmark = pytest.mark.blender


@pytest.fixture(scope="module")
def tree() -> Any:
    """The part of the group that decides which glyph stands where."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    outputs = ("Whole", "Decimals", "Width", "Glyph", "Inside")
    found, n, into, out = new_group(
        "spelling", (("Value", "Float"), ("X", "Float")), [(name, "Float") for name in outputs]
    )
    spelt = written_number(n, into["Value"])
    glyph, _u, inside = _glyph(n, spelt, into["X"])
    for name, socket in zip(outputs, (spelt.whole, spelt.decimals, spelt.width, glyph, inside), strict=True):
        n.feed(out[name], socket)
    return found


def spelt(tree: Any, values: np.ndarray) -> list[str]:
    """What is read off the line of each number, from the left."""
    width = compute(tree, "Width", {"Value": values, "X": np.zeros_like(values)})
    words = [""] * len(values)
    x = -width / 2
    for _ in range(9):
        glyph, inside = (
            compute(tree, name, {"Value": values, "X": x + np.float32(ADVANCE * 0.3)}) for name in ("Glyph", "Inside")
        )
        for i in range(len(values)):
            if inside[i] > 0.5:
                words[i] += GLYPHS[round(float(glyph[i]))]
        x = x + np.where(glyph == GLYPHS.index("."), POINT_ADVANCE, ADVANCE).astype(np.float32)
    assert all(abs(x[i]) >= width[i] / 2 for i in range(len(values)))
    return words


def in_python(value: float) -> str:
    return f"{value:z.{2 if abs(value) < 100 else 0}f}".replace("-", "−")


def test_numbers_are_spelt_as_python_spells_them(tree) -> None:
    """Ties, what is just beside them, both sides of a hundred, large and small ones, of both signs."""
    rng = np.random.default_rng(0)
    ties = (np.arange(0, 20000, dtype=np.float64) + 0.5) / 100
    exact = np.arange(0, 4096) / 32  # among them true ties, as 0.125
    many = [
        ties[ties < 100],
        exact,
        np.arange(0, 100, 0.5) + 100,
        10.0 ** rng.uniform(-6, 5, 20000),
        rng.normal(size=20000),
    ]
    near = np.concatenate(many).astype(np.float32)
    near = near[near < 99_999]
    values = np.concatenate([near, np.nextafter(near, np.float32(-1)), np.nextafter(near, np.float32(1e6))])
    values = np.concatenate([values, -values])
    whole = compute(tree, "Whole", {"Value": values, "X": values})
    decimals = compute(tree, "Decimals", {"Value": values, "X": values})
    wanted = [f"{abs(float(v)):.{2 if abs(v) < 100 else 0}f}" for v in values]
    assert [f"{w:.0f}" for w in whole] == [str(int(text.replace(".", ""))) for text in wanted]
    assert decimals.tolist() == [float("." in text) for text in wanted]
    some = values[rng.choice(len(values), 3000, replace=False)]
    assert spelt(tree, some) == [in_python(float(v)) for v in some]


@given(st.lists(st.floats(-99_999, 99_999, width=32), min_size=1, max_size=150))
@settings(max_examples=15)  # the nodes are computed once for all numbers of a list
def test_any_number_is(tree, values: list[float]) -> None:
    assert spelt(tree, np.array(values, np.float32)) == [in_python(v) for v in values]
    assert [in_python(v) for v in values] == [number(v) for v in values]  # as the legend's


def test_glyphs_are_those_of_the_font_and_as_large_as_reckoned() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    image: Any = at_once(glyph_slices(load_font()))
    width, height = image.size
    pixels = np.array(image.pixels).reshape(height, len(GLYPHS), width // len(GLYPHS), 4)[::-1, ..., 0]
    ink = pixels > 0.5
    high = ink.any(2).sum(0) / height * (HEIGHT + 0.08)
    assert high[:10] == pytest.approx(CAPITAL, rel=0.08)  # digits
    assert high[10:].max() < 0.1  # minus and point
    assert ink.mean((0, 2))[:10].min() > 0.05 and len({glyph.tobytes() for glyph in ink.transpose(1, 0, 2)}) == 12
    assert not ink[:, :, [0, -1]].any()  # none reaches into the next


def test_a_field_is_the_distance_to_the_outline() -> None:
    square = np.array([[[1, 1], [3, 1]], [[3, 1], [3, 3]], [[3, 3], [1, 3]], [[1, 3], [1, 1]]], float)
    field = distance_field(square, (0, 0), (4, 4), (8, 8))
    x, y = np.meshgrid((np.arange(8) + 0.5) / 2, 4 - (np.arange(8) + 0.5) / 2)
    away = np.stack([np.abs(x - 2) - 1, np.abs(y - 2) - 1])
    wanted = -(np.minimum(away.max(0), 0) + np.sqrt((np.maximum(away, 0) ** 2).sum(0)))
    assert field == pytest.approx(wanted)
    assert np.isneginf(distance_field(np.empty((0, 2, 2)), (0, 0), (1, 1), (2, 2))).all()


# --- a frame

CELL, COLUMNS = 64, 8  # pixels of a cell, cells in a row


def frame(values: np.ndarray, path: Path, grounds: np.ndarray, pixels: float = CELL) -> np.ndarray:
    """One cell for each value as the group prints it on its ground [3], seen straight on: [cells, CELL, CELL, 3] from
    0 to 1."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    rows = len(values) // COLUMNS
    mesh = bpy.data.meshes.new("cells")
    corners = [
        (c + i, -r - j, 0) for r in range(rows) for c in range(COLUMNS) for i, j in ((0, 1), (1, 1), (1, 0), (0, 0))
    ]
    mesh.from_pydata(corners, [], np.arange(4 * len(values)).reshape(-1, 4).tolist())
    mesh.uv_layers.new(name="place").data.foreach_set(
        "uv", np.tile([-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5], len(values))
    )
    attributes: Any = mesh.attributes
    attributes.new("finite", "FLOAT", "FACE").data.foreach_set("value", values.astype(np.float32))
    attributes.new("ground", "FLOAT_VECTOR", "FACE").data.foreach_set("vector", grounds.astype(np.float32).ravel())
    material = bpy.data.materials.new("cells")
    tree: Any = enable_nodes(material)
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree = at_once(digits_slices(load_font()))
    for name, value in {"Strength": 1.0, "Width": 1.0, "Height": 1.0, "Pixels": pixels, "Shown": 1.0}.items():
        node.inputs[name].default_value = value
    kinds = ("Attribute", "Attribute", "UVMap", "SeparateXYZ")
    value, ground, place, xyz = (tree.nodes.new(f"ShaderNode{kind}") for kind in kinds)
    value.attribute_name, ground.attribute_name, place.uv_map = "finite", "ground", "place"
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    for source, target in (
        (named(value.outputs, "Fac"), node.inputs["Value"]),
        (ground.outputs["Vector"], node.inputs["Color"]),
        (place.outputs["UV"], xyz.inputs[0]),
        (xyz.outputs["X"], node.inputs["Across"]),
        (xyz.outputs["Y"], node.inputs["Along"]),
        (node.outputs["Color"], emission.inputs["Color"]),
        (node.outputs["Strength"], emission.inputs["Strength"]),
        (emission.outputs[0], output.inputs["Surface"]),
    ):
        tree.links.new(source, target)
    mesh.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new("cells", mesh))
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", max(COLUMNS, rows)
    camera.location = (COLUMNS / 2, -rows / 2, 5)
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = COLUMNS * CELL, rows * CELL
    scene.render.engine = eevee()
    scene.eevee.taa_render_samples = 1
    scene.view_settings.view_transform = "Standard"
    scene.render.dither_intensity = 0.0
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    with Image.open(path) as image:
        taken = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    return taken.reshape(rows, CELL, COLUMNS, CELL, 3).swapaxes(1, 2).reshape(-1, CELL, CELL, 3)


def read(cell: np.ndarray, text: str, masks: np.ndarray) -> str:
    """What stands in a cell's picture [CELL, CELL], ink 1, where `text` is expected: of each place the glyph whose
    shape is nearest."""
    spans = [POINT_ADVANCE if c == "." else ADVANCE for c in text]
    size = 0.84 / max(sum(spans), 4 * ADVANCE + POINT_ADVANCE)
    left, found = 0.5 - size * sum(spans) / 2, ""
    for span in spans:
        rows, columns = masks.shape[1:]
        y = 0.5 + size * (HEIGHT / 2 + 0.04 - (np.arange(rows) + 0.5) / rows * (HEIGHT + 0.08))
        y = 0.5 - size * (HEIGHT / 2 + 0.04) + size * (np.arange(rows) + 0.5) / rows * (HEIGHT + 0.08)
        x = left + size * (np.arange(columns) + 0.5) / columns * ADVANCE
        inside = x < left + size * span
        seen = cell[np.ix_((y * CELL).astype(int), np.clip(x[inside] * CELL, 0, CELL - 1).astype(int))]
        found += GLYPHS[int(np.abs(masks[:, :, inside] - seen).mean((1, 2)).argmin())]
        left += size * span
    return found


@pytest.mark.slow
def test_a_frame_shows_the_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([[0.0, -0.001, 0.125, 0.375, -12.34, 99.995, 1234.5, -5678.0], rng.normal(size=24) * 3])
    cells = frame(values.astype(np.float32), tmp_path / "frame.png", np.zeros((len(values), 3))).mean(-1)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    image: Any = at_once(glyph_slices(load_font()))
    width, height = image.size
    sheet = np.array(image.pixels).reshape(height, len(GLYPHS), width // len(GLYPHS), 4)[::-1, ..., 0]
    masks = (sheet > 0.5).astype(float).transpose(1, 0, 2)  # [glyphs, rows, columns]
    wanted = [in_python(float(np.float32(v))) for v in values]
    assert [read(cell, text, masks) for cell, text in zip(cells, wanted, strict=True)] == wanted


@pytest.mark.slow
def test_small_cells_have_no_number_and_ink_is_legible_on_any_colour(tmp_path: Path) -> None:
    maps = [stop for look in THEMES.values() for stop in look.diverging_stops + look.sequential_stops]
    colors = np.array(maps[: len(maps) // COLUMNS * COLUMNS])
    values = np.full(len(colors), 0.88)
    small = frame(values, tmp_path / "small.png", colors, FROM_PIXELS * 0.85)
    assert np.ptp(small, axis=(1, 2)).max() < 1e-6
    large = frame(values, tmp_path / "ink.png", colors)
    for color, cell in zip(colors, large, strict=True):
        light = float(np.dot(color, (0.2126, 0.7152, 0.0722)))
        ink = cell.reshape(-1, 3)[np.abs(cell - cell[0, 0]).sum(-1).argmax()].mean()
        assert ink == pytest.approx(round(ink), abs=0.02)
        assert (max(ink, light) + 0.05) / (min(ink, light) + 0.05) > 3.8, (color, ink)
