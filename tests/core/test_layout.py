# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of a real trace: every number of it in its place, every operation with its blocks."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.layout import PARTS, Bounds, Layout, lay_out
from forward_pass.core.layout_parts import GPT2


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


def matrix(trace, block) -> np.ndarray:
    """The numbers that a block draws, [rows, columns]."""
    values = np.atleast_2d(trace.array(block.tensor)[block.index])
    return values[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1]


def without(trace, name=None, **changes):
    """A trace that lacks an operation or differs in a field; only what a layout reads."""
    operations = tuple(o for o in trace.operations if name is None or o.name != name)
    fields = {"operations": operations, "tokens": trace.tokens, "steps": trace.steps, "model": trace.model}
    return SimpleNamespace(**(fields | changes), tensor=trace.tensor, array=trace.array, piece=trace.piece)


def test_every_operation_is_there_in_its_order(trace, layout):
    assert [o.operation for o in layout.operations] == [o.id for o in trace.operations]
    for drawn, given in zip(layout.operations, trace.operations, strict=True):
        assert (drawn.kind, drawn.step, drawn.layer) == (given.kind, given.step, given.layer)
        keys = drawn.left + drawn.right + drawn.out + drawn.bias
        assert len(set(keys)) == len(keys) and set(keys) <= layout.by_key.keys()
        assert drawn.left, given.name
        assert bool(drawn.out) == (given.kind not in ("scale", "sample")), given.name


def test_every_multiply_has_its_three_sides_and_their_shapes_fit(trace, layout):
    given = {o.id: o for o in trace.operations}
    multiplies = [o for o in layout.operations if o.kind == "matmul"]
    assert len(multiplies) == sum(o.kind == "matmul" for o in trace.operations) > 0
    for drawn in multiplies:
        names = given[drawn.operation]
        assert drawn.left and drawn.right and drawn.out
        assert bool(drawn.bias) == (names.bias is not None)
        i, k = trace.tensor(names.left).shape[-2:]
        j = trace.tensor(names.right).shape[-1]
        earlier = trace.tensor(trace.operation(drawn.step - 1, names.name).left).shape[-2] if drawn.step else 0
        heads = {layout.by_key[key].head for key in drawn.out}
        for head in heads:
            left, right, out = (
                [layout.by_key[key] for key in keys if layout.by_key[key].head in (None, head)]
                for keys in (drawn.left, drawn.right, drawn.out)
            )
            assert sum(b.shape[0] for b in left) == i - earlier
            assert {b.shape[1] for b in left} == {k}
            if right[0].part == "k_flat":
                assert {b.shape[0] for b in right} == {k} and sum(b.shape[1] for b in right) == j
            elif right[0].part == "v_flat":
                assert sum(b.shape[0] for b in right) == k and {b.shape[1] for b in right} == {j}
            else:
                assert {b.shape[0] for b in right} == {k}
            assert {b.shape[0] for b in out} == {i - earlier}
        if None not in heads and names.bias is not None:  # the fused projection: all heads' slices make up its columns
            assert sum(layout.by_key[key].shape[1] for key in drawn.right) == j


def test_a_multiply_can_be_redone_from_its_blocks(trace, layout):
    """Q K^T of the last step's last token, from nothing but what is drawn."""
    by_name = {o.id: o.name for o in trace.operations}
    drawn = [o for o in layout.operations if by_name[o.operation] == "transformer.h.1.attn.scores"][-1]
    for head in range(3):
        left, right, out = (
            [matrix(trace, layout.by_key[key]) for key in keys if layout.by_key[key].head == head]
            for keys in (drawn.left, drawn.right, drawn.out)
        )
        assert len(left) == len(out) == 1 and len(right) == 6
        np.testing.assert_allclose(left[0] @ np.concatenate(right, axis=1), out[0], rtol=1e-4, atol=1e-5)


def test_every_number_of_every_parameter_is_drawn_exactly_once(trace, layout):
    parameters = [t for t in trace.tensors if t.parameter is not None]
    counts = {t.name: np.zeros(t.shape, dtype=int) for t in parameters}
    for block in layout.blocks:
        if block.kind == "weight":
            at = np.atleast_2d(counts[block.tensor])
            at[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1] += 1
    assert len(parameters) >= 40
    assert sum(count.size for count in counts.values()) == trace.model.parameters
    for name, count in counts.items():
        assert (count == 1).all(), name


