# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that multiply matrices, and the multiplies below them that no call explains."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from .axes import Atom, Axes, Axis, fresh, leaves, unify_axis
from .axes import call as name_axis
from .calls import Call, is_plain, traced_to
from .graph import Graph
from .values import Node, Value, shares
from .witness import MULTIPLIES, Multiply

SCORES = "~scores"  # the name of a multiply of two activations until a softmax tells what it was


def linear(call: Call) -> None:
    """Activations [..., in], weight [out, in], bias [out] -> [..., out]: times the transposed view [in, out]."""
    x = call.value(call.argument(0, "input"))
    right = call.graph.transposed(call.value(call.argument(1, "weight")))
    bias = call.argument(2, "bias")
    _by_weight(call, x, right, None if bias is None else call.value(bias), call.called("linear"))


def addmm(call: Call) -> None:
    """bias [j] or [i, j], left [i, k], right [k, j] -> [i, j], as `beta * bias + alpha * (left @ right)`; so too where
    all have a leading dimension (baddbmm)."""
    names = ("input", "batch1", "batch2") if call.name == "baddbmm" else ("input", "mat1", "mat2")
    bias, left, right = (call.value(call.argument(i, name)) for i, name in enumerate(names))
    if float(call.options.get("beta", 1)) != 1.0:
        return  # left to the witness, which says what the kernel did
    scale = float(call.options.get("alpha", 1))
    if left.active and right.active:
        _by_activation(call, left, right, bias, scale)
    else:
        _by_weight(call, left, right, bias, call.called("linear"), scale)


def matmul(call: Call) -> None:
    """[..., i, k] @ [..., k, j] -> [..., i, j]; a vector counts as a matrix of one row or one column."""
    left, right = call.value(call.argument(0, "input")), call.value(call.args[1])
    result = call.result
    if len(left.shape) == 1:
        left, result = _unsqueezed(call, left, 0), result.unsqueeze(-1 if len(right.shape) == 1 else -2)
    if len(right.shape) == 1:
        right, result = _unsqueezed(call, right, 1), result.unsqueeze(-1)
    if result is not call.result:
        _by_weight(call, left, right, None, call.within("matmul"), result=result)
    else:
        product(call, left, right)


def product(call: Call, left: Value, right: Value) -> Node:
    """[..., i, k] @ [..., k, j] -> [..., i, j], the result of the call."""
    if left.active and right.active:
        return _by_activation(call, left, right, None, 1.0)
    return _by_weight(call, left, right, None, call.called("matmul"))


def _unsqueezed(call: Call, value: Value, at: int) -> Value:
    axes = list(value.axes)
    axes.insert(at, (Atom(1),))
    return call.graph.seen_as(value, value.held().unsqueeze(at), tuple(axes))


def _by_weight(
    call: Call,
    left: Value,
    right: Value,
    bias: Value | None,
    name: str,
    scale: float = 1.0,
    result: torch.Tensor | None = None,
) -> Node:
    """A multiply by something learnt, or by a table."""
    _unify_batch(left.axes, right.axes)
    unify_axis(left.axes[-1], right.axes[-2])
    if bias is not None:
        unify_axis(right.axes[-1], bias.axes[-1])
    out = call.result if result is None else result
    node = record(call.graph, (left, right, bias), ("left", "right"), out, name, call.module, scale, call.seconds)
    if out is not call.result:
        call.graph.view(node.out, call.result, _squeezed(node.out.axes, call.result.shape))
    return node


def _squeezed(axes: Axes, shape: Iterable[int]) -> Axes:
    kept = [axis for axis in axes if math.prod(atom.size for atom in axis) != 1]
    shape = list(shape)
    return tuple(kept) if len(kept) == len(shape) else fresh(shape)


def _by_activation(call: Call, left: Value, right: Value, bias: Value | None, scale: float) -> Node:
    """A multiply of two activations: with a softmax at its left a mixture of values, else scores or their like."""
    _unify_batch(left.axes, right.axes)
    softmax = traced_to(left, lambda node: node.kind == "softmax", is_plain)
    if softmax is not None:
        name, roles = call.within("mix"), ("probabilities", "v")
        right.axes = (*right.axes[:-2], left.axes[-1], right.axes[-1])
        name_axis(right.axes[-1], "value_dim")
    else:
        name, roles = call.within("scores"), ("q", "k_transposed")
        unify_axis(left.axes[-1], right.axes[-2])
        if set(map(id, leaves(left.axes[-2]))) & set(map(id, leaves(right.axes[-1]))) or right.joined is not None:
            _columns_of_their_own(call, right)
    _name_heads(left)
    return record(call.graph, (left, right, bias), roles, call.result, name, call.module, scale, call.seconds)


def _columns_of_their_own(call: Call, right: Value) -> None:
    """The columns of scores are tokens too, but the ones that are looked at: an axis of another name. Where it was
    only turned for this, the operand itself is registered too, as k."""
    columns = (Atom(right.shape[-1], "key_token"),)
    inner = right.axes[-2]
    right.axes = (*right.axes[:-1], columns)
    source = right.of
    if source is None or source.shape != (*right.shape[:-2], right.shape[-1], right.shape[-2]):
        return
    source.axes = (*source.axes[:-2], columns, inner)
    if source.joined is None and right.joined is None:
        call.graph.require(source, Node("", "", call.module, call.graph.step), "k")


