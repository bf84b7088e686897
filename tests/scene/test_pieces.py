# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces of a scene by themselves: meshes, places, the clock's channels, text, and saving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bpy")

import bpy
from hypothesis import given, settings
from hypothesis import strategies as st
from mathutils import Matrix

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Block, lay_out
from forward_pass.core.story import tell
from forward_pass.core.theme import PALETTE
from forward_pass.core.trace import Trace
from forward_pass.scene.blocks import grid_mesh, hue_number, level_of, place
from forward_pass.scene.build import build_scene
from forward_pass.scene.cell_group import HUES
from forward_pass.scene.clock import drive, key_clock
from forward_pass.scene.merge import Line, Piece, Shape, Shapes, merge
from forward_pass.scene.nodes import named
from forward_pass.scene.overlay import number
from forward_pass.scene.save import save_blend
from forward_pass.scene.text import CAPITAL, load_font, make_text, width_of

pytestmark = pytest.mark.blender


@pytest.fixture(autouse=True)
def empty() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture(scope="module")
def trace(sample: Path) -> Trace:
    return Trace.open(sample)


def block(trace: Trace, key: str) -> Block:
    return lay_out(trace).by_key[key]


# --- blocks

LOWEST = np.finfo(np.float32).min  # what models that do not use infinity mask with


def test_a_mesh_has_one_quad_a_cell_row_after_row(trace: Trace) -> None:
    plan = replace(block(trace, "s0.l0.h0.scores"), columns=(0, 3), rows=(0, 1))
    cells = np.array([[1.5, -2, np.nan, 0], [4, np.inf, -np.inf, LOWEST]], dtype=np.float32)
    mesh: Any = grid_mesh("scores", plan, cells, 4.0)
    assert len(mesh.polygons) == 8 and len(mesh.vertices) == 15
    read = np.empty(8, np.float32)
    for name, wanted in (
        ("value", cells.ravel()),
        ("finite", [1.5, -2, 0, 0, 4, 0, 0, 0]),
        ("state", [0, 0, 2, 0, 0, 2, 1, 1]),
    ):
        mesh.attributes[name].data.foreach_get("value", read)
        assert np.array_equal(read, np.asarray(wanted, np.float32), equal_nan=True), name
    across, down = np.linalg.norm(plan.column_step), np.linalg.norm(plan.row_step)
    for i, face in enumerate(mesh.polygons):
        row, column = divmod(i, 4)
        assert face.center[:] == pytest.approx(((column + 0.5) * across, -(row + 0.5) * down, 0))
        assert face.normal[:] == pytest.approx((0, 0, 1))
        corners = [mesh.uv_layers["cells"].uv[loop].vector[:] for loop in face.loop_indices]
        assert {(column, row), (column + 1, row + 1)} <= set(corners)


def test_a_mask_of_half_precision_is_absent_too(trace: Trace) -> None:
    low = np.zeros((6, 6), np.float32)
    low[0, 1:] = -65504
    for key, hidden in (("s0.l0.h0.masked", 5), ("s0.l0.h0.k_flat", 0)):
        plan = replace(block(trace, key), rows=(0, 5), columns=(0, 5))
        mesh: Any = grid_mesh("low", plan, low, 1.0)
        read = np.zeros(36, np.float32)
        if "state" in mesh.attributes:
            mesh.attributes["state"].data.foreach_get("value", read)
        assert read.sum() == hidden and (read[1:6] == 1).all() == bool(hidden)


def test_numbers_alone_need_no_state(trace: Trace) -> None:
    mesh = grid_mesh("scores", block(trace, "s0.l0.h0.scores"), np.zeros((6, 6), np.float32), 1.0)
    assert "state" not in mesh.attributes
    assert mesh.validate() is False  # nothing to mend (Blender would mend infinities, too: never validate a mask)


