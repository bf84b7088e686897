# SPDX-License-Identifier: GPL-3.0-or-later
"""The scene contract, held from outside: a saved file read with plain Blender, against the trace read with NumPy."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core.script import read_script, script_of
from tests.scene.conftest import FPS, RECIPE, SIZE, Built, Found

pytestmark = pytest.mark.blender

PROPERTIES = {
    "fp_tensor": str,
    "fp_index": list,
    "fp_role": str,
    "fp_operation": int,
    "fp_shape": list,
    "fp_rows": list,
    "fp_columns": list,
    "fp_detail": str,
    "fp_kind": str,
    "fp_start": float,
    "fp_duration": float,
    "fp_low": float,
    "fp_high": float,
}
KINDS = {"weight", "activation", "statistic"}
ROLES = {"left", "right", "out", "bias", "statistic", "other"}


@dataclass(frozen=True)
class Plain:
    """A trace as NumPy alone reads it."""

    manifest: dict[str, Any]
    buffers: dict[str, np.ndarray]

    def tensor(self, name: str) -> dict[str, Any]:
        return next(tensor for tensor in self.manifest["tensors"] if tensor["name"] == name)

    def array(self, tensor: dict[str, Any]) -> np.ndarray:
        source = tensor["source"]
        flat = self.buffers[source["buffer"]][source["offset"] :]
        strides = [stride * flat.itemsize for stride in source["strides"]]
        return np.lib.stride_tricks.as_strided(flat, tensor["shape"], strides, writeable=False)


def read_plainly(path: Path) -> Plain:
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    kinds = {"U8": np.uint8, "F32": np.float32, "I64": np.int64, "I32": np.int32, "BOOL": np.bool_}
    arrays = {
        name: np.frombuffer(content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], kinds[kind])
        for name, entry in header.items()
        if name != "__metadata__" and (kind := entry["dtype"])
    }
    return Plain(json.loads(arrays.pop("manifest").tobytes()), arrays)


@pytest.fixture(scope="module")
def plain(sample: Path) -> Plain:
    return read_plainly(sample)


def drawn(plain: Plain, block: dict[str, Any]) -> np.ndarray:
    """What a block says that it draws, [rows, columns], by its own properties and the trace."""
    matrix = np.atleast_2d(plain.array(plain.tensor(block["fp_tensor"]))[tuple(block["fp_index"])])
    ((first_row, last_row),) = block["fp_rows"]
    ((first_column, last_column),) = block["fp_columns"]
    assert 0 <= first_row <= last_row < matrix.shape[0] and 0 <= first_column <= last_column < matrix.shape[1]
    return np.ascontiguousarray(matrix[first_row : last_row + 1, first_column : last_column + 1], np.float32)


# --- blocks


def test_every_block_of_the_layout_is_an_object_with_every_property(built: Built, found: Found) -> None:
    assert found.blocks.keys() == built.layout.by_key.keys()
    for name, block in found.blocks.items():
        assert {key: type(block[key]) for key in PROPERTIES} == PROPERTIES, name
        assert block["fp_kind"] in KINDS and block["fp_role"] in ROLES and block["fp_detail"] == "cells"
        assert found.objects[name]["type"] == "MESH"


def spoilt(plain: Plain, found: Found, arrays: dict[str, np.ndarray]) -> list[str]:
    """Blocks whose shape or numbers are not those of the trace, bit for bit."""
    wrong = []
    for name, block in found.blocks.items():
        matrix = drawn(plain, block)
        shown = arrays[f"value:{name}"]
        if (
            list(matrix.shape) != block["fp_shape"]
            or shown.view(np.uint32).tolist() != matrix.view(np.uint32).ravel().tolist()
        ):
            wrong.append(name)
    return wrong


def test_every_cell_is_the_traces_number_bit_for_bit(plain: Plain, found: Found) -> None:
    assert spoilt(plain, found, found.arrays) == []
    masked = [name for name in found.blocks if np.isneginf(found.arrays[f"value:{name}"]).any()]
    assert masked and all(".masked" in name for name in masked)


def test_one_wrong_bit_is_noticed(plain: Plain, found: Found) -> None:
    name = "value:s0.l1.h1.scores"
    bits = found.arrays[name].copy()
    bits.view(np.uint32)[7] ^= 1
    assert spoilt(plain, found, found.arrays | {name: bits}) == ["s0.l1.h1.scores"]


def test_together_the_blocks_draw_every_weight_whole(plain: Plain, found: Found) -> None:
    """All of a parameter's cells, each once."""
    cells: Counter[str] = Counter()
    for block in found.blocks.values():
        if block["fp_kind"] == "weight":
            cells[block["fp_tensor"]] += block["fp_shape"][0] * block["fp_shape"][1]
    parameters = {t["name"]: int(np.prod(t["shape"])) for t in plain.manifest["tensors"] if t["parameter"]}
    assert cells == parameters
    assert sum(cells.values()) == plain.manifest["model"]["parameters"]


