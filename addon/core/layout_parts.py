# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a GPT: what each is called, which tensor of which operation it shows, and along which axes."""

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
}


@dataclass(frozen=True)
class Part:
    """One kind of block. `tensor_of` names an operation (within the layer, where it is of a layer) and which of its
    tensors this is: "out 0", "in 1", "left", "right", "bias", or "table" for the one that is a parameter. `made_by` are
    the operations that the block belongs to, where it is another one: the first that ran. `grows` says what a new token
    adds."""

    name: str
    label: str
    kind: str  # weight, activation, statistic
    role: str  # right, out, bias, statistic, other
    tensor_of: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    grows: str  # "", rows, columns, both
    section: str  # embedding, attention, head, mlp, output
    made_by: tuple[str, ...] = ()


def _norm(prefix: str, operation: str, section: str, words: str) -> tuple[Part, ...]:
    stem = f"{prefix}_" if prefix else ""
    whole = "final_norm" if prefix == "final" else f"{stem}norm"
    stem = "final_" if prefix == "final" else f"{stem}norm_"
    return (
        Part(f"{stem}mean", "mean", "statistic", "statistic", (operation, "out 1"), TOKEN, (), "rows", section),
        Part(f"{stem}rstd", "1/std", "statistic", "statistic", (operation, "out 2"), TOKEN, (), "rows", section),
        Part(f"{stem}gain", "gain", "weight", "other", (operation, "in 1"), (), CHANNEL, "", section),
        Part(f"{stem}shift", "shift", "weight", "other", (operation, "in 2"), (), CHANNEL, "", section),
        Part(whole, words, "activation", "out", (operation, "out 0"), TOKEN, CHANNEL, "rows", section),
    )


def _linear(
    name: str, label: str, operation: str, rows: tuple[str, ...], columns: tuple[str, ...], section: str
) -> tuple[Part, Part]:
    return (
        Part(f"w_{name}", f"W_{label}", "weight", "right", (operation, "right"), rows, columns, "", section),
        Part(f"b_{name}", f"b_{label}", "weight", "bias", (operation, "bias"), (), columns, "", section),
    )


def _result(name: str, label: str, operation: str, columns: tuple[str, ...], section: str) -> Part:
    return Part(name, label, "activation", "out", (operation, "out 0"), TOKEN, columns, "rows", section)


def _statistic(name: str, label: str, operation: str, output: int, section: str) -> Part:
    return Part(name, label, "statistic", "statistic", (operation, f"out {output}"), TOKEN, (), "rows", section)


def _pattern(name: str, label: str, operation: str) -> Part:
    return Part(name, label, "activation", "out", (operation, "out 0"), TOKEN, KEY_TOKEN, "both", "head")


TOKEN, KEY_TOKEN, CHANNEL, NEURON, VOCAB = ("token",), ("key_token",), ("channel",), ("neuron",), ("vocab",)
KEY, VALUE, MERGED = ("key_dim",), ("value_dim",), ("head", "value_dim")

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        Part(
            "token_table", "W_token", "weight", "other", ("transformer.wte", "table"), VOCAB, CHANNEL, "", "embedding"
        ),
        _result("token_embedding", "token embedding", "transformer.wte", CHANNEL, "embedding"),
        Part(
            "position_table",
            "W_position",
            "weight",
            "other",
            ("transformer.wpe", "table"),
            ("position",),
            CHANNEL,
            "",
            "embedding",
        ),
        _result("position_embedding", "position embedding", "transformer.wpe", CHANNEL, "embedding"),
        _result("residual_0", "residual", "transformer.embed", CHANNEL, "embedding"),
        *_norm("", "ln_1", "attention", "layer norm"),
        *_linear("q", "Q", "attn.c_attn", CHANNEL, KEY, "head"),
        *_linear("k", "K", "attn.c_attn", CHANNEL, KEY, "head"),
        *_linear("v", "V", "attn.c_attn", CHANNEL, VALUE, "head"),
        _result("q", "Q", "attn.c_attn", KEY, "head"),
        _result("k", "K", "attn.c_attn", KEY, "head"),
        _result("v", "V", "attn.c_attn", VALUE, "head"),
        Part(
            "k_flat",
            "K",
            "activation",
            "right",
            ("attn.scores", "right"),
            KEY,
            KEY_TOKEN,
            "columns",
            "head",
            ("attn.split",),
        ),
        _pattern("scores", "scores", "attn.scores"),
        _pattern("masked", "masked", "attn.mask"),
        _statistic("softmax_max", "max", "attn.softmax", 1, "head"),
        _statistic("softmax_sum", "sum", "attn.softmax", 2, "head"),
        _pattern("pattern", "softmax", "attn.softmax"),
        Part(
            "v_flat",
            "V",
            "activation",
            "right",
            ("attn.mix", "right"),
            KEY_TOKEN,
            VALUE,
            "rows",
            "head",
            ("attn.split",),
        ),
        _result("mix", "mix", "attn.mix", VALUE, "head"),
        # A lone token's heads lie one after another already: nothing has to be copied.
        Part(
            "merged",
            "merged",
            "activation",
            "out",
            ("attn.c_proj", "left"),
            TOKEN,
            MERGED,
            "rows",
            "attention",
            ("attn.merge", "attn.mix"),
        ),
        *_linear("o", "O", "attn.c_proj", MERGED, CHANNEL, "attention"),
        _result("attention_out", "attention out", "attn.c_proj", CHANNEL, "attention"),
        _result("residual_attention", "residual + attention", "attn_residual", CHANNEL, "attention"),
        *_norm("mlp", "ln_2", "mlp", "layer norm"),
        *_linear("up", "up", "mlp.c_fc", CHANNEL, NEURON, "mlp"),
        _result("hidden", "hidden", "mlp.c_fc", NEURON, "mlp"),
        _result("gelu", "GELU", "mlp.gelu", NEURON, "mlp"),
        *_linear("down", "down", "mlp.c_proj", NEURON, CHANNEL, "mlp"),
        _result("mlp_out", "MLP out", "mlp.c_proj", CHANNEL, "mlp"),
        _result("residual_mlp", "residual + MLP", "mlp_residual", CHANNEL, "mlp"),
        *_norm("final", "transformer.ln_f", "output", "final norm"),
        Part("w_vocab", "W_vocab", "weight", "right", ("lm_head", "right"), CHANNEL, VOCAB, "", "output"),
        _result("logits", "logits", "lm_head", VOCAB, "output"),
        _statistic("probability_max", "max", "probabilities", 1, "output"),
        _statistic("probability_sum", "sum", "probabilities", 2, "output"),
        _result("probabilities", "probabilities", "probabilities", VOCAB, "output"),
    )
}
# What stands in the spine lane.
SPINE = ("residual_0", "residual_attention", "residual_mlp")
# A tensor that is drawn as another one: its numbers, or the same ones before a plain factor.
DRAWN_AS = {("attn.split", 0): "q", ("attn.scale", 0): "scores"}


def collection_of(section: str, layer: int | None, head: int | None = None) -> tuple[str, ...]:
    """The collections of a section, outermost first, by their full names."""
    if layer is None:
        return (section,)
    whole = f"layer {layer}"
    if section == "head" and head is not None:
        return whole, f"{whole} / attention", f"{whole} / attention / head {head}"
    return whole, f"{whole} / {'attention' if section == 'head' else section}"
