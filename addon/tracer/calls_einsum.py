# SPDX-License-Identifier: GPL-3.0-or-later
"""Einstein sums of two tensors: one multiply of matrices, once their dimensions are put in order for the kernel."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch

from .axes import Atom, Axes, Axis, unify_axis
from .calls import Call, tensors
from .calls_multiply import product
from .calls_other import other
from .calls_views import moved
from .values import Value, shares


@dataclass(frozen=True)
class Order:
    """What becomes of the letters of two tensors, each group in the order in which the kernel has it: `both` stand
    before the rows of `left` and the columns of `right`, and `summed` is contracted."""

    both: str
    left: str
    right: str
    summed: str


def einsum(call: Call) -> None:
    """One tensor in another order, or the multiply of two; what is neither is left to the witness."""
    equation = call.argument(0, "equation")
    values = [call.value(one) for one in tensors(call.args[1:])]
    known = False
    if isinstance(equation, str) and "->" in equation and "." not in equation:
        terms, _, out = equation.replace(" ", "").partition("->")
        letters = terms.split(",")
        known = _permuted(call, letters, out, values) or _multiplied(call, letters, out, values)
    if not known and not call.seen.multiplies:
        other(call)


def _permuted(call: Call, letters: list[str], out: str, values: list[Value]) -> bool:
    """A view with its dimensions in another order."""
    if len(letters) != 1 or sorted(letters[0]) != sorted(out) or not shares(call.result, values[0].held()):
        return False
    axes = dict(zip(letters[0], values[0].axes, strict=True))
    call.graph.view(values[0], call.result, tuple(axes[letter] for letter in out))
    return True


def _is_swapped(letters: list[str], out: str, values: list[Value]) -> bool:
    """Whether the kernel is given the second tensor first: where what comes out ends with what only the first has."""
    left, right = (_several(term, one) for term, one in zip(letters, values, strict=True))
    return next((letter in left for letter in reversed(out) if letter in left ^ right), False)


def _several(term: str, value: Value) -> set[str]:
    """The dimensions of more than one step; the others change nothing."""
    return {letter for letter, n in zip(term, value.shape, strict=True) if n != 1}


def _order(letters: list[str], out: str, values: list[Value]) -> Order | None:
    """The groups; None where there is more to do than a multiply. A dimension of one step is one of either tensor, as
    far as the other has no more of it."""
    if any(len(set(term)) != len(term) for term in (*letters, out)):
        return None
    several = [_several(term, one) for term, one in zip(letters, values, strict=True)]
    if not (several[0] | several[1]) - set(out) <= several[0] & several[1]:
        return None
    left, right = (
        {letter for letter in term if letter in own or letter not in other}
        for term, own, other in zip(letters, several, several[::-1], strict=True)
    )
    return Order(
        both="".join(letter for letter in out if letter in left & right),
        left="".join(letter for letter in out if letter in left - right),
        right="".join(letter for letter in out if letter in right - left),
        summed="".join(sorted((left & right) - set(out))),
    )


def _multiplied(call: Call, letters: list[str], out: str, values: list[Value]) -> bool:
    """The multiply as the kernel got it, in terms of what is known of both tensors."""
    if len(letters) != 2 or [one.name for one in call.seen.multiplies] != ["bmm"]:
        return False
    if _is_swapped(letters, out, values):
        letters, values = letters[::-1], values[::-1]
    order = _order(letters, out, values)
    if order is None:
        return False
    multiply = call.seen.multiplies[0]
    left, right = multiply.operands[:2]
    known = [dict(zip(term, one.axes, strict=True)) for term, one in zip(letters, values, strict=True)]
    for letter in (*order.both, *order.summed):
        unify_axis(known[0][letter], known[1][letter])
    groups = [(order.both, order.left, order.summed), (order.both, order.summed, order.right)]
    axes = [tuple(_grouped(group, found) for group in each) for each, found in zip(groups, known, strict=True)]
    wanted = [[math.prod(atom.size for atom in axis) for axis in each] for each in axes]
    if [list(left.shape), list(right.shape)] != wanted or not shares(call.result, multiply.out):
        return False
    operands = [_operand(call, *one) for one in zip(values, (left, right), axes, strict=True)]
    node = product(dataclasses.replace(call, result=multiply.out), *operands)
    found = known[1] | known[0]
    for group, axis in ((order.left, node.out.axes[-2]), (order.right, node.out.axes[-1])):
        if len(group) == 1:
            found[group] = axis
    call.graph.view(node.out, call.result, tuple(found[letter] for letter in out))
    return True


def _grouped(group: str, known: dict[str, Axis]) -> Axis:
    """The dimension that several become, one inside the other."""
    return tuple(atom for letter in group for atom in known[letter]) or (Atom(1),)


def _operand(call: Call, value: Value, tensor: torch.Tensor, axes: Axes) -> Value:
    """A tensor as the kernel got it: a view of what was given, or a copy of it in another order."""
    if shares(tensor, value.held()):
        return call.graph.view(value, tensor, axes)
    return moved(dataclasses.replace(call, result=tensor), value, axes)
