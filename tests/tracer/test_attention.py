# SPDX-License-Identifier: GPL-3.0-or-later
"""Fused attention taken apart gives what the fused one gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch.nn import functional as F

from forward_pass.core.trace import Trace
from forward_pass.tracer.attention import expand_attention, unfused
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import trace

from .architectures import PROMPT, VOCAB, randomise
from .subjects import subject

RANDOM = torch.Generator().manual_seed(0)
T = len(PROMPT)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=RANDOM)


def triangle() -> torch.Tensor:
    """Which keys each query may look at [T, T]."""
    return torch.ones(T, T, dtype=torch.bool).tril()


def far(mask: torch.Tensor) -> torch.Tensor:
    """The same as numbers to add."""
    return torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)


def blind(row: int) -> torch.Tensor:
    """A mask with which one query may look nowhere."""
    mask = triangle()
    mask[row] = False
    return mask


def qkv(heads: int = 4, kv_heads: int = 4, size: int = 8, values: int = 8) -> tuple[torch.Tensor, ...]:
    return random(1, heads, T, size), random(1, kv_heads, T, size), random(1, kv_heads, T, values)


CASES: dict[str, tuple[tuple[torch.Tensor, ...], dict[str, Any]]] = {
    "plain": (qkv(), {}),
    "causal": (qkv(), {"is_causal": True}),
    "bool mask": (qkv(), {"attn_mask": triangle()}),
    "bool mask of every head": (qkv(), {"attn_mask": torch.rand(1, 4, T, T, generator=RANDOM) > 0.3}),
    "float mask": (qkv(), {"attn_mask": random(T, T)}),
    "float mask that hides": (qkv(), {"attn_mask": far(triangle())}),
    "scale": (qkv(), {"scale": 0.3}),
    "scale of nothing": (qkv(), {"scale": 0.0}),
    "no scale": (qkv(), {"scale": None, "is_causal": True}),
    "grouped": (qkv(6, 2), {"enable_gqa": True}),
    "grouped and masked": (qkv(6, 3), {"enable_gqa": True, "attn_mask": triangle(), "scale": 2.0}),
    "one key head": (qkv(4, 1), {"enable_gqa": True, "is_causal": True}),
    "values of another size": (qkv(values=5), {"is_causal": True}),
    "no heads": (tuple(one[:, 0] for one in qkv()), {"attn_mask": triangle()}),
    "blind, bool": (qkv(), {"attn_mask": blind(2)}),
    "blind, float": (qkv(), {"attn_mask": far(blind(3))}),
    "fewer queries than keys": (
        (random(1, 4, 2, 8), random(1, 4, T, 8), random(1, 4, T, 8)),
        {"attn_mask": triangle()[-2:]},
    ),
    "fewer queries than keys, causal": (
        (random(1, 4, 2, 8), random(1, 4, T, 8), random(1, 4, T, 8)),
        {"is_causal": True},
    ),
    "no dropout": (qkv(), {"dropout_p": 0.0, "is_causal": True}),
}


def plainly(func: Any, *args: Any, **options: Any) -> Any:
    return func(*args, **options)


@pytest.mark.parametrize("name", CASES)
def test_it_gives_what_the_fused_one_gives(name: str) -> None:
    given, options = CASES[name]
    before = [one.clone() for one in given]
    found = expand_attention(plainly, given, options)
    wanted = F.scaled_dot_product_attention(*given, **options)
    assert found.shape == wanted.shape and bool(torch.isfinite(wanted).all())
    assert float((found - wanted).abs().max()) <= 1e-6
    assert all(torch.equal(one, other) for one, other in zip(given, before, strict=True))


def test_arguments_may_come_by_position() -> None:
    query, key, value = qkv()
    found = expand_attention(plainly, (query, key, value, triangle(), 0.0, False), {"scale": 0.5})
    wanted = F.scaled_dot_product_attention(query, key, value, triangle(), 0.0, False, scale=0.5)
    assert float((found - wanted).abs().max()) <= 1e-6
    by_name = expand_attention(plainly, (), {"query": query, "key": key, "value": value, "is_causal": True})
    assert float((by_name - F.scaled_dot_product_attention(query, key, value, is_causal=True)).abs().max()) <= 1e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_number_types_stay_what_they_are(dtype: torch.dtype) -> None:
    given = tuple(one.to(dtype) for one in qkv())
    found = expand_attention(plainly, given, {"is_causal": True})
    wanted = F.scaled_dot_product_attention(given[0], given[1], given[2], is_causal=True)
    assert found.dtype == wanted.dtype == dtype
    assert float((found - wanted).abs().max()) <= 4 * torch.finfo(dtype).eps * float(wanted.abs().max()) + 1e-15


def test_unfused_is_only_for_as_long_as_it_is_entered() -> None:
    before = torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()
    with unfused():
        assert torch.backends.mha.get_fastpath_enabled() is False
        assert not torch.backends.cuda.flash_sdp_enabled()
    assert (torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()) == before
    with pytest.raises(ZeroDivisionError), unfused():
        raise ZeroDivisionError
    assert (torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()) == before


# Under the capture.


class Fused(torch.nn.Module):
    """A model of one fused attention: queries of 4 heads, keys and values of some."""

    def __init__(self, kv_heads: int, options: dict[str, Any]) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(VOCAB, 32)
        self.q, self.k = torch.nn.Linear(32, 32), torch.nn.Linear(32, 8 * kv_heads)
        self.v, self.o = torch.nn.Linear(32, 8 * kv_heads), torch.nn.Linear(32, 32)
        self.head = torch.nn.Linear(32, VOCAB, bias=False)
        self.options = options
        randomise(self, 0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[B, T] -> [B, T, V]."""
        x = self.table(ids)
        q, k, v = (one(x).view(1, T, -1, 8).transpose(1, 2) for one in (self.q, self.k, self.v))
        mixed = F.scaled_dot_product_attention(q, k, v, **self.options)
        return self.head(self.o(mixed.transpose(1, 2).reshape(1, T, 32)))


