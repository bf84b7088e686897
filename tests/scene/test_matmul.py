# SPDX-License-Identifier: GPL-3.0-or-later
"""The multiply as a creator uses it: numbers and places are read from what Blender evaluated, as a renderer does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.core.matmul import STYLES, Faces, Shape, frames, partial_sums, stacked
from forward_pass.scene.clock import key_clock
from forward_pass.scene.compat import eevee, key_curve
from forward_pass.scene.matmul import make_chain, make_multiply, play_sweep
from forward_pass.scene.matmul_empty import SWEEP_AT
from forward_pass.scene.matmul_kit import kit_for
from forward_pass.scene.matmul_stage import make_matmul_stage
from forward_pass.scene.themes import apply_theme

pytestmark = pytest.mark.blender
HERE = Path(__file__).resolve().parent
POSITIONS = (0.0, 0.07, 0.31, 0.5, 0.83, 0.9, 0.97, 1.0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the node groups and nothing else: making them takes seconds."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    kit_for(bpy.context.scene, "midnight")
    for tree in bpy.data.node_groups:
        tree.use_fake_user = True
    path = tmp_path_factory.mktemp("matmul") / "kit.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def scene(prepared: Path) -> Any:
    bpy.ops.wm.open_mainfile(filepath=str(prepared))
    return bpy.context.scene


def operands(i: int = 4, k: int = 6, j: int = 5, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(i, k)).astype(np.float32), rng.normal(size=(k, j)).astype(np.float32)


def put(empty: Any, **numbers: float) -> None:
    """Set the empty's numbers, as a person would in the sidebar."""
    for name, value in numbers.items():
        empty[name] = value
    empty.update_tag()


def evaluated(item: Any) -> Any:
    return item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data


def read(mesh: Any, name: str, width: int = 1) -> np.ndarray:
    """An attribute, [elements] or [elements, width]."""
    data = mesh.attributes[name].data
    found = np.empty(len(data) * width, np.float32)
    data.foreach_get("value" if width == 1 else "vector", found)
    return found if width == 1 else found.reshape(-1, width)


def values(item: Any) -> np.ndarray:
    """What the cells of a matrix hold now, [rows, columns]: its first faces, row after row."""
    rows, columns = item["fp_shape"]
    return read(evaluated(item), "value")[: rows * columns].reshape(rows, columns)


def corners(item: Any) -> np.ndarray:
    """The outer corners of a matrix in the world, [2, 2, 3]: first and last row by first and last column."""
    rows, columns = item["fp_shape"]
    points = read(evaluated(item), "position", 3)[: (rows + 1) * (columns + 1)].reshape(rows + 1, columns + 1, 3)
    world = np.array(item.matrix_world)
    return points[[0, -1]][:, [0, -1]] @ world[:3, :3].T + world[:3, 3]


def of_role(empty: Any, role: str) -> list[Any]:
    found = [item for item in empty.children_recursive if item.get("fp_role") == role]
    return sorted(found, key=lambda item: (list(item.get("fp_index", [0])), item.name))


@pytest.mark.parametrize("style", STYLES)
def test_partial_sums_are_those_of_numpy_at_every_position(scene: Any, style: str) -> None:
    left, right = operands()
    bias = np.linspace(-1, 1, 5)
    empty = make_multiply(scene, left, right, bias=bias, scale=0.35, style=style)
    (out,) = of_role(empty, "out")
    for at in POSITIONS:
        put(empty, fp_sweep_at=at)
        wanted = partial_sums(left, right, style, at, bias=bias, scale=0.35)
        np.testing.assert_allclose(values(out), wanted, rtol=1e-5, atol=1e-5)


def test_an_outer_sweep_holds_the_first_products_without_our_own_rules(scene: Any) -> None:
    left, right = operands(7, 16, 9)
    empty = make_multiply(scene, left, right, style="outer")
    (out,) = of_role(empty, "out")
    for k in (1, 4, 11, 16):
        put(empty, fp_sweep_at=k / 16)
        np.testing.assert_allclose(values(out), left[:, :k] @ right[:k], rtol=1e-4, atol=1e-5)


