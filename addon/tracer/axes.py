# SPDX-License-Identifier: GPL-3.0-or-later
"""Names for axes by what happens to them, not by their size.

A dimension is an ordered list of atoms. Views split and reorder atoms, a multiply unifies the two it contracts, and
element-wise operations unify what they align, so a name that is learnt anywhere is known everywhere. What is cut off
an atom, or joined to one, keeps the relation, and the one is named after the other where it got no name of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

UNKNOWN = "?"
GUESS = "~"  # before a name that is only likely


class Atom:
    """A piece of a dimension. Unified atoms share a root; a root that was split has parts instead of a name."""

    __slots__ = ("_name", "_parent", "_parts", "pieces", "size", "whole")

    def __init__(self, size: int, name: str | None = None) -> None:
        self.size = size
        self._name = name
        self._parent: Atom | None = None
        self._parts: tuple[Atom, ...] = ()
        self.whole: Atom | None = None  # what it was cut off
        self.pieces: list[Atom] = []  # what was cut off it, or what it was joined from

    def root(self) -> Atom:
        """The atom that stands for all that were unified with this one."""
        atom = self
        while atom._parent is not None:
            if atom._parent._parent is not None:
                atom._parent = atom._parent._parent
            atom = atom._parent
        return atom

    def leaves(self) -> tuple[Atom, ...]:
        """The roots it is made of, outermost first: itself where it was never split."""
        root = self.root()
        if not root._parts:
            return (root,)
        return tuple(leaf for part in root._parts for leaf in part.leaves())

    @property
    def name(self) -> str | None:
        """The name, once it is known."""
        return self.root()._name

    def call(self, name: str) -> None:
        """Names it; the first name stays, but a name that is known replaces one that was likely."""
        root = self.root()
        if root._name is None or (root._name.startswith(GUESS) and not name.startswith(GUESS)):
            root._name = name

    def split(self, parts: tuple[Atom, ...]) -> None:
        """From now on it is made of these. A named atom stays whole: its name says what it is elsewhere."""
        root = self.root()
        if not root._parts and root._name is None and all(part.root() is not root for part in parts):
            root._parts = parts

    def cut(self, size: int, first: bool) -> Atom:
        """A piece of it, of this size; `first` where it begins where this one begins."""
        root = self.root()
        if size == root.size:
            return root
        same = next((piece for piece in root.pieces if first and piece.size == size), None)
        if same is not None:
            return same
        piece = Atom(size)
        piece.whole = root
        root.pieces.insert(0 if first else len(root.pieces), piece)
        return piece

    def unify(self, other: Atom) -> None:
        """Makes the two one, with all that is known of either; atoms of different sizes or names stay apart."""
        a, b = self.root(), other.root()
        if a is b or a.size != b.size:
            return
        if a._parts and b._parts:
            unify_axis(a.leaves(), b.leaves())
            return
        if b._parts:
            a, b = b, a
        if (a._name and b._name and a._name != b._name) or (a._parts and (b._name or _within(b, a))):
            return
        b._parent = a
        a.whole = a.whole or b.whole
        a.pieces = [*a.pieces, *(piece for piece in b.pieces if piece is not a)]
        if not a._parts:
            a._name = a._name or b._name

    def named(self) -> tuple[str, ...]:
        """Its names, outermost first: its own, its parts', those of what it was joined from or cut into, or that of
        what it was cut off."""
        return self._named(frozenset())

    def _named(self, seen: frozenset[int]) -> tuple[str, ...]:
        root = self.root()
        if id(root) in seen:
            return (UNKNOWN,)
        seen |= {id(root)}
        if root._name:
            return (root._name,)
        if root._parts:
            return tuple(name for part in root._parts for name in part._named(seen))
        found = _of_pieces(root, seen)
        if found is None and root.whole is not None:
            above = root.whole._named(seen)
            found = above if len(above) == 1 and above != (UNKNOWN,) else None
        return found or (UNKNOWN,)


def _of_pieces(atom: Atom, seen: frozenset[int]) -> tuple[str, ...] | None:
    """Names after the pieces: those of the first that has any, behind how many of them there are, where that is more
    than one axis of the format can say."""
    for piece in atom.pieces:
        inner = piece._named(seen)
        if UNKNOWN in inner or not piece.size:
            continue
        if len(inner) > 1:  # so many heads of the one and of the other: heads
            equal = atom.size % piece.size == 0
            return (UNKNOWN, *inner) if equal else (GUESS + inner[0].removeprefix(GUESS), *inner[1:])
        return (UNKNOWN, *inner) if atom.size % piece.size == 0 and inner[0] in PER_HEAD else inner
    return None


PER_HEAD = ("key_dim", "value_dim", "neuron")  # several of these side by side are not more of the same


def _within(inner: Atom, outer: Atom) -> bool:
    return any(leaf is inner.root() for leaf in outer.leaves())


Axis = tuple[Atom, ...]
Axes = tuple[Axis, ...]


def leaves(axis: Axis) -> Axis:
    """The atoms of a dimension as they are known now."""
    return tuple(leaf for atom in axis for leaf in atom.leaves())


def size(axis: Axis) -> int:
    """How many steps a dimension has."""
    return math.prod(atom.size for atom in axis)


def names(axis: Axis) -> tuple[str, ...]:
    """The names of a dimension's atoms, outermost first; atoms of one step that have no name are left out."""
    found = [(leaf, leaf.named()) for leaf in leaves(axis)]
    kept = [name for leaf, name in found if leaf.size != 1 or name != (UNKNOWN,)]
    return tuple(one for name in kept for one in name) or (UNKNOWN,)


