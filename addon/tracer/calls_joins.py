# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that put tensors together: behind each other, a cache that grows, side by side."""

from __future__ import annotations

import math

from . import joined
from .axes import Atom, Axes, aligned, join
from .calls import Call, result
from .values import Node, Value


def cat(call: Call) -> None:
    """Tensors behind each other along a dimension. A cache that grows is only joined: what was there before keeps the
    step that it was born in."""
    given = call.argument(0, "tensors")
    axis = call.argument(1, "dim", 0)
    parts = [call.value(tensor) for tensor in given]
    full = [part for part in parts if math.prod(part.shape) or len(part.shape) == call.result.dim()]
    if not full or call.result is None:
        return
    axis %= len(full[0].shape)
    grows = len(full) < len(parts) or any(_is_earlier(part, call.graph.step) for part in full)
    whole = join([part.axes[axis] for part in full]) if len(full) > 1 else full[0].axes[axis]
    others = aligned(call.result.shape, [part.axes for part in full])
    axes = (*others[:axis], whole, *others[axis + 1 :])
    if grows and full[0].active:
        _grow(call, full, axis, axes)
        return
    node = call.node("concat", call.within("concat"))
    node.inputs = [(part, f"concat.{i}") for i, part in enumerate(full)]
    result(node, call, call.result, axes)


def _is_earlier(part: Value, step: int) -> bool:
    return (part.node is not None and part.node.step < step) or (part.joined is not None and part.node is None)


def _grow(call: Call, full: list[Value], axis: int, axes: Axes) -> None:
    pieces: list[Value] = []
    for part in full:
        pieces += part.joined[0] if part.joined is not None and part.joined[1] == axis else (part,)
    for part in pieces:
        part.stays = True
    made = joined.join(pieces, axis, axes, call.result)
    call.graph.put(made)
    if len(pieces) == 1:
        call.graph.require(pieces[0], Node("", "", call.module, call.graph.step), "cached")
        return
    node = call.node("concat", call.within("cache"))
    node.inputs = [(part, "cached") for part in full if part.joined is None] if full[0].joined is None else []
    node.inputs = node.inputs or [(full[0], "cache"), *((part, "new") for part in full[1:])]
    node.outputs = [(made, "")]


def stack(call: Call) -> None:
    """Tensors side by side along a new dimension."""
    parts = [call.value(tensor) for tensor in call.argument(0, "tensors")]
    axis = call.argument(1, "dim", 0) % call.result.dim()
    inner = aligned(parts[0].shape, [part.axes for part in parts])
    node = call.node("concat", call.within("stack"))
    node.inputs = [(part, f"stack.{i}") for i, part in enumerate(parts)]
    result(node, call, call.result, (*inner[:axis], (Atom(len(parts)),), *inner[axis:]))
