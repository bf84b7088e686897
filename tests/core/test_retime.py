# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts that last longer or shorter: frames, captions and chapters go with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.retime import Stretch, retime_captions, retime_chapters

CAPTIONS = "1\n00:00:01,000 --> 00:00:03,500\nOne\nline more\n\n2\n00:01:04,000 --> 00:01:06,020\nTwo\n"
CHAPTERS = "00:00 Overview\n00:12 Layer norm\n1:00:05 MLP\n"


@given(st.floats(1, 1000), st.floats(1, 500), st.floats(1, 500), st.lists(st.floats(0, 3000), min_size=2, max_size=20))
def test_a_stretch_keeps_the_order_and_can_be_undone(
    first: float, length: float, wanted: float, frames: list[float]
) -> None:
    there = Stretch(first, first + length, wanted)
    back = Stretch(first, first + wanted, length)
    moved = [there(frame) for frame in sorted(frames)]
    assert moved == sorted(moved)
    assert [back(frame) for frame in moved] == pytest.approx(sorted(frames))
    assert there(first) == first and there(first + length) == pytest.approx(first + wanted)


def test_captions_move_and_those_that_nobody_sees_go() -> None:
    assert retime_captions(CAPTIONS, lambda second: second) == CAPTIONS
    later = retime_captions(CAPTIONS, lambda second: 2 * second)
    assert "00:00:02,000 --> 00:00:07,000\nOne\nline more\n" in later and "00:02:08,000 --> 00:02:12,040" in later
    cut = retime_captions(CAPTIONS, lambda second: max(second - 60.0, 0.0))
    assert cut == "1\n00:00:04,000 --> 00:00:06,020\nTwo\n"
    assert retime_captions("", lambda second: second) == ""


def test_chapters_move_and_one_of_no_length_gives_way() -> None:
    assert retime_chapters(CHAPTERS, lambda second: second) == CHAPTERS
    assert retime_chapters(CHAPTERS, lambda second: 0.0 if second < 20 else second - 10) == (
        "00:00 Layer norm\n59:55 MLP\n"
    )
