# SPDX-License-Identifier: GPL-3.0-or-later
"""The narration: that every sentence can be filled in, read and shown."""

from __future__ import annotations

import textwrap
from string import Formatter

import pytest

from forward_pass.core.wording import Wording
from forward_pass.core.words import CAPTIONS, SUBTITLE, caption, last_act, title_of

VALUES = {
    "layers": 12,
    "heads": 12,
    "channels": 768,
    "neurons": 3072,
    "token": 11,
    "text": "' word'",
    "seen": 10,
    "seen_text": "' other'",
    "weight": 0.123456,
    "unit": "character",
    "each": "of 50,257 characters",
    "odds": "newline 0.98, space 0.01, ',' 0.01",
    "likely": "carriage return",
    "drawn": "carriage return",
    "end": "...twenty-seven or more letters",
    "answer": "...another twenty-seven letters",
    "operations": 1234,
    "multiplies": 456,
    "groups": 8,
    "shared": 12,
    "activation": "activation",
    "experts": 128,
    "chosen": 8,
    "ran": 64,
}
LINE, LINES = 60, 2  # characters of a line in a wide picture, and lines, that a caption may take
moments = pytest.mark.parametrize("moment", CAPTIONS)


def fields(template: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(template) if name}


@moments
@pytest.mark.parametrize("brief", [False, True], ids=["full", "brief"])
def test_every_caption_is_filled_in_and_fits(moment, brief):
    text = caption(moment, brief, **VALUES)
    assert "{" not in text and "}" not in text and "  " not in text
    assert text == text.strip()
    for name in fields(CAPTIONS[moment][brief]):
        shown = f"{VALUES[name]:.2f}" if name == "weight" else str(VALUES[name])
        assert shown in text
    assert len(textwrap.wrap(text, LINE)) <= LINES, text


@moments
def test_the_brief_words_are_fewer_and_tell_nothing_new(moment):
    full, brief = (caption(moment, short, **VALUES) for short in (False, True))
    assert full and len(brief) <= len(full)
    assert fields(CAPTIONS[moment][1]) <= fields(CAPTIONS[moment][0]) | {"likely"}
    assert full[-1] in ".:"


def test_a_moment_that_is_not_there():
    with pytest.raises(KeyError, match="encore"):
        caption("encore", False, **VALUES)


def test_a_number_that_is_missing_is_an_error():
    with pytest.raises(KeyError, match="channels"):
        caption("tokens", False, unit="letter")


def words(prompt: str, answer: str, sorts: bool) -> Wording:
    return Wording("letter" if sorts else "character", sorts, prompt, answer, ("A", "B", "C"))


def test_the_title_names_the_prompt_and_the_model():
    assert title_of(words("CBABBC", "ABBBCC", True)) == "How a transformer sorts CBABBC"
    assert "85,728" in SUBTITLE.format(model="nano-sort", parameters=85728)
    assert "nano-sort" in SUBTITLE.format(model="nano-sort", parameters=85728)


def test_the_title_of_a_text_quotes_what_goes_on():
    assert title_of(words("To be, or not to b", "e", False)) == 'How a transformer continues "To be, or not to b"'
    long = title_of(words("Now is the winter of our discontent\nMade glorious summer by", " this", False))
    assert long.endswith('iscontent↵Made glorious summer by"') and '"...' in long
    assert len(long) <= 70 and "\n" not in long


def test_the_last_act_says_what_the_run_does():
    assert last_act(words("BA", "AB", True)) == "Again, until it is sorted"
    assert last_act(words("BA", "CC", False)) == "Again, for each new character"
