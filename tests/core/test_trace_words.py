# SPDX-License-Identifier: GPL-3.0-or-later
"""The additions to the manifest: written, read, left out where there is nothing, and refused where they do not fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Composite, Cut, Map, Part, Step, Trace
from forward_pass.core.trace_check import check
from forward_pass.core.trace_manifest import ExternalSource, ManifestError, PooledSource
from forward_pass.core.trace_words import from_words, to_words

from .making import Maker

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "CBABBC.trace.safetensors"
GRID = np.arange(35, dtype=np.float32).reshape(5, 7)


def everything() -> Maker:
    """One of every addition: a matrix known by two maps and a crop, one in a file of its own, a norm of parts."""
    made = Maker()
    mean = made.tensor("mean", np.zeros((3, 2)))
    absmax = made.tensor("absmax", np.ones((3, 2)))
    crop = made.tensor("crop", GRID[1:3, 2:6])
    made.refer(
        "step0.big",
        (5, 7),
        PooledSource(absmax, "absmax", (2, 4)),
        aliases=("blocks.0.hook_big", "big.of.old"),
        maps=(Map("mean", mean, (2, 4)), Map("absmax", absmax, (2, 4))),
        crops=(Cut(crop, (1, 2), (2, 5)),),
    )
    made.refer("weight", (4, 2), ExternalSource("/models/a.safetensors", "w", (1, 4), 3), parameter="weight")
    x, left = made.tensor("step0.x", np.ones((1, 3, 4))), made.tensor("step0.left", np.ones((1, 1, 4)))
    out = made.tensor("step0.out", np.ones((1, 1, 2)))
    top, ids = made.tensor("top", np.ones((1, 2))), made.tensor("ids", np.array([[1, 0]]), dtype="I64")
    parts = (Part("square", "norm.square", (x,), ()), Part("root", "norm.root", (), (left,)))
    made.operation("rms_norm", "norm", [x], [left], parts=parts, seconds=0.5)
    rows: dict[str, Any] = {"checked": 1, "seconds": 0.25, "rows": (2, 2), "of_rows": 3}
    made.multiply("lm_head", left, 4, out, **rows)
    made.composites.append(Composite("head", "the head", "", 3, 0, (("norm", 0), ("logits", 1)), (x,), (out,)))
    made.steps = (Step(0, 0, (0, 0), out, 1, top, ids),)
    return made


def words() -> dict[str, Any]:
    """The manifest of everything, as JSON gives it back."""
    made = everything()
    manifest = made.manifest(also="other.trace.safetensors")
    found: dict[str, Any] = json.loads(json.dumps(to_words(manifest)))
    return found


def checked(words: dict[str, Any]) -> None:
    """Reads and checks a manifest of everything."""
    buffers = {f"b{i}": (dtype, numbers.size + 8) for i, (numbers, dtype) in enumerate(everything().buffers)}
    check(from_words(words), buffers)


def test_everything_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = everything()
    trace = made.write(tmp_path / "all.trace.safetensors", also="other.trace.safetensors")
    assert trace.manifest == made.manifest(also="other.trace.safetensors")
    assert trace.also == tmp_path / "other.trace.safetensors"


def test_the_keys_are_those_of_the_format() -> None:
    found = words()
    big, weight, norm, head = found["tensors"][3], found["tensors"][4], found["operations"][0], found["operations"][1]
    assert big["aliases"] == ["blocks.0.hook_big", "big.of.old"]
    assert big["maps"][0] == {"how": "mean", "tensor": 0, "block": [2, 4]}
    assert big["crops"] == [{"tensor": 2, "rows": [1, 2], "columns": [2, 5]}]
    assert weight["source"] == {"external": "/models/a.safetensors", "key": "w", "strides": [1, 4], "offset": 3}
    assert norm["parts"][0] == {"kind": "square", "name": "norm.square", "inputs": [5], "outputs": []}
    assert {key: head[key] for key in ("checked", "seconds", "rows", "of_rows")} == {
        "checked": 1, "seconds": 0.25, "rows": [2, 2], "of_rows": 3,
    }  # fmt: skip
    assert found["composites"] == [
        {
            "kind": "head", "name": "the head", "module": "", "layer": 3, "step": 0,
            "parts": [{"role": "norm", "operation": 0}, {"role": "logits", "operation": 1}],
            "inputs": [5], "outputs": [7],
        }
    ]  # fmt: skip
    assert (found["steps"][0]["top_values"], found["steps"][0]["top_ids"], found["also"]) == (
        8, 9, "other.trace.safetensors",
    )  # fmt: skip


def test_a_trace_without_additions_has_none_of_their_keys() -> None:
    manifest = Trace.open(SAMPLE).manifest
    written = json.loads(json.dumps(to_words(manifest)))
    names = {
        key
        for ones in ([written], *(written[name] for name in ("tensors", "operations", "steps")))
        for one in ones
        for key in one
    }
    additions = {"aliases", "maps", "crops", "parts", "checked", "seconds", "rows", "of_rows", "top_values", "top_ids"}
    assert not names & (additions | {"composites", "also"})
    assert all("offset" not in one["source"] or "buffer" in one["source"] for one in written["tensors"])
    assert from_words(written) == manifest


def test_a_tensor_is_found_by_every_name_it_has(tmp_path: Path) -> None:
    made = Maker()
    made.tensor("step0.a", [0.0], aliases=("blocks.0.a", "b"))
    made.tensor("step1.a", [1.0], aliases=("step1.blocks.0.a",))
    made.tensor("step0.b", [2.0])
    trace = made.write(tmp_path / "names.trace.safetensors")
    wanted: dict[str | int, int] = {
        "step0.a": 0,
        "a": 0,
        "blocks.0.a": 0,
        "step1.a": 1,
        "step1.blocks.0.a": 1,
        "step0.b": 2,
        2: 2,
    }
    assert {key: trace.tensor(key).id for key in wanted} == wanted
    assert all(key in trace for key in wanted) and "blocks.1.a" not in trace
    assert trace.tensor("b").id == 0  # an alias goes before what is only a name cut short


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m["tensors"][5].update(aliases=["big.of.old"]), "two tensors have the name 'big.of.old'"),
        (lambda m: m["tensors"][5].update(aliases=["weight"]), "two tensors have the name 'weight'"),
        (lambda m: m["tensors"][5].update(aliases="weight"), "no proper 'aliases'"),
        (lambda m: m["tensors"][3]["maps"][0].update(tensor=7), "names tensor 7, which is not there"),
        (lambda m: m["tensors"][3]["maps"][0].update(block=[2, 3]), "the map 'mean' is not one of 'step0.big'"),
        (lambda m: m["tensors"][3]["maps"][0].update(block=[2]), "the map 'mean' is not one of 'step0.big'"),
        (lambda m: m["tensors"][3]["maps"][0].update(block=[0, 4]), "the map 'mean' is not one of 'step0.big'"),
        (lambda m: m["tensors"][3]["maps"][1].pop("how"), "maps[1] of tensors[3] has no proper 'how'"),
        (lambda m: m["tensors"][3]["crops"][0].update(rows=[0, 2]), "the crop 'crop' is not one of 'step0.big'"),
        (lambda m: m["tensors"][3]["crops"][0].update(columns=[4, 7]), "the crop 'crop' is not one of 'step0.big'"),
        (lambda m: m["tensors"][3]["crops"][0].update(columns=[5, 2]), "the crop 'crop' is not one of 'step0.big'"),
        (lambda m: m["tensors"][4]["source"].update(strides=[1]), "2 dimensions and 1 strides"),
        (lambda m: m["tensors"][4]["source"].update(offset=-1), "'offset' of 'source' of tensors[4] is not a proper"),
        (lambda m: m["operations"][0]["parts"][1].update(outputs=[99]), "'norm' names tensor 99"),
        (lambda m: m["operations"][1].update(rows=[1, 2]), "'lm_head' does not have the rows it says"),
        (lambda m: m["operations"][1].update(rows=[3, 3]), "range 3 to 3 out of 3"),
        (lambda m: m["operations"][1].pop("of_rows"), "range 2 to 2 out of 0"),
        (lambda m: m["operations"][1].update(seconds=True), "no proper 'seconds'"),
        (lambda m: m["steps"][0].update(top_ids=None), "the largest logits of step 0"),
        (lambda m: m["steps"][0].update(top_values=0), "the largest logits of step 0"),
        (lambda m: m["steps"][0].update(top_values=44), "names tensor 44"),
        (lambda m: m["composites"][0]["parts"][0].update(operation=2), "names operation 2, which is not there"),
        (lambda m: m["composites"][0].update(inputs=[44]), "'the head' names tensor 44"),
        (lambda m: m["composites"][0].update(step=1), "a step that is not there"),
        (lambda m: m.update(also="../other"), "not that of a file"),
        (lambda m: m.update(also=""), "not that of a file"),
    ],
)
def test_an_addition_that_cannot_be_is_refused_with_its_reason(change: Change, says: str) -> None:
    checked(words())
    found = words()
    change(found)
    with pytest.raises(ManifestError) as raised:
        checked(found)
    assert says in str(raised.value)


def test_a_vector_may_have_a_map_of_one_row(tmp_path: Path) -> None:
    made = Maker()
    absmax = made.tensor("map", np.ones((1, 3)))
    made.refer("long", (9,), PooledSource(absmax, "absmax", (1, 4)), maps=(Map("absmax", absmax, (1, 4)),))
    assert made.write(tmp_path / "vector.trace.safetensors").map("long").shape == (1, 3)


def test_maps_and_crops_are_given_by_the_name_of_what_they_are_of(tmp_path: Path) -> None:
    made = everything()
    trace = made.write(tmp_path / "maps.trace.safetensors")
    np.testing.assert_array_equal(trace.map("big", "mean"), np.zeros((3, 2)))
    np.testing.assert_array_equal(trace.map("blocks.0.hook_big"), np.ones((3, 2)))
    np.testing.assert_array_equal(trace.crop("big", (1, 2), (2, 5)), GRID[1:3, 2:6])
    np.testing.assert_array_equal(trace.crop("big", (2, 2), (3, 4)), GRID[2:3, 3:5])
    np.testing.assert_array_equal(trace.crop("crop", (0, 1), (1, 1)), GRID[1:3, 3:4])  # out of a tensor that is whole
    with pytest.raises(UserError, match=r"no map 'max' of step0\.big; those there are: mean, absmax"):
        trace.map("big", "max")
    with pytest.raises(UserError, match=r"no map 'mean' of step0\.x; it has none"):
        trace.map("x", "mean")
    with pytest.raises(
        UserError, match=r"does not hold the numbers of step0\.big: only a map of it was kept"
    ) as raised:
        trace.crop("big", (0, 1), (2, 5))
    assert "--keep step0.big" in raised.value.hint
    with pytest.raises(UserError, match="has the shape 2 by 4, and something beyond it was asked for"):
        trace.crop("crop", (0, 2), (0, 0))
    line = Maker()
    line.tensor("line", [1.0])
    with pytest.raises(UserError, match="without rows and columns"):
        line.write(tmp_path / "line.trace.safetensors").crop("line", (0, 0), (0, 0))
