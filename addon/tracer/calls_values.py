# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls that make new numbers without multiplying matrices: embeddings, norms, softmax, masks, sums, activations."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from .axes import Atom, aligned, leaves, unify_aligned, unify_axis
from .axes import call as name_axis
from .calls import Call, is_plain, is_scores, last_name, result, traced_to
from .calls_other import other
from .values import Node, Value, makers, shares

CONVERSIONS = ("to", "float", "half", "bfloat16", "double", "type", "type_as", "cpu", "cuda")
FAR = -1e4  # what is at or below this is masked: no score is


def embedding(call: Call) -> None:
    """Ids [...] and a table [n, C] -> [..., C]. Token ids are the pass's own; other ids are positions if they count
    upward."""
    ids, table = call.value(call.argument(0, "input")), call.value(call.argument(1, "weight"))
    tokens = _is_ids(call, ids)
    if tokens:
        table.axes[0][0].call("vocab")
    elif _counts(ids.held()):
        table.axes[0][0].call("position")
    name_axis(table.axes[1], "channel")
    node = call.node("embedding", call.called("embedding"))
    node.inputs = [(ids, "ids" if tokens else "positions"), (table, "table")]
    made = result(node, call, call.result, (*ids.axes, table.axes[1]))
    made.active = tokens


def _is_ids(call: Call, ids: Value) -> bool:
    """Whether these are the pass's token ids, among others or in another number type."""
    waiting = [ids]
    while waiting:
        value = waiting.pop()
        if value.root is call.graph.ids:
            return True
        for node in makers(value):
            if node.kind in ("concat", "merge") or node.call in CONVERSIONS:
                waiting += [one for one, _ in node.inputs]
    return False


def _counts(ids: torch.Tensor) -> bool:
    flat = ids.reshape(-1)
    if flat.is_meta or flat.numel() < 2:
        return True
    return bool((flat[1:] - flat[:-1] == 1).all())


def layer_norm(call: Call) -> None:
    """[..., C] -> [..., C], with the mean and the reciprocal deviation [..., 1] that the kernel gave."""
    x = call.value(call.argument(0, "input"))
    node = call.node("layer_norm", call.called("layer_norm"))
    node.inputs = [(x, f"{last_name(node.name)}.input"), *_parameters(call, x, (2, 3))]
    result(node, call, call.result, x.axes)
    for tensor, suffix in zip(call.seen.norm, (".mean", ".rstd"), strict=False):
        result(node, call, tensor, (*x.axes[:-1], (Atom(1),)), suffix)


def rms_norm(call: Call) -> None:
    """[..., C] -> [..., C], with the reciprocal root of the mean square [..., 1]."""
    x = call.value(call.argument(0, "input"))
    node = call.node("rms_norm", call.called("rms_norm"))
    node.inputs = [(x, f"{last_name(node.name)}.input"), *_parameters(call, x, (2,))]
    result(node, call, call.result, x.axes)


def _parameters(call: Call, x: Value, places: tuple[int, ...]) -> list[tuple[Value, str]]:
    found = []
    for position, name in zip(places, ("weight", "bias"), strict=False):
        tensor = call.argument(position, name)
        if tensor is not None:
            parameter = call.value(tensor)
            unify_axis(x.axes[-1], parameter.axes[-1])
            found.append((parameter, name))
    return found


def softmax(call: Call) -> None:
    """[..., n] -> [..., n], with the maximum that is taken off and the sum that it is divided by, [..., 1] each.

    A softmax over scores of two activations is what makes them attention: it names their axes.
    """
    x = call.value(call.argument(0, "input"))
    axis = call.argument(1, "dim", -1)
    axis = (-1 if axis is None else axis) % len(x.axes)
    node = call.node("softmax", call.within("softmax") if call.module else "probabilities")
    node.inputs = [(x, f"{last_name(node.name)}.input")]
    result(node, call, call.result, x.axes)
    values = x.held().detach()
    values = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    largest = values.amax(axis, keepdim=True)
    total = (values - largest).exp_().sum(axis, keepdim=True)
    reduced = (*x.axes[:axis], (Atom(1),), *x.axes[axis + 1 :])
    result(node, call, largest, reduced, ".max")
    result(node, call, total, reduced, ".sum")
    scores = traced_to(x, is_scores, is_plain)
    if scores is not None:
        _attention(scores)


def _attention(scores: Node) -> None:
    """Names the axes of queries and keys: what is contracted, what is looked at, and the heads."""
    assert scores.left is not None and scores.right is not None
    name_axis(scores.left.axes[-1], "key_dim")
    name_axis(scores.right.axes[-1], "key_token")
    for axis in scores.left.axes[:-2]:
        for atom in leaves(axis):
            if atom.name is None or atom.name == "~head":
                atom.call("head")
    for axis in scores.right.axes[-3:-2]:
        for atom in leaves(axis):
            if atom.name is None:
                atom.call("kv_head")


def activation(kind: str) -> Callable[[Call], None]:
    """[...] -> [...], each number by itself, by a curve of this kind."""

    def rule(call: Call) -> None:
        _elementwise(call, kind, call.called(kind))

    return rule


def _elementwise(call: Call, kind: str, name: str) -> Node:
    x = call.first()
    node = call.node(kind, name)
    node.inputs = [(x, f"{last_name(name)}.input")]
    result(node, call, call.result, x.axes)
    return node


def masked_fill(call: Call) -> None:
    """[..., T, T] -> [..., T, T], minus infinity where a token must not look."""
    _masked(call, call.first())