def test_cells_lie_where_the_layout_says(built: Built, found: Found) -> None:
    for key, block in built.layout.by_key.items():
        rows, columns = block.shape
        r, c = np.divmod(np.arange(rows * columns), columns)
        steps = np.outer(r + 0.5, block.row_step) + np.outer(c + 0.5, block.column_step)
        assert np.allclose(found.arrays[f"cells:{key}"], steps + block.origin, rtol=0, atol=2e-4), key


def test_a_step_along_an_axis_is_as_long_as_the_scene_says(plain: Plain, found: Found) -> None:
    pitch = found.words["scene"]["fp_pitch"]
    measured = set()
    for name, block in found.blocks.items():
        axes = plain.tensor(block["fp_tensor"])["axes"]
        rows, columns = block["fp_shape"]
        cells = found.arrays[f"cells:{name}"].reshape(rows, columns, 3)
        if columns > 1:
            axis = axes[-1][-1]
            assert np.linalg.norm(np.diff(cells, axis=1), axis=-1) == pytest.approx(pitch[axis], abs=1e-3), name
            measured.add(axis)
        if rows > 1:
            axis = axes[-2][-1]
            assert np.linalg.norm(np.diff(cells, axis=0), axis=-1) == pytest.approx(pitch[axis], abs=1e-3), name
            measured.add(axis)
    assert measured >= {"token", "key_token", "channel", "key_dim", "value_dim", "neuron", "vocab", "position"}


def overlaps(arrays: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    """Pairs of blocks that share space; a block without a body counts as thin as paper."""
    names = [name.removeprefix("box:") for name in arrays if name.startswith("box:")]
    boxes = np.stack([arrays[f"box:{name}"] for name in names])  # [blocks, 2, 3]
    low, high = boxes[:, 0], boxes[:, 1]
    thin = high - low < 2e-3
    low, high = np.where(thin, low - 1e-3, low), np.where(thin, high + 1e-3, high)
    shared = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])  # [blocks, blocks, 3]
    first, second = np.nonzero(np.triu((shared > 5e-4).all(-1), 1))
    return [(names[a], names[b]) for a, b in zip(first, second, strict=True)]


def test_no_two_blocks_overlap(found: Found) -> None:
    assert overlaps(found.arrays) == []


def test_an_overlap_is_noticed(found: Found) -> None:
    moved = found.arrays["box:s0.l0.w_up"] + [[0.0, 0.0, 0.1]]
    assert ("s0.l0.w_up", "s0.l0.w_down") in overlaps(found.arrays | {"box:s0.l0.w_down": moved})


def test_the_colours_ends_are_true(plain: Plain, found: Found) -> None:
    """Symmetric about zero and within what there is, or 0 to 1 for probabilities; the same for all heads and steps."""
    parts: dict[tuple[int, str], set[tuple[float, float]]] = {}
    largest: dict[tuple[int, str], float] = {}
    for name, block in found.blocks.items():
        part = block["fp_layer"], block["fp_part"]
        parts.setdefault(part, set()).add((block["fp_low"], block["fp_high"]))
        values = found.arrays[f"value:{name}"]
        largest[part] = max(largest.get(part, 0.0), float(np.abs(values[np.isfinite(values)]).max(initial=0)))
    for part, ends in parts.items():
        ((low, high),) = ends
        if part[1] in ("pattern", "probabilities"):
            assert (low, high) == (0, 1)
        else:
            assert low == -high and 0 < high <= max(largest[part] * (1 + 1e-6), 1e-6), part


# --- operations


def test_every_operation_is_one_empty(plain: Plain, found: Found) -> None:
    operations = plain.manifest["operations"]
    assert sorted(found.operations) == [operation["id"] for operation in operations]
    for operation in operations:
        (name,) = found.operations[operation["id"]]
        words = found.objects[name]["properties"]
        assert words["fp_kind"] == operation["kind"]
        assert isinstance(words["fp_start"], float) and isinstance(words["fp_duration"], float)
        if operation["kind"] == "matmul":
            assert words["fp_sweep"] in ("dot", "row", "column", "outer", "all") and words["fp_duration"] > 0


