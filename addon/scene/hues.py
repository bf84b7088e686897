# SPDX-License-Identifier: GPL-3.0-or-later
"""The hue of a block at rest, by what it is."""

from __future__ import annotations

from ..core.layout import Block

PART_HUES = {  # part of a block -> name of a colour of the theme; weights are slate
    "residual": "token",
    "q": "feature",
    "q_norm": "feature",
    "k_norm": "feature",
    "q_rotary": "feature",
    "k": "feature",
    "v": "feature",
    "mix": "feature",
    "merged": "feature",
    "scores": "token",
    "masked": "token",
    "pattern": "token",
    "hidden": "neuron",
    "gelu": "neuron",
    "gate": "neuron",
    "product": "neuron",
    "router": "head",
    "router_share": "head",
    "chosen": "head",
    "logits": "vocab",
    "probabilities": "vocab",
}


def hue_of(block: Block) -> str:
    """The name of a block's hue: that of its part, or its kind where it is no activation."""
    if block.kind != "activation":
        return block.kind
    part = block.part.split("_")[0] if block.part.startswith("residual") else block.part.removesuffix("_flat")
    return PART_HUES.get(part.removeprefix("e_"), "channel")
