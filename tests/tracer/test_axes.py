# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of axes, learnt from what is done with them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from forward_pass.tracer.axes import Atom, fresh, leaves, names, regroup, size, unify_aligned, unify_axis


def test_a_name_learnt_late_is_known_everywhere() -> None:
    a, b, c = Atom(4), Atom(4), Atom(4)
    a.unify(b)
    b.unify(c)
    c.call("channel")
    assert [atom.name for atom in (a, b, c)] == ["channel"] * 3
    a.call("neuron")
    assert b.name == "channel"


def test_a_split_reaches_what_was_unified() -> None:
    fused, bias = Atom(12), Atom(12)
    fused.unify(bias)
    head, width = Atom(3, "head"), Atom(4)
    fused.split((head, width))
    width.call("key_dim")
    assert names((bias,)) == ("head", "key_dim")


def test_what_has_a_name_is_not_split() -> None:
    channel = Atom(12, "channel")
    regroup(((channel,),), [3, 4])
    assert names((channel,)) == ("channel",)


def test_atoms_of_other_sizes_stay_apart() -> None:
    a, b = Atom(4, "a"), Atom(1)
    a.unify(b)
    assert b.name is None


def test_a_whole_learns_the_parts_of_what_it_meets() -> None:
    rows = (Atom(12),)
    unify_axis(rows, (Atom(3, "head"), Atom(4, "value_dim")))
    assert names(rows) == ("head", "value_dim")


def test_heads_are_split_off_and_merged_again() -> None:
    batch, token, channel = ((Atom(1, "batch"),), (Atom(5, "token"),), (Atom(12),))
    split = regroup((batch, token, channel), [1, 5, 3, 4])
    split[2][0].call("head")
    merged = regroup(split, [1, 5, 12])
    assert [names(axis) for axis in merged] == [("batch",), ("token",), ("head", "?")]
    assert names(channel) == ("head", "?")


def test_dimensions_of_one_are_stretched() -> None:
    a, b = fresh([1, 5, 1]), fresh([5, 4])
    merged = unify_aligned(a, b)
    assert [size(axis) for axis in merged] == [1, 5, 4]
    b[0][0].call("token")
    assert names(a[1]) == ("token",)


shapes = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@given(shapes, st.data())
def test_a_view_keeps_sizes_and_loses_no_atom(shape: list[int], data: st.DataObject) -> None:
    flat = [factor for n in shape for factor in (n,)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(flat)), max_size=3)) | {len(flat)})
    target, begin = [], 0
    for cut in cuts:  # joined groups of the old dimensions: always a possible view
        target.append(math.prod(flat[begin:cut]))
        begin = cut
    axes = fresh(shape)
    joined = regroup(axes, target)
    assert [size(axis) for axis in joined] == target
    atoms = [leaf for axis in joined for leaf in leaves(axis) if leaf.size > 1]
    assert atoms == [leaf for axis in axes for leaf in leaves(axis) if leaf.size > 1]
    assert [size(axis) for axis in regroup(joined, shape)] == shape
