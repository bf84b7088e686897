# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces checked from the file alone: what is right passes, every sort of damage is found, and what cannot be checked
is named."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core import trace_recompute
from forward_pass.core.trace import Map, Part, Trace
from forward_pass.core.trace_consistency import consistency
from forward_pass.core.trace_findings import Check, Finding, Verification
from forward_pass.core.trace_manifest import BufferSource, ExternalSource, PooledSource
from forward_pass.core.trace_recompute import Difference, multiply, pieces
from forward_pass.core.trace_verify import verify

from .making import Maker, checkpoint, halves

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "CBABBC.trace.safetensors"
RANDOM = np.random.default_rng(3)


def wrong(trace: Trace) -> dict[str, list[Finding]]:
    """What was found wrong, by the title of the check."""
    return {check.title: list(check.wrong) for check in verify(trace).checks if check.wrong}


# The sample, and what can be done to it.


def test_the_sample_is_right() -> None:
    result = verify(Trace.open(SAMPLE))
    assert result.ok and result.complete
    counts = {check.title: check.checked for check in result.checks}
    assert counts["multiplies"] == counts["multiplies witnessed"] == 114
    assert (counts["embeddings"], counts["softmaxes"]) == (12, 24)
    assert counts["sums, products, scales"] == 6 * (1 + 3 * 3)  # embed; two residuals and a scale in a layer
    (multiplies,) = [check for check in result.checks if check.title == "multiplies"]
    worst = max(one.max_error or 0.0 for one in Trace.open(SAMPLE).operations)
    assert multiplies.worst == pytest.approx(worst, rel=1e-6)
    assert result.lines()[0].endswith("114 checked, 0 wrong, largest relative error 6.4e-07")
    assert result.lines()[-1] == "Nothing is wrong."


def copy(path: Path) -> tuple[bytearray, dict[str, Any], int]:
    """The sample's bytes, its header, and where its buffers begin."""
    content = bytearray(SAMPLE.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    return content, json.loads(content[8:start]), start


def with_manifest(path: Path, change: Callable[[dict[str, Any]], object]) -> Trace:
    """The sample with another manifest."""
    content, header, start = copy(path)
    begin, end = header["manifest"]["data_offsets"]
    words = json.loads(content[start + begin : start + end])
    change(words)
    manifest = json.dumps(words).encode()
    header["manifest"] = {"dtype": "U8", "shape": [len(manifest)], "data_offsets": [begin, begin + len(manifest)]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[start : start + begin] + manifest)
    return Trace.open(path)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("transformer.h.1.attn.c_attn", "multiplies"),
        ("transformer.h.2.attn.scores", "multiplies"),
        ("transformer.h.0.ln_1", "multiplies"),  # which takes it in
        ("transformer.h.0.mlp.gelu", "multiplies"),
        ("transformer.h.1.attn.scale", "sums, products, scales"),
        ("transformer.h.1.attn.mask", "masks"),
        ("transformer.h.1.attn.softmax", "softmaxes"),
        ("transformer.h.2.mlp_residual", "sums, products, scales"),
        ("transformer.wpe", "embeddings"),
        ("probabilities", "softmaxes"),
    ],
)
def test_a_changed_element_is_found(tmp_path: Path, name: str, title: str) -> None:
    """One number, by a thousandth of the largest in its tensor."""
    path = tmp_path / "changed.trace.safetensors"
    content, header, start = copy(path)
    one = Trace.open(SAMPLE).tensor(f"step2.{name}")
    assert isinstance(one.source, BufferSource)
    place = start + header[one.source.buffer]["data_offsets"][0] + 4 * one.source.offset
    number = np.frombuffer(content, "<f4", 1, place) + np.float32(one.stats.absmax / 1000)
    content[place : place + 4] = number.astype("<f4").tobytes()
    path.write_bytes(content)
    found = wrong(Trace.open(path))
    assert title in found and {finding.step for finding in found[title]} == {2}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("step1.transformer.h.0.attn.q", "multiplies"),
        ("step1.transformer.h.0.attn.softmax", "softmaxes"),
        ("transformer.h.1.attn.c_proj.weight", "multiplies"),
        ("step0.transformer.h.0.mlp.gelu", "multiplies"),
        ("step0.transformer.h.1.attn_residual", "sums, products, scales"),
        ("step0.transformer.wte", "embeddings"),
    ],
)
def test_a_swapped_axis_is_found(tmp_path: Path, name: str, title: str) -> None:
    """Strides of the last two dimensions exchanged, which for some shapes stays inside the buffer."""

    def swap(words: dict[str, Any]) -> None:
        (one,) = (tensor for tensor in words["tensors"] if tensor["name"] == name)
        one["source"]["strides"][-2:] = one["source"]["strides"][:-3:-1]
        rows, columns = one["shape"][-2:]
        more = (rows - 1) * one["source"]["strides"][-2] + (columns - 1) * one["source"]["strides"][-1]
        assert more <= rows * columns * 100

    try:
        trace = with_manifest(tmp_path / "swapped.trace.safetensors", swap)
    except Exception as error:
        assert "reaches beyond its buffer" in str(error)
        return
    assert title in wrong(trace)


