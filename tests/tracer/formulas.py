# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in models once more, in NumPy and double precision, from their formulas and their weights alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

Weights = dict[str, np.ndarray]


def read_weights(folder: Path) -> Weights:
    """All parameters of a model folder; the test is skipped where safetensors is missing."""
    found = pytest.importorskip("safetensors.numpy").load_file(folder / "model.safetensors")
    return {name: value.astype(np.float64) for name, value in found.items()}


def forward(w: Weights, ids: np.ndarray, heads: int) -> np.ndarray:
    """Token ids [N, T] -> logits [N, T, V]."""
    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][: ids.shape[1]]
    for i in range(sum(name.endswith(".ln_1.weight") for name in w)):
        block = f"transformer.h.{i}"
        x = x + attention(w, f"{block}.attn", norm(w, f"{block}.ln_1", x), heads)
        hidden = linear(w, f"{block}.mlp.c_fc", norm(w, f"{block}.ln_2", x))
        hidden = 0.5 * hidden * (1 + np.tanh(np.sqrt(2 / np.pi) * (hidden + 0.044715 * hidden**3)))
        x = x + linear(w, f"{block}.mlp.c_proj", hidden)
    return linear(w, "lm_head", norm(w, "transformer.ln_f", x))


def attention(w: Weights, name: str, x: np.ndarray, heads: int) -> np.ndarray:
    """[N, T, C] -> [N, T, C]."""
    n, t, c = x.shape
    qkv = linear(w, f"{name}.c_attn", x).reshape(n, t, 3, heads, c // heads)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # [N, H, T, d] each
    scores = np.einsum("nhid,nhjd->nhij", q, k) / np.sqrt(c // heads)
    powers = np.where(np.tri(t, dtype=bool), np.exp(scores), 0)
    mixed = np.einsum("nhij,nhjd->nihd", powers / powers.sum(-1, keepdims=True), v)
    return linear(w, f"{name}.c_proj", mixed.reshape(n, t, c))


def linear(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)


def norm(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]
