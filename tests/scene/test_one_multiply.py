# SPDX-License-Identifier: GPL-3.0-or-later
"""The film of one multiply as it is rendered: its sums, read from what Blender evaluated at moments of its clock, and
what the camera sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.layout import lay_out
from forward_pass.core.matmul import beats
from forward_pass.core.matmul_choice import choose_multiply
from forward_pass.core.matmul_operands import read_operands
from forward_pass.core.story_multiply import MultiplyPlan, plan_multiply
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values
from forward_pass.scene.blocks import grid_mesh
from forward_pass.scene.compat import set_modifier_input
from forward_pass.scene.matmul import play_sweep
from forward_pass.scene.matmul_kit import kit_for
from forward_pass.scene.one_multiply import build_multiply_film, make_operation
from tests.scene.test_matmul import evaluated, of_role, read, values

pytestmark = pytest.mark.blender
FPS, SIZE = 20.0, (480, 270)
Film = tuple[Any, MultiplyPlan, Any]  # scene, plan, the empty that drives the multiply


@pytest.fixture(scope="module")
def film(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Film]:
    """The query's film, saved and opened again."""
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    plan = plan_multiply(trace, "layer 2 head 3 query")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    steps = list(build_multiply_film(bpy.context.scene, trace, plan, size=SIZE, fps=FPS))
    shares = [share for _what, share in steps]
    assert shares == sorted(shares) and shares[-1] == 1.0
    # A window lives between the steps: the multiply's node groups are not made in one.
    assert [what for what, _share in steps].count("multiply") > 20
    path = tmp_path_factory.mktemp("film") / "film.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.open_mainfile(filepath=str(path))
    empty = next(item for item in bpy.data.objects if item.get("fp_kind") == "matmul")
    yield bpy.context.scene, plan, empty


def act(plan: MultiplyPlan, name: str) -> tuple[float, float]:
    """When it starts and ends."""
    found = next(one for one in plan.story.acts if one.name == name)
    return found.start, found.start + found.duration


def go(scene: Any, second: float) -> None:
    frame = 1 + second * FPS
    scene.frame_set(int(frame), subframe=frame - int(frame))


def shown(film: Film, second: float) -> np.ndarray:
    """The numbers of the result at a second, [rows, columns]."""
    scene, _plan, empty = film
    go(scene, second)
    (out,) = of_role(empty, "out")
    return values(out)