def test_the_style_is_switched_after_the_fact(scene: Any) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, style="dot")
    (out,) = of_role(empty, "out")
    for style, number in STYLES.items():
        put(empty, fp_style=number, fp_sweep_at=0.4)
        np.testing.assert_allclose(values(out), partial_sums(left, right, style, 0.4), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "faces", [Faces(), Faces(left="right"), Faces(right="ceiling"), Faces(out="back"), Faces(out="back", still="left")]
)
def test_faces_stand_where_the_rules_say_at_every_fold(scene: Any, faces: Faces) -> None:
    left, right = operands()
    pitch = (2.0, 1.0, 1.5)
    empty = make_multiply(scene, left, right, faces=faces, pitch=pitch)
    for fold in (0.0, 0.3, 1.0, 1.25, 1.7, 2.0):
        put(empty, fp_fold=fold)
        for role, frame in zip(("left", "right", "out"), frames(Shape(4, 6, 5, pitch), fold, faces), strict=True):
            (item,) = of_role(empty, role)
            rows, columns = item["fp_shape"]
            wanted = [[frame.corner(r, c) for c in (0, columns)] for r in (0, rows)]
            np.testing.assert_allclose(corners(item), wanted, atol=1e-4)


def test_operands_keep_their_numbers_and_light_up_where_they_are_in_play(scene: Any) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, style="dot")
    put(empty, fp_sweep_at=(2 * 5 + 3 + 0.5) / 20)  # cell (2, 3)
    (x,), (w,) = of_role(empty, "left"), of_role(empty, "right")
    np.testing.assert_array_equal(values(x), left)
    np.testing.assert_array_equal(values(w), right)
    play_x = read(evaluated(x), "fp_cell", 3)[:24, 0].reshape(4, 6)
    play_w = read(evaluated(w), "fp_cell", 3)[:30, 0].reshape(6, 5)
    assert (play_x[2] == 1).all() and play_x[[0, 1, 3]].max() == 0
    assert (play_w[:, 3] == 1).all() and play_w[:, 4].max() == 0
    assert (np.diff(play_w[0, :4]) > 0).all()  # a trail behind the column in play
    for at in (0.0, 1.0):
        put(empty, fp_sweep_at=at)
        assert read(evaluated(x), "fp_cell", 3)[:, 0].max() == 0


def test_the_plane_of_products_holds_products_inside_the_box(scene: Any) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, style="row")
    put(empty, fp_sweep_at=(1 + 0.75) / 4)  # row 1
    (guides,) = (item for item in empty.children_recursive if item.get("fp_kind") == "guides")
    mesh = evaluated(guides)
    found = read(mesh, "value")[:30].reshape(6, 5)
    np.testing.assert_allclose(found, left[1][:, None] * right, rtol=1e-5)
    plane = read(mesh, "position", 3)[:42]
    np.testing.assert_allclose(plane[:, 2], (4 - 1.5) * 1.0, atol=1e-4)
    np.testing.assert_allclose([plane[:, :2].min(0), plane[:, :2].max(0)], [[0, 0], [5, 6]], atol=1e-4)
    put(empty, fp_fold=1.0)
    assert len(evaluated(guides).polygons) > 0 and "value" not in evaluated(guides).attributes


def test_heads_have_their_own_numbers_and_fan_out(scene: Any) -> None:
    pairs = [operands(3, 4, 5, seed) for seed in range(3)]
    left, right = (np.stack(side) for side in zip(*pairs, strict=True))
    empty = make_multiply(scene, left, right, style="outer")
    outs = of_role(empty, "out")
    assert [list(out["fp_index"]) for out in outs] == [[0], [1], [2]]
    for fan in (0.0, 0.4, 1.0):
        put(empty, fp_fan=fan, fp_sweep_at=0.6)
        for head, out in enumerate(outs):
            np.testing.assert_allclose(values(out), partial_sums(left[head], right[head], "outer", 0.6), atol=1e-5)
            base = frames(Shape(3, 4, 5))[2].origin
            np.testing.assert_allclose(corners(out)[0, 0], base + stacked(Shape(3, 4, 5), head, 3, fan), atol=1e-4)


