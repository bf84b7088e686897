# SPDX-License-Identifier: GPL-3.0-or-later
"""The narration: that every sentence can be filled in, read and shown."""

from __future__ import annotations

import textwrap
from string import Formatter

import pytest

from forward_pass.core.words import CAPTIONS, SUBTITLE, TITLE, caption

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
    "odds": "A 0.98, B 0.01, C 0.01",
    "likely": "B",
    "answer": "ABBBCC",
    "operations": 1234,
    "multiplies": 456,
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
        caption("tokens", False, layers=3)


def test_the_title_names_the_prompt_and_the_model():
    assert "CBABBC" in TITLE.format(prompt="CBABBC")
    assert "85,728" in SUBTITLE.format(model="nano-sort", parameters=85728)
    assert "nano-sort" in SUBTITLE.format(model="nano-sort", parameters=85728)