def test_a_block_is_the_child_of_the_operation_that_it_names(found: Found) -> None:
    for name, block in found.blocks.items():
        assert [found.objects[name]["parent"]] == found.operations[block["fp_operation"]], name


def test_blocks_name_the_operation_that_made_or_uses_them(plain: Plain, found: Found) -> None:
    operations = plain.manifest["operations"]
    for name, block in found.blocks.items():
        tensor, operation = plain.tensor(block["fp_tensor"]), operations[block["fp_operation"]]
        if block["fp_kind"] == "weight":
            first = next(o["id"] for o in operations if tensor["id"] in o["inputs"])
            assert operation["id"] == first, name
        elif operation["kind"] == "split":  # keys and values, turned for their multiply
            used = [o for o in operations if o["kind"] == "matmul" and o["right"] == tensor["id"]]
            assert (block["fp_role"] == "right" and used[0]["id"] > operation["id"] == used[0]["id"] - 1) or "v" in name
        else:
            assert tensor["id"] in operation["outputs"], name


def test_every_multiplys_result_hangs_on_it_whole(plain: Plain, found: Found) -> None:
    """For a step's new rows: all columns of all heads."""
    for operation in plain.manifest["operations"]:
        if operation["kind"] != "matmul":
            continue
        (empty,) = found.operations[operation["id"]]
        tensor = next(t for t in plain.manifest["tensors"] if t["id"] == operation["out"])
        mine = [
            block
            for name, block in found.blocks.items()
            if found.objects[name]["parent"] == empty and block["fp_tensor"] == tensor["name"]
        ]
        assert mine and all(block["fp_role"] == "out" for block in mine)
        rows = {tuple(block["fp_rows"][0]) for block in mine}
        ((first, last),) = rows
        assert last == tensor["shape"][-2] - 1 and (first == 0) == (operation["step"] == 0)
        width = sum(block["fp_shape"][1] for block in mine)
        batches = {tuple(block["fp_index"]) for block in mine}
        assert width == tensor["shape"][-1] * len(batches)
        assert len(batches) == int(np.prod(tensor["shape"][:-2]))


def test_times_are_those_of_the_story(built: Built, found: Found) -> None:
    fills = {fill.block: fill for fill in built.story.fills}
    for name, block in found.blocks.items():
        if block["fp_kind"] == "weight":
            assert (block["fp_start"], block["fp_duration"]) == (0, 0)
        else:
            assert block["fp_start"] == pytest.approx(fills[name].start)
            assert block["fp_duration"] == pytest.approx(fills[name].duration)
    for operation in built.layout.operations:
        (name,) = found.operations[operation.operation]
        words = found.objects[name]["properties"]
        made = [fills[key] for key in operation.out if key in fills]
        if made:
            assert words["fp_start"] == pytest.approx(min(f.start for f in made))
            end = words["fp_start"] + words["fp_duration"]
            assert end == pytest.approx(max(f.start + f.duration for f in made))
        if operation.kind == "matmul":
            assert words["fp_sweep"] in {fill.style for fill in made}


def test_what_plays_is_what_the_story_says(built: Built, found: Found) -> None:
    """The properties that the cells' material reads: a use for each step falls on one period."""
    for name, block in found.blocks.items():
        uses = [use for use in built.story.uses if use.block == name]
        start, duration, period, count = block["fp_again"]
        times = [(block["fp_use"][0], block["fp_use"][1])]
        times += [(start + i * period, duration) for i in range(int(count)) if duration > 0]
        if uses:
            assert np.array(times) == pytest.approx(np.array([(u.start, u.duration) for u in uses]), abs=1e-3), name
        else:
            assert times == [(0, 0)]


# --- collections, scene, clock