def test_grouped_heads_share_their_right_matrix(scene: Any) -> None:
    rng = np.random.default_rng(5)
    left, right = rng.normal(size=(4, 3, 2)), rng.normal(size=(2, 2, 3))
    empty = make_multiply(scene, left, right)
    put(empty, fp_sweep_at=1.0)
    for head, out in enumerate(of_role(empty, "out")):
        np.testing.assert_allclose(values(out), left[head] @ right[head // 2], rtol=1e-4, atol=1e-5)
    assert [list(item["fp_index"]) for item in of_role(empty, "right")] == [[0], [0], [1], [1]]


@pytest.mark.parametrize("fused", [True, False])
def test_a_chain_shares_its_block_and_passes_true_sums_on(scene: Any, fused: bool) -> None:
    left, first = operands(3, 5, 4)
    _, second = operands(3, 4, 6, seed=2)
    empty = make_chain(scene, left, first, second, fused=fused)
    hidden, out = sorted(of_role(empty, "out"), key=lambda item: item["fp_shape"][1])
    put(empty, fp_sweep_at=1.0)
    np.testing.assert_allclose(values(hidden), left @ first, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(values(out), left @ first @ second, rtol=1e-4, atol=1e-5)
    put(empty, fp_sweep_at=0.5)
    if fused:  # row 1 has passed the first box, row 0 both
        np.testing.assert_allclose(values(hidden)[1], left[1] @ first, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(values(out)[0], left[0] @ first @ second, rtol=1e-4, atol=1e-5)
        assert (values(out)[1:] == 0).all()
    else:
        np.testing.assert_allclose(values(hidden), left @ first, rtol=1e-4, atol=1e-5)
        assert (values(out) == 0).all()
    for fold in (0.0, 0.4, 1.0):
        put(empty, fp_fold=fold)
        bpy.context.view_layer.update()
        # O of the second shares the i edge with the last column of the block that both have.
        np.testing.assert_allclose(corners(out)[:, 0], corners(hidden)[:, 1], atol=1e-4)


def test_bars_and_cubes_stand_on_the_cells(scene: Any) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, arrangement="corner")
    (w,) = of_role(empty, "right")
    flat = np.ptp(read(evaluated(w), "position", 3)[:, 1])
    for number in (1, 2):
        put(empty, fp_cells=number)
        mesh = evaluated(w)
        assert np.ptp(read(mesh, "position", 3)[:, 1]) > flat + 0.5
        np.testing.assert_array_equal(values(w), right)
        assert len(mesh.polygons) >= 30 * 6


def test_keys_on_the_empty_and_the_clock_both_drive_it(scene: Any) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, style="outer")
    (out,) = of_role(empty, "out")
    key_curve(empty, f'["{SWEEP_AT}"]', 0, [(1.0, 0.0), (25.0, 1.0)], "LINEAR")
    scene.frame_set(13)
    np.testing.assert_allclose(values(out), partial_sums(left, right, "outer", 0.5), atol=1e-5)
    other = make_multiply(scene, left, right, style="outer", names=("A", "B", "C"))
    with pytest.raises(UserError):
        play_sweep(other, scene, 1.0, 2.0)
    key_clock(scene, 4.0, 24.0)
    play_sweep(other, scene, 1.0, 2.0)
    assert (of_role(other, "out")[0]["fp_start"], of_role(other, "out")[0]["fp_duration"]) == (1.0, 2.0)
    scene.frame_set(1 + 48)
    np.testing.assert_allclose(values(of_role(other, "out")[0]), partial_sums(left, right, "outer", 0.5), atol=1e-5)


def test_the_group_serves_any_two_matrices(scene: Any) -> None:
    left, right = operands(5, 7, 3)
    empty = make_multiply(scene, left, right)  # only to have two matrix objects
    (x,), (w,) = of_role(empty, "left"), of_role(empty, "right")
    tree = kit_for(scene, "midnight").matmul
    assert tree.name == "Matmul" and tree.asset_data is not None and tree.description
    host = bpy.data.objects.new("mine", bpy.data.meshes.new("mine"))
    scene.collection.objects.link(host)
    wrap = bpy.data.node_groups.new("mine", "GeometryNodeTree")
    wrap.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    node = wrap.nodes.new("GeometryNodeGroup")
    node.node_tree = tree
    inputs = {"Left": x, "Right": w, "Sweep": 0.45, "Style": STYLES["row"]}
    for name, value in inputs.items():
        next(s for s in node.inputs if s.name == name).default_value = value
    wrap.links.new(node.outputs["Geometry"], wrap.nodes.new("NodeGroupOutput").inputs["Geometry"])
    host.modifiers.new("Matmul", "NODES").node_group = wrap
    wanted = partial_sums(left, right, "row", 0.45)
    np.testing.assert_allclose(read(evaluated(host), "value")[:15].reshape(5, 3), wanted, rtol=1e-5, atol=1e-5)
    # A mesh that has nothing but numbers: how many columns L has must be said.
    for name, matrix in (("Left", left), ("Right", right)):
        bare = plain_mesh(matrix)
        scene.collection.objects.link(bare)
        next(s for s in node.inputs if s.name == name).default_value = bare
    next(s for s in node.inputs if s.name == "Inner").default_value = 7
    np.testing.assert_allclose(read(evaluated(host), "value")[:15].reshape(5, 3), wanted, rtol=1e-5, atol=1e-5)


def plain_mesh(matrix: np.ndarray) -> Any:
    """Triangles anywhere, one a number, with the face attribute `value`."""
    mesh = bpy.data.meshes.new("bare")
    points = np.random.default_rng(0).normal(size=(3 * matrix.size, 3))
    mesh.from_pydata(points.tolist(), [], np.arange(3 * matrix.size).reshape(-1, 3).tolist())
    mesh.attributes.new("value", "FLOAT", "FACE").data.foreach_set("value", matrix.ravel())
    return bpy.data.objects.new("bare", mesh)


def test_every_group_and_socket_is_described(scene: Any) -> None:
    make_multiply(scene, *operands())
    trees = [tree for tree in bpy.data.node_groups if tree.bl_idname == "GeometryNodeTree"]
    assert len(trees) > 12
    for tree in trees:
        assert tree.description, tree.name
        for item in tree.interface.items_tree:
            assert item.description, (tree.name, item.name)


def test_what_the_scene_contract_asks(scene: Any) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, bias=np.ones(5), style="column")
    assert (empty["fp_operation"], empty["fp_kind"], empty["fp_sweep"]) == (-1, "matmul", "column")
    for role, shape in (("left", (4, 6)), ("right", (6, 5)), ("out", (4, 5)), ("bias", (1, 5))):
        (item,) = of_role(empty, role)
        assert tuple(item["fp_shape"]) == shape and item["fp_operation"] == -1 and item["fp_detail"] == "cells"
        assert item["fp_kind"] in {"weight", "activation"} and item["fp_low"] == -item["fp_high"]
        assert item.data.attributes["value"].domain == "FACE"
        assert len(item.data.polygons) == shape[0] * shape[1]
    stored = read(of_role(empty, "out")[0].data, "value").reshape(4, 5)
    np.testing.assert_allclose(stored, left @ right + 1, rtol=1e-5, atol=1e-6)


def test_what_cannot_be_shown_is_refused_before_anything_is_made(scene: Any) -> None:
    left, right = operands()
    for call in (
        lambda: make_multiply(scene, np.ones((65, 4)), np.ones((4, 4))),
        lambda: make_multiply(scene, left, right.T),
        lambda: make_multiply(scene, left, right, style="spiral"),
        lambda: make_multiply(scene, left, right, theme="neon"),
        lambda: make_chain(scene, left, right, right, arrangement="heap"),
    ):
        with pytest.raises(UserError):
            call()
    assert not bpy.data.objects


def test_a_kit_is_made_once_for_a_theme(scene: Any) -> None:
    make_multiply(scene, *operands())
    trees = len(bpy.data.node_groups)
    materials = len(bpy.data.materials)
    make_multiply(scene, *operands(), names=("A", "B", "C"))
    assert len(bpy.data.materials) == materials
    assert len(bpy.data.node_groups) == trees + 7  # what reads the properties, and one for each object


def test_a_saved_file_plays_on(scene: Any, tmp_path: Path) -> None:
    left, right = operands()
    empty = make_multiply(scene, left, right, style="outer")
    key_curve(empty, f'["{SWEEP_AT}"]', 0, [(1.0, 0.0), (25.0, 1.0)], "LINEAR")
    path = tmp_path / "multiply.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(path), use_scripts=False)
    drivers = [c for tree in bpy.data.node_groups if tree.animation_data for c in tree.animation_data.drivers]
    assert drivers and all(curve.driver.type == "SUM" and curve.driver.is_valid for curve in drivers)
    bpy.context.scene.frame_set(7)
    out = next(item for item in bpy.data.objects if item.get("fp_role") == "out")
    np.testing.assert_allclose(values(out), partial_sums(left, right, "outer", 0.25), atol=1e-5)


def test_the_theme_is_switched_after_the_fact(scene: Any) -> None:
    make_multiply(scene, *operands())
    look = next(tree for tree in bpy.data.node_groups if tree.name.startswith("FP Theme"))
    assert look.nodes["Glow"].outputs[0].default_value == 1.0
    apply_theme(scene, "paper")
    assert look.nodes["Glow"].outputs[0].default_value == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["EEVEE", "CYCLES"])