def test_axes_that_changed_their_names_are_found(tmp_path: Path) -> None:
    def rename(words: dict[str, Any]) -> None:
        for one in words["tensors"]:
            if one["name"] in ("step3.transformer.h.1.ln_1", "step2.lm_head"):
                one["axes"][-2:] = one["axes"][:-3:-1]

    found = wrong(with_manifest(tmp_path / "renamed.trace.safetensors", rename))
    (findings,) = found.values()
    assert [finding.name for finding in findings] == ["lm_head"] * 2 + ["transformer.h.1.attn.c_attn"] * 2
    assert findings[0].says == "its rows are called 'token' and 'vocab'"


def drop(words: dict[str, Any], name: str, step: int, tidy: bool) -> None:
    """Takes an operation out, and closes the gap that it leaves; `tidy` in the ranges of modules too."""
    ids = {(one["name"], one["step"]): one["id"] for one in words["operations"]}
    gone = ids[name, step]
    del words["operations"][gone]
    for index, one in enumerate(words["operations"]):
        one["id"] = index
    for module in list(words["modules"]):
        first, last = module["operations"]
        if not tidy:
            module["operations"] = [min(first, len(words["operations"]) - 1), min(last, len(words["operations"]) - 1)]
        elif first == last == gone:
            words["modules"].remove(module)
        else:
            module["operations"] = [first - (first > gone), last - (last >= gone)]


@pytest.mark.parametrize("tidy", [True, False])
@pytest.mark.parametrize(
    "name",
    ["transformer.h.1.attn.c_attn", "transformer.h.1.attn.scores", "lm_head"]
    + ["transformer.h.0.ln_1", "transformer.h.2.attn.softmax", "transformer.h.0.attn.mask", "transformer.h.1.mlp.gelu"]
    + ["transformer.h.1.attn_residual", "transformer.h.2.mlp_residual", "transformer.h.0.attn.merge"]
    + ["transformer.wte", "transformer.wpe", "transformer.embed", "transformer.h.2.attn.scale"]
    + ["probabilities", "sample", "transformer.ln_f"],
)
def test_a_dropped_operation_is_found(tmp_path: Path, name: str, tidy: bool) -> None:
    trace = with_manifest(tmp_path / "dropped.trace.safetensors", lambda words: drop(words, name, 1, tidy))
    assert len(trace.operations) == len(Trace.open(SAMPLE).operations) - 1
    found = wrong(trace)
    assert found
    multiply = name.rsplit(".", 1)[-1] in ("c_attn", "scores", "lm_head")
    assert ("multiplies witnessed" in found) == multiply  # counted anew, whatever the file says was captured
    assert ("modules that hold their operations" in found) != tidy
    if multiply:
        says = found["multiplies witnessed"][0].says
        assert says == "114 were run, 114 captured, and 113 are in the file"
    assert {finding.step for findings in found.values() for finding in findings} == {1} or multiply or not tidy


def test_every_single_operation_is_missed(tmp_path: Path) -> None:
    """Each of a step in turn, with everything else put in order. A split is only a view of what was before it."""
    trace = Trace.open(SAMPLE)
    missed = [
        one.kind
        for one in trace.operations
        if one.step == 2 and all(not check.wrong for check in consistency(without(trace, one.id)))
    ]
    assert set(missed) <= {"split"} and len(missed) <= 3


def without(trace: Trace, gone: int) -> Trace:
    """The trace without an operation, with all numbers of others as if it had never been."""
    kept = [one for one in trace.operations if one.id != gone]
    modules = [
        dataclasses.replace(module, operations=(first - (first > gone), last - (last >= gone)))
        for module in trace.modules
        for first, last in [module.operations]
        if not first == last == gone
    ]
    operations = tuple(dataclasses.replace(one, id=index) for index, one in enumerate(kept))
    return Trace(trace.path, dataclasses.replace(trace.manifest, operations=operations, modules=tuple(modules)), {})


