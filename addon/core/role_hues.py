# SPDX-License-Identifier: GPL-3.0-or-later
"""The hue of a block by what it is: the stream, what heads read and write, whom they look at, neurons, words."""

from __future__ import annotations

from .layout_types import Block

_HUES = {  # part of the model -> name of a colour of the theme
    "residual": "token",
    "q": "feature",
    "q_norm": "feature",
    "k_norm": "feature",
    "q_rotary": "feature",
    "k": "feature",
    "v": "feature",
    "mix": "feature",
    "merged": "feature",
    "scores": "head",
    "masked": "head",
    "pattern": "head",
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
    """The palette colour of a block that is at rest. That of a weight counts where its numbers are not seen: cells
    have that of what they make."""
    if block.kind != "activation":
        return block.kind
    part = block.part.split("_")[0] if block.part.startswith("residual") else block.part.removesuffix("_flat")
    return _HUES.get(part.removeprefix("e_"), "channel")
