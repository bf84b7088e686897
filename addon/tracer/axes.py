# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for axes by what happens to them, not by their size.

A dimension is an ordered list of atoms. Views split and reorder atoms, a multiply unifies the two it contracts, and
element-wise operations unify what they align, so a name that is learnt anywhere is known everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

UNKNOWN = "?"


class Atom:
    """A piece of a dimension. Unified atoms share a root; a root that was split has parts instead of a name."""

    __slots__ = ("_name", "_parent", "_parts", "size")

    def __init__(self, size: int, name: str | None = None) -> None:
        self.size = size
        self._name = name
        self._parent: Atom | None = None
        self._parts: tuple[Atom, ...] = ()

    def root(self) -> Atom:
        """The atom that stands for all that were unified with this one."""
        atom = self
        while atom._parent is not None:
            atom = atom._parent
        return atom

    def leaves(self) -> tuple[Atom, ...]:
        """The roots it is made of, outermost first: itself where it was never split."""
        root = self.root()
        return tuple(leaf for part in root._parts for leaf in part.leaves()) or (root,)

    @property
    def name(self) -> str | None:
        """The name, once it is known."""
        return self.root()._name

    def call(self, name: str) -> None:
        """Names it; the first name stays."""
        root = self.root()
        root._name = root._name or name

    def split(self, parts: tuple[Atom, ...]) -> None:
        """From now on it is made of these. A named atom stays whole: its name says what it is elsewhere."""
        root = self.root()
        if not root._parts and root._name is None:
            root._parts = parts

    def unify(self, other: Atom) -> None:
        """Makes the two one, with all that is known of either; atoms of different sizes stay apart."""
        a, b = self.root(), other.root()
        if a is b or a.size != b.size:
            return
        if a._parts and b._parts:
            unify_axis(a.leaves(), b.leaves())
            return
        if b._parts:
            a, b = b, a
        b._parent = a
        if not a._parts:
            a._name = a._name or b._name


Axis = tuple[Atom, ...]
Axes = tuple[Axis, ...]


def leaves(axis: Axis) -> Axis:
    """The atoms of a dimension as they are known now."""
    return tuple(leaf for atom in axis for leaf in atom.leaves())


def size(axis: Axis) -> int:
    """How many steps a dimension has."""
    return math.prod(atom.size for atom in axis)


def names(axis: Axis) -> tuple[str, ...]:
    """The names of a dimension's atoms, outermost first."""
    return tuple(leaf.name or UNKNOWN for leaf in leaves(axis))


def fresh(shape: Sequence[int]) -> Axes:
    """Axes of which nothing is known yet."""
    return tuple((Atom(n),) for n in shape)


def unify_axis(a: Axis, b: Axis) -> None:
    """The two dimensions are the same one; where only one is split, the other is split alike."""
    a, b = leaves(a), leaves(b)
    if [atom.size for atom in a] == [atom.size for atom in b]:
        for one, other in zip(a, b, strict=True):
            one.unify(other)
    elif size(a) == size(b) and len(a) == 1:
        a[0].split(b)
    elif size(a) == size(b) and len(b) == 1:
        b[0].split(a)


def unify_aligned(a: Axes, b: Axes) -> Axes:
    """Axes of an element-wise result: dimensions aligned at the end, those of size 1 stretched."""
    if len(a) < len(b):
        a, b = b, a
    head, tail = a[: len(a) - len(b)], a[len(a) - len(b) :]
    merged = []
    for one, other in zip(tail, b, strict=True):
        unify_axis(one, other)
        merged.append(other if size(one) == 1 else one)
    return (*head, *merged)


def regroup(axes: Axes, shape: Sequence[int]) -> Axes:
    """Axes of a view: the same atoms in the same order, split where the new shape [n, ...] splits them."""
    queue = [leaf for axis in axes for leaf in leaves(axis)]
    result = []
    for n in shape:
        taken: list[Atom] = []
        while (queue and math.prod(atom.size for atom in taken) < n) or (n == 1 and queue and queue[0].size == 1):
            atom = queue.pop(0)
            need = n // math.prod(one.size for one in taken)
            if atom.size > need and atom.size % need == 0:
                parts = Atom(need), Atom(atom.size // need)
                atom.split(parts)
                queue[:0] = parts
                continue
            taken.append(atom)
            if n == 1:
                break
        whole = math.prod(atom.size for atom in taken) == n
        result.append(tuple(taken) if taken and whole else (Atom(n),))
    return tuple(result)