def test_what_is_in_play_is_what_has_colour(scene: Any, tmp_path: Path, engine: str) -> None:
    """A finished row of O is blue and red, rows to come are dark, in both engines alike."""
    from PIL import Image

    left = np.ones((4, 8), np.float32) * np.array([[1], [1], [1], [2]], np.float32)
    right = np.ones((8, 4), np.float32) * np.array([1, -1, 1, -1], np.float32)
    empty = make_multiply(scene, left, right, style="row", arrangement="corner")
    put(empty, fp_sweep_at=0.5, fp_labels=0.0, fp_formula=0.0)
    make_matmul_stage(scene, empty, size=(240, 160))
    scene.render.engine = eevee() if engine == "EEVEE" else "CYCLES"
    if engine == "EEVEE":
        scene.eevee.taa_render_samples = 4
    else:
        scene.cycles.samples, scene.cycles.device = 4, "CPU"
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(tmp_path / "still.png")
    bpy.ops.render.render(write_still=True)
    picture = np.asarray(Image.open(tmp_path / "still.png").convert("RGB")).astype(float)
    (out,) = of_role(empty, "out")
    (top_left, top_right), (low_left, _) = corners(out)
    seen = {}
    for name, row, column in (("blue", 0.5, 0.5), ("red", 0.5, 1.5), ("empty", 3.5, 0.5)):
        place = top_left + (top_right - top_left) * column / 4 + (low_left - top_left) * row / 4
        seen[name] = picture[pixel(scene, place)]
    assert seen["blue"][2] > seen["blue"][0] + 60
    assert seen["red"][0] > seen["red"][2] + 60
    assert seen["empty"].max() < 70


