# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers about tensors: their statistics, and whether a multiply is what it says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..core.trace import Stats

ALL = 1 << 19  # multiply-adds up to which a multiply is recomputed whole
ROWS, COLUMNS = 16, 16  # of a larger one, evenly spaced
TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-5, torch.bfloat16: 2e-3, torch.float16: 2e-3}
"""Relative error up to which a multiply counts as exact (trace format, version 1)."""
NOTHING = Stats(0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)


def summarise(tensor: torch.Tensor) -> Stats:
    """Of the finite values, and how many are not. Nothing is known of a tensor on "meta"."""
    if tensor.numel() == 0 or tensor.is_meta:
        return NOTHING
    if not tensor.is_floating_point():
        values = tensor.reshape(-1).cpu().to(torch.float64)
        return _stats(values, 0, 0)
    values = _dense(tensor)
    if values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    low, high = (float(one) for one in torch.aminmax(values))
    if math.isfinite(low) and math.isfinite(high) and max(-low, high) < 1e15:  # squares stay within float32
        mean, deviation = _moments(values)
        return Stats(low, high, max(abs(low), abs(high)), mean, deviation, 0, 0)
    finite = torch.isfinite(values)
    nan = int(torch.isnan(values).sum())
    kept = values[finite].cpu().to(torch.float64)
    return _stats(kept, nan, values.numel() - kept.numel() - nan)


def _moments(values: torch.Tensor) -> tuple[float, float]:
    """Mean and standard deviation: from the sum of squares, many times faster, unless the mean is most of it."""
    flat = values.reshape(-1)
    mean, square = float(flat.mean()), float(torch.dot(flat, flat)) / flat.numel()
    variance = square - mean * mean
    if variance > 1e-3 * square:
        return mean, math.sqrt(variance)
    return mean, float(flat.to(torch.float64).std(correction=0)) if flat.device.type != "mps" else float(flat.std())


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """The values in the order in which they lie, each once: their order does not matter here."""
    span = span_of(tensor)
    return tensor if span is None else tensor.as_strided((span[1],), (1,), span[0])


def together(parts: Sequence[tuple[Stats, int]]) -> Stats:
    """Statistics of tensors behind each other, from those of each and how many values it has."""
    counted = [(stats, n - stats.nan - stats.inf) for stats, n in parts]
    kept = [(stats, n) for stats, n in counted if n > 0]
    nan, inf = sum(stats.nan for stats, _ in parts), sum(stats.inf for stats, _ in parts)
    if not kept:
        return Stats(0.0, 0.0, 0.0, 0.0, 0.0, nan, inf)
    total = sum(n for _, n in kept)
    mean = sum(stats.mean * n for stats, n in kept) / total
    variance = sum((stats.std**2 + (stats.mean - mean) ** 2) * n for stats, n in kept) / total
    low, high = min(stats.min for stats, _ in kept), max(stats.max for stats, _ in kept)
    return Stats(low, high, max(abs(low), abs(high)), mean, math.sqrt(variance), nan, inf)


def _stats(values: torch.Tensor, nan: int, inf: int) -> Stats:
    if values.numel() == 0:
        return Stats(0.0, 0.0, 0.0, 0.0, 0.0, nan, inf)
    low, high = float(values.min()), float(values.max())
    mean = float(values.mean())
    deviation = float((values - mean).abs().max() and values.std(correction=0))
    return Stats(low, high, max(abs(low), abs(high)), mean, min(deviation, 1.7e308), nan, inf)


def relative_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference over the largest value wanted (float64); NaN where not the same values are finite.

    What rounding to the number type of `found` alone may do, half a unit in the last place, is no difference.
    """
    finite = torch.isfinite(wanted)
    if not torch.equal(finite, torch.isfinite(found)):
        return math.nan
    if not bool(finite.all()):
        odd_found, odd_wanted = found[~finite].to(torch.float64), wanted[~finite]
        if not torch.equal(torch.nan_to_num(odd_found, nan=0.5), torch.nan_to_num(odd_wanted, nan=0.5)):
            return math.nan
        found, wanted = found[finite], wanted[finite]
    if wanted.numel() == 0:
        return 0.0
    rounding = torch.finfo(found.dtype).eps / 2 if found.dtype in (torch.float16, torch.bfloat16) else 0.0
    difference = (found.to(torch.float64) - wanted).abs()
    if rounding:
        difference = (difference - rounding * wanted.abs()).clamp_min(0)
    largest = max(float(wanted.abs().max()), torch.finfo(torch.float32).tiny)
    return float(difference.max()) / largest


def recompute(
    left: torch.Tensor, right: torch.Tensor, bias: torch.Tensor | None, out: torch.Tensor, scale: float, whole: bool
) -> tuple[float, int]:
    """Relative error of out [..., i, j] against scale * left [..., i, k] @ right [..., k, j] + bias in float64, and
    how many elements of it were compared: all, or where it is large and not `whole` an even grid of them."""
    if out.is_meta or out.numel() == 0 or not out.is_floating_point():
        return 0.0, 0
    if not whole and out.numel() * left.shape[-1] > ALL:
        rows, columns = _grid(out.shape[-2], ROWS), _grid(out.shape[-1], COLUMNS)
        bias = None if bias is None else bias.expand(out.shape)[..., rows, columns]
        left, right, out = left[..., rows, :], right[..., :, columns], out[..., rows, columns]
    exact = torch.float64 if out.device.type != "mps" else torch.float32
    wanted = left.to(exact) @ right.to(exact)
    wanted = wanted if scale == 1.0 else scale * wanted
    wanted = wanted if bias is None else wanted + bias.to(exact)
    return relative_error(out, wanted.to(torch.float64) if exact is torch.float64 else wanted), out.numel()


def span_of(tensor: torch.Tensor) -> tuple[int, int] | None:
    """First element in the storage and how many, where a tensor is just these, in whatever order."""
    reach = 1 + sum(stride * (n - 1) for stride, n in zip(tensor.stride(), tensor.shape, strict=True) if n != 1)
    return (tensor.storage_offset(), reach) if reach == tensor.numel() else None


def _grid(n: int, most: int) -> slice:
    """About `most` places out of n, evenly spaced, the last among them."""
    step = max(1, n // most)
    return slice((n - 1) % step, None, step)