TRACED: dict[str, tuple[int, dict[str, Any]]] = {
    "causal": (4, {"is_causal": True}),
    "bool mask": (4, {"attn_mask": triangle()}),
    "float mask": (4, {"attn_mask": far(triangle())}),
    "grouped": (2, {"is_causal": True, "enable_gqa": True}),
    "scale": (4, {"is_causal": True, "scale": 0.11}),
    "blind": (4, {"attn_mask": blind(0)}),
}


@pytest.mark.parametrize("name", TRACED)
def test_its_parts_are_in_the_trace(name: str, tmp_path: Path) -> None:
    model = Fused(*TRACED[name]).eval()
    with torch.no_grad():
        plain = model(torch.tensor([PROMPT])).numpy()
    path = tmp_path / "x.trace.safetensors"
    trace(subject(model, "builtin"), PROMPT, Choices(1), path, say=lambda message: None)
    found = Trace.open(path)
    assert found.witness.aten_matmuls == found.witness.captured == 7
    assert all(one.exact for one in found.operations if one.kind == "matmul")
    np.testing.assert_allclose(found.array(found.steps[0].logits), plain, atol=1e-6)
    kinds = [one.kind for one in found.operations]
    assert kinds.count("softmax") == 2 and kinds.count("mask") == 1 and kinds.count("scale") == 1
    softmax = next(one for one in found.operations if one.kind == "softmax")
    shares = found.array(softmax.outputs[0])
    np.testing.assert_array_equal(np.triu(shares[0, 0], 1)[1:], 0)
    (attention,) = (one for one in found.composites if one.kind == "attention")
    roles = [role for role, _ in attention.parts]
    assert {"query", "key", "value", "scores", "scale", "mask", "softmax", "mix", "output"} <= set(roles)
    mix = next(one for one in found.operations if one.name == "mix")
    heads = ("kv_head", "q_group") if name == "grouped" else ("head",)
    assert mix.left is not None and found.tensor(mix.left).axes[1] == heads


def test_a_token_that_may_look_nowhere_reads_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.trace.safetensors"
    trace(subject(Fused(*TRACED["blind"]), "builtin"), PROMPT, Choices(1), path, say=lambda message: None)
    found = Trace.open(path)
    mix = next(one for one in found.operations if one.name == "mix")
    assert mix.out is not None and mix.left is not None and mix.exact
    assert not found.array(mix.out)[0, :, 0].any() and not found.array(mix.left)[0, :, 0].any()
    assert found.array(mix.out)[0, :, 1:].any()


def test_dropout_of_a_model_that_trains_is_left_out() -> None:
    """A traced model is in eval mode; what it says of dropout does not matter."""
    given = qkv()
    found = expand_attention(plainly, given, {"dropout_p": 0.5})
    assert float((found - F.scaled_dot_product_attention(*given)).abs().max()) <= 1e-6
