# SPDX-License-Identifier: GPL-3.0-or-later
"""The named places of a layout that a camera can look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .layout_parts import PARTS, SPINE
from .layout_types import COLUMN_TIER, Block, Bounds, Card, Label, Vector
from .placement_shape import ModelShape

_NORM = ("norm", "norm_mean", "norm_rstd", "norm_gain", "norm_shift")
_PROJECTIONS = ("w_q", "w_k", "w_v", "b_q", "b_k", "b_v", "q", "k", "v", "q_norm", "k_norm")
_CELL = ("k_flat", "scores", "masked", "softmax_max", "softmax_sum", "pattern", "v_flat", "mix")

# The parts that a place holds; names as they stand behind "layer {l} / ".
LAYER_PLACES: dict[str, tuple[str, ...]] = {
    "norm": _NORM,
    "qkv": (*_NORM, *_PROJECTIONS),
    "projection": (
        "merged",
        "w_o",
        "b_o",
        "attention_out",
        *(f"attention_post{part}" for part in ("", "_rstd", "_mean", "_gain", "_shift")),
        "residual_attention",
    ),
    "mlp norm": tuple(f"mlp_{part}" for part in _NORM),
    "gate": ("mlp_norm", "w_gate", "b_gate", "gate"),
    "router": ("mlp_norm", "w_router", "b_router", "router", "router_share", "chosen"),
    "up": ("mlp_norm", "w_up", "b_up", "hidden"),
    "gelu": ("gate", "hidden", "gelu", "product"),
    "down": (
        "gelu",
        "product",
        "w_down",
        "b_down",
        "mlp_out",
        *(f"mlp_post{part}" for part in ("", "_rstd", "_mean", "_gain", "_shift")),
        "branches",
        "residual_mlp",
    ),
}
# The same for "layer {l} / head {h}"; the norm stands before all heads.
HEAD_PLACES: dict[str, tuple[str, ...]] = {
    "": ("q", "k", "v", "q_norm", "k_norm", "q_rotary", *_CELL),
    " / qkv": ("norm", *_PROJECTIONS),
    " / rotary": ("q", "k", "q_norm", "k_norm", "q_rotary", "k_flat"),
    " / scores": ("q", "q_rotary", "k_flat", "scores"),
    " / softmax": ("masked", "softmax_max", "softmax_sum", "pattern"),
    " / mix": ("pattern", "v_flat", "mix"),
}
# Places that there are only where a layer has one of these parts.
ONLY_WITH = {"gate": ("w_gate",), "router": ("w_router",), " / rotary": ("q_rotary", "q_norm", "k_norm")}
# "positions" also holds the cards of the tokens and the rows of the position table that are read.
OTHER_PLACES: dict[str, tuple[str, ...]] = {
    "final norm": ("final_norm", "final_mean", "final_rstd", "final_gain", "final_shift"),
    "logits": ("final_norm", "w_vocab", "logits"),
    "probabilities": ("logits", "probability_max", "probability_sum", "probabilities"),
    "odds": ("probability_max", "probability_sum", "probabilities"),
    "spine": SPINE,
    "lookup": ("token_table", "token_embedding"),
    "positions": ("position_embedding", "residual_0"),
}


# What query heads share, where there are fewer key heads; such blocks bear the number of the first of these.
SHARED = ("k", "v", "w_k", "w_v", "b_k", "b_v", "k_norm", "k_flat", "v_flat")


def places_of(block: Block, shape: ModelShape) -> Iterator[str]:
    """The names of all places that a block belongs to."""
    yield "model"
    yield from block.collection[:2]  # "embedding", "output", "layer 0", "layer 0 / attention"
    yield from (name for name, parts in OTHER_PLACES.items() if block.part in parts)
    if block.layer is None:
        return
    layer, sizes = f"layer {block.layer}", shape.layer(block.layer)
    there = {name for name, parts in ONLY_WITH.items() if sizes.has(*parts)} | (
        {*LAYER_PLACES, *HEAD_PLACES} - ONLY_WITH.keys()
    )
    yield from (f"{layer} / {name}" for name, parts in LAYER_PLACES.items() if block.part in parts and name in there)
    heads: Iterable[int] = range(1 if sizes.merged else sizes.heads)
    if block.part in PARTS and PARTS[block.part].section == "expert":
        heads = ()
    elif block.head is not None:
        heads = range(block.head, block.head + (sizes.shared if block.part in SHARED and not sizes.merged else 1))
    for head in heads:
        yield from (
            f"{layer} / head {head}{name}"
            for name, parts in HEAD_PLACES.items()
            if block.part in parts and name in there
        )


def name_bounds(
    blocks: Iterable[Block], cards: Iterable[Card], labels: Iterable[Label], shape: ModelShape
) -> dict[str, Bounds]:
    """The box around everything in each place. The names of the model and its layers are part of them, and those of
    single columns part of what they stand on."""
    points: dict[str, list[Vector]] = defaultdict(list)
    for block in blocks:
        corners = block.body().corners()
        for name in places_of(block, shape):
            points[name] += corners
        if block.part == "position_table":  # of a long table the first rows are read, which stand in the front
            points["positions"] += replace(block, rows=(0, shape.steps[-1] - 1)).body().corners()
    for card in cards:
        for name in ("model", "tokens", "positions"):
            points[name] += card.bounds().corners()
    for label in labels:
        if label.tier == 0:
            corners = label.extent().corners()
            points["model"] += corners
            if label.layer is not None:
                points[f"layer {label.layer}"] += corners
        elif label.tier == COLUMN_TIER:
            points["odds"] += label.extent().corners()
    return {name: Bounds.around(corners) for name, corners in points.items()}
