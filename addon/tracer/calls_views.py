# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that move numbers and change none: views, splits, joins, copies in another order."""

from __future__ import annotations

import math
from typing import Any

import torch

from . import joined
from .axes import Atom, Axes, Axis, aligned, fresh, join, leaves, regroup, size
from .axes import call as name_axis
from .calls import Call, result
from .values import Node, Value, shares


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
        _replace(call, joined.permuted(x, order, axes, call.result), made)


def _replace(call: Call, better: Value | None, plain: Value) -> None:
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
        _replace(call, joined.permuted(x, tuple(range(len(x.shape))), x.axes, call.result), made)


def moved(call: Call, x: Value, axes: Axes) -> Value:
    """Numbers that were copied in a new order: a merge, known in the form in which it is used."""
    source = x.root if x.root.id is not None or x.root.node is x.node else x
    node = call.node("merge", call.within("merge"))
    node.inputs = [(source if source.tensor is not None else x, f"{_last(node.name)}.input")]
    node.waits = True
    value = call.graph.put(Value(call.result, axes, node, slot=0, active=x.active))
    node.outputs = [(value, "")]
    return value


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]


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
        _replace(call, _cut(x, keys, tuple(axes), call.result), made)


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


def nothing(call: Call) -> None:
    """A new tensor that takes only its shape from another: no computation, and nothing is known of what it holds."""


def _some(axis: Axis, n: int) -> Axis:
    """Some of the steps of a dimension, in whatever order."""
    inner = [atom for atom in leaves(axis) if atom.size != 1]
    return (inner[0].cut(n, False),) if len(inner) == 1 and n <= inner[0].size else (Atom(n),)


def other(call: Call) -> None:
    """Whatever else gives tensors: a view, or an operation of kind "other" with axes by what its shape tells."""
    made = call.result if isinstance(call.result, list | tuple) else (call.result,)
    made = [one for one in made if isinstance(one, torch.Tensor) and one.layout is torch.strided]
    values = call.values()
    if not made or not values:
        return
    wrote_over = _wrote_over(call, values[0])
    if made[0] is values[0].handle and not wrote_over:
        return
    owner = next((v for v in values if v.tensor is not None and shares(made[0], v.held())), None)
    if owner is not None and not wrote_over:
        for tensor in made:
            if tensor is not owner.handle:
                call.graph.view(owner, tensor, aligned(tensor.shape, [owner.axes]))
        return
    node = call.node("other", call.within(call.name))
    node.inputs = [(value, f"{call.name}.{i}") for i, value in enumerate(values)]
    for i, tensor in enumerate(made):
        value = result(node, call, tensor, aligned(tensor.shape, [v.axes for v in values]), f".{i}" if i else "")
        if wrote_over and not i:
            value.active = value.active or any(one.active for one in values)
            call.graph.wrote_over(value)


def _wrote_over(call: Call, x: Value) -> bool:
    """Whether the call wrote its result over its first tensor."""
    return x.handle is not None and call.graph.value(x.handle) is not x
