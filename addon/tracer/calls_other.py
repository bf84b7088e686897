# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of which nothing more is known than what they take and give."""

from __future__ import annotations

import torch

from .axes import aligned
from .calls import Call, result
from .values import Value, shares


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


def nothing(call: Call) -> None:
    """A new tensor that takes only its shape from another: no computation, and nothing is known of what it holds."""