def fresh(shape: Sequence[int]) -> Axes:
    """Axes of which nothing is known yet."""
    return tuple((Atom(n),) for n in shape)


def call(axis: Axis, name: str) -> None:
    """Names all atoms of a dimension that have no name; where there is one of several steps, it alone is named."""
    atoms = leaves(axis)
    several = [atom for atom in atoms if atom.size != 1] or list(atoms[-1:])
    for atom in several:
        atom.call(name)


def join(axes: Iterable[Axis]) -> Axis:
    """The dimension that these, one behind the other, become."""
    parts = [leaves(axis) for axis in axes]
    whole = Atom(sum(math.prod(atom.size for atom in part) for part in parts))
    whole.pieces = [part[0] for part in parts if len(part) == 1]
    return (whole,)


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
        merged.append(other if size(one) == 1 and (size(other) != 1 or names(one) == (UNKNOWN,)) else one)
    return (*head, *merged)


def aligned(shape: Sequence[int], all_axes: Iterable[Axes]) -> Axes:
    """Axes of a result of which only the shape is known: those of what went in, where sizes agree from the end on."""
    result: list[Axis | None] = [None] * len(shape)
    for axes in all_axes:
        for back, axis in enumerate(reversed(axes), start=1):
            if back > len(shape) or size(axis) != shape[-back]:
                continue
            found = result[-back]
            if found is None:
                result[-back] = axis
            elif size(axis) != 1:
                unify_axis(found, axis)
    return tuple(axis if axis is not None else (Atom(n),) for axis, n in zip(result, shape, strict=True))


def regroup(axes: Axes, shape: Sequence[int]) -> Axes:
    """Axes of a view: the same atoms in the same order, split where the new shape [n, ...] splits them."""
    queue = [leaf for axis in axes for leaf in leaves(axis)]
    if 0 in shape or any(atom.size == 0 for atom in queue):
        return fresh(shape)
    result: list[Axis] = []
    for index, n in enumerate(shape):
        taken: list[Atom] = []
        while (queue and math.prod(atom.size for atom in taken) < n) or (n == 1 and queue and queue[0].size == 1):
            if n == 1 and len(queue) == len(shape) - index - 1 and [a.size for a in queue] == list(shape[index + 1 :]):
                break  # a new dimension of one before all that is left as it was
            if n % math.prod(one.size for one in taken):
                return (*result, *fresh(shape[index:]))  # no view of this order
            atom = queue.pop(0)
            need = n // math.prod(one.size for one in taken)
            if atom.size > need and need and atom.size % need == 0:
                parts = Atom(need), Atom(atom.size // need)
                atom.split(parts)
                queue[:0] = parts
                continue
            taken.append(atom)
            if n == 1 and _ones([one.size for one in queue]) <= _ones(shape[index + 1 :]):
                break
        whole = math.prod(atom.size for atom in taken) == n
        result.append(tuple(taken) if taken and whole else (Atom(n),))
    return tuple(result)


def _ones(sizes: Sequence[int]) -> int:
    """How many sizes of one come first."""
    return next((i for i, n in enumerate(sizes) if n != 1), len(sizes))