@pytest.mark.slow
def test_a_box_looks_as_it_did(scene: Any, tmp_path: Path) -> None:
    """Against the picture that is kept; made anew as those of test_pictures.py are."""
    from PIL import Image

    rng = np.random.default_rng(7)
    left, right = rng.normal(size=(5, 16)), rng.normal(size=(16, 20))
    empty = make_multiply(scene, left, right, axes=("tokens", "channels", "neurons"))
    put(empty, fp_sweep_at=0.53)
    make_matmul_stage(scene, empty, size=(640, 360))
    scene.eevee.taa_render_samples = 8
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(tmp_path / "still.png")
    bpy.ops.render.render(write_still=True)
    taken = Image.open(tmp_path / "still.png").convert("RGB").reduce(2)
    kept = HERE / "pictures" / "multiply.png"
    if os.environ.get("FORWARD_PASS_NEW_PICTURES"):
        taken.save(kept)
    wanted = np.asarray(Image.open(kept).convert("RGB"), dtype=float)
    apart = np.abs(np.asarray(taken, dtype=float) - wanted)
    assert apart.mean() < 1.5
    # No part of it may be another picture: in squares of 20 pixels.
    assert apart.reshape(9, 20, 16, 20, 3).mean((1, 3, 4)).max() < 25


def pixel(scene: Any, place: np.ndarray) -> tuple[int, int]:
    """Row and column of the picture where a place in the world is seen."""
    graph = bpy.context.evaluated_depsgraph_get()
    width, height = scene.render.resolution_x, scene.render.resolution_y
    camera = scene.camera.evaluated_get(graph)
    view = np.array(camera.calc_matrix_camera(graph, x=width, y=height) @ camera.matrix_world.inverted())
    x, y, _z, w = view @ np.array([*place, 1.0])
    return round((0.5 - y / w / 2) * height - 0.5), round((0.5 + x / w / 2) * width - 0.5)
