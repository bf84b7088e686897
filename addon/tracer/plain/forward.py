# SPDX-License-Identifier: GPL-3.0-or-later
"""The forward pass of minGPT in NumPy, float32, each operation noted as the tracer notes torch's.

Source of the model: `..model`, which is the same in torch; the names, axes and order of what is noted are those that
come out when that one is traced.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...core.activations import gelu_tanh
from ..config import Config
from .notes import Kept, Notes
from .weights import Array

EPSILON = np.float32(1e-5)  # of every LayerNorm
TOKENS, CHANNELS = (("batch",), ("token",)), (("batch",), ("token",), ("channel",))
PER_TOKEN = (("batch",), ("token",), ("?",))
SCORES = (("batch",), ("head",), ("token",), ("key_token",))
FUSED = ("?", "head", "key_dim")  # which of q, k, v; which head; which of its dimensions
MERGED = ("head", "value_dim")


class Forward:
    """Runs the model; `notes` takes down what happens, `multiplies` counts what was really multiplied."""

    def __init__(self, config: Config, weights: dict[str, Array], notes: Notes) -> None:
        self.multiplies = 0
        self._config = config
        self._weights = weights
        self._notes = notes

    def __call__(self, ids: Sequence[int]) -> Kept:
        """Token ids [T] -> logits [1, T, V]."""
        notes = self._notes
        with notes.module("", "GPT"):
            with notes.module("transformer", "Transformer"):
                x = self._embed(ids)
                for layer in range(self._config.n_layer):
                    x = self._block(x, layer)
                x = self._norm(x, "transformer.ln_f", "ln_final")
            return self._linear(x, "lm_head", ("channel",), ("vocab",), "", bias=False)

    def choose(self, logits: Kept) -> int:
        """The likeliest token after logits [1, T, V], by the probabilities that are noted."""
        largest, total, shares = _softmax(logits.array)
        kept = self._notes.keep("probabilities", shares, (*TOKENS, ("vocab",)))
        top = self._notes.keep("probabilities.max", largest, PER_TOKEN)
        summed = self._notes.keep("probabilities.sum", total, PER_TOKEN)
        self._notes.note("softmax", "probabilities", "", (logits,), (kept, top, summed))
        chosen = int(shares[0, -1].argmax())
        sample = self._notes.keep("sample", np.array([[chosen]], np.int64), TOKENS)
        self._notes.note("sample", "sample", "", (kept,), (sample,))
        return chosen

    def _embed(self, ids: Sequence[int]) -> Kept:
        notes = self._notes
        given = notes.keep("ids", np.array([ids], np.int64), TOKENS)  # [1, T]
        tokens = self._look_up(given, "transformer.wte", "vocab", "hook_embed")
        counted = notes.keep("positions", np.arange(len(ids), dtype=np.int64)[None], TOKENS)  # [1, T]
        positions = self._look_up(counted, "transformer.wpe", "position", "hook_pos_embed")
        return self._add(tokens, positions, "transformer.embed", "transformer", "blocks.0.hook_resid_pre")

    def _look_up(self, ids: Kept, module: str, rows: str, alias: str) -> Kept:
        """[1, T] -> [1, T, C], rows of a table."""
        notes, name = self._notes, f"{module}.weight"
        with notes.module(module, "Embedding"):
            table = notes.parameter(name, self._weights[name], ((rows,), ("channel",)))
            made = notes.keep(module, table.array[ids.array], CHANNELS, alias)
            notes.note("embedding", module, module, (ids, table), (made,))
        return made

    def _block(self, x: Kept, layer: int) -> Kept:
        """[1, T, C] -> [1, T, C]."""
        at, alias = f"transformer.h.{layer}", f"blocks.{layer}"
        with self._notes.module(at, "Block"):
            read = self._attention(self._norm(x, f"{at}.ln_1", f"{alias}.ln1"), f"{at}.attn", alias)
            x = self._add(x, read, f"{at}.attn_residual", at, f"{alias}.hook_resid_mid")
            made = self._mlp(self._norm(x, f"{at}.ln_2", f"{alias}.ln2"), f"{at}.mlp", alias)
            after = [f"blocks.{layer + 1}.hook_resid_pre"] if layer + 1 < self._config.n_layer else []
            return self._add(x, made, f"{at}.mlp_residual", at, [f"{alias}.hook_resid_post", *after])

    def _norm(self, x: Kept, module: str, alias: str) -> Kept:
        """[1, T, C] -> [1, T, C]: mean 0 and deviation 1 in each token, then the gain and the shift."""
        notes = self._notes
        with notes.module(module, "LayerNorm"):
            gain, shift = (
                notes.parameter(name, self._weights[name], (("channel",),))
                for name in (f"{module}.weight", f"{module}.bias")
            )
            mean = x.array.mean(-1, dtype=np.float32, keepdims=True)  # [1, T, 1]
            rstd = 1 / np.sqrt(x.array.var(-1, dtype=np.float32, keepdims=True) + EPSILON)  # [1, T, 1]
            result = (x.array - mean) * rstd * gain.array + shift.array
            made = notes.keep(module, result, CHANNELS, f"{alias}.hook_normalized")
            statistics = notes.keep(f"{module}.mean", mean, PER_TOKEN), notes.keep(f"{module}.rstd", rstd, PER_TOKEN)
            notes.note("layer_norm", module, module, (x, gain, shift), (made, *statistics))
        return made

    def _linear(
        self, x: Kept, module: str, rows: tuple[str, ...], columns: tuple[str, ...], alias: str, *, bias: bool = True
    ) -> Kept:
        """[1, T, in] -> [1, T, out], times the transposed view [in, out] of the weight."""
        notes, weight = self._notes, self._weights[f"{module}.weight"]
        with notes.module(module, "Linear"):
            right = notes.parameter(f"{module}.weight", weight.T, (rows, columns), of=weight)
            added = notes.parameter(f"{module}.bias", self._weights[f"{module}.bias"], (columns,)) if bias else None
            result = self._multiply(x.array, right.array)
            result = result if added is None else result + added.array
            made = notes.keep(module, result, (*TOKENS, columns), alias or ())
            notes.multiplied(module, module, x, right, added, made)
        return made

    def _attention(self, x: Kept, at: str, alias: str) -> Kept:
        """[1, T, C] -> [1, T, C], each token reading from those before it."""
        notes, heads = self._notes, self._config.n_head
        with notes.module(at, "Attention"):
            fused = self._linear(x, f"{at}.c_attn", ("channel",), FUSED, "")
            q, k, v = (self._heads(part) for part in np.split(fused.array, 3, -1))  # [1, H, T, d] each
            size, whole = q.shape[-1], fused.array
            query = notes.keep(f"{at}.q", q, (*SCORES[:3], ("key_dim",)), f"{alias}.attn.hook_q", of=whole)
            turned = np.swapaxes(k, -1, -2)  # [1, H, d, T]
            key = notes.keep(f"{at}.k_transposed", turned, (*SCORES[:2], ("key_dim",), ("key_token",)), of=whole)
            split = len(notes.operations)
            notes.note("split", f"{at}.split", at, (fused,), (query, key))
            raw = notes.keep(f"{at}.scores", self._multiply(q, turned), SCORES)  # [1, H, T, T]
            notes.multiplied(f"{at}.scores", at, query, key, None, raw)
            weights = self._weigh(raw, 1 / math.sqrt(size), at, alias)
            axes = (*SCORES[:2], ("key_token",), ("value_dim",))
            value = notes.keep(f"{at}.v", v, axes, f"{alias}.attn.hook_v", of=whole)
            notes.gives(split, value)
            mixed = notes.keep(
                f"{at}.mix",
                self._multiply(weights.array, v),
                (*SCORES[:3], ("value_dim",)),
                f"{alias}.attn.hook_z",
            )
            notes.multiplied(f"{at}.mix", at, weights, value, None, mixed)
            flat = np.ascontiguousarray(mixed.array.swapaxes(1, 2)).reshape(1, -1, heads * size)  # [1, T, C]
            merged = notes.keep(f"{at}.merge", flat, (*TOKENS, MERGED))
            notes.note("merge", f"{at}.merge", at, (mixed,), (merged,))
            out = self._linear(merged, f"{at}.c_proj", MERGED, ("channel",), f"{alias}.hook_attn_out")
            notes.keep(f"{at}.k", k, (*SCORES[:2], ("key_token",), ("key_dim",)), f"{alias}.attn.hook_k", of=whole)
        return out

    def _weigh(self, raw: Kept, scale: float, at: str, alias: str) -> Kept:
        """Scores [1, H, T, T] -> how much each token reads from each: scaled, masked, softmax."""
        notes = self._notes
        scaled = notes.keep(f"{at}.scale", raw.array * np.float32(scale), SCORES)
        notes.note("scale", f"{at}.scale", at, (raw,), (scaled,), scale)
        seen = np.tril(np.ones(scaled.array.shape[-2:], bool))  # [T, T]
        hidden = np.where(seen, scaled.array, np.float32(-np.inf))
        masked = notes.keep(f"{at}.mask", hidden, SCORES, f"{alias}.attn.hook_attn_scores")
        notes.note("mask", f"{at}.mask", at, (scaled,), (masked,))
        largest, total, shares = _softmax(hidden)
        pattern = notes.keep(f"{at}.softmax", shares, SCORES, f"{alias}.attn.hook_pattern")
        top = notes.keep(f"{at}.softmax.max", largest, (*SCORES[:3], ("?",)))
        summed = notes.keep(f"{at}.softmax.sum", total, (*SCORES[:3], ("?",)))
        notes.note("softmax", f"{at}.softmax", at, (masked,), (pattern, top, summed))
        return pattern

    def _mlp(self, x: Kept, at: str, alias: str) -> Kept:
        """[1, T, C] -> [1, T, C], up to four times the channels, GELU, and back."""
        notes = self._notes
        with notes.module(at, "MLP"):
            hidden = self._linear(x, f"{at}.c_fc", ("channel",), ("neuron",), f"{alias}.mlp.hook_pre")
            with notes.module(f"{at}.gelu", "GELU"):
                bent = np.asarray(gelu_tanh(hidden.array), np.float32)
                curved = notes.keep(f"{at}.gelu", bent, (*TOKENS, ("neuron",)), f"{alias}.mlp.hook_post")
                notes.note("gelu", f"{at}.gelu", f"{at}.gelu", (hidden,), (curved,))
            return self._linear(curved, f"{at}.c_proj", ("neuron",), ("channel",), f"{alias}.hook_mlp_out")

    def _add(self, a: Kept, b: Kept, name: str, module: str, alias: str | Sequence[str]) -> Kept:
        made = self._notes.keep(name, a.array + b.array, CHANNELS, alias)
        self._notes.note("add", name, module, (a, b), (made,))
        return made

    def _heads(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """[1, T, C] -> [1, H, T, d], a view."""
        b, t, c = x.shape
        h = self._config.n_head
        size, step = c // h, x.itemsize
        strides = (x.strides[0], size * step, x.strides[1], step)
        return np.lib.stride_tricks.as_strided(x, (b, h, t, size), strides)

    def _multiply(self, left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
        self.multiplies += 1
        return np.asarray(left @ right, np.float32)


def _softmax(x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """[..., n] -> the maximum [..., 1], the sum [..., 1] of exp(x - maximum), and the shares [..., n]."""
    largest = x.max(-1, keepdims=True)
    powers = np.exp(x - largest)
    total = powers.sum(-1, keepdims=True)
    return largest, total, powers / total
