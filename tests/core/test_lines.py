# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of captions: few, and even."""

from __future__ import annotations

import textwrap
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.lines import even_lines

WORDS = st.lists(st.text("abc-ß字", min_size=1, max_size=9), min_size=1, max_size=9)


def test_the_last_word_is_not_left_alone() -> None:
    caption = "Softmax turns each row of scores into shares that add up to one."
    assert textwrap.wrap(caption, 60)[-1] == "one."
    assert even_lines(caption, 60) == ["Softmax turns each row of scores", "into shares that add up to one."]


def test_sentences_stay_together_where_that_takes_no_more_lines() -> None:
    two = "The whole model, to scale: 3 layers. Each cell is one true number."
    assert even_lines(two, 60) == ["The whole model, to scale: 3 layers.", "Each cell is one true number."]
    assert even_lines("Short. But this goes on for much longer than that.", 30) == [
        "Short. But this goes on",
        "for much longer than that.",
    ]
    assert even_lines("Yes. No.", 60) == ["Yes. No."]


def test_nothing_has_no_lines() -> None:
    assert even_lines("", 40) == []


@given(WORDS.map(lambda words: [word.replace("-", "x") for word in words]), st.integers(9, 40))
def test_no_other_way_has_fewer_lines_or_a_shorter_longest_one(words: list[str], most: int) -> None:
    lines = even_lines(" ".join(words), most)
    assert " ".join(lines) == " ".join(words)
    assert max(map(len, lines)) <= most
    for count in range(1, len(lines) + 1):
        ways = combinations(range(1, len(words)), count - 1)
        longest = (max(map(len, split(words, breaks))) for breaks in ways)
        best = min(longest)
        assert best > most if count < len(lines) else best == max(map(len, lines))


def split(words: list[str], breaks: tuple[int, ...]) -> list[str]:
    ends = (0, *breaks, len(words))
    return [" ".join(words[start:end]) for start, end in pairwise(ends)]
