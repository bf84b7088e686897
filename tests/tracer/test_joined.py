# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are nothing but others, read back from the trace: what torch makes by cat and repeat_interleave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from forward_pass.core.trace import Trace, TraceWriter
from forward_pass.tracer import joined
from forward_pass.tracer.axes import Axes, fresh, names
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.clerk import Clerk
from forward_pass.tracer.generate import trace
from forward_pass.tracer.ledger import Ledger
from forward_pass.tracer.sources import Keeping
from forward_pass.tracer.store import FileStore
from forward_pass.tracer.values import Node, Value
from forward_pass.tracer.weights import Weights

from .architectures import PROMPT, VOCAB, randomise
from .subjects import subject

RANDOM = torch.Generator().manual_seed(0)


def piece(tokens: int, heads: int = 2) -> Value:
    """Keys of some tokens [1, H, T, 3], as a step has made them."""
    tensor = torch.randn(1, heads, tokens, 3, generator=RANDOM)
    return Value(tensor, fresh(tensor.shape), active=True)


def cache(*tokens: int) -> tuple[Value, torch.Tensor]:
    """A cache of pieces of so many tokens each, joined along the tokens, and the same by torch."""
    parts = [piece(n) for n in tokens]
    whole = torch.cat([part.held() for part in parts], dim=2)
    return joined.join(parts, 2, fresh(whole.shape), whole), whole


class Written:
    """A ledger that writes values into a buffer of its own, and reads them back through the format's rules."""

    def __init__(self) -> None:
        self.ledger = Ledger(self, Weights(torch.nn.Identity(), ()), VOCAB, Keeping(), False, Clerk())
        self.flat: dict[str, np.ndarray[Any, Any]] = {}

    def add(self, flat: torch.Tensor) -> str:
        """Keeps the elements."""
        name = f"b{len(self.flat)}"
        self.flat[name] = flat.detach().clone().numpy()
        return name

    def register(self, value: Value) -> int:
        """The id of a value."""
        return self.ledger.use(value, Node("", "", "m", 0), "x")

    def array(self, key: int) -> np.ndarray[Any, Any]:
        """The numbers of a tensor."""
        entry = self.ledger.entries[key]
        source: Any = entry.source
        if hasattr(source, "concat"):
            return np.concatenate([self.array(one) for one in source.concat], axis=source.axis)
        flat = self.flat[source.buffer][source.offset :]
        steps = [stride * flat.itemsize for stride in source.strides]
        return np.lib.stride_tricks.as_strided(flat, entry.shape, steps)


def agree(value: Value | None, wanted: torch.Tensor, written: Written | None = None) -> Written:
    """A value reads as the tensor that torch made; the ledger that it was written to."""
    assert value is not None and value.shape == tuple(wanted.shape)
    written = written or Written()
    key = written.register(value)
    np.testing.assert_array_equal(written.array(key), wanted.numpy())
    assert written.ledger.entries[key].shape == tuple(wanted.shape)
    return written


def test_parts_behind_each_other_are_what_cat_makes() -> None:
    value, whole = cache(5, 1, 2)
    written = agree(value, whole)
    assert sum(flat.size for flat in written.flat.values()) == whole.numel()  # each number once


@pytest.mark.parametrize("order", [(0, 1, 3, 2), (0, 2, 1, 3), (2, 0, 3, 1), (3, 2, 1, 0)])
def test_dimensions_in_another_order_are_what_permute_makes(order: tuple[int, ...]) -> None:
    value, whole = cache(4, 1, 1)
    axes = tuple(value.axes[i] for i in order)
    found = joined.permuted(value, order, axes, whole.permute(order))
    written = agree(found, whole.permute(order))
    assert sum(flat.size for flat in written.flat.values()) == whole.numel()


@pytest.mark.parametrize(("first", "end"), [(0, 8), (0, 5), (5, 8), (2, 7), (3, 4), (5, 6), (1, 8)])
def test_a_slice_is_what_torch_cuts(first: int, end: int) -> None:
    value, whole = cache(5, 1, 2)
    wanted = whole[:, :, first:end]
    agree(joined.cut(value, 2, first, end, fresh(wanted.shape), wanted), wanted)


def test_a_slice_that_cannot_be_said_is_refused() -> None:
    value, whole = cache(5, 1)
    assert joined.cut(value, 1, 0, 1, fresh((1, 1, 6, 3)), whole[:, :1]) is None
    assert joined.cut(value, 2, 3, 3, fresh((1, 2, 0, 3)), whole[:, :, 3:3]) is None
    (first, _), _ = value.joined  # type: ignore[misc]
    first.tensor = None
    assert joined.cut(value, 2, 1, 3, fresh((1, 2, 2, 3)), whole[:, :, 1:3]) is None
    assert joined.permuted(value, (0, 1, 3, 2), fresh((1, 2, 3, 6)), whole.transpose(2, 3)) is None


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("tokens", [(4,), (4, 1, 1)])
def test_repeated_heads_are_what_repeat_interleave_makes(tokens: tuple[int, ...], times: int) -> None:
    value, whole = (one := piece(*tokens), one.held()) if len(tokens) == 1 else cache(*tokens)
    wanted = whole.repeat_interleave(times, dim=1)
    found = joined.repeated(value, 1, times, fresh(wanted.shape), wanted)
    written = agree(found, wanted)
    assert sum(flat.size for flat in written.flat.values()) == whole.numel()  # however often it is repeated


def test_tokens_of_a_cache_cannot_be_repeated() -> None:
    value, whole = cache(4, 1)
    assert joined.repeated(value, 2, 2, fresh((1, 2, 10, 3)), whole.repeat_interleave(2, dim=2)) is None


