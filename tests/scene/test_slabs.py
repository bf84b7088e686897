# SPDX-License-Identifier: GPL-3.0-or-later
"""A text's scene with slabs: what their images hold, what their material reads, and that they look like cells."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

bpy = pytest.importorskip("bpy")

from forward_pass.core.layout import Block, Layout, lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.theme import MIDNIGHT
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values
from forward_pass.scene.build import build_scene
from forward_pass.scene.save import save_blend
from forward_pass.scene.slabs import pack
from tests.core.text_model import PROMPT, text_trace
from tests.scene.conftest import Found, run_outside

pytestmark = pytest.mark.blender

SIZE = (1280, 720)
MOST = 6000  # cells: few enough for the large weights to be slabs


@pytest.fixture(scope="module")
def trace(tmp_path_factory) -> Trace:
    return text_trace(tmp_path_factory)


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace, SIZE[0] / SIZE[1])


@pytest.fixture(scope="module")
def story(trace, layout) -> Story:
    return tell(trace, layout, 30.0)


def build(path: Path, trace: Trace, layout: Layout, story: Story, **options: Any) -> Path:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    list(build_scene(bpy.context.scene, trace, layout, story, size=SIZE, fps=12.0, **options))
    save_blend(path)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return path


@pytest.fixture(scope="module")
def blend(trace, layout, story, tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("slabs") / "slabs.blend", trace, layout, story, most_cells=MOST)


@pytest.fixture(scope="module")
def found(blend) -> Found:
    out, arrays = blend.with_suffix(".json"), blend.with_suffix(".npz")
    run_outside("look_inside.py", blend, out, arrays, 1.0)
    with np.load(arrays) as file:
        return Found(json.loads(out.read_text(encoding="utf-8")), dict(file))


def drawn(trace: Trace, block: dict[str, Any]) -> np.ndarray:
    """What a block says that it draws, by its own properties and the trace, row after row."""
    matrix = np.atleast_2d(trace.array(block["fp_tensor"])[tuple(block["fp_index"])])
    (((first, last),), ((left, right),)) = block["fp_rows"], block["fp_columns"]
    return np.ascontiguousarray(matrix[first : last + 1, left : right + 1], np.float32).ravel()


def slabs(found: Found) -> dict[str, dict[str, Any]]:
    return {name: block for name, block in found.blocks.items() if block["fp_detail"] == "slab"}


def test_the_large_weights_are_slabs_and_the_rest_cells(found):
    names = {name.split(".")[-1] for name in slabs(found)}
    assert names == {"w_up", "w_down"}
    assert {block["fp_detail"] for block in found.blocks.values()} == {"cells", "slab"}
    assert len(slabs(found)) == 4


def test_an_image_holds_the_traces_numbers_bit_for_bit(trace, found):
    for name, block in slabs(found).items():
        wanted, image = drawn(trace, block), found.arrays[f"value:{name}"]
        assert list(block["fp_shape"]) == list(trace.tensor(block["fp_tensor"]).shape[-2:])
        assert np.array_equal(image.view(np.uint32), wanted.view(np.uint32)), name
        assert len(np.unique(wanted)) > 1000


def test_the_material_reads_the_same_numbers_at_every_cell(found):
    for name in slabs(found):
        assert np.array_equal(found.arrays[f"drawn:{name}"], found.arrays[f"value:{name}"]), name


def test_cells_of_slabs_lie_where_the_layout_says(layout, found):
    for name in slabs(found):
        block = layout.by_key[name]
        r, c = np.divmod(np.arange(block.shape[0] * block.shape[1]), block.shape[1])
        wanted = np.outer(r + 0.5, block.row_step) + np.outer(c + 0.5, block.column_step) + block.origin
        assert np.allclose(found.arrays[f"cells:{name}"], wanted, rtol=0, atol=2e-3), name


def test_all_other_blocks_keep_their_numbers_in_the_mesh(trace, found):
    for name, block in found.blocks.items():
        if block["fp_detail"] == "cells":
            shown = found.arrays[f"value:{name}"]
            assert np.array_equal(shown.view(np.uint32), drawn(trace, block).view(np.uint32)), name


@pytest.mark.slow
def test_a_slab_says_which_cells_are_no_numbers(trace, layout, story, tmp_path, monkeypatch):
    """In the colour of what is missing, or not there at all: as it is seen, and in the image as the trace has it."""
    honest, key = Values.matrix, "s0.l0.w_up"

    def spoilt(self: Values, block: str) -> np.ndarray:
        matrix = honest(self, block)
        if block == key:
            matrix = matrix.copy()
            matrix[8:16], matrix[16:20], matrix[20:24] = -np.inf, np.nan, np.inf
        return matrix

    monkeypatch.setattr(Values, "matrix", spoilt)
    path = build(tmp_path / "spoilt.blend", trace, layout, story, most_cells=MOST)
    shot = next(shot for shot in story.shots if "s0.l0.w_up" in shot.name)
    front = "s0.l0.mlp_norm"  # stands before the last rows
    hidden = {"with": [front], "without": [front, key]}
    jobs = [{"name": name, "second": shot.start + shot.move, "without": keys} for name, keys in hidden.items()]
    (tmp_path / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    run_outside("take_pictures.py", path, tmp_path / "jobs.json", tmp_path)
    view = json.loads((tmp_path / "views.json").read_text(encoding="utf-8"))["with"]
    seen, without = (inside(tmp_path / f"{name}.png", view, layout.by_key[key]) for name in ("with", "without"))
    missing = np.array([int(MIDNIGHT.missing[i : i + 2], 16) for i in (0, 2, 4)])
    for rows, alike in ((slice(0, 7), False), (slice(10, 14), True), (slice(17, 23), False)):
        assert (np.abs(seen[rows] - without[rows]).max(-1) < 6).mean() == pytest.approx(float(alike), abs=0.2), rows
    magenta = np.abs(seen / seen.max(-1, keepdims=True) - missing / 255).max(-1) < 0.25
    assert magenta[17:23].mean() > 0.8 and magenta[:7].mean() == 0

    bpy.ops.wm.open_mainfile(filepath=str(path))
    image = bpy.data.images[bpy.data.objects[key]["fp_image"]]
    width, height = image.size
    red = np.array(image.pixels).reshape(height, width, 4)[::-1, :, 0]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert np.isneginf(red[8:16]).all() and np.isnan(red[16:20]).all() and np.isposinf(red[20:24]).all()


def test_the_running_text_stays_beside_the_legend_and_in_the_frame(found):
    overlays = found.words["overlays"]
    slots = sorted(box for name, box in overlays.items() if name.startswith("token ") and " slot " in name)
    assert len(slots) == len(PROMPT) + 6
    assert all(a[1] <= b[0] for a, b in pairwise(slots))
    assert slots[0][0] > -SIZE[0] / SIZE[1] / 2
    legend = min(box[0] for name, box in overlays.items() if name.startswith("legend"))
    assert slots[-1][1] < legend


def test_what_leaves_no_mark_is_written_out_on_its_card(blend, found):
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    texts = {name: bpy.data.objects[f"card {i} text"].data.body for i, name in enumerate(PROMPT)}
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert texts == {"b": "b", "e": "e", "\n": "newline", "A": "A", " ": "space"}


@pytest.fixture(scope="module")
def pooled(trace, layout, story, tmp_path_factory) -> Found:
    """The same scene with room for so few values that the slabs are pooled."""
    folder = tmp_path_factory.mktemp("pooled")
    path = build(folder / "pooled.blend", trace, layout, story, most_cells=MOST, most_values=2500)
    run_outside("look_inside.py", path, folder / "a.json", folder / "a.npz", 1.0)
    with np.load(folder / "a.npz") as file:
        return Found(json.loads((folder / "a.json").read_text(encoding="utf-8")), dict(file))


def largest(matrix: np.ndarray, down: int, across: int) -> np.ndarray:
    """One number after another: of each block the one of the largest magnitude, row after row."""
    found = []
    for r in range(0, len(matrix), down):
        for c in range(0, len(matrix[0]), across):
            found.append(max(matrix[r : r + down, c : c + across].ravel().tolist(), key=abs))
    return np.array(found, np.float32)


def test_pooled_slabs_show_the_largest_of_each_block_and_say_so(trace, pooled):
    found = {name: block for name, block in pooled.blocks.items() if block["fp_detail"] == "pooled"}
    assert found and slabs(pooled).keys() | found.keys() == {
        f"s0.l{i}.w_{way}" for i in (0, 1) for way in ("up", "down")
    }
    for name, block in found.items():
        down, across, *start = block["fp_pool"]
        assert start == [0, 0] and down * across > 1 and block["fp_pooled_by"] == "max |x|"
        wanted = largest(drawn(trace, block).reshape(block["fp_shape"]), int(down), int(across))
        for kind in ("value", "drawn"):
            assert np.array_equal(pooled.arrays[f"{kind}:{name}"].view(np.uint32), wanted.view(np.uint32)), (kind, name)
    assert any(name.startswith("marks, layer 0") for name in pooled.objects)


def test_pooled_slabs_fill_the_same_place(layout, pooled, found):
    for name, block in pooled.blocks.items():
        if block["fp_detail"] == "pooled":
            assert pooled.arrays[f"box:{name}"] == pytest.approx(found.arrays[f"box:{name}"], abs=1e-3)
            cells = pooled.arrays[f"cells:{name}"]
            down, across, *_ = block["fp_pool"]
            first = np.array(layout.by_key[name].origin)
            steps = (np.array(step) for step in (layout.by_key[name].row_step, layout.by_key[name].column_step))
            first = first + sum(0.5 * size * step for size, step in zip((down, across), steps, strict=True))
            assert cells[0] == pytest.approx(first, abs=2e-3)


@pytest.mark.slow
def test_slabs_look_like_cells(blend, trace, layout, story, tmp_path):
    """Up close and from afar, in play and at rest; other numbers would be noticed."""
    cells = build(tmp_path / "cells.blend", trace, layout, story)
    shot = next(shot for shot in story.shots if "s0.l0.w_up" in shot.name)
    use = next(use for use in story.uses if use.block == "s0.l0.w_up")
    seconds = {"rest": shot.start + shot.move, "play": use.start + 0.5 * use.duration, "far": story.duration - 1}
    jobs = [{"name": name, "second": second, "without": []} for name, second in seconds.items()]
    jobs.append({"name": "without", "second": seconds["play"], "without": ["s0.l0.w_up"]})
    (tmp_path / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    for name, path in (("slabs", blend), ("cells", cells)):
        (tmp_path / name).mkdir()
        run_outside("take_pictures.py", path, tmp_path / "jobs.json", tmp_path / name)
    views = json.loads((tmp_path / "cells" / "views.json").read_text(encoding="utf-8"))
    for name in seconds:
        a, b = (picture(tmp_path / kind / f"{name}.png") for kind in ("slabs", "cells"))
        assert np.abs(a - b).mean() < 0.6, name
    a, b, without = (
        inside(tmp_path / where, views["play"], layout.by_key["s0.l0.w_up"])
        for where in ("slabs/play.png", "cells/play.png", "cells/without.png")
    )
    assert np.abs(a - b).mean() < 4 < 8 < np.abs(b - without).mean()
    assert np.abs(a - b).mean() < 0.5 * np.abs(np.roll(a, 1, axis=0) - b).mean()  # the next row's numbers


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


def inside(path: Path, view: Any, block: Block) -> np.ndarray:
    """The pixels where the middles of a block's cells are seen, [rows, columns, 3]."""
    pixels = picture(path)
    rows, columns = block.shape
    r, c = np.meshgrid(np.arange(rows) + 0.5, np.arange(columns) + 0.5, indexing="ij")
    points = r[..., None] * block.row_step + c[..., None] * block.column_step + np.array(block.origin)
    seen = np.concatenate([points, np.ones((rows, columns, 1))], axis=-1) @ np.array(view).T
    x = (seen[..., 0] / seen[..., 3] + 1) / 2 * pixels.shape[1]
    y = (1 - seen[..., 1] / seen[..., 3]) / 2 * pixels.shape[0]
    return pixels[y.astype(int).clip(0, pixels.shape[0] - 1), x.astype(int).clip(0, pixels.shape[1] - 1)]


@given(st.dictionaries(st.text(max_size=3), st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12))
def test_a_sheet_holds_every_matrix_apart_from_the_others(shapes):
    corners, (height, width) = pack(shapes)
    taken = np.zeros((height, width), int)
    for key, (rows, columns) in shapes.items():
        top, left = corners[key]
        assert top + rows <= height and left + columns <= width
        taken[top : top + rows, left : left + columns] += 1
    assert taken.max() == 1
    assert taken.sum() == sum(rows * columns for rows, columns in shapes.values())