def where(call: Call) -> None:
    """One of two values for each place: a mask where it takes scores, or else an operation of its own."""
    chosen = [call.value(arg) for arg in call.args[1:] if isinstance(arg, torch.Tensor)]
    scores = [value for value in chosen if value.active and traced_to(value, is_scores, is_plain)]
    if len(scores) == 1:
        _masked(call, scores[0])
    else:
        other(call)


def _masked(call: Call, scores: Value) -> None:
    node = call.node("mask", call.within("mask"))
    node.inputs = [(scores, "mask.input")]
    result(node, call, call.result, aligned(call.result.shape, [scores.axes]))


def add(call: Call) -> None:
    """[...] + [...] -> [...]: a residual's sum, a bias, or a mask."""
    a, b = _operands(call)
    if a is None or b is None or call.options.get("alpha", 1) != 1:
        other(call)
        return
    for one, two in ((a, b), (b, a)):
        if one.active and not two.active and two.parameter is None and _is_mask(one, two):
            node = call.node("mask", call.within("mask"))
            node.inputs = [(one, "mask.input"), (two, "mask.mask")]
            result(node, call, call.result, unify_aligned(one.axes, two.axes))
            return
    made = [node for value in (b, a) for node in makers(value)[:1]]
    _pair(call, "add", _name_of_sum(call, made), a, b)


def _is_mask(scores: Value, mask: Value) -> bool:
    """Whether this leaves every score as it is or far below all others."""
    if len(mask.shape) < 2 or mask.shape[-1] != scores.shape[-1] or traced_to(scores, is_scores, is_plain) is None:
        return False
    values = mask.held()
    return values.is_meta or bool(((values == 0) | (values <= FAR)).all())


def _name_of_sum(call: Call, made: list[Node]) -> str:
    if len(made) == 2 and all(maker.kind == "embedding" or maker.name.endswith("embed") for maker in made):
        return call.within("embed")
    prefix = f"{call.module}." if call.module else ""
    for maker in made:
        if maker.module.startswith(prefix) and maker.module != call.module:
            child = maker.module[len(prefix) :].split(".")[0]
            return f"{prefix}{child}_residual"
    return call.within("add")


def _pair(call: Call, kind: str, name: str, a: Value, b: Value) -> None:
    node = call.node(kind, name)
    node.inputs = [(a, f"{last_name(name)}.left"), (b, f"{last_name(name)}.right")]
    result(node, call, call.result, unify_aligned(a.axes, b.axes))


def _operands(call: Call) -> tuple[Value | None, Value | None]:
    """Both operands, where both are tensors, in the order in which they stand."""
    a, b = call.argument(0, "input"), call.argument(1, "other")
    return tuple(call.value(one) if isinstance(one, torch.Tensor) else None for one in (a, b))  # type: ignore[return-value]


def multiply(call: Call) -> None:
    """[...] times a number is a scale, times a tensor a product; so too where it divides."""
    a, b = _operands(call)
    number = call.argument(1, "other") if b is None else call.argument(0, "input") if a is None else None
    divides = call.name in ("div", "truediv", "true_divide", "rtruediv", "itruediv")
    x = a if a is not None else b
    if a is not None and b is not None and call.options.get("rounding_mode") is None:
        for one, two in ((a, b),) if divides else ((a, b), (b, a)):
            if _is_number(two) and one.shape == tuple(call.result.shape):
                x, number = one, 1.0 if two.held().is_meta else float(two.held())
                break
    if not isinstance(number, int | float) or not math.isfinite(number) or call.name == "rtruediv":
        number = None
    if number is not None and x is not None and (not divides or number):
        node = call.node("scale", call.within("scale"))
        node.inputs = [(x, "scale.input")]
        node.scale = 1.0 / number if divides else float(number)
        result(node, call, call.result, x.axes)
    elif divides or a is None or b is None:
        other(call)
    else:
        _pair(call, "mul", call.within("mul"), a, b)


def _is_number(value: Value) -> bool:
    tensor = value.held()
    return tensor.numel() == 1 and tensor.dim() <= 1 and not value.active and value.parameter is None


def convert(call: Call) -> None:
    """Another number type or device: the same numbers, or rounded ones."""
    x = call.first()
    made = call.result
    if made is x.handle:
        return
    if shares(made, x.held()):
        call.graph.view(x, made, x.axes)
        return
    _elementwise(call, "other", call.within("convert"))


def topk(call: Call) -> None:
    """The largest of a dimension and their places; of the scores of a router: which experts a token goes to."""
    x = call.first()
    axis = call.argument(2, "dim", -1) % len(x.axes)
    if traced_to(x, is_scores, is_plain) is None and call.module:
        for atom in leaves(x.axes[axis]):
            atom.call("expert")
    node = call.node("topk", call.within("topk"))
    node.inputs = [(x, "topk.input")]
    axes = (*x.axes[:axis], (x.axes[axis][0].cut(call.result[0].shape[axis], False),), *x.axes[axis + 1 :])
    result(node, call, call.result[0], axes)
    result(node, call, call.result[1], axes, ".places")


def choose(call: Call) -> None:
    """The token that comes next, outside of every module: what is chosen from is the vocabulary."""
    x = call.first()
    if call.module:
        other(call)
        return
    source = x.of if x.of is not None and x.node is not None and x.node.kind == "softmax" else x
    name_axis(source.axes[-1], "vocab")
    node = call.node("sample", "sample")
    node.inputs = [(source, "sample.input")]
    axes = aligned(call.result.shape, [])
    if call.result.dim() == 2:  # [B, 1], the next token of each sequence
        axes = (source.axes[0], (Atom(call.result.shape[-1], "token"),))
    result(node, call, call.result, axes)
