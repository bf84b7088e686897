# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout from a model's config alone, before any weights are there: where its blocks would stand, in their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .elision import drawn_words, shorten
from .errors import UserError
from .layout_blocks import Shown, draw_blocks
from .layout_bounds import name_bounds
from .layout_parts import GPT2, PITCH, Part
from .layout_types import Block, Layout
from .placement_model import place_model
from .placement_shape import ExpertShape, LayerShape, ModelShape

# What configs call the same number; the first that is there counts.
NAMES = {
    "channels": ("hidden_size", "n_embd", "d_model", "emb_dim"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "heads": ("num_attention_heads", "n_head", "num_heads", "n_heads"),
    "groups": ("num_key_value_heads", "num_kv_heads", "n_head_kv"),
    "key": ("head_dim",),
    "neurons": ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "d_ff"),
    "context": ("n_positions", "max_position_embeddings", "n_ctx", "block_size"),
    "vocab": ("vocab_size",),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "chosen": ("num_experts_per_tok", "moe_top_k"),
    "expert_neurons": ("moe_intermediate_size", "intermediate_size"),
}
ROTARY = ("rope_theta", "rope_parameters", "rope_scaling", "rotary_pct", "rotary_emb_base", "rotary_dim")
ACTIVATIONS = {"silu": "SiLU", "swish": "SiLU", "relu": "ReLU"}
MOST_HEADS = 256  # of all layers that are drawn one by one
MOST_EXPERTS = 8  # of a layer that are drawn; of more, those that work on one token


def lay_out_config(
    config: Mapping[str, Any], name: str | None = None, *, tokens: int = 8, aspect: float = 16 / 9
) -> Layout:
    """The blocks of a model for a text of so many tokens, from the words of its `config.json`.

    There is no run: tensors bear the names of their parts, operations are none. Heads and experts that are too many to
    be drawn one by one are counted by name. Raises UserError where the config lacks a size.
    """
    shape = shape_of_config(config, tokens)
    called = name or str(config.get("name") or config.get("_name_or_path") or config.get("model_type") or "model")
    plan = place_model(shape, called, tokens, aspect)
    blocks = _elide(draw_blocks(plan.draft.places, shape, _Nominal()), shape, _count(config, "vocab", 1))
    return Layout(
        blocks=blocks,
        operations=(),
        labels=tuple(plan.draft.labels),
        ribbons=tuple(plan.draft.ribbons),
        plates=tuple(plan.draft.plates),
        bounds=name_bounds(blocks, plan.cards, plan.draft.labels, shape),
        pitch=dict(PITCH),
        title=plan.title,
        cards=plan.cards,
        name=called,
        parameters=parameters_of(config),
    )


def parameters_of(config: Mapping[str, Any]) -> int:
    """How many numbers a model of this config has: those of all weights, tied ones once."""
    shape = shape_of_config(config, 1)
    c, vocab = shape.channels, _count(config, "vocab", 1)
    total = vocab * c + (shape.context * c if shape.has("position_table") else 0)
    total += 0 if _is_tied(config) else vocab * c
    total += sum(c for part in ("final_gain", "final_shift") if shape.has(part))
    kind = shape.layer(0)
    wide = {"q": kind.heads * kind.key, "k": kind.groups * kind.key, "v": kind.groups * kind.value}
    one = sum(c * n + (n if kind.has(f"b_{letter}") else 0) for letter, n in wide.items())
    one += kind.heads * kind.value * c + (c if kind.has("b_o") else 0)
    one += sum(c for part in ("norm_gain", "norm_shift", "mlp_norm_gain", "mlp_norm_shift") if kind.has(part))
    routed = max(kind.routed, 1)
    neurons = kind.experts[0].neurons if kind.experts else kind.neurons
    matrices = 3 if kind.has("product", "e_product") else 2
    one += routed * matrices * c * neurons + (c * kind.routed if kind.has("w_router") else 0)
    one += (neurons if kind.has("b_up") else 0) + (c if kind.has("b_down") else 0)
    return total + shape.layers * one


