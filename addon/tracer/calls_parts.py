# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that take a part of a tensor: splits, slices, rows that other numbers choose."""

from __future__ import annotations

import math
from typing import Any

import torch

from . import joined
from .axes import Atom, Axes, Axis, aligned, fresh, leaves, size
from .calls import Call, result
from .calls_other import other
from .calls_views import remember_joined
from .values import Value, shares


def split(call: Call) -> None:
    """[..., n c] -> n times [..., c], as views; each is registered in the form in which it is used."""
    x = call.first()
    at = {"unbind": 1, "tensor_split": 2}.get(call.name, 2)
    axis = call.argument(at, "dim", 0) % len(x.axes)
    node = None
    if x.parameter is None:  # pieces of weights are only views of them
        node = call.node("split", call.within("split"))
        node.inputs = [(x, "split.input")]
        node.waits = True
    offset = 0
    for slot, tensor in enumerate(call.result):
        if call.name == "unbind":
            axes = (*x.axes[:axis], *x.axes[axis + 1 :])
        else:
            axes = (*x.axes[:axis], piece(x.axes[axis], tensor.shape[axis], offset), *x.axes[axis + 1 :])
            offset += tensor.shape[axis]
        value = Value(tensor, axes, node, base=x.root, active=x.active, parameter=x.parameter)
        value.slot = None if node is None else slot
        value.of = x
        call.graph.put(value)
        if node is not None:
            node.outputs.append((value, f".{slot}"))


def piece(axis: Axis, n: int, offset: int) -> Axis:
    """`n` steps of a dimension from `offset` on."""
    inner = leaves(axis)
    if size(axis) == n:
        return axis
    if len(inner) == 1:
        return (inner[0].cut(n, offset == 0),)
    tail = math.prod(atom.size for atom in inner[1:])
    if n % tail == 0:
        return (inner[0].cut(n // tail, offset == 0), *inner[1:]) if n != tail else inner[1:]
    return (Atom(n),)


def pick(call: Call) -> None:
    """x[...]: a view where only whole numbers, slices, None and ... stand in the brackets, else a gathering."""
    x, key = call.first(), call.args[1]
    if call.args[0] is not x.handle:
        other(call)
        return
    keys = list(key) if isinstance(key, tuple) else [key]
    if not shares(call.result, x.held()) or any(isinstance(one, list) for one in keys):
        gather(call)
        return
    if call.result is x.handle:
        return
    given = sum(one is not None and one is not Ellipsis and not isinstance(one, bool) for one in keys)
    axes: list[Axis] = []
    source = iter(x.axes)
    for one in keys:
        if one is Ellipsis:
            axes += [next(source) for _ in range(len(x.axes) - given)]
        elif one is None or one is True:
            axes.append((Atom(1),))
        elif isinstance(one, slice):
            axis = next(source)
            first, end, step = one.indices(size(axis))
            n = len(range(first, end, step))
            axes.append(piece(axis, n, first) if step == 1 else _every(axis, n))
        else:
            next(source)
    axes += list(source)
    if len(axes) != call.result.dim() or [size(axis) for axis in axes] != list(call.result.shape):
        axes = list(fresh(call.result.shape))
    made = call.graph.view(x, call.result, tuple(axes))
    if x.joined is not None:
        remember_joined(call, _cut(x, keys, tuple(axes), call.result), made)


def _every(axis: Axis, n: int) -> Axis:
    inner = leaves(axis)
    return (inner[0].cut(n, False),) if len(inner) == 1 and n < size(axis) else (Atom(n),)


def _cut(x: Value, keys: list[Any], axes: Axes, tensor: torch.Tensor) -> Value | None:
    """A slice along the axis that a value is joined along, and along no other: a cache that forgets its oldest."""
    assert x.joined is not None
    if any(not isinstance(one, slice) for one in keys) or tensor.dim() != len(x.shape):
        return None
    axis = x.joined[1]
    if axis >= len(keys) or any(
        n != m for i, (n, m) in enumerate(zip(tensor.shape, x.shape, strict=True)) if i != axis
    ):
        return None
    first, end, step = keys[axis].indices(x.shape[axis])
    return joined.cut(x, axis, first, end, axes, tensor) if step == 1 else None


def select(call: Call) -> None:
    """One step along a dimension, or several: select, narrow."""
    x, axis = call.first(), call.argument(1, "dim")
    if not isinstance(axis, int):
        other(call)
        return
    axis %= len(x.axes)
    inner: tuple[Axis, ...] = ()
    if call.name == "narrow":
        start = call.argument(2, "start")
        inner = (piece(x.axes[axis], call.result.shape[axis], start if isinstance(start, int) else 1),)
    call.graph.view(x, call.result, (*x.axes[:axis], *inner, *x.axes[axis + 1 :]))


def gather(call: Call) -> None:
    """Rows of a tensor that other numbers choose: [n, ...] by ids [...] -> [..., ...]."""
    values = call.values()
    x, keys = values[0], values[1:]
    node = call.node("other", call.within("gather"))
    node.inputs = [(value, f"gather.{i}") for i, value in enumerate(values)]
    axes = aligned(call.result.shape, [x.axes])
    if keys and len(axes) == len(x.axes) and len(keys[0].shape) == 1:
        axes = (_some(x.axes[0], call.result.shape[0]), *axes[1:])
    elif keys and keys[0].held().dtype != torch.bool and len(keys[0].shape) < len(axes):
        axes = (*keys[0].axes, *axes[len(keys[0].axes) :])
    result(node, call, call.result, axes)


def _some(axis: Axis, n: int) -> Axis:
    """Some of the steps of a dimension, in whatever order."""
    inner = [atom for atom in leaves(axis) if atom.size != 1]
    return (inner[0].cut(n, False),) if len(inner) == 1 and n <= inner[0].size else (Atom(n),)
