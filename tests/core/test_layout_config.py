# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts from published sizes alone, and several models side by side at one scale."""

from __future__ import annotations

import time
from typing import Any

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout, lay_out_config, side_by_side
from forward_pass.core.layout_config import parameters_of
from tests.core.test_layout_placement import meetings, thick

GPT2: dict[str, Any] = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257}
GPT3: dict[str, Any] = {"n_layer": 96, "n_head": 96, "n_embd": 12288, "n_positions": 2048, "vocab_size": 50257}
LLAMA: dict[str, Any] = {
    "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32,
    "vocab_size": 32000, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": False,
}  # fmt: skip
MIXTRAL = LLAMA | {
    "intermediate_size": 14336, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2,
}  # fmt: skip
SMALL = LLAMA | {
    "hidden_size": 40, "intermediate_size": 44, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8,
    "num_key_value_heads": 2, "vocab_size": 101,
}  # fmt: skip
MODELS = {"GPT-2": GPT2, "GPT-3 175B": GPT3, "Llama 2 7B": LLAMA, "Mixtral 8x7B": MIXTRAL, "small": SMALL}
SECONDS = 8.0  # on a machine that does other things too; alone it takes one


@pytest.fixture(scope="module")
def layouts() -> dict[str, Layout]:
    return {name: lay_out_config(config, name) for name, config in MODELS.items()}


@pytest.mark.parametrize(
    ("config", "count"),
    [(GPT2, 124_439_808), (GPT3, 174_604_259_328), (LLAMA, 6_738_415_616), (MIXTRAL, 46_702_792_704)],
)
def test_parameters_are_those_that_were_published(config, count):
    assert parameters_of(config) == count


def test_the_largest_models_take_seconds_and_few_blocks():
    start = time.perf_counter()
    layout = lay_out_config(GPT3, "GPT-3 175B")
    assert time.perf_counter() - start < SECONDS
    assert len(layout.blocks) < 60 * 96
    assert layout.name == "GPT-3 175B" and layout.parameters == 174_604_259_328


@pytest.mark.parametrize("name", MODELS)
def test_blocks_have_the_sizes_of_the_config(name, layouts):
    layout, config = layouts[name], MODELS[name]
    c = config.get("n_embd") or config["hidden_size"]
    f = config.get("intermediate_size", 4 * c)
    heads = config.get("n_head") or config["num_attention_heads"]
    groups = config.get("num_key_value_heads", heads)
    key = config.get("head_dim", c // heads)
    vocab = config["vocab_size"]
    blocks = {block.key: block for block in layout.blocks}
    merged = heads * (config.get("n_layer") or config["num_hidden_layers"]) > 256
    assert blocks["s0.token_table"].counts == (vocab, c) and blocks["s0.w_vocab"].counts == (c, vocab)
    if merged:
        assert blocks["s0.l1.w_q"].shape == (c, heads * key)
        assert blocks["s0.l1.w_k"].shape == blocks["s0.l1.w_v"].shape == (c, groups * key)
        assert {b.head for b in layout.blocks if b.part == "scores"} == {0}
        assert any(label.text.startswith(f"1 of {heads} heads") for label in layout.labels)
    else:
        assert all(b.shape == (c, key) for b in layout.blocks if b.part in ("w_q", "w_k"))
        assert sum(b.part == "w_k" and b.layer == 0 for b in layout.blocks) == groups
    assert blocks["s0.l0.w_o"].shape == (heads * key, c)
    if "num_local_experts" in config:
        ups = [b for b in layout.blocks if b.part == "w_e_up" and b.layer == 3]
        assert {b.shape for b in ups} == {(c, f)} and len(ups) == 8
        assert any(label.text == "8 experts, 2 for each token" for label in layout.labels)
    else:
        assert blocks["s0.l0.w_up"].shape == (c, f) and blocks["s0.l0.w_down"].shape == (f, c)
    assert ("s0.l0.w_gate" in blocks) == ("rms_norm_eps" in config and "num_local_experts" not in config)
    assert ("s0.position_table" in blocks) == ("n_positions" in config)


@pytest.mark.parametrize("name", MODELS)
def test_nothing_overlaps(name, layouts):
    layout = layouts[name]
    # One layer stands like all others: the first two, and what is outside of the layers.
    blocks = [block for block in layout.blocks if block.layer in (None, 0, 1)]
    bodies = [block.body() for block in blocks]
    assert [(blocks[i].key, blocks[j].key) for i, j in meetings(bodies, bodies, True)] == []
    labels = [label for label in layout.labels if label.layer in (None, 0, 1)]
    names = [thick(label.extent()) for label in labels]
    assert [(labels[i].text, labels[j].text) for i, j in meetings(names, names, True)] == []
    assert [(labels[i].text, blocks[j].key) for i, j in meetings(names, bodies, False)] == []


@pytest.mark.parametrize(("change", "word"), [({"n_embd": None}, "hidden_size or n_embd"), ({"n_head": -1}, "n_head")])
def test_a_config_that_lacks_a_size_is_refused(change, word):
    with pytest.raises(UserError, match=word):
        lay_out_config(GPT2 | change)
    with pytest.raises(UserError, match="do not fit"):
        lay_out_config(SMALL | {"num_key_value_heads": 3})


def test_side_by_side_all_is_at_one_scale_and_named(layouts):
    chosen = [layouts[name] for name in ("small", "GPT-2", "small")]
    row = side_by_side(chosen)
    assert [block.key for block in row.blocks[:1]] == [f"0.{chosen[0].blocks[0].key}"]
    assert len(row.by_key) == len(row.blocks) == sum(len(layout.blocks) for layout in chosen)
    for number, layout in enumerate(chosen):
        for block in layout.blocks[:: max(1, len(layout.blocks) // 50)]:
            moved = row.by_key[f"{number}.{block.key}"]
            assert (moved.row_step, moved.column_step, moved.shape) == (block.row_step, block.column_step, block.shape)
            assert moved.origin[1:] == block.origin[1:]  # their spines are on one line
            assert moved.collection[0] == f"{number} {layout.name}"
    lows = [row.bounds[f"{n} {layout.name}"].low[0] for n, layout in enumerate(chosen)]
    highs = [row.bounds[f"{n} {layout.name}"].high[0] for n, layout in enumerate(chosen)]
    assert all(high < low for high, low in zip(highs, lows[1:], strict=False))
    texts = [label.text for label in row.labels]
    assert texts.count("124,439,808 parameters") == 1 and texts.count(f"{parameters_of(SMALL):,} parameters") == 2
    titles = [thick(label.extent()) for label in row.labels if "parameters" in label.text or label in row.labels[-6:]]
    assert meetings(titles, titles, True) == []
    assert row.parameters == sum(layout.parameters for layout in chosen)
    assert all(row.bounds["model"].low[i] <= row.bounds["0 small"].low[i] for i in range(3))
    with pytest.raises(ValueError, match="nothing"):
        side_by_side([])
