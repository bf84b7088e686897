# SPDX-License-Identifier: GPL-3.0-or-later
"""The named places of a layout that a camera can look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .layout_parts import SPINE
from .layout_types import COLUMN_TIER, Block, Bounds, Card, Label, Vector
from .placement import ModelShape

_NORM = ("norm", "norm_mean", "norm_rstd", "norm_gain", "norm_shift")
_PROJECTIONS = ("w_q", "w_k", "w_v", "b_q", "b_k", "b_v", "q", "k", "v")
_CELL = ("k_flat", "scores", "masked", "softmax_max", "softmax_sum", "pattern", "v_flat", "mix")

# The parts that a place holds; names as they stand behind "layer {l} / ".
LAYER_PLACES: dict[str, tuple[str, ...]] = {
    "norm": _NORM,
    "qkv": (*_NORM, *_PROJECTIONS),
    "projection": ("merged", "w_o", "b_o", "attention_out", "residual_attention"),
    "mlp norm": tuple(f"mlp_{part}" for part in _NORM),
    "up": ("mlp_norm", "w_up", "b_up", "hidden"),
    "gelu": ("hidden", "gelu"),
    "down": ("gelu", "w_down", "b_down", "mlp_out", "residual_mlp"),
}
# The same for "layer {l} / head {h}"; the norm stands before all heads.
HEAD_PLACES: dict[str, tuple[str, ...]] = {
    "": ("q", "k", "v", *_CELL),
    " / qkv": ("norm", *_PROJECTIONS),
    " / scores": ("q", "k_flat", "scores"),
    " / softmax": ("masked", "softmax_max", "softmax_sum", "pattern"),
    " / mix": ("pattern", "v_flat", "mix"),
}
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


def places_of(block: Block, heads: int) -> Iterator[str]:
    """The names of all places that a block belongs to."""
    yield "model"
    yield from block.collection[:2]  # "embedding", "output", "layer 0", "layer 0 / attention"
    yield from (name for name, parts in OTHER_PLACES.items() if block.part in parts)
    if block.layer is None:
        return
    layer = f"layer {block.layer}"
    yield from (f"{layer} / {name}" for name, parts in LAYER_PLACES.items() if block.part in parts)
    for head in range(heads) if block.head is None else (block.head,):
        yield from (f"{layer} / head {head}{name}" for name, parts in HEAD_PLACES.items() if block.part in parts)


def name_bounds(
    blocks: Iterable[Block], cards: Iterable[Card], labels: Iterable[Label], shape: ModelShape
) -> dict[str, Bounds]:
    """The box around everything in each place. The names of the model and its layers are part of them, and those of
    single columns part of what they stand on."""
    points: dict[str, list[Vector]] = defaultdict(list)
    for block in blocks:
        corners = block.body().corners()
        for name in places_of(block, shape.heads):
            points[name] += corners
        if block.part == "position_table":  # of a long table the first rows are read, which stand in the front
            points["positions"] += replace(block, rows=(0, shape.tokens - 1)).body().corners()
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
