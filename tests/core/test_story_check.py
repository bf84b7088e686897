# SPDX-License-Identifier: GPL-3.0-or-later
"""Two writers of one channel are noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.story_check import check, conflicts
from forward_pass.core.subjects import Subjects
from forward_pass.core.timeline import Timeline
from forward_pass.core.values import Values


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module")
def story(trace, layout) -> Story:
    return tell(trace, layout)


def test_a_story_has_no_conflicts(story):
    assert conflicts(story) == [] and check(story) is story


@pytest.mark.parametrize("channel", ["captions", "formulas", "legends", "shapes"])
def test_two_of_a_kind_at_once_are_an_error(story, channel):
    first, *rest = getattr(story, channel)
    longer = replace(first, duration=rest[0].start - first.start + 0.5)
    wrong = replace(story, **{channel: (longer, *rest)})
    (said,) = conflicts(wrong)
    assert said.startswith(f"{channel}: {first.start:.2f} to ")
    with pytest.raises(ValueError, match=channel):
        check(wrong)


def test_a_block_that_fills_twice_is_an_error(story, trace, layout):
    fill = story.fills[3]
    assert conflicts(replace(story, fills=(*story.fills, fill))) == [f"{fill.block} fills 2 times"]
    line = Timeline(Subjects(layout), Values(trace, layout))
    line.fill([fill.block], (0.0, 1.0))
    with pytest.raises(ValueError, match=fill.block):
        line.fill([fill.block], (2.0, 3.0))


def test_a_camera_that_is_sent_on_before_it_has_arrived_is_an_error(story):
    shots = list(story.shots)
    shots[2] = replace(shots[2], move=shots[3].start - shots[2].start + 0.1)
    assert [said.split(":")[0] for said in conflicts(replace(story, shots=tuple(shots)))] == ["camera"]
