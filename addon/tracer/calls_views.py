# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that give the same numbers in another shape or order: views, or copies where the bytes had to be moved."""

from __future__ import annotations

import torch

from . import joined
from .axes import Atom, Axes, Axis, leaves, regroup, size
from .axes import call as name_axis
from .calls import Call, last_name
from .calls_other import other
from .values import Value, shares


def permute(call: Call) -> None:
    """A view with its dimensions in another order, found by doing the same to one whose sizes are all different."""
    x = call.first()
    probe = torch.empty(tuple(range(2, 2 + len(x.shape))), device="meta")
    rest = [probe if arg is x.handle else arg for arg in call.args]
    function = getattr(torch.Tensor, call.name)
    done = function(*rest, **call.options) if callable(function) else getattr(probe, call.name)
    order = tuple(n - 2 for n in done.shape)
    axes = tuple(x.axes[i] for i in order)
    made = call.graph.view(x, call.result, axes)
    if x.joined is not None:
        remember_joined(call, joined.permuted(x, order, axes, call.result), made)


def remember_joined(call: Call, better: Value | None, plain: Value) -> None:
    """Remembers a joined value in the place of a plain one, where there is one."""
    if better is not None:
        better.of = plain.of
        call.graph.put(better)


def reshape(call: Call) -> None:
    """The same numbers in another shape: a view, or where the bytes had to be moved for it, a merge."""
    x = call.first()
    if call.result is x.handle:
        return
    axes = regroup(x.axes, call.result.shape)
    if _repeats_heads(call, x, axes):
        return
    if not shares(call.result, x.held()) or (x.joined is not None and len(axes) < len(x.shape)):
        moved(call, x, axes)  # what is joined lies in one piece only where the model copied it
        return
    made = call.graph.view(x, call.result, axes)
    if x.joined is not None and made.shape == x.shape:
        remember_joined(call, joined.permuted(x, tuple(range(len(x.shape))), x.axes, call.result), made)


def moved(call: Call, x: Value, axes: Axes) -> Value:
    """Numbers that were copied in a new order: a merge, known in the form in which it is used."""
    source = x.root if x.root.id is not None or x.root.node is x.node else x
    node = call.node("merge", call.within("merge"))
    node.inputs = [(source if source.tensor is not None else x, f"{last_name(node.name)}.input")]
    node.waits = True
    value = call.graph.put(Value(call.result, axes, node, slot=0, active=x.active))
    node.outputs = [(value, "")]
    return value


def _repeats_heads(call: Call, x: Value, axes: Axes) -> bool:
    """Key and value heads that are stretched over a group of queries, then merged with it: repeated, at no cost."""
    stretched = [
        i for i, (stride, n) in enumerate(zip(x.held().stride(), x.shape, strict=True)) if not stride and n > 1
    ]
    source = x.of
    while source is not None and source.of is not None and len(source.shape) >= len(x.shape):
        source = source.of
    if len(stretched) != 1 or source is None or source.tensor is None or stretched[0] == 0:
        return False
    at = stretched[0]
    if (*x.shape[: at - 1], x.shape[at - 1], *x.shape[at + 1 :]) != source.shape:
        return False
    if tuple(call.result.shape) != (*x.shape[: at - 1], x.shape[at - 1] * x.shape[at], *x.shape[at + 1 :]):
        return False
    made = joined.repeated(source, at - 1, x.shape[at], axes, call.result)
    if made is None:
        return False
    name_axis(x.axes[at - 1], "kv_head")
    name_axis(x.axes[at], "q_group")
    call.graph.put(made)
    return True


def repeat_interleave(call: Call) -> None:
    """Each step along a dimension several times: key and value heads for a group of queries."""
    x, times, axis = call.first(), call.argument(1, "repeats"), call.argument(2, "dim")
    if not isinstance(times, int) or axis is None or len(x.shape) < 3:
        other(call)
        return
    axis %= len(x.shape)
    heads = leaves(x.axes[axis])
    group = Atom(times)
    axes = (*x.axes[:axis], (*heads, group), *x.axes[axis + 1 :])
    made = joined.repeated(x, axis, times, axes, call.result) if len(x.shape) == 4 and axis == 1 and x.active else None
    if made is None:
        other(call)
        return
    name_axis(heads, "kv_head")
    group.call("q_group")
    call.graph.put(made)


def contiguous(call: Call) -> None:
    """The same, its bytes moved into order where they were not: a merge."""
    x = call.first()
    if call.result is x.handle:
        return
    if shares(call.result, x.held()):
        call.graph.view(x, call.result, x.axes)
    elif x.joined is not None:
        call.graph.put(
            joined.permuted(x, tuple(range(len(x.shape))), x.axes, call.result) or Value(call.result, x.axes)
        )
    else:
        moved(call, x, x.axes)


def expand(call: Call) -> None:
    """Dimensions of one step stretched."""
    x = call.first()
    shape = call.result.shape
    new = len(shape) - len(x.axes)
    axes: list[Axis] = [(Atom(n),) for n in shape[:new]]
    axes += [axis if size(axis) == n else (Atom(n),) for axis, n in zip(x.axes, shape[new:], strict=True)]
    call.graph.view(x, call.result, tuple(axes))