def shape_of_config(config: Mapping[str, Any], tokens: int) -> ModelShape:
    """The shape of a model of this config. Raises UserError where it lacks a size."""
    channels, layers, heads = (_count(config, key) for key in ("channels", "layers", "heads"))
    groups = _count(config, "groups", heads)
    key = _count(config, "key", max(1, channels // heads))
    modern = "rms_norm_eps" in config
    experts = _count(config, "experts", 0)
    parts = _layer_parts(config, modern, experts > 1)
    neurons = _count(config, "neurons", 4 * channels)
    kind = LayerShape(
        heads=heads,
        groups=groups,
        key=key,
        value=key,
        neurons=neurons,
        parts=frozenset(parts),
        experts=_experts(config, experts) if experts > 1 else (),
        routed=experts if experts > 1 else 0,
        chosen=_count(config, "chosen", 2) if experts > 1 else 0,
        merged=heads * layers > MOST_HEADS,
    )
    rotary = modern or any(config.get(word) is not None for word in ROTARY)
    absent = {"token_embedding", "position_table", "position_embedding"} if rotary else set()
    absent |= {"final_mean", "final_shift"} if modern else set()
    activation = str(config.get("hidden_act") or config.get("activation_function") or "gelu")
    label = next((label for word, label in ACTIVATIONS.items() if activation.startswith(word)), "GELU")
    norms = dict.fromkeys(("norm", "mlp_norm"), "RMS norm") if modern else {}
    roots = {f"{stem}_rstd": "1/rms" for stem in ("norm", "mlp_norm", "final")} if modern else {}
    try:
        return ModelShape(
            layers=layers,
            heads=heads,
            channels=channels,
            head_dim=key,
            neurons=neurons,
            vocab=drawn_words(_count(config, "vocab")),
            context=_count(config, "context", 1),
            steps=(tokens,),
            kinds=(kind,) * layers,
            parts=GPT2 - absent,
            names=tuple(sorted((norms | roots | {"gelu": label, "e_gelu": label}).items())),
        )
    except ValueError as error:
        raise UserError(f"The config's sizes do not fit each other: {error}.", "Look at its config.json.") from error


def _layer_parts(config: Mapping[str, Any], modern: bool, routed: bool) -> set[str]:
    """The parts of each layer."""
    parts = set(GPT2)
    if modern:
        gone = {"norm_mean", "norm_shift", "mlp_norm_mean", "mlp_norm_shift"}
        gone |= set() if config.get("attention_bias") else {"b_q", "b_k", "b_v", "b_o"}
        gone |= set() if config.get("mlp_bias") else {"b_up", "b_down"}
        parts = parts - gone | {"w_gate", "gate", "product"}
    if routed:
        mlp = ("w_up", "b_up", "w_gate", "gate", "hidden", "gelu", "product", "w_down", "b_down")
        parts -= set(mlp)
        parts |= {"w_router", "router", "router_share", "chosen", "e_in", "w_e_gate", "w_e_up", "e_gate", "e_hidden"}
        parts |= {"e_gelu", "e_product", "w_e_down", "e_out"}
    return parts


def _experts(config: Mapping[str, Any], count: int) -> tuple[ExpertShape, ...]:
    neurons = _count(config, "expert_neurons")
    drawn = count if count <= MOST_EXPERTS else min(count, _count(config, "chosen", 2))
    return tuple(ExpertShape(number, f"expert {number}", neurons) for number in range(drawn))


def _is_tied(config: Mapping[str, Any]) -> bool:
    """Whether the words are read out with the table that they are looked up in, as in GPT-2."""
    return bool(config.get("tie_word_embeddings", "rms_norm_eps" not in config))


def _count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A size, by any of its names; UserError where it is needed and not there, or no count."""
    for name in NAMES[key]:
        value = config.get(name)
        if value is not None:
            if type(value) is not int or value < 1:
                raise UserError(f"The config has no proper {name!r} (it says {value!r}).", "Look at its config.json.")
            return value
    if default is None:
        raise UserError(f"The config has no {' or '.join(NAMES[key])}.", "Give the config.json of a language model.")
    return default


class _Nominal:
    """Tensors that are named by their parts, as there is no run."""

    def find(self, part: Part, step: int, layer: int | None, head: int | None) -> Shown:
        """The whole of a part."""
        words = (None if layer is None else f"layer {layer}", None if head is None else str(head), part.name)
        return Shown(" / ".join(word for word in words if word is not None), (), 0)


def _elide(blocks: tuple[Block, ...], shape: ModelShape, vocab: int) -> tuple[Block, ...]:
    """The blocks, those along the vocabulary with the stretches of it that are drawn."""
    ranges = shorten(vocab, shape.vocab)
    found = []
    for block in blocks:
        if block.row_axis == ("vocab",):
            block = replace(block, row_ranges=ranges)
        if block.column_axis == ("vocab",):
            block = replace(block, column_ranges=ranges)
        found.append(block)
    return tuple(found)
