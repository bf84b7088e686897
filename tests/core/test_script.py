# SPDX-License-Identifier: GPL-3.0-or-later
"""What a video says and when, also where its clock has been moved by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Bounds
from forward_pass.core.moments import best_moments
from forward_pass.core.script import Script, read_script, script_of, write_script
from forward_pass.core.story import Act, Caption, Fill, Formula, Shot, Story
from forward_pass.core.story_types import Use

SCRIPT = Script(
    20.0,
    (Caption(1.0, 4.0, 'Six "tokens" – naïve'), Caption(8.0, 4.0, "So.")),
    (Act("Overview", 0.0, 6.0), Act("Überblick", 6.0, 14.0)),
    (5.0, 11.0),
)
BOX = Bounds((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def test_a_script_is_read_as_it_was_written() -> None:
    assert read_script(write_script(SCRIPT)) == SCRIPT
    assert 'naïve"' in write_script(SCRIPT)  # to be read by people too


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"duration": "x", "captions": [], "acts": []}', '{"duration": 1}'])
def test_what_is_no_script_is_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_script(text)


@given(st.floats(0.25, 4.0), st.integers(1, 60))
def test_a_clock_at_another_speed_moves_everything_by_it(speed: float, fps: int) -> None:
    times = np.arange(0.0, 20.0 * fps / speed + 2) * speed / fps
    told = SCRIPT.retimed(times, fps)
    for before, after in zip(SCRIPT.captions + SCRIPT.acts, told.captions + told.acts, strict=True):
        assert (after.start, after.duration) == pytest.approx((before.start / speed, before.duration / speed), abs=1e-6)
    assert told.moments == pytest.approx([5.0 / speed, 11.0 / speed])


def test_what_is_shown_while_the_clock_stands_still_stays() -> None:
    # One frame a second; the clock stands at 9 for five of them.
    times = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 10, 11, 12, 13], float)
    told = SCRIPT.retimed(times, 1)
    assert [(one.start, one.duration) for one in told.captions] == [(1.0, 4.0), (8.0, 9.0)]
    assert told.acts[1] == Act("Überblick", 6.0, 12.0) and told.duration == 18.0


def test_captions_of_an_act_that_is_left_out_go_and_those_of_a_short_part_stay() -> None:
    # Ten frames a second; from 1 to 6 the clock takes one.
    times = np.concatenate([np.arange(0, 1.05, 0.1), np.arange(6.0, 20.05, 0.1)])
    assert [one.text for one in SCRIPT.retimed(times, 10).captions] == ["So."]
    part = SCRIPT.retimed(np.array([2.0, 2.04, 2.08]), 25)
    assert [(one.start, one.duration) for one in part.captions] == [(0.0, 0.08)]


def test_a_part_has_what_lies_in_it() -> None:
    told = SCRIPT.retimed(np.arange(7.0, 12.0), 1)
    assert told.captions == (Caption(1.0, 3.0, "So."),) and told.acts == (Act("Überblick", 0.0, 4.0),)
    assert told.moments == pytest.approx([4.0], abs=1e-3) and told.moments[0] < 4.0


def story(**parts) -> Story:
    whole = {"captions": (), "formulas": (), "shots": (), "fills": (), "uses": ()} | parts
    return Story(duration=20.0, acts=(Act("a", 0.0, 20.0),), **whole)


def test_a_still_waits_for_the_camera_and_for_what_the_act_makes() -> None:
    shots = (Shot(0.0, 1.0, BOX, 0, 30, 50, "far"), Shot(10.0, 2.0, BOX, 0, 30, 50, "near"))
    captions = (Caption(1.0, 7.0, "Before."), Caption(10.0, 8.0, "It is made."))
    fills = (Fill("x", 12.0, 3.0, "row", None, 0.0, 18.0),)
    (moment,) = best_moments(story(shots=shots, captions=captions, fills=fills))
    assert 15.0 <= moment <= 18.0
    (moment,) = best_moments(story(shots=shots, captions=captions, formulas=(Formula(2.0, 3.0, (("x", "text"),)),)))
    assert 2.0 <= moment <= 5.0
    (moment,) = best_moments(story(shots=shots, captions=captions, uses=(Use("x", 3.0, 2.5, "left", None, 0.0),)))
    assert moment == pytest.approx(5.5, abs=0.1)


@given(st.lists(st.floats(0.01, 9.0), min_size=1, max_size=6))
def test_every_act_has_a_moment_of_its_own(lengths: list[float]) -> None:
    starts = np.cumsum([0.0, *lengths])
    acts = tuple(Act("a", float(start), length) for start, length in zip(starts, lengths, strict=False))
    told = Story(float(starts[-1]), acts, (), (), (), (), ())
    for act, moment in script_of(told).told():
        assert act.start <= moment <= act.start + act.duration