def test_a_witness_that_counted_more_is_wrong(tmp_path: Path) -> None:
    def more(words: dict[str, Any]) -> None:
        words["witness"]["aten_matmuls"] += 1

    found = wrong(with_manifest(tmp_path / "more.trace.safetensors", more))
    assert found["multiplies witnessed"][0].says == "115 were run, 114 captured, and 114 are in the file"


# Traces made for the purpose.


def faults(trace: Trace) -> dict[str, list[Finding]]:
    """As `wrong`, of a trace of a few operations, which begins with no embedding."""
    return {title: found for title, found in wrong(trace).items() if title != "steps that look up their tokens"}


def product(made: Maker, dtype: str = "F32", **more: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A multiply with all that it can have: [1, 3, 5, 4] @ [2, 1, 4, 6] * 0.5 + [6]."""
    shapes = (1, 3, 5, 4), (2, 1, 4, 6), (6,)
    left, right, bias = (RANDOM.normal(size=shape).astype(np.float32) for shape in shapes)
    if dtype == "BF16":
        left, right, bias = ((halves(one).astype(np.uint32) << 16).view(np.float32) for one in (left, right, bias))
    out = (0.5 * (left.astype(float) @ right) + bias).astype(np.float32)
    stored = halves if dtype == "BF16" else np.asarray
    left_key, right_key = (made.tensor(f"step0.{i}", stored(x), dtype=dtype) for i, x in enumerate((left, right)))
    bias_key = made.tensor("bias", stored(bias), dtype=dtype, parameter="bias")
    out_key = made.tensor("step0.out", stored(out), dtype=dtype)
    made.multiply("linear", left_key, right_key, out_key, bias_key, scale=0.5, **more)
    return left, right, out


def test_pieces_of_any_size_come_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Maker()
    product(made)
    trace = made.write(tmp_path / "product.trace.safetensors")
    whole = multiply(trace, trace.operations[0])
    assert 0 < whole < 1e-6
    for limit in (1, 30, 100, 300):
        monkeypatch.setattr(trace_recompute, "LIMIT", limit)
        assert multiply(trace, trace.operations[0]) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("limit", [1, 7, 24, 1000])
def test_pieces_cover_a_shape_once(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_recompute, "LIMIT", limit)
    seen = np.zeros((3, 4, 5), int)
    for spans in pieces(seen.shape, lambda spans: int(np.prod([b - a for a, b in spans])), whole=(1,)):
        part = seen[tuple(slice(*span) for span in spans)]
        assert part.shape[1] == 4 and (part.size <= limit or part.size == 4)
        part += 1
    assert (seen == 1).all()


def test_rounding_to_the_type_of_the_result_is_no_error(tmp_path: Path) -> None:
    made = Maker()
    product(made, "BF16")
    trace = made.write(tmp_path / "half.trace.safetensors")
    assert not faults(trace)
    cut = multiply(trace, trace.operations[0])  # cutting is up to twice as far off as rounding
    assert 0 < cut < 2.0**-8


def test_a_difference_counts_only_where_all_is_finite() -> None:
    for found, wanted, error in (
        ([1.0, np.inf], [1.0, np.inf], 0.0),
        ([np.nan, 2.0], [np.nan, 2.0], 0.0),
        ([1.0, -np.inf], [1.0, np.inf], np.nan),
        ([1.0, 2.0], [1.0, np.inf], np.nan),
        ([1.0, np.nan], [1.0, 2.0], np.nan),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([1.0, 3.0], [1.0, 4.0], 0.25),
    ):
        difference = Difference("F32")
        difference.add(np.array(found, np.float32), np.array(wanted))
        np.testing.assert_equal(difference.relative, error)


def test_what_cannot_be_recomputed_is_counted_and_named(tmp_path: Path) -> None:
    made = Maker()
    x, out = made.tensor("step0.x", np.ones((1, 3))), made.tensor("step0.out", np.full((1, 2), 3.0))
    small = made.tensor("map", np.ones((1, 1)))
    pooled = made.refer("pooled", (3, 2), PooledSource(small, "mean", (3, 2)), maps=(Map("mean", small, (3, 2)),))
    path = str(tmp_path / "gone" / "m.safetensors")
    away = made.refer("away", (3, 2), ExternalSource(path, "w", (2, 1)), parameter="away")
    there = made.tensor("there", np.ones((3, 2)), parameter="there")
    made.multiply("by_pooled", x, pooled, out, exact=False)
    made.multiply("by_external", x, away, out)
    made.multiply("inexact", x, there, out, exact=False, max_error=0.5)
    made.multiply("right", x, there, out)
    made.operation("softmax", "nothing_kept", [x], [])
    trace = made.write(tmp_path / "parts.trace.safetensors")
    result = verify(trace)
    assert not faults(trace) and not result.complete
    multiplies, softmaxes = (check for check in result.checks if check.title in ("multiplies", "softmaxes"))
    assert multiplies.checked == 1 and softmaxes.checked == 0
    assert {one.name: one.says.split(": ")[-1] for one in multiplies.unchecked} == {
        "by_pooled": "only a map of it was kept",
        "by_external": "The trace parts.trace.safetensors does not hold the numbers of away, "
        f"and the model file {path}, which does, is not there",
        "inexact": "the tracer says that it is not exact",
    }
    assert [one.says for one in softmaxes.unchecked] == ["no result of it was kept"]
    lines = result.lines()
    assert lines[0].endswith("1 checked, 0 wrong, 3 not, largest relative error 0.0e+00")
    assert sum("not checked: step 0" in line for line in lines) == 4
    assert lines[-1] == "1 wrong; 4 could not be checked."  # no embedding
    checkpoint(tmp_path / "m.safetensors", {"w": (np.ones((3, 2), np.float32), "F32")})
    assert "by_external" not in {one.name for one in verify(Trace.open(trace.path)).checks[0].unchecked}


def test_a_weight_of_another_checkpoint_is_found(tmp_path: Path) -> None:
    made = Maker()
    x, out = made.tensor("step0.x", np.ones((1, 3))), made.tensor("step0.out", np.full((1, 2), 3.0))
    w = made.refer("w", (3, 2), ExternalSource("m.safetensors", "w", (2, 1)), parameter="w")
    made.multiply("linear", x, w, out)
    trace = made.write(tmp_path / "x.trace.safetensors")
    weight = np.ones((3, 2), np.float32)
    for factor, ok in ((1.0, True), (1.001, False)):
        checkpoint(tmp_path / "m.safetensors", {"w": (weight * np.float32(factor), "F32")})
        assert bool(faults(Trace.open(trace.path))) != ok


def attention(made: Maker, axis: int, rows: np.ndarray, **more: Any) -> None:
    """A softmax over an axis, with its maximum and sum."""
    with np.errstate(all="ignore"):
        largest = rows.max(axis, keepdims=True)
        powers = np.exp(rows - largest)
        total = powers.sum(axis, keepdims=True)
        keys = [made.tensor(f"step0.{i}", x) for i, x in enumerate((rows, powers / total, largest, total))]
    made.operation("softmax", "softmax", keys[:1], keys[1:], **more)


def test_a_softmax_is_over_the_axis_that_its_maximum_tells(tmp_path: Path) -> None:
    for axis in (0, 1, 2):
        made = Maker()
        attention(made, axis, RANDOM.normal(size=(3, 4, 5)))
        trace = made.write(tmp_path / "s.trace.safetensors")
        checked = {check.title: check.checked for check in verify(trace).checks}
        assert not faults(trace) and checked["softmaxes"] == 1


def test_a_row_of_which_a_mask_leaves_nothing_is_no_error(tmp_path: Path) -> None:
    rows = RANDOM.normal(size=(1, 3, 4))
    rows[0, 1] = -np.inf
    rows[0, 2, 1:] = -np.inf
    made = Maker()
    attention(made, 2, rows)
    trace = made.write(tmp_path / "masked.trace.safetensors")
    assert np.isnan(trace.array("step0.1")[0, 1]).all() and not faults(trace)


def test_a_softmax_that_does_not_sum_to_one_is_found(tmp_path: Path) -> None:
    made = Maker()
    x = made.tensor("x", [[0.0, 0.0, 0.0]])
    made.operation("softmax", "softmax", [x], [made.tensor("out", [[1 / 3, 1 / 3, 0.32]])])
    says = [one.says for one in wrong(made.write(tmp_path / "s.trace.safetensors"))["softmaxes"]]
    assert says == [
        "relative error 4.0e-02, at most 1e-05",
        "the sum of a row is away from one by 1.3e-02, at most 4e-05",
    ]


def test_a_mask_changes_only_what_it_masks(tmp_path: Path) -> None:
    least = float(np.finfo(np.float32).min)
    for out, ok in (
        ([[1, -np.inf], [3, 4]], True),
        ([[1, least], [3, 4]], True),
        ([[1, -1e4], [3, 4]], True),
        ([[1, 0], [3, 4]], True),
        ([[1, -np.inf], [3, 5]], False),
        ([[1, np.nan], [3, 4]], False),
    ):
        made = Maker()
        made.operation("mask", "mask", [made.tensor("x", [[1, 2], [3, 4]])], [made.tensor("out", out)])
        assert bool(faults(made.write(tmp_path / "mask.trace.safetensors"))) != ok, out


@pytest.mark.parametrize(
    ("kind", "out", "ok"),
    [
        ("add", [[11, 22], [13, 24]], True),
        ("add", [[11, 22], [13, 25]], False),
        ("mul", [[10, 40], [30, 80]], True),
        ("mul", [[10, 40], [80, 30]], False),
    ],
)
def test_sums_and_products_are_those_of_their_inputs(tmp_path: Path, kind: str, out: Any, ok: bool) -> None:
    made = Maker()
    keys = made.tensor("a", [[1, 2], [3, 4]]), made.tensor("b", [10, 20])
    made.operation(kind, kind, list(keys), [made.tensor("out", out)])
    assert bool(faults(made.write(tmp_path / "sum.trace.safetensors"))) != ok


def test_a_sum_of_another_shape_is_found(tmp_path: Path) -> None:
    made = Maker()
    keys = made.tensor("a", np.ones((2, 3))), made.tensor("b", np.ones((2, 3)))
    made.operation("add", "add", list(keys), [made.tensor("out", np.ones((3, 2)))])
    found = wrong(made.write(tmp_path / "sum.trace.safetensors"))
    assert found["sums, products, scales"][0].says == "its result does not have the shape it should"


def test_rows_that_are_not_those_of_the_table_are_found(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    for ids, out, says in (
        ([[2, 0]], table[[[2, 0]]], None),
        ([[2, 1]], table[[[2, 0]]], "1 rows are not those of the table"),
        ([[2, 4]], table[[[2, 0]]], "1 rows are not those of the table"),
        ([[2, -4]], table[[[2, 0]]], "1 rows are not those of the table"),
    ):
        made = Maker()
        keys = made.tensor("ids", np.array(ids), dtype="I64"), made.tensor("table", table, parameter="table")
        made.operation("embedding", "wte", list(keys), [made.tensor("out", out)])
        found = wrong(made.write(tmp_path / "e.trace.safetensors"))
        assert [one.says for one in found.get("embeddings", [])] == ([] if says is None else [says])


def test_multiplies_inside_of_others_are_counted(tmp_path: Path) -> None:
    made = Maker()
    x = made.tensor("x", [[1.0]])
    inside = (Part("matmul", "freqs", (), ()), Part("sin", "sin", (), ()))
    made.operation("rotary", "rotary", [x], [made.tensor("out", [[1.0]])], parts=inside)
    made.multiplies = 1
    trace = made.write(tmp_path / "r.trace.safetensors")
    assert not faults(trace)


def test_a_module_that_several_share_holds_its_operations(tmp_path: Path) -> None:
    trace = with_manifest(tmp_path / "shared.trace.safetensors", share)
    assert wrong(trace) == {}


def share(words: dict[str, Any]) -> None:
    """As where every layer has the same activation module: its path is that in the first layer."""
    for one in (*words["operations"], *words["modules"]):
        key = "path" if "path" in one else "module"
        if one[key].endswith(".mlp.gelu") or one[key].endswith(".ln_2"):
            one[key] = one[key].replace("h.1", "h.0").replace("h.2", "h.0")


def test_a_result_that_only_one_layer_does_not_use_is_found(tmp_path: Path) -> None:
    for unused, says in (({1}, ["h.1.v"]), ({0, 1, 2}, []), (set(), [])):
        made = Maker()
        x = made.tensor("x", [[1.0]])
        for layer in range(3):
            v = made.tensor(f"v{layer}", [[1.0]])
            made.operation("scale", f"h.{layer}.v", [x], [v], scale=1.0, layer=layer)
            if layer not in unused:
                made.operation("gelu", f"h.{layer}.gelu", [v], [x], layer=layer)
        made.tensor("logits", [[1.0]])
        found = faults(made.write(tmp_path / "use.trace.safetensors"))
        assert [one.name for one in found.get("results taken in", [])] == says


def test_many_findings_are_cut_short_in_words() -> None:
    findings = tuple(Finding(0, f"m{i}", "is off") for i in range(40))
    result = Verification((Check("multiplies", 50, 0.5, findings, ()),))
    lines = result.lines()
    assert len(lines) == 1 + 12 + 1 + 1 and lines[-2] == "  WRONG: and 28 more" and lines[-1] == "40 wrong."
    assert dataclasses.replace(result.checks[0], wrong=()).wrong == () and not result.ok


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = shutil.copy(SAMPLE, tmp_path)
    verify(Trace.open(path), lambda done, total: told.append((done, total)))
    assert told[0] == (1, len(told)) and told[-1] == (len(told), len(told))
