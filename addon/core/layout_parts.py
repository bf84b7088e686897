# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a language model: what each is called, what kind of block it is, and along which axes it is drawn.

Which tensor of a trace a part shows is found by structure, in `layout_anatomy`."""

from __future__ import annotations

from dataclasses import dataclass

# Units a step, wherever the axis appears. A text is short and a layer wide: tokens get room.
PITCH = {
    "token": 2.0,
    "key_token": 2.0,
    "position": 2.0,
    "channel": 1.0,
    "head": 1.0,
    "key_dim": 1.0,
    "value_dim": 1.0,
    "neuron": 1.0,
    "vocab": 1.0,
    "expert": 1.0,
}


@dataclass(frozen=True)
class Part:
    """One kind of block. `grows` says what a new token adds. A model has those parts that its operations make."""

    name: str
    label: str
    kind: str  # weight, activation, statistic
    role: str  # right, out, bias, statistic, other
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    grows: str  # "", rows, columns, both
    section: str  # embedding, attention, head, mlp, output


TOKEN, KEY_TOKEN, CHANNEL, NEURON, VOCAB = ("token",), ("key_token",), ("channel",), ("neuron",), ("vocab",)
KEY, VALUE, MERGED, EXPERT = ("key_dim",), ("value_dim",), ("head", "value_dim"), ("expert",)


def _norm(stem: str, whole: str, section: str, words: str) -> tuple[Part, ...]:
    return (
        Part(f"{stem}_mean", "mean", "statistic", "statistic", TOKEN, (), "rows", section),
        Part(f"{stem}_rstd", "1/std", "statistic", "statistic", TOKEN, (), "rows", section),
        Part(f"{stem}_gain", "gain", "weight", "other", (), CHANNEL, "", section),
        Part(f"{stem}_shift", "shift", "weight", "other", (), CHANNEL, "", section),
        Part(whole, words, "activation", "out", TOKEN, CHANNEL, "rows", section),
    )


def _linear(name: str, label: str, rows: tuple[str, ...], columns: tuple[str, ...], section: str) -> tuple[Part, Part]:
    return (
        Part(f"w_{name}", f"W_{label}", "weight", "right", rows, columns, "", section),
        Part(f"b_{name}", f"b_{label}", "weight", "bias", (), columns, "", section),
    )


def _result(name: str, label: str, columns: tuple[str, ...], section: str) -> Part:
    return Part(name, label, "activation", "out", TOKEN, columns, "rows", section)


def _statistic(name: str, label: str, section: str) -> Part:
    return Part(name, label, "statistic", "statistic", TOKEN, (), "rows", section)


def _pattern(name: str, label: str) -> Part:
    return Part(name, label, "activation", "out", TOKEN, KEY_TOKEN, "both", "head")


def _table(name: str, label: str, rows: tuple[str, ...]) -> Part:
    return Part(name, label, "weight", "other", rows, CHANNEL, "", "embedding")


PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        _table("token_table", "W_token", VOCAB),
        _result("token_embedding", "token embedding", CHANNEL, "embedding"),
        _table("position_table", "W_position", ("position",)),
        _result("position_embedding", "position embedding", CHANNEL, "embedding"),
        _result("residual_0", "residual", CHANNEL, "embedding"),
        *_norm("norm", "norm", "attention", "layer norm"),
        *_linear("q", "Q", CHANNEL, KEY, "head"),
        *_linear("k", "K", CHANNEL, KEY, "head"),
        *_linear("v", "V", CHANNEL, VALUE, "head"),
        _result("q", "Q", KEY, "head"),
        _result("k", "K", KEY, "head"),
        _result("v", "V", VALUE, "head"),
        _result("q_norm", "Q norm", KEY, "head"),
        _result("k_norm", "K norm", KEY, "head"),
        _result("q_rotary", "Q turned", KEY, "head"),
        Part("k_flat", "K", "activation", "right", KEY, KEY_TOKEN, "columns", "head"),
        _pattern("scores", "scores"),
        _pattern("masked", "masked"),
        _statistic("softmax_max", "max", "head"),
        _statistic("softmax_sum", "sum", "head"),
        _pattern("pattern", "softmax"),
        Part("v_flat", "V", "activation", "right", KEY_TOKEN, VALUE, "rows", "head"),
        _result("mix", "mix", VALUE, "head"),
        _result("merged", "merged", MERGED, "attention"),
        *_linear("o", "O", MERGED, CHANNEL, "attention"),
        _result("attention_out", "attention out", CHANNEL, "attention"),
        *_norm("attention_post", "attention_post", "attention", "layer norm"),
        _result("residual_attention", "residual + attention", CHANNEL, "attention"),
        *_norm("mlp_norm", "mlp_norm", "mlp", "layer norm"),
        *_linear("gate", "gate", CHANNEL, NEURON, "mlp"),
        *_linear("up", "up", CHANNEL, NEURON, "mlp"),
        _result("gate", "gate", NEURON, "mlp"),
        _result("hidden", "hidden", NEURON, "mlp"),
        _result("gelu", "GELU", NEURON, "mlp"),
        _result("product", "gate × up", NEURON, "mlp"),
        *_linear("down", "down", NEURON, CHANNEL, "mlp"),
        _result("mlp_out", "MLP out", CHANNEL, "mlp"),
        *_linear("router", "router", CHANNEL, EXPERT, "mlp"),
        _result("router", "router", EXPERT, "mlp"),
        _result("router_share", "shares", EXPERT, "mlp"),
        _result("chosen", "chosen", EXPERT, "mlp"),
        _result("e_in", "its tokens", CHANNEL, "expert"),
        *_linear("e_gate", "gate", CHANNEL, NEURON, "expert"),
        *_linear("e_up", "up", CHANNEL, NEURON, "expert"),
        _result("e_gate", "gate", NEURON, "expert"),
        _result("e_hidden", "up", NEURON, "expert"),
        _result("e_gelu", "GELU", NEURON, "expert"),
        _result("e_product", "gate × up", NEURON, "expert"),
        *_linear("e_down", "down", NEURON, CHANNEL, "expert"),
        _result("e_out", "expert out", CHANNEL, "expert"),
        *_norm("mlp_post", "mlp_post", "mlp", "layer norm"),
        _result("branches", "attention + MLP", CHANNEL, "mlp"),
        _result("residual_mlp", "residual + MLP", CHANNEL, "mlp"),
        *_norm("final", "final_norm", "output", "final norm"),
        Part("w_vocab", "W_vocab", "weight", "right", CHANNEL, VOCAB, "", "output"),
        Part("b_vocab", "b_vocab", "weight", "bias", (), VOCAB, "", "output"),
        _result("logits", "logits", VOCAB, "output"),
        _statistic("probability_max", "max", "output"),
        _statistic("probability_sum", "sum", "output"),
        _result("probabilities", "probabilities", VOCAB, "output"),
    )
}
# What every model has that is built like GPT-2.
GPT2 = frozenset(PARTS) - {
    name
    for name in PARTS
    if name.startswith(("attention_post", "mlp_post", "e_", "w_e_", "b_e_", "router"))
    or name
    in (
        "w_router",
        "b_router",
        "chosen",
        "q_norm",
        "k_norm",
        "q_rotary",
        "w_gate",
        "b_gate",
        "gate",
        "product",
        "branches",
        "b_vocab",
    )
}
SHARED_EXPERT = 1 << 16  # the number of the first expert that has none of its own: it takes in all tokens
# What stands in the spine lane.
SPINE = ("residual_0", "residual_attention", "residual_mlp")


def collection_of(section: str, layer: int | None, head: int | None = None) -> tuple[str, ...]:
    """The collections of a section, outermost first, by their full names."""
    if layer is None:
        return (section,)
    whole = f"layer {layer}"
    if section == "head" and head is not None:
        return whole, f"{whole} / attention", f"{whole} / attention / head {head}"
    if section == "expert":
        name = "expert" if head is None or head >= SHARED_EXPERT else f"expert {head}"
        return whole, f"{whole} / mlp", f"{whole} / mlp / {name}"
    return whole, f"{whole} / {'attention' if section == 'head' else section}"
