# SPDX-License-Identifier: GPL-3.0-or-later
"""Fused attention taken apart: the same computation in calls that can be seen, in the place of one that cannot."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

Observe = Callable[..., Any]
NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


@contextlib.contextmanager
def unfused() -> Iterator[None]:
    """Attention that is called below the capture comes down to plain multiplies too."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def expand_attention(observe: Observe, args: tuple[Any, ...], options: dict[str, Any]) -> torch.Tensor:
    """scaled_dot_product_attention: queries [..., H, T, d], keys [..., K, S, d], values [..., K, S, e]
    -> [..., H, T, e], each of its calls made through `observe`.

    Scores, softmax and mixture are rounded to the number type at each step, where a fused kernel rounds once; in
    float32 the two differ by some 1e-7. Source: torch's documentation of the function.
    """
    given = {**dict(zip(NAMES, args, strict=False)), **options}
    query, key, value = given["query"], given["key"], given["value"]
    if given.get("enable_gqa"):
        key = _repeated(observe, key, query.shape[-3] // key.shape[-3])
        value = _repeated(observe, value, query.shape[-3] // value.shape[-3])
    scale = given.get("scale")
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    turned = observe(torch.Tensor.transpose, key, -2, -1)  # [..., H, d, S]
    scores = observe(torch.Tensor.mul, observe(torch.matmul, query, turned), scale)  # [..., H, T, S]
    mask = given.get("attn_mask")
    if given.get("is_causal"):
        visible = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
        scores = observe(torch.Tensor.masked_fill, scores, ~visible, -math.inf)
    if mask is not None and mask.dtype == torch.bool:
        scores = observe(torch.Tensor.masked_fill, scores, ~mask, -math.inf)
    elif mask is not None:
        scores = observe(torch.Tensor.add, scores, mask)
    shares = observe(F.softmax, scores, dim=-1)  # [..., H, T, S]
    if mask is not None and not shares.is_meta and bool(torch.isnan(shares).any()):
        shares = observe(torch.nan_to_num, shares, 0.0)  # a token that may look nowhere reads nothing
    return observe(torch.matmul, shares, value)


def _repeated(observe: Observe, heads: torch.Tensor, times: int) -> torch.Tensor:
    """Each key or value head for its whole group of queries: [..., K, S, d] -> [..., K * times, S, d]."""
    if times == 1:
        return heads
    *batch, count, tokens, size = heads.shape
    apart = observe(torch.Tensor.unsqueeze, heads, -3)
    wide = observe(torch.Tensor.expand, apart, *batch, count, times, tokens, size)
    return observe(torch.Tensor.reshape, wide, *batch, count * times, tokens, size)