def test_what_is_done_to_what_is_joined_can_be_done_after_each_other() -> None:
    value, whole = cache(4, 2, 1)
    wanted = whole.repeat_interleave(2, dim=1)
    found = joined.repeated(value, 1, 2, fresh(wanted.shape), wanted)
    assert found is not None
    turned = wanted.transpose(2, 3)
    found = joined.permuted(found, (0, 1, 3, 2), fresh(turned.shape), turned)
    written = agree(found, turned)
    assert found is not None
    last = turned[..., 4:]
    agree(joined.cut(found, 3, 4, 7, fresh(last.shape), last), last, written)
    assert joined.cut(found, 3, 3, 7, fresh((1, 4, 3, 4)), turned[..., 3:]) is None  # through what is joined itself


def test_views_of_a_part_are_made_once_for_all_steps() -> None:
    value, whole = cache(4, 1)
    order = (0, 1, 3, 2)
    turned = whole.permute(order)
    first, second = (joined.permuted(value, order, fresh(turned.shape), turned) for _ in range(2))
    assert first is not None and second is not None and first.joined is not None and second.joined is not None
    assert all(a is b for a, b in zip(first.joined[0], second.joined[0], strict=True))
    written = Written()
    keys = [written.register(one) for one in (first, second)]
    assert len(written.flat) == 2 and written.ledger.entries[keys[0]].source == written.ledger.entries[keys[1]].source


def test_a_joined_value_has_a_maker_only_where_all_parts_have_the_same() -> None:
    parts = [piece(2), piece(1)]
    axes: Axes = fresh((1, 2, 3, 3))
    node = Node("matmul", "a", "m", 0)
    parts[0].node = node
    assert joined.join(parts, 2, axes, None).node is None
    parts[1].node = node
    assert joined.join(parts, 2, axes, None).node is node


# In a model that is traced.


class Attends(torch.nn.Module):
    """Two key heads for six queries; what the heads are repeated by is given."""

    def __init__(self, repeat: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.table = torch.nn.Embedding(VOCAB, 24)
        self.q, self.k = torch.nn.Linear(24, 24), torch.nn.Linear(24, 8)
        self.head = torch.nn.Linear(5, VOCAB, bias=False)
        self.repeat = repeat
        randomise(self, 0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[B, T] -> [B, T, V]."""
        x = self.table(ids)
        q = self.q(x).view(1, 5, 6, 4).transpose(1, 2)  # [1, 6, T, 4]
        k = self.repeat(self.k(x).view(1, 5, 2, 4).transpose(1, 2))  # [1, 6, T, 4]
        shares = torch.softmax(q @ k.transpose(2, 3), dim=-1)  # [1, 6, T, T]
        return self.head(shares.mean(1))


def stretched(x: torch.Tensor) -> torch.Tensor:
    """Repeated as most models do it."""
    return x[:, :, None].expand(1, 2, 3, 5, 4).reshape(1, 6, 5, 4)


@pytest.mark.parametrize("repeat", [stretched, lambda x: x.repeat_interleave(3, dim=1)])
def test_repeated_heads_cost_no_bytes_in_a_trace(
    tmp_path: Path, repeat: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    model = Attends(repeat)
    path = tmp_path / "x.trace.safetensors"
    trace(subject(model, "builtin"), PROMPT, Choices(1), path, say=lambda message: None)
    found = Trace.open(path)
    scores = next(one for one in found.operations if one.name == "scores")
    assert scores.exact and scores.right is not None and scores.left is not None
    with torch.no_grad():
        k = model.k(model.table(torch.tensor([PROMPT]))).view(1, 5, 2, 4).transpose(1, 2)
    np.testing.assert_allclose(found.array(scores.right), k.repeat_interleave(3, dim=1).transpose(2, 3), atol=1e-6)
    right = found.tensor(scores.right)
    assert right.axes[1] == ("kv_head", "q_group") and right.axes[3] == ("key_token",)
    buffers = {leaf.source.buffer for leaf in found.leaves(scores.right)}
    assert len(buffers) == 1  # that of the two heads
    assert len(found.leaves(scores.right)) == 6


def test_a_trace_of_joined_values_opens_and_reads(tmp_path: Path) -> None:
    """The same through the file itself: parts of several steps, turned and repeated."""
    path = tmp_path / "x.trace.safetensors"
    value, whole = cache(4, 1)
    wanted = whole.repeat_interleave(2, dim=1)
    found = joined.repeated(value, 1, 2, fresh(wanted.shape), wanted)
    assert found is not None and [names(axis) for axis in found.axes] == [("?",)] * 4
    with TraceWriter(path) as writer:
        ledger = Ledger(FileStore(writer, Clerk()), Weights(torch.nn.Identity(), ()), VOCAB, Keeping(), False, Clerk())
        key = ledger.use(found, Node("", "", "m", 0), "x")
        tensors = ledger.entries.tensors()
        writer.finish(_manifest(tensors))
    trace_found = Trace.open(path)
    np.testing.assert_array_equal(trace_found.array(key), wanted.numpy())
    stats = trace_found.tensor(key).stats
    assert stats.absmax == float(wanted.abs().max()) and stats.mean == pytest.approx(float(wanted.mean()), abs=1e-6)
    assert stats.std == pytest.approx(float(wanted.std(correction=0)), rel=1e-5)


def _manifest(tensors: Any) -> Any:
    """The least that a file must say about these tensors."""
    from forward_pass.core.trace import Manifest, Model, Run, Witness

    return Manifest(
        model=Model("test", "test", 0, {}, "test"),
        run=Run("cpu", "float32", 0, "2", None, 0.0),
        prompt="",
        tokens=(),
        tensors=tensors,
        operations=(),
        modules=(),
        steps=(),
        witness=Witness(0, 0),
        warnings=(),
    )
