# SPDX-License-Identifier: GPL-3.0-or-later
"""Bars and cubes: as many as there are cells, where the cells are, as large as their numbers; flat is what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.core.layout import THICKNESS, Layout, lay_out
from forward_pass.core.story import tell
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values
from forward_pass.scene.build import build_scene
from forward_pass.scene.cell_styles import FOR_ALL, HEIGHT, LEAST, STYLE, WIDTH, set_style
from forward_pass.scene.compat import modifier_input

pytestmark = pytest.mark.blender

BLOCKS = ("s0.l0.h0.scores", "s0.l0.w_up", "s0.l0.h1.k_flat", "s0.l0.h0.masked", "s1.l0.h0.scores", "s0.l0.norm_mean")


@pytest.fixture(scope="module")
def trace(sample: Path) -> Trace:
    return Trace.open(sample)


@pytest.fixture(scope="module")
def layout(trace: Trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module")
def scene(trace: Trace, layout: Layout) -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    list(build_scene(bpy.context.scene, trace, layout, tell(trace, layout)))
    return bpy.context.scene


def seen(key: str) -> tuple[Any, np.ndarray]:
    """The mesh of a block as it is rendered, and its vertices [n, 3] in the block's own space."""
    bpy.context.view_layer.update()
    mesh = bpy.data.objects[key].evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    return mesh, points.reshape(-1, 3)


def boxes(key: str) -> tuple[np.ndarray, np.ndarray]:
    """Low and high corners, [n, 3], of the bars or cubes of a block, in the block's own space."""
    mesh, points = seen(key)
    (index,) = [i for i, material in enumerate(mesh.materials) if material and material.name == "FP Cells relief"]
    mine = {vertex for face in mesh.polygons if face.material_index == index for vertex in face.vertices}
    corners = points[sorted(mine)].reshape(-1, 8, 3)
    return corners.min(1), corners.max(1)


def drawn(trace: Trace, layout: Layout, key: str) -> tuple[np.ndarray, float]:
    values = Values(trace, layout)
    return values.matrix(key), values.ends(key)[1]


@pytest.mark.parametrize("style", ["bars", "cubes"])
def test_each_cell_stands_as_high_as_its_number(scene, trace, layout, style) -> None:
    """All blocks at once: Blender makes the bars of the whole scene anew whenever the style changes."""
    set_style(scene, style)
    found = {key: boxes(key) for key in BLOCKS}
    set_style(scene, "flat")
    for key, (low, top) in found.items():
        block = layout.by_key[key]
        matrix, high = drawn(trace, layout, key)
        pitch = np.array([np.linalg.norm(block.column_step), np.linalg.norm(block.row_step)])
        rows, columns = np.nonzero(np.isfinite(matrix))
        share = np.minimum(np.abs(matrix[rows, columns]) / high, 1)
        if style == "bars":
            width, height = np.tile(pitch * WIDTH, (len(rows), 1)), np.maximum(share, LEAST) * HEIGHT * pitch.min()
        else:
            height = np.maximum(np.sqrt(share), 0.12) * WIDTH * pitch.min()
            width = np.stack([height, height], 1)
        middle = np.stack([(columns + 0.5) * pitch[0], -(rows + 0.5) * pitch[1]], 1)
        assert (low + top)[:, :2] / 2 == pytest.approx(middle, abs=1e-3), key
        assert (top - low)[:, :2] == pytest.approx(width, rel=1e-3, abs=1e-4), key
        # They stand on the face, which the body of a block that is seen from behind pushes back.
        ground = THICKNESS if block.mirrored else 0.0
        away, foot = (ground - low[:, 2], top[:, 2]) if block.mirrored else (top[:, 2], low[:, 2])
        assert away == pytest.approx(height, rel=1e-3, abs=1e-4), key
        assert foot == pytest.approx(ground, abs=1e-5), key


def test_each_block_has_its_measures_at_hand(scene, layout) -> None:
    """Rows, columns and pitches, as its colour."""
    for block in layout.blocks:
        steps = [np.linalg.norm(step) for step in (block.column_step, block.row_step)]
        assert list(bpy.data.objects[block.key].color) == pytest.approx([*block.shape, *steps]), block.key