@pytest.mark.parametrize("key", ["s0.l0.w_up", "s0.l0.h1.q", "s0.l0.h1.k_flat", "s0.residual_0", "s0.l0.b_up"])
def test_a_block_stands_where_its_steps_lead(trace: Trace, key: str) -> None:
    plan = block(trace, key)
    item = bpy.data.objects.new(key, None)
    place(item, plan)
    world = np.array(item.matrix_world)
    assert world[:3, 3] == pytest.approx(np.array(plan.origin), abs=1e-4)
    assert world[:3, 0] == pytest.approx(np.array(plan.column_step) / np.linalg.norm(plan.column_step), abs=1e-6)
    assert world[:3, 1] == pytest.approx(-np.array(plan.row_step) / np.linalg.norm(plan.row_step), abs=1e-6)
    assert np.linalg.det(world[:3, :3]) == pytest.approx(1)  # turned, not mirrored or scaled


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_level_is_the_root_mean_square_around_a_corner(rows: int, columns: int, reach: int, seed: int) -> None:
    cells = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    cells[0, 0] = -np.inf  # counts as nothing
    level = level_of(cells, 2.0, reach)
    finite = np.where(np.isfinite(cells), cells, 0).astype(float)
    for r in range(rows + 1):
        for c in range(columns + 1):
            around = finite[max(r - reach, 0) : r + reach, max(c - reach, 0) : c + reach]
            wanted = min(1.6 * np.sqrt((around**2).mean()) / 2, 1)
            assert level[r, c] == pytest.approx(wanted, abs=1e-5)