def _name_heads(left: Value) -> None:
    """What stands before the last two dimensions of an operand and is not the batch: heads."""
    for axis in left.axes[-3:-2]:
        for atom in leaves(axis):
            if atom.size != 1 or len(leaves(axis)) == 1:
                atom.call("~head")


def _unify_batch(left: Axes, right: Axes) -> None:
    for one, other in zip(left[-3::-1], right[-3::-1], strict=False):
        unify_axis(one, other)


def record(
    graph: Graph,
    operands: tuple[Value, Value, Value | None],
    roles: tuple[str, str],
    out: torch.Tensor,
    name: str,
    module: str,
    scale: float = 1.0,
    seconds: float = 0.0,
) -> Node:
    """Notes a multiply, out [..., i, j] = scale * left [..., i, k] @ right [..., k, j] + bias."""
    left, right, bias = operands
    node = Node("matmul", name, module, graph.step, left=left, right=right, bias=bias, scale=scale, seconds=seconds)
    node.inputs = [(left, roles[0]), (right, roles[1])]
    if bias is not None:
        node.inputs.append((bias, "bias"))
    active = left.active or right.active
    batch = left.axes[:-2] if len(left.axes) >= len(right.axes) else right.axes[:-2]
    value = Value(out, (*batch, left.axes[-2], right.axes[-1]), node, active=active)
    if [math.prod(atom.size for atom in axis) for axis in value.axes] != list(out.shape):
        value.axes = (*fresh(out.shape[:-2]), left.axes[-2], right.axes[-1])
    node.outputs = [(graph.put(value), "")]
    graph.add(node)
    return node


def raw(graph: Graph, multiply: Multiply, module: str, seconds: float = 0.0) -> None:
    """A multiply that no call above it explains, as the kernel got it."""
    place = MULTIPLIES.get(multiply.name)
    where = module or "the model"
    if place is None or not isinstance(multiply.out, torch.Tensor):
        graph.ledger.warnings.append(f"A multiply in {where} was not captured: {multiply.name}.")
        return
    at_bias, at_left, at_right = place
    left, right = _operand(graph, multiply.operands[at_left]), _operand(graph, multiply.operands[at_right])
    bias = None
    if at_bias is not None and len(multiply.operands) > at_bias and multiply.operands[at_bias] is not None:
        bias = _operand(graph, multiply.operands[at_bias])
        beta = float(multiply.options.get("beta", 1))
        if beta != 1.0:
            bias = Value(bias.held() * beta, bias.axes, active=bias.active) if beta else None
    if multiply.name == "linear":
        right = graph.seen_as(right, right.held().t(), right.axes[::-1])
    out = multiply.out
    if len(left.shape) == 1:
        left, out = _row(left, graph, 0), out.unsqueeze(-1 if len(right.shape) == 1 else -2)
    if len(right.shape) == 1:
        right, out = _row(right, graph, 1), out.unsqueeze(-1)
        bias = None if bias is None else _row(bias, graph, 1)
    unify_axis(left.axes[-1], right.axes[-2])
    roles = (f"{multiply.name}.left", f"{multiply.name}.right")
    name = f"{module}.{multiply.name}" if module else multiply.name
    node = record(
        graph, (left, right, bias), roles, out, name, module, float(multiply.options.get("alpha", 1)), seconds
    )
    if out is not multiply.out:
        graph.view(node.out, multiply.out, fresh(multiply.out.shape))


def _row(value: Value, graph: Graph, at: int) -> Value:
    axes = list(value.axes)
    axes.insert(at, (Atom(1),))
    return graph.seen_as(value, value.held().unsqueeze(at), tuple(axes))


def _operand(graph: Graph, tensor: torch.Tensor) -> Value:
    """What is known of a kernel's operand: of the value whose storage it is a view of, by its strides."""
    if graph.known(tensor):
        return graph.value(tensor)
    owner = graph.owner(tensor)
    if owner is None:
        return graph.value(tensor)
    return graph.view(owner, tensor, axes_by_strides(owner, tensor))


def axes_by_strides(owner: Value, tensor: torch.Tensor) -> Axes:
    """Axes of a view of which only size and stride of each dimension are known."""
    known: list[tuple[int, Atom]] = []
    for axis, stride in zip(owner.axes, owner.held().stride(), strict=True):
        for atom in reversed(leaves(axis)):
            known.append((stride, atom))
            stride *= atom.size
    result: list[Axis] = []
    for n, stride in zip(tensor.shape, tensor.stride(), strict=True):
        found: list[Atom] = []
        step = stride
        while math.prod(atom.size for atom in found) < n:
            match = next((atom for at, atom in known if at == step and atom.size > 1 and atom not in found), None)
            if match is None:
                break
            found.insert(0, match)
            step *= match.size
        result.append(tuple(found) if found and math.prod(a.size for a in found) == n else (Atom(n),))
    return tuple(result)


def explained(call: Call, node: Node) -> None:
    """The result of a call that came down to a raw multiply: a view of what the kernel gave."""
    result = call.result
    if isinstance(result, torch.Tensor) and shares(result, node.out.held()) and result is not node.out.handle:
        call.graph.view(node.out, result, axes_by_strides(node.out, result))