def names_under(tree: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = set()
    for name, child in tree["children"].items():
        found |= {(*path, name)} | names_under(child, (*path, name))
    return found


def test_collections_nest_as_the_model_does(plain: Plain, found: Found) -> None:
    layers, heads = (plain.manifest["model"]["config"][key] for key in ("n_layer", "n_head"))
    root = ("Forward Pass",)
    wanted: set[tuple[str, ...]] = {root} | {
        (*root, name) for name in ("tokens", "embedding", "output", "labels", "stage")
    }
    wanted.add((*root, "stage", "captions"))
    for layer in range(layers):
        whole = (*root, f"layer {layer}")
        attention = (*whole, f"layer {layer} / attention")
        wanted |= {whole, attention, (*whole, f"layer {layer} / mlp")}
        wanted |= {(*attention, f"layer {layer} / attention / head {head}") for head in range(heads)}
    assert names_under(found.words["collections"]) == wanted
    assert found.words["collections"]["objects"] == []  # everything is under the root


def test_blocks_are_filed_by_layer_and_head(built: Built, found: Found) -> None:
    for name, block in found.blocks.items():
        (place,) = found.objects[name]["collections"]
        layer, head = block["fp_layer"], block["fp_head"]
        if head >= 0:
            assert place == f"layer {layer} / attention / head {head}"
        elif layer >= 0:
            assert place in (f"layer {layer}", f"layer {layer} / attention", f"layer {layer} / mlp")
        else:
            assert place in ("embedding", "output")
        assert (layer, head) == (
            -1 if built.layout.by_key[name].layer is None else built.layout.by_key[name].layer,
            -1 if built.layout.by_key[name].head is None else built.layout.by_key[name].head,
        )


def test_the_scene_says_what_it_is(sample: Path, built: Built, found: Found) -> None:
    scene = found.words["scene"]
    assert scene["fp_version"] == 1
    assert scene["fp_trace"] == f"{sample.name} {hashlib.sha256(sample.read_bytes()).hexdigest()}"
    assert scene["fp_recipe"] == RECIPE
    assert scene["fp_pitch"] == built.layout.pitch
    assert found.words["fps"] == pytest.approx(FPS)


def test_the_scene_keeps_what_is_said_in_it(built: Built, found: Found) -> None:
    kept, told = read_script(found.words["scene"]["fp_script"]), script_of(built.story)
    assert [one.text for one in kept.captions] == [one.text for one in built.story.captions]
    assert [act.name for act in kept.acts] == [act.name for act in built.story.acts]
    for one, other in zip(kept.captions, told.captions, strict=True):
        assert (one.start, one.duration) == pytest.approx((other.start, other.duration), abs=1e-4)
    in_picture = {name for name in found.objects if name.startswith("caption ")}
    collections = {name for item in in_picture for name in found.objects[item]["collections"]}
    assert in_picture and collections == {"captions"}


def test_one_marker_for_each_act(built: Built, found: Found) -> None:
    wanted = [[act.name, 1 + round(act.start * FPS)] for act in built.story.acts]
    assert sorted(found.words["markers"], key=lambda m: m[1]) == wanted


def test_the_clock_runs_with_the_frames(built: Built, found: Found, seconds: tuple[float, ...]) -> None:
    assert found.words["frames"] == [1, 1 + round(built.story.duration * FPS)]
    for moment in found.words["moments"]:
        assert moment["fp_time"] == pytest.approx(moment["second"], abs=0.5 / FPS)
        assert moment["shader"] == pytest.approx(moment["fp_time"], abs=1e-5)
    assert len(found.words["moments"]) == len(seconds)


def test_only_the_clock_is_keyed_and_runs_evenly_through_the_acts(built: Built, found: Found) -> None:
    ((owner, path, keys),) = found.words["keyed"]
    first, last = found.words["frames"]
    assert path == '["fp_time"]' and owner == "Scene"
    assert [key[0] for key in keys] == [*(1 + round(act.start * FPS) for act in built.story.acts), last]
    assert [key[1] for key in keys] == pytest.approx([(key[0] - first) / FPS for key in keys], abs=1e-4)
    assert {key[2] for key in keys} == {"LINEAR"}


def test_drivers_need_no_python(found: Found) -> None:
    drivers = found.words["drivers"]
    assert len(drivers) > 10
    for driver in drivers:
        assert driver["type"] in ("SUM", "AVERAGE", "MIN", "MAX"), driver
        assert driver["variables"] == ["SINGLE_PROP"], driver
        assert driver["valid"], driver
    clocked = [d for d in drivers if d["targets"] == [["Scene", '["fp_time"]']]]
    others = {tuple(map(tuple, d["targets"])) for d in drivers if d not in clocked}
    assert not others
    assert not found.words["autorun"]  # and yet all of them ran


def test_the_file_stands_alone(found: Found) -> None:
    words = found.words
    assert words["leftovers"] == [] and words["libraries"] == [] and words["texts"] == [] and words["handlers"] == []
    assert all(inside for _name, inside in words["fonts"]), words["fonts"]
    (font,) = words["fonts of texts"]
    assert "Noto Sans Math" in font
    assert [name for kind, name in words["everything"] if kind == "Scene"] == ["Scene"]


def test_nothing_is_without_a_user(found: Found) -> None:
    """What nothing uses would not be saved; all objects of the file are in the scene."""
    items = {name for kind, name in found.words["everything"] if kind == "Object"}
    assert items == found.objects.keys()


# --- the camera


def see(moment: dict[str, Any], points: Any) -> np.ndarray:
    """Where points [n, 3] fall in the frame, [n, 3]: x and y from 0 to 1, and whether they are in front (w > 0)."""
    p = np.c_[np.asarray(points), np.ones(len(points))] @ np.array(moment["view"]).T
    return np.stack([(p[:, 0] / p[:, 3] + 1) / 2, (p[:, 1] / p[:, 3] + 1) / 2, p[:, 3]], axis=1)


def test_every_subject_is_in_the_frame(built: Built, found: Found) -> None:
    """When the camera arrives and when it leaves, by Blender's own matrices; level, and not clipped."""
    story = built.story
    ends = [*(shot.start for shot in story.shots[1:]), story.duration]
    for shot, end in zip(story.shots, ends, strict=True):
        for second in (shot.start + shot.move, end):
            moment = found.moment(second)
            assert moment["second"] == pytest.approx(second)
            x, y, depth = see(moment, shot.subject.corners()).T
            assert x.min() >= -1e-3 and x.max() <= 1.001, shot.name
            assert y.min() >= shot.below - 2e-3 and y.max() <= 1, shot.name
            near, far = moment["clip"]
            assert near < depth.min() and depth.max() < far
            right = np.array(moment["world"])[:3, 0]
            assert right[2] == pytest.approx(0, abs=1e-5)  # no roll


def test_a_subject_fills_a_good_part_of_the_frame(built: Built, found: Found) -> None:
    for shot in built.story.shots:
        x, y, _depth = see(found.moment(shot.start + shot.move), shot.subject.corners()).T
        assert max(np.ptp(x) / (1 - shot.aside), np.ptp(y) / (1 - 0.10 - shot.below)) > 0.85, shot.name


def test_the_camera_moves_with_the_clock(built: Built, found: Found) -> None:
    shots = built.story.shots
    back = {i for i in range(1, len(shots)) if shots[i - 1].within == shots[i].subject}  # from a close-up, to the whole
    places = [found.moment(s.start + s.move)["world"] for i, s in enumerate(shots) if i not in back]
    assert len({tuple(np.round(np.ravel(place), 3)) for place in places}) >= len(places) - 2


def test_overlays_fill_the_frame_whatever_the_lens(built: Built, found: Found) -> None:
    """Their units are frame heights: (0, 0.5) is the middle of the upper edge, whatever the camera does."""
    wide = SIZE[0] / SIZE[1] / 2
    corners = np.array([[0, 0, 0, 1], [0, 0.5, 0, 1], [wide, -0.5, 0, 1], [-wide, 0.5, 0, 1]])
    for moment in found.words["moments"]:
        world = corners @ np.array(moment["overlays"]).T
        seen = see(moment, world[:, :3])
        assert seen[:, :2] == pytest.approx(np.array([[0.5, 0.5], [0.5, 1], [1, 0], [0, 1]]), abs=2e-3)
        assert (seen[:, 2] > moment["clip"][0]).all()


def test_overlays_stay_inside_the_frame_and_off_each_other(found: Found) -> None:
    """Captions, formulas, the running text, legends: never over the edge, and no two kinds in one place at a time."""
    wide = SIZE[0] / SIZE[1] / 2
    shown = []
    for name, (left, right, bottom, top, start, duration) in found.words["overlays"].items():
        assert -wide < left <= right < wide and -0.5 < bottom <= top < 0.5, name
        end = start + (duration or np.inf)
        kind = name.split()[0].replace("subtitle", "title").replace("running", "token")
        shown.append((kind, name, left, right, bottom, top, start, end))
    assert {entry[0] for entry in shown} >= {
        "caption",
        "chapter",
        "formula",
        "legend",
        "map",
        "shapes",
        "title",
        "token",
    }
    for i, (kind, name, *a) in enumerate(shown):
        for other, second, *b in shown[i + 1 :]:
            if kind != other:
                shared = [min(a[k + 1], b[k + 1]) - max(a[k], b[k]) for k in (0, 2, 4)]
                assert shared[0] < 0.003 or shared[1] < 0.003 or shared[2] < 0.1, (name, second)


def test_building_tells_how_far_it_is(built: Built) -> None:
    shares = [share for _what, share in built.progress]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 20
    assert all(what for what, _share in built.progress)
