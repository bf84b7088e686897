# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of axes, learnt from what is done with them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from forward_pass.tracer.axes import (
    UNKNOWN,
    Atom,
    aligned,
    call,
    fresh,
    join,
    leaves,
    names,
    regroup,
    size,
    unify_aligned,
    unify_axis,
)


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


# What is only likely.


def test_a_name_that_is_known_replaces_one_that_was_likely_and_not_the_other_way() -> None:
    atom = Atom(4, "~head")
    atom.call("~kv_head")
    assert atom.name == "~head"
    atom.call("head")
    assert atom.name == "head"
    atom.call("~neuron")
    assert atom.name == "head"


# What is cut off, and what is joined.


def test_a_piece_has_the_name_of_what_it_was_cut_off() -> None:
    channel = Atom(8)
    rotated, rest = channel.cut(6, True), channel.cut(2, False)
    assert (rotated.size, rest.size) == (6, 2) and names((rotated,)) == (UNKNOWN,)
    channel.call("key_dim")
    assert names((rotated,)) == names((rest,)) == ("key_dim",)
    rest.call("neuron")
    assert names((rest,)) == ("neuron",) and names((rotated,)) == ("key_dim",)


def test_a_whole_has_the_name_of_its_first_piece_that_has_one() -> None:
    whole = Atom(9)
    first, last = whole.cut(4, True), whole.cut(5, False)
    last.call("channel")
    assert names((whole,)) == ("channel",)
    first.call("token")
    assert names((whole,)) == ("token",)


def test_a_piece_of_nothing_names_nothing() -> None:
    whole = Atom(8)
    whole.cut(0, True).call("neuron")  # an expert that no token goes to
    assert names((whole,)) == (UNKNOWN,)
    whole.cut(4, False).call("channel")
    assert names((whole,)) == ("channel",)


def test_the_same_first_piece_is_cut_only_once() -> None:
    whole = Atom(9)
    assert whole.cut(4, True) is whole.cut(4, True)
    assert whole.cut(4, False) is not whole.cut(4, False)  # each from a place of its own
    assert whole.cut(9, True) is whole


def test_pieces_stay_with_a_whole_that_turns_out_to_be_another() -> None:
    a, b = Atom(9), Atom(9)
    piece = a.cut(3, False)
    b.unify(a)
    b.call("token")
    assert names((piece,)) == ("token",)


def test_a_piece_is_found_from_what_its_whole_was_unified_with() -> None:
    a, b = Atom(9), Atom(9)
    a.unify(b)
    assert a.cut(4, True) is b.cut(4, True)


def test_several_of_a_piece_of_each_head_are_so_many_and_a_head() -> None:
    fused = Atom(12)
    query = fused.cut(4, True)
    query.split((Atom(2, "head"), Atom(2, "key_dim")))
    assert names((fused,)) == (UNKNOWN, "head", "key_dim")
    unequal = Atom(10)
    unequal.cut(4, True).split((Atom(2, "head"), Atom(2, "key_dim")))
    assert names((unequal,)) == ("~head", "key_dim")


def test_gate_and_up_side_by_side_are_not_more_neurons() -> None:
    both = Atom(88)
    gate, up = both.cut(44, True), both.cut(44, False)
    gate.call("neuron")
    up.call("neuron")
    assert names((both,)) == (UNKNOWN, "neuron")


def test_pieces_of_each_other_end() -> None:
    a = Atom(4)
    b = a.cut(2, True)
    b.pieces.append(a)
    assert names((a,)) == names((b,)) == (UNKNOWN,)


def test_what_is_joined_has_the_name_of_its_parts() -> None:
    old, new = Atom(5), Atom(1)
    (whole,) = join([(old,), (new,)])
    assert whole.size == 6 and names((whole,)) == (UNKNOWN,)
    old.call("key_token")
    assert names((whole,)) == ("key_token",)


def test_what_is_joined_of_several_atoms_each_says_no_more_than_its_size() -> None:
    (whole,) = join([(Atom(2, "head"), Atom(3, "key_dim")), (Atom(4),)])
    assert whole.size == 10 and names((whole,)) == (UNKNOWN,)


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=4))
def test_what_is_joined_is_as_long_as_its_parts(parts: list[list[int]]) -> None:
    axes = [tuple(map(Atom, part)) for part in parts]
    assert size(join(axes)) == sum(math.prod(part) for part in parts)


# Names of dimensions.


def test_calling_a_dimension_names_what_has_no_name_yet() -> None:
    axis = (Atom(3, "head"), Atom(1), Atom(4))
    call(axis, "key_dim")
    assert names(axis) == ("head", "key_dim")
    single = (Atom(1),)
    call(single, "token")
    assert names(single) == ("token",)


def test_calling_a_dimension_reaches_the_parts_it_was_split_into() -> None:
    whole = Atom(12)
    parts = Atom(3), Atom(4)
    whole.split(parts)
    call((whole,), "channel")
    assert [part.name for part in parts] == ["channel", "channel"] and names((whole,)) == ("channel", "channel")


def test_parts_of_two_splits_are_unified_one_by_one() -> None:
    a, b = Atom(12), Atom(12)
    a.split((Atom(3), Atom(4)))
    b.split((Atom(3, "head"), Atom(4, "value_dim")))
    a.unify(b)
    assert names((a,)) == ("head", "value_dim")


def test_names_that_differ_keep_atoms_apart() -> None:
    a, b = Atom(4, "token"), Atom(4, "channel")
    a.unify(b)
    assert (a.name, b.name) == ("token", "channel")


def test_an_atom_is_never_made_part_of_itself() -> None:
    whole, part = Atom(12), Atom(12)
    whole.split((Atom(1), part))
    whole.unify(part)
    part.unify(whole)
    unify_axis((whole,), (Atom(1), part))
    unify_axis((part,), (Atom(1), whole))
    part.split((part,))
    part.call("channel")
    assert names((whole,)) == ("channel",)


def test_a_result_of_which_only_the_shape_is_known_is_named_where_sizes_agree_from_the_end() -> None:
    token, channel = (Atom(5, "token"),), (Atom(8, "channel"),)
    found = aligned((3, 5, 2), [(token, channel), (token, (Atom(2, "head"),))])
    assert [names(axis) for axis in found] == [(UNKNOWN,), ("token",), ("head",)]
    assert [size(axis) for axis in found] == [3, 5, 2]


def test_a_dimension_of_one_that_is_new_is_not_taken_for_another() -> None:
    axes = ((Atom(1, "batch"),), (Atom(4, "head"),), (Atom(5, "token"),))
    found = regroup(axes, [1, 4, 1, 5])
    assert [names(axis) for axis in found] == [("batch",), ("head",), (UNKNOWN,), ("token",)]


def test_a_single_token_that_is_merged_with_the_batch_comes_apart_again() -> None:
    """As GPT-2 does around a multiply of two dimensions, in a step of one token."""
    batch, token, channel = (Atom(1, "batch"),), (Atom(1, "token"),), (Atom(32, "channel"),)
    merged = regroup((batch, token, channel), [1, 32])
    assert [names(axis) for axis in merged] == [("batch", "token"), ("channel",)]
    apart = regroup((merged[0], (Atom(96),)), [1, 1, 96])
    assert [names(axis) for axis in apart] == [("batch",), ("token",), (UNKNOWN,)]
    heads = regroup(apart, [1, 1, 3, 4, 8])
    assert [names(axis) for axis in heads[:2]] == [("batch",), ("token",)]
