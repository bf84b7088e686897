# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions and chapters, read back by parsers of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.script import Script
from forward_pass.core.story import Act, Caption
from forward_pass.render.captions import LINE, chapters, narration, srt, vtt, write_text

TIME = re.compile(r"(\d\d):(\d\d):(\d\d),(\d\d\d)")


def script(acts: Sequence[tuple[str, float]], captions: Sequence[tuple[float, float, str]] = ()) -> Script:
    """Acts by name and length, one after another, and captions by start, length and text."""
    starts = [0.0, *itertools.accumulate(length for _, length in acts)]
    return Script(
        duration=starts[-1],
        captions=tuple(Caption(*caption) for caption in captions),
        acts=tuple(Act(name, start, length) for (name, length), start in zip(acts, starts, strict=False)),
    )


def part(whole: Script, start: float, end: float) -> Script:
    """Between two seconds, by a clock that runs evenly at 100 frames a second; it ends with a frame."""
    return whole.retimed(start + np.arange(round((end - start) * 100) + 1) / 100, 100)


def read_srt(text: str) -> list[tuple[int, float, float, str]]:
    """Number, start and end in seconds, text."""
    cues = []
    for block in text.strip().split("\n\n") if text.strip() else []:
        number, times, *lines = block.split("\n")
        start, end = (int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000 for h, m, s, ms in TIME.findall(times))
        assert re.fullmatch(rf"{TIME.pattern} --> {TIME.pattern}", times) and lines
        cues.append((int(number), start, end, "\n".join(lines)))
    return cues


def read_chapters(text: str) -> list[tuple[int, str]]:
    """Start in seconds, name."""
    found = []
    for line in text.splitlines():
        time, name = line.split(" ", 1)
        seconds = 0
        for part in time.split(":"):
            seconds = seconds * 60 + int(part)
        found.append((seconds, name))
    return found


def test_a_caption_is_written_as_players_read_it() -> None:
    text = srt(script([("all", 4000)], [(1.5, 2.25, "The prompt becomes six tokens."), (3725.04, 2, "Sorted.")]))
    assert text == (
        "1\n00:00:01,500 --> 00:00:03,750\nThe prompt becomes six tokens.\n\n"
        "2\n01:02:05,040 --> 01:02:07,040\nSorted.\n"
    )


def test_long_captions_are_broken_between_words() -> None:
    words = "Every head compares its query with the keys of all letters that came before it"
    (cue,) = read_srt(srt(script([("all", 9)], [(0, 9, words)])))
    assert cue[3].replace("\n", " ") == words and max(map(len, cue[3].split("\n"))) <= LINE


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 20), st.text("ab \n", max_size=90)), max_size=12),
    st.floats(0, 50),
    st.floats(0, 100),
)
def test_captions_never_overlap_and_stay_inside(
    gaps: list[tuple[float, float, str]], start: float, length: float
) -> None:
    captions, at = [], 0.0
    for gap, duration, text in gaps:
        captions.append((at + gap, duration, text))
        at += gap + duration
    cues = read_srt(srt(part(script([("all", max(at, 1.0))], captions), start, start + length)))
    assert [cue[0] for cue in cues] == list(range(1, len(cues) + 1))
    assert all(0 <= cue[1] < cue[2] <= length + 0.006 for cue in cues)
    assert all(one[2] <= other[1] for one, other in itertools.pairwise(cues))


def test_a_part_of_a_video_has_its_own_times() -> None:
    whole = script([("all", 30)], [(0, 4, "before"), (4, 8, "cut"), (12, 3, "inside"), (20, 5, "after")])
    assert [(cue[1], cue[2], cue[3]) for cue in read_srt(srt(part(whole, 10, 18)))] == [(0, 2, "cut"), (2, 5, "inside")]


def test_short_acts_join_their_neighbours_under_the_longest_name() -> None:
    acts = [("Title", 3), ("Overview", 9), ("Tokens", 12), ("Logits", 11), ("Probabilities", 4), ("End", 2)]
    assert chapters(script(acts)) == "00:00 Overview\n00:12 Tokens\n00:24 Logits\n"


def test_hours_are_written_where_there_are_any() -> None:
    assert chapters(script([("a", 3600), ("b", 65), ("c", 100)])) == "00:00 a\n1:00:00 b\n1:01:05 c\n"


def test_a_video_too_short_for_chapters_lists_its_acts() -> None:
    assert read_chapters(chapters(script([("a", 3), ("b", 4), ("c", 5)]))) == [(0, "a"), (3, "b"), (7, "c")]


@given(st.lists(st.floats(0.5, 40), min_size=1, max_size=15))
def test_chapters_keep_the_rules_or_say_all_acts(lengths: list[float]) -> None:
    whole = script([(f"act {number}", length) for number, length in enumerate(lengths)])
    found = read_chapters(chapters(whole))
    starts = [seconds for seconds, _ in found]
    assert starts[0] == 0
    assert {name for _, name in found} <= {act.name for act in whole.acts}
    if len(found) < len(lengths):
        assert len(found) >= 3
        assert all(b - a >= 10 for a, b in itertools.pairwise([*starts, whole.duration]))


def test_a_part_begins_its_chapters_anew() -> None:
    whole = script([("a", 20), ("b", 20), ("c", 20), ("d", 20)])
    assert read_chapters(chapters(part(whole, 30, 75))) == [(0, "b"), (10, "c"), (30, "d")]


def test_text_replaces_its_file_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    write_text(path, "naïve\n")
    assert path.read_bytes() == "naïve\n".encode()
    folder = tmp_path / "b.srt"
    folder.mkdir()
    with pytest.raises(UserError, match=r"b\.srt could not be written"):
        write_text(folder, "x")
    assert sorted(tmp_path.iterdir()) == [path, folder]


def test_browsers_get_the_same_captions() -> None:
    whole = script([("all", 9)], [(1.5, 2.25, "x < y & y --> z"), (3.75, 2, "Sorted.")])
    assert vtt(whole) == (
        "WEBVTT\n\n00:00:01.500 --> 00:00:03.750\nx &lt; y &amp; y --&gt; z\n\n00:00:03.750 --> 00:00:05.750\nSorted.\n"
    )


def test_a_narration_says_what_is_to_be_said_when_and_for_how_long() -> None:
    said = [(0.5, 4, "A model."), (12, 3, "Six tokens."), (61.3, 2, "So.")]
    whole = script([("Overview", 12), ("Tokens", 70.5)], said)
    assert narration(whole, "CBABBC") == (
        "# CBABBC\n\n## 1. Overview (00:00–00:12, 12.0 s)\n\n- `00:00.5 +4.0 s` A model.\n"
        "\n## 2. Tokens (00:12–01:22, 70.5 s)\n\n- `00:12.0 +3.0 s` Six tokens.\n- `01:01.3 +2.0 s` So.\n"
    )