def test_all_tokens_rows_are_drawn_once_over_the_steps(trace, layout):
    longest = trace.tensor(trace.operation(trace.steps[-1].index, "transformer.embed").outputs[0]).shape[-2]
    rows: defaultdict[tuple, list[int]] = defaultdict(list)
    for block in layout.blocks:
        if block.row_axis == ("token",):
            rows[block.part, block.layer, block.head] += range(block.rows[0], block.rows[1] + 1)
    assert {key: sorted(found) for key, found in rows.items()} == {key: list(range(longest)) for key in rows}


def test_the_rows_of_earlier_tokens_are_the_same_numbers_in_every_step(trace, layout):
    """What lets all steps share one place."""
    last = trace.steps[-1].index
    checked = 0
    for block in layout.blocks:
        if block.kind == "weight" or block.layer == 1 or block.part == "k_flat":
            continue
        later = f"step{last}" + block.tensor.removeprefix(f"step{block.step}")
        now, then = matrix(trace, block), matrix(trace, dataclasses.replace(block, tensor=later))
        np.testing.assert_allclose(now, then, rtol=1e-3, atol=2e-4, err_msg=block.key)
        checked += 1
    assert checked > 300


def test_blocks_show_what_their_parts_say(trace, layout):
    made = {o.id: o for o in trace.operations}
    for block in layout.blocks:
        part, operation = PARTS[block.part], made[block.operation]
        numbers = matrix(trace, block)
        assert numbers.shape == block.shape, block.key
        assert operation.step == block.step and operation.layer == block.layer
        tensor = trace.tensor(block.tensor)
        if part.kind == "weight":
            assert tensor.parameter is not None and tensor.id in operation.inputs
        elif block.part == "k_flat":
            assert operation.kind == "split"
        else:
            assert tensor.id in operation.outputs
        for drawn, named in ((block.row_axis, tensor.axes[-2:-1]), (block.column_axis, tensor.axes[-1:])):
            known = [axis for axis in named if not any(atom.startswith(("?", "~")) for atom in axis)]
            assert not drawn or all(set(drawn) <= set(axis) for axis in known), block.key
    patterns = [b for b in layout.blocks if b.part == "pattern"]
    for block in patterns:
        np.testing.assert_allclose(matrix(trace, block).sum(axis=1), 1.0, atol=1e-5)
    masked = next(b for b in layout.blocks if b.key == "s0.l0.h0.masked")
    assert np.array_equal(np.isneginf(matrix(trace, masked)), np.triu(np.ones(masked.shape, dtype=bool), 1))


def test_heads_are_slices_of_the_fused_projection(trace, layout):
    fused = trace.array("step0.transformer.h.2.attn.c_attn")[0]
    for letter, name in (("q", "q"), ("k", "k"), ("v", "v")):
        for head in range(3):
            block = layout.by_key[f"s0.l2.h{head}.{letter}"]
            np.testing.assert_array_equal(
                matrix(trace, block), trace.array(f"step0.transformer.h.2.attn.{name}")[0, head]
            )
            weight, bias = layout.by_key[f"s0.l2.h{head}.w_{letter}"], layout.by_key[f"s0.l2.h{head}.b_{letter}"]
            assert weight.columns == bias.columns == block.columns
    assert fused.shape[1] == 144


def test_keys_are_unique_and_say_what_is_there(layout):
    keys = [block.key for block in layout.blocks]
    assert len(set(keys)) == len(keys)
    assert {"s0.token_table", "s0.l0.h0.w_q", "s5.l2.h1.pattern", "s3.logits", "s0.l1.w_down"} <= set(keys)
    assert {block.part for block in layout.blocks} == GPT2 < set(PARTS)
    assert all(block.step == 0 for block in layout.blocks if block.kind == "weight")
    assert {block.role for block in layout.blocks} <= {"left", "right", "out", "bias", "statistic", "other"}


def test_the_same_trace_gives_the_same_layout(trace, layout):
    assert lay_out(trace) == layout
    assert lay_out(trace, aspect=9 / 16) != layout


