# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a story is: the part at work, and the lines that announce its acts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.story_progress import announcements, parts_of, place_of
from forward_pass.core.trace import Trace


@pytest.fixture(scope="module")
def layout(root) -> Layout:
    return lay_out(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"))


@pytest.fixture(scope="module", params=["tour", "overview", "attention"])
def story(request, root, layout) -> Story:
    return tell(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"), layout, preset=request.param)


def test_the_parts_are_those_of_the_model_in_order(layout):
    layers = [f"layer {i} / {section}" for i in range(3) for section in ("attention", "mlp")]
    assert parts_of(layout) == ("embedding", *layers, "output")


def test_one_part_is_at_work_at_a_time_and_it_is_the_one_that_fills(layout, story):
    assert {at.part for at in story.progress} == set(parts_of(layout))
    for at, following in pairwise(story.progress):
        assert at.duration > 0 and at.start + at.duration == pytest.approx(following.start)
    last = story.progress[-1]
    assert last.part == "output" and last.start + last.duration == pytest.approx(story.duration)
    for at in story.progress:
        begun = [f.block for f in story.fills if f.start == pytest.approx(at.start, abs=1e-9)]
        assert at.part in {place_of(layout.by_key[key]) for key in begun}


def test_acts_are_announced_where_nothing_else_stands(story):
    said = announcements(story)
    assert len(said) >= 0.7 * len(story.acts)
    assert story.title is not None and said[0].start >= story.title[2] + story.title[3]
    for one in said:
        act = story.acts[one.number - 1]
        assert one.name == act.name and act.start <= one.start
        assert one.start + one.duration <= act.start + act.duration + 1e-6 and one.duration >= 0.9
        for shape in story.shapes:
            assert one.start + one.duration <= shape.start or shape.start + shape.duration <= one.start
    assert all(a.start + a.duration <= b.start for a, b in pairwise(said))