def test_three_colours_fit_into_one_number() -> None:
    seen = {}
    for i, a in enumerate(PALETTE):
        for j, b in enumerate(PALETTE):
            packed = hue_number(a, b, PALETTE[(i + j) % len(PALETTE)])
            assert (packed % HUES, packed // HUES % HUES) == (i, j) and packed <= 32767  # pass_index is a short
            seen[packed] = a, b
    assert len(seen) == len(PALETTE) ** 2


# --- the clock


def test_channels_follow_the_clock_and_not_the_frame() -> None:
    scene: Any = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 12, 1.0
    key_clock(scene, 4.0, 12.0)
    assert (scene.frame_start, scene.frame_end) == (1, 49)
    item = bpy.data.objects.new("item", None)
    scene.collection.objects.link(item)
    drive(item, "location", 0, scene, [(0.0, 5.0), (2.0, 7.0), (4.0, 3.0)])
    drive(item, "hide_render", -1, scene, [(-1.0, 1.0), (1.0, 0.0), (3.0, 1.0)], "CONSTANT")
    for second, x, hidden in (
        (0, 5, True),
        (1, 6, False),
        (2, 7, False),
        (2.5, 6, False),
        (3.5, 4, True),
        (4, 3, True),
    ):
        frame = 1 + second * 12
        scene.frame_set(int(frame))
        assert scene["fp_time"] == pytest.approx(second)
        assert item.location.x == pytest.approx(x, abs=1e-4), second
        assert item.hide_render is hidden, second
    # Retiming the clock's last key retimes what follows it.
    (layer,) = scene.animation_data.action.layers
    curve = layer.strips[0].channelbags[0].fcurves[0]
    curve.keyframe_points[1].co = (97, 4.0)
    curve.update()
    scene.frame_set(49)
    assert item.location.x == pytest.approx(7, abs=1e-4)


# --- text and nodes


def test_the_font_is_packed_and_a_capital_is_as_high_as_we_reckon() -> None:
    font = load_font()
    assert font is not None and font.packed_file is not None
    assert load_font() == font and len([f for f in bpy.data.fonts if f == font]) == 1
    material = bpy.data.materials.new("ink")
    item = make_text("label", "H", 10.0, "token", material, font)
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.update()
    assert item.dimensions.y == pytest.approx(10 * CAPITAL, rel=0.05)
    assert item["fp_size"] == pytest.approx(10 * CAPITAL)
    assert PALETTE[item.pass_index] == "token"


@pytest.mark.parametrize("body", ["layer norm", "W", "2.11 × −0.03 + ⋯ = 0.13", "Softmax: shares of one."])
def test_lines_are_about_as_wide_as_we_reckon(body: str) -> None:
    item = make_text("line", body, 1.0, "text", bpy.data.materials.new("ink"), load_font())
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.update()
    assert item.dimensions.x == pytest.approx(width_of(body, 1.0), rel=0.15)


@pytest.mark.parametrize(
    ("value", "written"), [(0.125, "0.12"), (-3.456, "−3.46"), (-0.001, "0.00"), (123.4, "123"), (-99.999, "−100.00")]
)
def test_numbers_as_people_write_them(value: float, written: str) -> None:
    assert number(value) == written


def test_a_socket_that_is_not_there_is_an_error() -> None:
    tree = bpy.data.node_groups.new("tree", "ShaderNodeTree")
    node = tree.nodes.new("ShaderNodeMath")
    assert named(node.inputs, "Value_001") == node.inputs[1]
    with pytest.raises(KeyError, match="Colour"):
        named(node.inputs, "Colour")


# --- building and saving


def test_an_unknown_theme_stops_before_anything_is_built(trace: Trace) -> None:
    layout = lay_out(trace)
    scene: Any = bpy.context.scene
    building = build_scene(scene, trace, layout, tell(trace, layout), theme="neon")
    with pytest.raises(UserError, match="no theme called 'neon'"):
        list(building)
    assert not bpy.data.collections and not bpy.data.objects and "fp_time" not in scene


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder; nothing half-written is left in it."""
    yield tmp_path
    assert [path.name for path in tmp_path.rglob("*") if "partial" in path.name] == []


def test_saving_replaces_an_earlier_file_whole(folder: Path) -> None:
    path = folder / "my scene.blend"
    path.write_bytes(b"earlier")
    save_blend(path)
    assert [entry.name for entry in folder.iterdir()] == ["my scene.blend"]
    bpy.ops.wm.open_mainfile(filepath=str(path))


def test_a_place_that_cannot_be_written_to(folder: Path) -> None:
    with pytest.raises(UserError, match="could not be saved") as caught:
        save_blend(folder / "nowhere" / "scene.blend")
    assert caught.value.hint and "nowhere" in caught.value.message


def test_a_save_that_fails_leaves_the_earlier_file(folder: Path) -> None:
    taken = folder / "scene.blend"
    taken.mkdir()
    (taken / "kept").write_text("kept")
    with pytest.raises(UserError, match="could not be saved"):
        save_blend(taken)
    assert (taken / "kept").read_text() == "kept"


# --- merging


@pytest.mark.parametrize("body", ["layer norm", "Softmax: shares of one.", "2.11 × −0.03 + ⋯ = 0.13", "a b"])
@pytest.mark.parametrize("align", ["LEFT", "CENTER", "RIGHT"])
@pytest.mark.parametrize("upright", ["CENTER", "TOP_BASELINE"])
def test_a_line_put_together_lies_where_blender_sets_it(body: str, align: str, upright: str) -> None:
    font, shapes = load_font(), Shapes()
    for bold in (0.0, 0.02):
        item = make_text("line", body, 2.3, "text", None, font, align, upright, bold)
        mesh = bpy.data.meshes.new_from_object(item)
        wanted = np.array([vertex.co for vertex in mesh.vertices])
        points = shapes.of(Line(body, 2.3, font, align, upright, bold)).points
        assert len(points) == len(wanted)
        for axis in (0, 1):  # in another order
            assert np.sort(points[:, axis]) == pytest.approx(np.sort(wanted[:, axis]), abs=1e-4)
    shapes.clear()


def test_merged_pieces_keep_their_windows_and_hues_and_leave_nothing_behind() -> None:
    font, shapes = load_font(), Shapes()
    material = bpy.data.materials.new("ink")
    square = Shape.polygon([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [(0, 0), (1, 0), (1, 1), (0, 1)])
    face, letter = Piece("face", square, "token", material), Piece("letter", Line("I", 1.0, font), "vocab", material)
    face["fp_start"], face["fp_duration"], letter["fp_size"] = 3.0, 2.0, 0.5
    before = len(bpy.data.objects), len(bpy.data.curves)
    item = merge("both", [(face, Matrix.Translation((5, 0, 0))), (letter, Matrix.Identity(4))], material, shapes)
    shapes.clear()
    assert (len(bpy.data.objects), len(bpy.data.curves)) == (before[0] + 1, before[1])
    mesh: Any = item.data
    assert [tuple(vertex.co) for vertex in mesh.vertices[:4]] == [(5, 0, 0), (6, 0, 0), (6, 1, 0), (5, 1, 0)]
    inks = [tuple(entry.vector) for entry in mesh.attributes["ink"].data]
    hues = [entry.value for entry in mesh.attributes["hue"].data]
    assert inks[0] == (3.0, 2.0, 1.0) and hues[0] == PALETTE.index("token")
    assert set(inks[1:]) == {(0.0, 0.0, 0.5)} and set(hues[1:]) == {PALETTE.index("vocab")}
    assert [tuple(entry.uv) for entry in mesh.uv_layers["cells"].data[:4]] == [(0, 0), (1, 0), (1, 1), (0, 1)]