def test_collections_nest_by_their_full_names(layout):
    assert layout.by_key["s1.l2.h0.scores"].collection == (
        "layer 2",
        "layer 2 / attention",
        "layer 2 / attention / head 0",
    )
    assert layout.by_key["s0.l1.gelu"].collection == ("layer 1", "layer 1 / mlp")
    assert layout.by_key["s0.logits"].collection == ("output",)
    assert layout.by_key["s0.token_table"].collection == ("embedding",)
    assert {o.collection[0] for o in layout.operations} == {"embedding", "layer 0", "layer 1", "layer 2", "output"}


def inside(small: Bounds, big: Bounds) -> bool:
    return all(b <= s for s, b in zip(small.low, big.low, strict=True)) and all(
        s <= b for s, b in zip(small.high, big.high, strict=True)
    )


def test_bounds_hold_their_blocks(layout):
    for block in layout.blocks:
        names = ["model", *block.collection[:2]]
        if block.head is not None and block.part != "w_q":
            cell = block.part in ("k_flat", "scores", "masked", "pattern", "v_flat", "mix", "q", "k", "v")
            names.append(f"layer {block.layer} / head {block.head}" + ("" if cell else " / qkv"))
            if block.part.startswith("softmax"):
                names[-1] = f"layer {block.layer} / head {block.head} / softmax"
        for name in names:
            assert inside(block.body(), layout.bounds[name]), (block.key, name)
    for name in ("tokens", "spine", "logits", "probabilities", "final norm"):
        assert inside(layout.bounds[name], layout.bounds["model"])
    for layer in range(3):
        for name in ("qkv", "projection", "mlp", "up", "gelu", "down", "norm", "mlp norm"):
            assert inside(layout.bounds[f"layer {layer} / {name}"], layout.bounds[f"layer {layer}"])
        for head in range(3):
            for name in ("scores", "softmax", "mix"):
                whole = layout.bounds[f"layer {layer} / head {head}"]
                assert inside(layout.bounds[f"layer {layer} / head {head} / {name}"], whole)


def test_bounds_of_single_blocks(layout):
    one, other = layout.by_key["s0.l0.w_o"], layout.by_key["s0.l0.merged"]
    both = layout.bounds_of(one.key, other.key)
    assert inside(one.body(), both) and inside(other.body(), both)
    assert both.low[0] == min(one.body().low[0], other.body().low[0])
    assert len(set(both.corners())) == 8
    with pytest.raises(KeyError):
        layout.bounds_of("s0.nothing")


def test_every_token_has_a_card_and_every_axis_a_pitch(trace, layout):
    assert [card.token for card in layout.cards] == list(range(len(trace.tokens)))
    axes = {atom for block in layout.blocks for atom in (*block.row_axis, *block.column_axis)}
    assert axes <= layout.pitch.keys()
    assert layout.pitch["token"] == layout.pitch["key_token"] == layout.pitch["position"] == 2.0


def test_a_trace_without_layers_is_refused(trace):
    with pytest.raises(UserError, match="no layers"):
        lay_out(without(trace, operations=tuple(o for o in trace.operations if o.layer is None)))


def test_what_is_not_understood_is_drawn_plainly(trace):
    """An attention whose softmax comes from nowhere: its operations have blocks, each under its own name."""
    bare = lay_out(without(trace, "transformer.h.1.attn.mask"))
    assert not {block.key for block in bare.blocks if block.layer == 1 and block.part in ("scores", "w_q", "mix")}
    assert {block.part for block in bare.blocks if block.layer == 0} >= {"scores", "w_q", "mix"}
    plain = {block.label for block in bare.blocks if block.layer == 1 and block.part == "rest"}
    assert {"matmul", "softmax", "weight", "bias"} <= plain
    assert all(operation.out or operation.kind in ("scale", "sample") for operation in bare.operations)


def test_a_tensor_that_is_too_small_is_refused(trace):
    narrow = trace.tensor("transformer.h.0.ln_1.weight")

    def tensor(key):
        found = trace.tensor(key)
        return dataclasses.replace(found, shape=(40,)) if found.id == narrow.id else found

    broken = without(trace)
    broken.tensor = tensor
    with pytest.raises(UserError, match=r"ln_1\.weight is smaller"):
        lay_out(broken)
