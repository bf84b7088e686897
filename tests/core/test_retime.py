# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts that are moved, stretched or left out: the keys of the clock go with them, and so do frames."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.retime import (
    LEFT_OUT,
    STOP,
    Key,
    Move,
    Segment,
    cut,
    join,
    moved,
    read_segment,
    stops,
    write_segment,
)

STYLE = {"interpolation": "LINEAR", "handle_left_type": "AUTO_CLAMPED", "handle_right_type": "AUTO_CLAMPED"}


def key(frame: float, value: float) -> Key:
    return Key((frame, value), (frame - 1.0, value), (frame + 1.0, value), STYLE)


def read(keys: Sequence[Key], frame: float) -> float:
    """The clock at a frame."""
    i = bisect_right([one.at[0] for one in keys], frame) - 1
    here = keys[max(i, 0)]
    if i < 0 or i == len(keys) - 1 or here.style["interpolation"] == "CONSTANT":
        return here.at[1]
    share = (frame - here.at[0]) / (keys[i + 1].at[0] - here.at[0])
    return here.at[1] + share * (keys[i + 1].at[1] - here.at[1])


def clock(lengths: Sequence[int]) -> tuple[list[Key], list[int]]:
    """A clock of 24 frames a second with a key where each act begins and one in the midst of it, which somebody moved
    by hand; and the frames of those beginnings and of the end."""
    edges = [1]
    for length in lengths:
        edges.append(edges[-1] + length)
    keys = [key(first, (first - 1) / 24) for first in edges]
    keys += [key(first + 0.75 * (last - first), ((first + last) / 2 - 1) / 24) for first, last in pairwise(edges)]
    return sorted(keys, key=lambda one: one.at), edges


LENGTHS = st.lists(st.integers(2, 40), min_size=2, max_size=5)


@given(LENGTHS.flatmap(lambda lengths: st.tuples(st.just(lengths), st.permutations(range(len(lengths))))))
def test_in_another_order_every_act_has_its_own_seconds(drawn: tuple[list[int], list[int]]) -> None:
    lengths, order = drawn
    keys, edges = clock(lengths)
    segments = [cut(keys, *span) for span in pairwise(edges)]
    there = join([segments[i] for i in order], 1.0)
    assert [one.at[0] for one in there] == sorted(one.at[0] for one in there)
    at = 1
    for i in order:
        begin, end = (edges[i] - 1) / 24, (edges[i + 1] - 1) / 24
        for frame in range(lengths[i]):
            assert read(there, at + frame) == pytest.approx(read(keys, edges[i] + frame), abs=1e-6)
        # Between two frames, at any rate, it is still in the same act, and never where another begins.
        between = [read(there, at + step / 10) for step in range(10 * lengths[i])]
        assert min(between) >= begin and max(between) < end
        at += lengths[i]
    # The video's last frame is one more: it shows the end of the story, or waits before what follows elsewhere.
    assert (read(there, at) == (edges[-1] - 1) / 24) == (order[-1] == len(lengths) - 1)
    # And back.
    places = [1]
    for i in order:
        places.append(places[-1] + lengths[i])
    again = {i: cut(there, *span) for i, span in zip(order, pairwise(places), strict=True)}
    back = join([again[i] for i in range(len(lengths))], 1.0)
    assert [(one.at, one.style) for one in back] == [(one.at, one.style) for one in keys]


@given(LENGTHS, st.data())
def test_what_is_left_out_is_not_shown_and_comes_back_as_it_was(lengths: list[int], data: st.DataObject) -> None:
    keys, edges = clock(lengths)
    segments = [cut(keys, *span) for span in pairwise(edges)]
    out = data.draw(st.integers(0, len(lengths) - 1))
    kept = read_segment(json.loads(json.dumps(write_segment(replace(segments[out], on=False)))))
    there = join([*segments[:out], kept, *segments[out + 1 :]], 1.0)
    begin, end = (edges[out] - 1) / 24, (edges[out + 1] - 1) / 24
    last = edges[-1] - lengths[out] + LEFT_OUT
    shown = [read(there, frame / 5) for frame in range(5, 5 * last + 1)]
    assert not any(begin < second < end for second in shown)
    assert begin not in shown or out == len(lengths) - 1 == 0
    assert join([*segments[:out], replace(kept, on=True), *segments[out + 1 :]], 1.0) == tuple(keys)


@given(st.integers(2, 300), st.integers(1, 300))
def test_a_stretch_can_be_undone_and_its_stop_is_known_again(frames: int, wanted: int) -> None:
    segment = Segment(float(frames), (key(0.0, 3.0), key(0.5 * frames, 4.0)), key(float(frames), 9.0))
    longer = segment.stretched(float(wanted))
    assert longer.keys[1].at == pytest.approx((0.5 * wanted, 4.0)) and longer.end.at == (wanted, 9.0)
    stop = longer.stop()
    assert stops(stop, wanted) and wanted - STOP <= stop.at[0] < wanted and 4.0 < stop.at[1] < 9.0
    back = longer.stretched(float(frames))
    assert back.keys[1].at == pytest.approx(segment.keys[1].at) and back.end.at == segment.end.at


def test_a_clock_that_waits_at_the_end_of_an_act_waits_there_still() -> None:
    waits = Key((4.0, 2.0), (3.0, 2.0), (5.0, 2.0), STYLE | {"interpolation": "CONSTANT"})
    assert Segment(9.0, (key(0.0, 0.0), waits), key(9.0, 3.0)).stop().at == (9.0 - STOP, 2.0)


def test_frames_go_with_their_acts() -> None:
    moves = (Move(11, 31, 21, 20), Move(31, 41, 11, 10))
    assert [moved(frame, moves) for frame in (1, 10, 11, 30, 31, 40, 41, 50)] == [1, 10, 21, 40, 11, 20, 41, 50]
    assert [moved(frame, (Move(1, 11, 1, 20),)) for frame in (1, 6, 11, 12)] == [1, 11, 21, 22]
