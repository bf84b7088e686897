# SPDX-License-Identifier: GPL-3.0-or-later
"""Well-known language models by their published sizes: what a layout needs, and where it was published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import UserError
from .layout_config import shape_of_config


@dataclass(frozen=True)
class KnownModel:
    """A model by its name for people, the words of its config.json that its sizes follow from, and their source."""

    key: str  # what a person types
    name: str
    config: Mapping[str, Any] = field(repr=False)
    source: str


def _gpt2(layers: int, heads: int, channels: int, context: int = 1024) -> dict[str, Any]:
    return {"n_layer": layers, "n_head": heads, "n_embd": channels, "n_positions": context, "vocab_size": 50257}


def _llama(
    layers: int, heads: int, channels: int, neurons: int, vocab: int, groups: int | None = None
) -> dict[str, Any]:
    return {
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups or heads,
        "hidden_size": channels,
        "intermediate_size": neurons,
        "vocab_size": vocab,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
    }


_HUB = "config.json of {} on the Hugging Face hub"
# The built-in ones read words out with a table of their own, unlike GPT-2.
_NANO = {"n_layer": 3, "n_head": 3, "n_embd": 48, "block_size": 11, "vocab_size": 3, "tie_word_embeddings": False}
_SHAKESPEARE = {
    "n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 128, "vocab_size": 65, "tie_word_embeddings": False,
}  # fmt: skip
_MIXTRAL = _llama(32, 32, 4096, 14336, 32000, groups=8) | {"num_local_experts": 8, "num_experts_per_tok": 2}

KNOWN = (
    KnownModel("nano-sort", "nano-sort", _NANO, "built in: assets/models/nano-sort"),
    KnownModel("tiny-shakespeare", "tiny-shakespeare", _SHAKESPEARE, "built in: assets/models/tiny-shakespeare"),
    KnownModel("gpt2", "GPT-2 small", _gpt2(12, 12, 768), _HUB.format("openai-community/gpt2")),
    KnownModel("gpt2-medium", "GPT-2 medium", _gpt2(24, 16, 1024), _HUB.format("openai-community/gpt2-medium")),
    KnownModel("gpt2-xl", "GPT-2 XL", _gpt2(48, 25, 1600), _HUB.format("openai-community/gpt2-xl")),
    KnownModel(
        "llama-2-7b", "Llama 2 7B", _llama(32, 32, 4096, 11008, 32000), _HUB.format("meta-llama/Llama-2-7b-hf")
    ),
    KnownModel("mixtral-8x7b", "Mixtral 8x7B", _MIXTRAL, _HUB.format("mistralai/Mixtral-8x7B-v0.1")),
    KnownModel(
        "gpt-3", "GPT-3", _gpt2(96, 96, 12288, 2048), "Brown et al. 2020, table 2.1 (arXiv:2005.14165)"
    ),
    KnownModel(
        "llama-3.1-405b",
        "Llama 3.1 405B",
        _llama(126, 128, 16384, 53248, 128256, groups=8),
        _HUB.format("meta-llama/Llama-3.1-405B"),
    ),
)  # fmt: skip
USUAL = ("nano-sort", "tiny-shakespeare", "gpt2", "gpt2-xl", "llama-2-7b", "mixtral-8x7b", "gpt-3")


def find_known(word: str) -> KnownModel:
    """A model by its key, or by the path of a `config.json` (or of a folder with one).

    Raises UserError, with the keys that there are, where it is neither or the config lacks a size.
    """
    for known in KNOWN:
        if word.strip().lower() == known.key:
            return known
    path = Path(word).expanduser()
    path = path / "config.json" if path.is_dir() else path
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        keys = ", ".join(known.key for known in KNOWN)
        hint = f"Write the path of a config.json, or one of: {keys}."
        raise UserError(f"There is no model {word!r} to show the size of.", hint, 2) from error
    if not isinstance(config, dict):
        raise UserError(f"{path} is no config of a model.", "Give the config.json of a language model.", 2)
    shape_of_config(config, 1)
    name = str(config.get("name") or Path(str(config.get("_name_or_path") or "")).name or path.resolve().parent.name)
    return KnownModel(word, name, config, str(path.name if path.parent == Path() else path))
