# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts and stories of models of many kinds, run with a cache: every operation has its block, every block its true
numbers, and nothing is in the way of anything."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from forward_pass.core.layout import Block, Layout, lay_out
from forward_pass.core.layout_parts import SHARED_EXPERT
from forward_pass.core.matmul_choice import choose_multiply
from forward_pass.core.matmul_operands import read_operands
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values
from tests.core.test_layout_placement import meetings, thick
from tests.tracer.subjects import traced

# Shared keys and a gate; norms of queries and keys; more norms and capped scores; branches in parallel with a fused
# projection of each kind; a projection of all; experts; experts with a shared one; a learned position table and Conv1D
# weights; positions in the scores; one key head for all; norms after the sums; none before; no attention at all.
MODELS = (
    "llama", "qwen3", "gemma2", "gpt_neox", "falcon_new", "phi3", "mixtral", "qwen2_moe", "gpt2", "bloom", "llama_tied",
    "opt_post_norm", "olmo2", "mamba",
)  # fmt: skip
STANDARD = frozenset(MODELS) - {"mamba"}
EXPERTS = frozenset({"mixtral", "qwen2_moe"})


@pytest.fixture(scope="module", params=MODELS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def trace(name, tmp_path_factory) -> Trace:
    return Trace.open(traced(name, "eager", _folder(tmp_path_factory)).path)


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("models")


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module")
def values(trace, layout) -> Values:
    return Values(trace, layout)


def test_no_operation_of_a_trace_is_without_geometry(trace, layout):
    assert [o.operation for o in layout.operations] == [o.id for o in trace.operations]
    for drawn, given in zip(layout.operations, trace.operations, strict=True):
        keys = (*drawn.left, *drawn.right, *drawn.out, *drawn.bias)
        assert set(keys) <= layout.by_key.keys()
        # A plain factor is drawn as what it scales, a sample as the card of its token.
        assert drawn.out or (given.kind in ("scale", "sample") and drawn.left), given.name


def test_nothing_overlaps(layout):
    bodies = [block.body() for block in layout.blocks]
    assert [(layout.blocks[i].key, layout.blocks[j].key) for i, j in meetings(bodies, bodies, True)] == []
    names = [thick(label.extent()) for label in layout.labels]
    assert [(layout.labels[i].text, layout.labels[j].text) for i, j in meetings(names, names, True)] == []
    assert [(layout.labels[i].text, layout.blocks[j].key) for i, j in meetings(names, bodies, False)] == []


def test_everything_is_inside_its_section(layout):
    for block in layout.blocks:
        for place in ("model", *block.collection[:2]):
            bounds, body = layout.bounds[place], block.body()
            assert all(b <= s + 1e-9 for s, b in zip(body.low, bounds.low, strict=True)), (block.key, place)
            assert all(s <= b + 1e-9 for s, b in zip(body.high, bounds.high, strict=True)), (block.key, place)


def test_attention_and_mlp_are_found_in_every_layer(name, layout):
    for layer in range(2):
        parts = {block.part for block in layout.blocks if block.layer == layer}
        assert ("scores" in parts) == (name in STANDARD)
        assert ("w_down" in parts) == (name in STANDARD - EXPERTS)


def test_every_multiply_can_be_told_and_adds_up_to_what_the_model_computed(trace, layout):
    for operation in trace.operations:
        if operation.kind == "matmul":
            operands = read_operands(trace, choose_multiply(trace, layout, operation.id))
            added = operands.bias if operands.bias is not None else operands.rest
            total = operands.left.astype(np.float64) @ operands.right + (0.0 if added is None else added)
            wanted = operands.result
            np.testing.assert_allclose(total * operands.scale, wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())


def test_a_later_step_draws_its_new_row_only(trace, layout):
    """With a cache as without: each token's row of every part is there once, and keys and values grow by one."""
    rows: defaultdict[tuple[object, ...], list[float]] = defaultdict(list)
    height = max(block.origin[2] for block in layout.blocks if block.part == "final_norm")
    for block in layout.blocks:
        if block.row_axis == ("token",) and block.part != "rest" and not block.part.startswith(("prob", "e_")):
            for row in range(block.shape[0]):
                rows[block.part, block.layer, block.head].append((height - block.origin[2]) / 2 + row)
    want = list(range(trace.steps[-1].tokens[1] + 1))
    assert {key: sorted(found) for key, found in rows.items()} == {key: want for key in rows if key in rows}
    later = [block for block in layout.blocks if block.step == 1 and block.part in ("k_flat", "v_flat")]
    assert all(block.shape[block.part == "k_flat"] == 1 for block in later)


# Of a layer's multiplies: left, right, bias and result.
LINEAR = (
    ("norm", "w_q", "b_q", "q"), ("norm", "w_k", "b_k", "k"), ("norm", "w_v", "b_v", "v"),
    ("merged", "w_o", "b_o", "attention_out"),
    ("mlp_norm", "w_up", "b_up", "hidden"), ("mlp_norm", "w_gate", "b_gate", "gate"),
    ("product gelu", "w_down", "b_down", "mlp_out"),
    ("final_norm", "w_vocab", "b_vocab", "logits"),
)  # fmt: skip


def test_every_multiply_by_a_weight_can_be_redone_from_its_blocks(name, layout, values):
    """Each head's slice of each projection is the right one, however the model packs them."""
    checked = 0
    for block in layout.blocks:
        for left, right, bias, out in LINEAR:
            if block.part != out or (out == "mlp_out" and find(values, 0, block, right) is None):
                continue
            operands = [find(values, block.step, block, part) for part in left.split()]
            operand = next(one for one in operands if one is not None)
            weight, shift = find(values, 0, block, right), find(values, 0, block, bias)
            assert weight is not None
            again = values.matrix(operand.key) @ values.matrix(weight.key)
            again = again + (values.matrix(shift.key) if shift is not None else 0.0)
            drawn = values.matrix(block.key)
            np.testing.assert_allclose(again[-len(drawn) :], drawn, rtol=1e-3, atol=1e-4, err_msg=block.key)
            checked += 1
    assert checked >= (50 if name in STANDARD else 3)


def find(values: Values, step: int, block: Block, part: str) -> Block | None:
    """A part of the same head and layer, or of the layer, or of the model."""
    layer = "" if block.layer is None else f".l{block.layer}"
    keys = (f"s{step}{layer}.h{block.head}.{part}", f"s{step}{layer}.{part}")
    return next((values.blocks[key] for key in keys if key in values.blocks), None)


def test_scores_and_mixes_can_be_redone_from_the_keys_and_values_that_heads_share(trace, layout, values):
    for block in layout.blocks:
        if block.part not in ("scores", "mix"):
            continue
        part = "k_flat" if block.part == "scores" else "v_flat"
        shared = max(
            b.head for b in layout.blocks if b.layer == block.layer and b.part == part and b.head <= block.head
        )
        steps = [f"s{step}.l{block.layer}.h{shared}.{part}" for step in range(block.step + 1)]
        grown = np.concatenate([values.matrix(key) for key in steps], axis=1 if part == "k_flat" else 0)
        names = ("q_rotary", "q_norm", "q") if block.part == "scores" else ("pattern",)
        left = next(one for one in (find(values, block.step, block, name) for name in names) if one is not None)
        operand, drawn = values.matrix(left.key), values.matrix(block.key)
        operation = trace.operations[block.operation]
        seen = drawn.shape[1] if part == "k_flat" else operand.shape[1]  # a window that slides forgets the first
        grown = grown[:, -seen:] if part == "k_flat" else grown[-seen:]
        if operation.bias is None:
            again = (operation.scale or 1.0) * (operand @ grown)
            np.testing.assert_allclose(again, drawn, rtol=1e-3, atol=1e-4, err_msg=block.key)


# The same of an expert, each on the rows of its own tokens.
OF_EXPERT = (
    ("e_in", "w_e_up", "b_e_up", "e_hidden"),
    ("e_in", "w_e_gate", "b_e_gate", "e_gate"),
    ("e_product e_gelu", "w_e_down", "b_e_down", "e_out"),
)


def test_every_expert_works_on_the_rows_of_the_tokens_that_chose_it(name, trace, layout, values):
    height = max((block.origin[2] for block in layout.blocks if block.part == "final_norm"), default=0.0)
    at_work: set[tuple[int | None, int, int]] = set()
    for block in layout.blocks:
        if block.part == "e_in":
            first, norm = round((height - block.origin[2]) / 2), f"s{block.step}.l{block.layer}.mlp_norm"
            first -= values.blocks[norm].rows[0] + trace.steps[block.step].past
            rows = values.matrix(norm)[first : first + block.shape[0]]
            np.testing.assert_array_equal(values.matrix(block.key), rows)
            at_work |= {(block.layer, int(block.head or 0), first + i + 7 * block.step) for i in range(block.shape[0])}
        for left, right, bias, out in OF_EXPERT:
            if block.part == out:
                keys = [block.key.replace(f".{out}", f".{part}") for part in left.split()]
                operand = values.matrix(next(key for key in keys if key in values.blocks))
                weight, shift = find(values, 0, block, right), find(values, 0, block, bias)
                assert weight is not None
                again = operand @ values.matrix(weight.key) + (values.matrix(shift.key) if shift is not None else 0.0)
                np.testing.assert_allclose(again, values.matrix(block.key), rtol=1e-3, atol=1e-4, err_msg=block.key)
    chosen = set()
    for operation in trace.operations:
        if operation.kind == "topk" and name in EXPERTS:
            for token, experts in enumerate(trace.array(operation.outputs[1]).astype(int)):
                chosen |= {(operation.layer, int(expert), token + 7 * operation.step) for expert in experts}
    assert {one for one in at_work if one[1] < SHARED_EXPERT} == chosen
    assert bool(chosen) == (name in EXPERTS)


@pytest.fixture(scope="module", params=[None, 20.0], ids=["full", "brief"])
def story(request, trace, layout) -> Story:
    return tell(trace, layout, request.param)


def test_every_result_gets_its_values_in_time(layout, story):
    fills = {fill.block: fill for fill in story.fills}
    for block in layout.blocks:
        if block.kind != "weight":
            assert block.key in fills, block.key
            assert 0 <= fills[block.key].start < story.duration
    assert {use.block for use in story.uses} <= layout.by_key.keys()


def test_results_come_after_what_they_are_made_of(layout, story):
    start = {fill.block: fill.start for fill in story.fills}
    for operation in (
        o for o in layout.operations if o.kind in ("matmul", "softmax", "mask", "layer_norm", "rms_norm")
    ):
        for made in operation.out:
            for taken in (*operation.left, *operation.right):
                heads = {layout.by_key[made].head, layout.by_key[taken].head} - {None}
                if made in start and taken in start and "rest" not in made + taken and len(heads) < 2:
                    assert start[taken] <= start[made] + 1e-6, (taken, made)


ACTS = {
    "Rotary embedding": {
        "llama",
        "qwen3",
        "gemma2",
        "falcon_new",
        "phi3",
        "mixtral",
        "qwen2_moe",
        "llama_tied",
        "olmo2",
    },
    "RMS norm": {"llama", "qwen3", "gemma2", "phi3", "mixtral", "qwen2_moe", "llama_tied"},
    "Layer norm": {"gpt_neox", "falcon_new", "gpt2", "bloom"},
    "MLP": STANDARD - EXPERTS,
    "Router and experts": EXPERTS,
    "Again, for each new token": set(MODELS),
}


def test_the_chapters_are_what_the_model_has(name, story):
    acts = [act.name for act in story.acts]
    assert len(set(acts)) == len(acts)
    assert {act: name in of for act, of in ACTS.items()} == {act: act in acts for act in ACTS}
    assert ("Projection and residual" in acts) == (name in STANDARD - {"gpt_neox", "falcon_new"})


def test_what_is_said_of_heads_and_channels_is_so(name, trace, layout):
    text = " ".join(caption.text for caption in tell(trace, layout).captions)
    config = trace.model.config
    heads = config.get("num_attention_heads", config.get("n_head"))
    groups = config.get("num_key_value_heads") or config.get("num_kv_heads") or heads
    if name in STANDARD:
        assert f"All {heads} heads" in text
        shared = heads // groups
        assert (f"Every {shared} of them share one set of keys and values: {groups} in all." in text) == (shared > 1)
    assert f"{len(trace.operations)} operations, {trace.witness.captured} of them multiplies" in text
    assert ("Only it goes through the model" in text) == (trace.steps[1].past > 0)


@pytest.mark.parametrize("name", ["doge", "minimax", "gemma3n_text", "albert_masked"])
def test_films_of_models_that_are_known_only_in_part(name, tmp_path_factory):
    """Attention with no MLP; experts whose sum is nowhere alone; second tables that add to no token."""
    trace = Trace.open(traced(name, "eager", _folder(tmp_path_factory)).path)
    layout = lay_out(trace)
    for preset in ("tour", "overview"):
        assert tell(trace, layout, preset=preset).fills, preset
    assert all(operation.out or operation.left for operation in layout.operations)


def test_nothing_is_said_of_heads_or_keys_where_there_are_none(tmp_path_factory):
    trace = Trace.open(traced("mamba", "eager", _folder(tmp_path_factory)).path)
    layout = lay_out(trace)
    for preset in ("walkthrough", "generate"):
        said = " ".join(caption.text for caption in tell(trace, layout, preset=preset).captions)
        assert "layers" in said and not any(word in said for word in ("head", "key", "query", "attention")), said
    assert not any("heads" in label.text for label in layout.labels)


@pytest.mark.parametrize("name", ["falcon_multi_query", "deepseek_v3"])
def test_what_is_drawn_plainly_beside_an_mlp_is_told_once(name, tmp_path_factory):
    trace = Trace.open(traced(name, "eager", _folder(tmp_path_factory)).path)
    layout = lay_out(trace)
    story = tell(trace, layout)
    filled = [fill.block for fill in story.fills]
    assert len(filled) == len(set(filled))
    plain = {block.key for block in layout.blocks if block.part == "rest" and block.kind != "weight"}
    assert plain and plain <= set(filled)