def test_the_worked_cell_alone_has_its_sum_and_the_whole_of_it_at_the_end(film: Film) -> None:
    plan = film[1]
    operands, (row, column) = plan.operands, plan.operands.cell
    assert not shown(film, act(plan, "Names and shapes")[1] - 0.1).any()
    sums = np.cumsum(operands.left[row].astype(np.float64) * operands.right[:, column])
    formulas = [formula for formula in plan.story.formulas if ("sum", "secondary") in formula.parts]
    for number in (0, 2, len(formulas) // 2, len(formulas) - 1):
        formula = formulas[number]
        said = float(formula.parts[-1][0].replace("−", "-"))
        numbers = shown(film, formula.start + formula.duration - (0.001 if number < len(formulas) - 1 else 1.0))
        assert numbers[row, column] == pytest.approx(said, abs=0.02)
        numbers[row, column] = 0
        assert not numbers.any()
    assert shown(film, act(plan, "One cell, slowly")[1] - 0.05)[row, column] == pytest.approx(sums[-1], abs=1e-3)


def test_each_sweep_holds_the_sums_that_numpy_reaches(film: Film) -> None:
    plan = film[1]
    left, right = plan.operands.left.astype(np.float64), plan.operands.right.astype(np.float64)
    product = left @ right
    sweep = plan.tracks["fp_sweep_at"]
    end = max(key.value for key in sweep if key.value < 1)  # where the sums are done and the bias begins
    for name in ("Row by row", "Column by column", "All sums together"):
        start, stop = act(plan, name)
        a, b = [key.second for key in sweep if start < key.second < stop and key.value in (0.0, end)][-2:]
        for share in (1 / 6, 0.5, 5 / 6):
            found = shown(film, a + (b - a) * share)
            wanted = np.zeros_like(product)
            if name == "Row by row":
                wanted[: round(6 * share)] = product[: round(6 * share)]
            elif name == "Column by column":
                whole, part = divmod(16 * share, 1.0)
                wanted[:, : int(whole)] = product[:, : int(whole)]
                depth = part * 48
                added = np.clip(depth - np.arange(48), 0, 1)
                wanted[:, int(whole)] = left @ (added * right[:, int(whole)])
            else:
                wanted = left[:, : round(48 * share)] @ right[: round(48 * share)]
            np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_the_film_ends_with_what_the_model_computed(film: Film) -> None:
    np.testing.assert_allclose(shown(film, film[1].story.duration), film[1].operands.result, atol=1e-5)


def seen(film: Film, second: float) -> np.ndarray:
    """All points of the multiply that are drawn, in the frame: 0 to 1 from the left and from below, [n, 2]."""
    scene, _plan, empty = film
    go(scene, second)
    camera = scene.camera
    graph = bpy.context.evaluated_depsgraph_get()
    matrix = np.array(camera.calc_matrix_camera(graph, x=SIZE[0], y=SIZE[1]))
    matrix = matrix @ np.linalg.inv(np.array(camera.evaluated_get(graph).matrix_world))
    found = []
    for item in empty.children_recursive:
        if item.type != "MESH" or item.hide_render:
            continue
        mesh = evaluated(item)
        points = read(mesh, "position", 3)
        if "fp_shadow" in mesh.attributes:
            points = points[~read(mesh, "fp_shadow", 3).any(1)]
        world = np.array(item.matrix_world)
        flat = np.c_[points @ world[:3, :3].T + world[:3, 3], np.ones(len(points))] @ matrix.T
        found.append(flat[:, :2] / flat[:, 3:] / 2 + 0.5)
    return np.concatenate(found)


def test_every_shot_shows_all_that_is_drawn_and_nothing_stands_under_the_caption(film: Film) -> None:
    plan = film[1]
    shots = plan.story.shots
    for shot, after in zip(shots, [*shots[1:], None], strict=True):
        end = plan.story.duration if after is None else after.start
        folding = shot.name.endswith("folding")
        # While it folds all of it is in the frame too: the camera has backed away, and comes near when it is done.
        moments = np.linspace(shot.start + shot.move / 2, end + shot.move / 2, 5) if folding else ()
        for second in (*moments, shot.start + shot.move + 0.02, end - 0.02):
            points = seen(film, second)
            low, high = points.min(0), points.max(0)
            assert (low >= 0.0).all() and (high <= 1.0).all(), (shot.name, second, low, high)
            assert folding or low[1] >= shot.below - 0.03, (shot.name, low)
            assert folding or np.prod(high - low) >= 0.2, (shot.name, high - low)


def test_the_scene_keeps_the_contract(film: Film) -> None:
    scene, plan, empty = film
    assert scene["fp_version"] == 1 and scene["fp_trace"].startswith("CBABBC.trace.safetensors ")
    assert [marker.name for marker in scene.timeline_markers] == [one.name for one in plan.story.acts]
    assert empty["fp_operation"] == plan.operands.choice.operation.id
    (out,), (weight,) = of_role(empty, "out"), of_role(empty, "right")
    assert out["fp_tensor"] == "step0.transformer.h.1.attn.c_attn" and list(out["fp_index"]) == [0]
    assert weight["fp_tensor"] == "transformer.h.1.attn.c_attn.weight" and list(weight["fp_shape"]) == [48, 16]
    assert [list(one) for one in weight["fp_rows"]] == [[0, 47]]
    assert [list(one) for one in weight["fp_columns"]] == [[32, 47]]  # the third head's queries
    root = bpy.data.collections["Forward Pass"]
    assert {child.name for child in root.children} == {"multiply", "stage"}


def test_a_multiply_of_a_model_stands_in_any_scene_and_follows_its_clock(root: Path) -> None:
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    operands = read_operands(trace, choose_multiply(trace, lay_out(trace), "layer 1 head 2 scores"))
    scene = bpy.context.scene
    box = make_operation(scene, operands, window=(1.0, 4.0))
    box["fp_style"] = 4
    play_sweep(box, scene, 1.0, 4.0)
    (out,) = of_role(box, "out")
    go(scene, 1.0 + 4.0 * beats(False, True).sums * 5 / 16)  # five of sixteen products
    np.testing.assert_allclose(values(out), operands.left[:, :5] @ operands.right[:5], atol=1e-3)
    high = read(evaluated(out), "fp_look", 3)[0, 0]
    go(scene, 5.0)
    np.testing.assert_allclose(values(out), trace.array("step0.transformer.h.0.attn.scale")[0, 1], atol=1e-5)
    assert read(evaluated(out), "fp_look", 3)[0, 0] == pytest.approx(high * operands.scale)  # the colours' end


def test_the_node_group_multiplies_two_blocks_of_a_model(root: Path) -> None:
    """What docs/matmul.md says of blocks as a model's scene has them."""
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    layout = lay_out(trace)
    found = Values(trace, layout)
    scene = bpy.context.scene
    items = {}
    for key in ("s0.l0.h1.q", "s0.l0.h1.k_flat"):
        mesh = grid_mesh(key, layout.by_key[key], found.matrix(key), 1.0)
        items[key] = bpy.data.objects.new(key, mesh)
        scene.collection.objects.link(items[key])
    item = bpy.data.objects.new("product", bpy.data.meshes.new("product"))
    scene.collection.objects.link(item)
    tree = kit_for(scene, "midnight").matmul
    modifier: Any = item.modifiers.new("Matmul", "NODES")
    modifier.node_group = tree
    numbers = {
        "Sweep": 0.25,
        "Style": 4,
        "Left": items["s0.l0.h1.q"],
        "Right": items["s0.l0.h1.k_flat"],
        "Guides": False,
    }
    for name, value in numbers.items():
        identifier = next(s.identifier for s in tree.interface.items_tree if s.name == name)
        set_modifier_input(modifier, identifier, value)
    item.update_tag()
    wanted = found.matrix("s0.l0.h1.q")[:, :4] @ found.matrix("s0.l0.h1.k_flat")[:4]
    np.testing.assert_allclose(read(evaluated(item), "value")[:36].reshape(6, 6), wanted, atol=1e-5)