def test_flat_is_the_mesh_itself_whatever_was_before(scene) -> None:
    before = {key: seen(key)[1].copy() for key in BLOCKS}
    set_style(scene, "bars")
    assert all(len(seen(key)[1]) > len(before[key]) for key in BLOCKS)
    set_style(scene, "flat")
    assert all(np.array_equal(seen(key)[1], before[key]) for key in BLOCKS)


def test_one_block_goes_its_own_way(scene) -> None:
    one, other = BLOCKS[:2]
    flat = len(seen(other)[1])
    set_style(scene, "cubes", [bpy.data.objects[one]])
    assert len(boxes(one)[0]) == 36 and len(seen(other)[1]) == flat
    set_style(scene, "bars")
    assert len(seen(other)[1]) > flat
    set_style(scene, "flat", [bpy.data.objects[other]])
    assert len(seen(other)[1]) == flat
    set_style(scene, "as all", [bpy.data.objects[key] for key in (one, other)])
    assert len(seen(other)[1]) > flat
    set_style(scene, "flat")
    assert len(seen(other)[1]) == flat and bpy.data.node_groups[STYLE].nodes[FOR_ALL].integer == 1


def test_the_modifier_serves_any_grid(scene, layout) -> None:
    """Dropped on a mesh by hand it draws the largest number there is at full height."""
    source = bpy.data.objects[BLOCKS[0]]
    item = bpy.data.objects.new("mine", source.data.copy())
    scene.collection.objects.link(item)
    modifier: Any = item.modifiers.new("mine", "NODES")
    modifier.node_group = bpy.data.node_groups[STYLE]
    names = {s.name: s.identifier for s in modifier.node_group.interface.items_tree if s.in_out == "INPUT"}
    assert [modifier_input(modifier, names[n]) for n in ("Style", "High", "Turned")] == [0, 0, False]
    set_style(scene, "bars", [item])
    _low, top = boxes("mine")
    block = layout.by_key[BLOCKS[0]]
    short = min(np.linalg.norm(block.column_step), np.linalg.norm(block.row_step))
    assert top[:, 2].max() == pytest.approx(HEIGHT * short, rel=1e-4)
    bpy.data.objects.remove(item)


def test_digits_and_colours_of_bars_are_those_of_their_cells(scene) -> None:
    set_style(scene, "bars")
    mesh, _points = seen(BLOCKS[0])
    value = np.array([entry.value for entry in bpy.data.objects[BLOCKS[0]].data.attributes["finite"].data], np.float32)
    found: Any = mesh.attributes["finite"]
    corner = np.array([entry.value for entry in found.data], np.float32)
    assert found.domain in ("CORNER", "POINT")
    (index,) = [i for i, material in enumerate(mesh.materials) if material and material.name == "FP Cells relief"]
    tops = [f for f in mesh.polygons if f.material_index == index and f.normal.z > 0.5]
    assert len(tops) == 36
    for i, face in enumerate(tops):
        uv = np.array([mesh.uv_layers["cells"].uv[loop].vector[:] for loop in face.loop_indices])
        where = face.loop_indices if found.domain == "CORNER" else face.vertices
        assert {corner[j] for j in where} == {value[i]}
        assert np.floor(uv).astype(int).tolist() == [[i % 6, i // 6]] * 4
        assert np.ptp(uv, axis=0) == pytest.approx([0.9, 0.9], abs=1e-3)
    set_style(scene, "flat")


def test_what_cannot_be(scene, trace, layout) -> None:
    for style in ("round", "as all"):
        with pytest.raises(UserError, match="no cell style called"):
            set_style(scene, style)
    with pytest.raises(UserError, match="None of these blocks"):
        set_style(scene, "bars", [scene.camera])
    with pytest.raises(UserError, match="no cell style called 'round'"):
        list(build_scene(scene, trace, layout, tell(trace, layout), cells="round"))
