# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are nothing but others, one behind the other: a cache that grew over the steps, and key and value heads
that are repeated for a group of queries. They cost no bytes in the trace, and neither do views of them.

Every view of a part is made once and kept with the part, so a later step finds those of the earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .axes import Axes, leaves
from .values import Value


def join(parts: Sequence[Value], axis: int, axes: Axes, tensor: torch.Tensor | None) -> Value:
    """The parts behind each other along an axis; `tensor` where the model has it in one piece."""
    first = parts[0]
    shape = [*first.shape]
    shape[axis] = sum(part.shape[axis] for part in parts)
    value = Value(tensor, axes, joined=(tuple(parts), axis), active=any(part.active for part in parts))
    value.shape = tuple(shape)
    if len(parts) == 1 or all(part.node is first.node for part in parts):
        value.node, value.slot = first.node, first.slot
    return value


def permuted(value: Value, order: tuple[int, ...], axes: Axes, tensor: torch.Tensor | None) -> Value | None:
    """Dimension `order[i]` becomes dimension i; None where a part is no longer there."""
    assert value.joined is not None
    parts, axis = value.joined
    found = [_once(part, ("permute", order), lambda p: _permute(p, order)) for part in parts]
    if any(part is None for part in found):
        return None
    return join([part for part in found if part is not None], order.index(axis), axes, tensor)


def cut(value: Value, axis: int, first: int, end: int, axes: Axes, tensor: torch.Tensor | None) -> Value | None:
    """From `first` up to `end` along the axis that the parts are joined along; None where that cannot be said."""
    assert value.joined is not None
    parts, along = value.joined
    if axis != along or first >= end:
        return None
    kept: list[Value] = []
    at = 0
    for part in parts:
        n = part.shape[axis]
        low, high = max(first - at, 0), min(end - at, n)
        at += n
        if low >= high:
            continue
        piece = part if (low, high) == (0, n) else _once(part, ("cut", low, high), _narrower(axis, low, high))
        if piece is None:
            return None
        kept.append(piece)
    return join(kept, axis, axes, tensor)


def repeated(value: Value, axis: int, times: int, axes: Axes, tensor: torch.Tensor | None) -> Value | None:
    """Each step along an axis (key and value heads) `times` times behind itself; None where that cannot be said."""
    if value.joined is None:
        return _repeat(value, axis, times, axes, tensor)
    parts, along = value.joined
    if along == axis:
        return None
    found = [_once(part, ("repeat", axis, times), lambda p: _repeat(p, axis, times, None, None)) for part in parts]
    if any(part is None for part in found):
        return None
    return join([part for part in found if part is not None], along, axes, tensor)


def _once(part: Value, key: object, make: Callable[[Value], Value | None]) -> Value | None:
    if key not in part.views:
        made = make(part)
        if made is None:
            return None
        part.views[key] = made
    return part.views[key]


def _permute(part: Value, order: tuple[int, ...]) -> Value | None:
    axes = tuple(part.axes[i] for i in order)
    if part.joined is not None:
        return permuted(part, order, axes, None)
    return None if part.tensor is None else _view(part, part.tensor.permute(order), axes)


def _narrower(axis: int, first: int, end: int) -> Callable[[Value], Value | None]:
    def narrow(part: Value) -> Value | None:
        if part.tensor is None or part.joined is not None:
            return None
        axes = list(part.axes)
        inner = leaves(axes[axis])
        axes[axis] = (inner[0].cut(end - first, first == 0),) if len(inner) == 1 else inner[:0]
        return _view(part, part.tensor.narrow(axis, first, end - first), tuple(axes))

    return narrow


def _repeat(part: Value, axis: int, times: int, axes: Axes | None, tensor: torch.Tensor | None) -> Value | None:
    if part.tensor is None or part.joined is not None:
        return None
    one = [_narrower(axis, i, i + 1)(part) for i in range(part.shape[axis])]
    heads = [head for head in one if head is not None for _ in range(times)]
    return join(heads, axis, part.axes if axes is None else axes, tensor)


def _view(part: Value, tensor: torch.Tensor, axes: Axes) -> Value:
    made = Value(tensor, axes, part.node, part.slot, base=part.root, active=part.active, parameter=part.parameter)
    made.stays = part.stays
    return made
