# SPDX-License-Identifier: GPL-3.0-or-later
"""The narration in every language: that every sentence can be filled in, read and shown, and that none is missing."""

from __future__ import annotations

import re
import textwrap

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.layout import PARTS, Layout, lay_out, lay_out_config, text_width
from forward_pass.core.layout_mlp import ACTIVATIONS
from forward_pass.core.layout_words import in_words
from forward_pass.core.presets import PRESETS, STORY
from forward_pass.core.story import tell
from forward_pass.core.trace_manifest import KINDS
from forward_pass.core.words import CATALOGS, FIELDS, catalog, check_captions, fields
from forward_pass.core.words.catalog import BETWEEN, NUMBER

VALUES = {
    "layers": 12,
    "heads": 12,
    "count_heads": 144,
    "head": 12,
    "layer": 12,
    "size": 64,
    "width": 768,
    "channels": 768,
    "neurons": 3072,
    "token": 11,
    "text": "' word'",
    "seen": 10,
    "seen_text": "' other'",
    "weight": 0.123456,
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
    "pass": 12,
    "next": "carriage return",
    "parameters": "124,439,808",
}
LINE, LINES = 60, 2  # characters of a line in a wide picture, and lines, that a caption may take
languages = pytest.mark.parametrize("language", CATALOGS)
ENGLISH = CATALOGS["en"]


def values(language: str, unit: str) -> dict[str, object]:
    word = CATALOGS[language].units[unit]
    return VALUES | {
        "unit": word.one,
        "units": word.many,
        "each_unit": word.each,
        "new_unit": word.new,
        "with_new": word.with_new,
        "for_each": word.for_each_of.format(count="50,257"),
    }


@languages
@pytest.mark.parametrize("unit", ENGLISH.units)
def test_every_sentence_is_filled_in_and_fits(language, unit):
    words, numbers = CATALOGS[language], values(language, unit)
    sentences = [(moment, text) for moment, both in words.captions.items() for text in both]
    for moment, template in [*sentences, *words.why.items()]:
        text = template.format(**numbers)
        assert "  " not in text and text == text.strip(), moment
        assert len(textwrap.wrap(text, LINE)) <= LINES, (moment, text)
        assert not text or text[-1] in ".:,", text
        assert fields(template) <= FIELDS


@languages
def test_the_brief_words_are_fewer_and_tell_nothing_new(language):
    numbers = values(language, "token")
    for moment, (full, brief) in CATALOGS[language].captions.items():
        assert full and len(brief.format(**numbers)) <= len(full.format(**numbers)), moment
        assert fields(brief) <= fields(full) | {"likely", "with_new"}, moment


@languages
def test_every_language_says_the_same(language):
    """The same moments, acts, legends and units, filled in with the same numbers."""
    words = CATALOGS[language]
    for part in ("captions", "why", "acts", "legends", "cards", "labels", "units", "unseen"):
        assert list(getattr(words, part)) == list(getattr(ENGLISH, part)), part
    for moment, (full, _brief) in words.captions.items():
        given = fields(full) | fields(words.captions[moment][1])
        wanted = fields(ENGLISH.captions[moment][0]) | fields(ENGLISH.captions[moment][1])
        assert given == wanted, moment
    for moment, text in words.why.items():
        assert moment in words.captions and fields(text) == fields(ENGLISH.why[moment]), moment
    for name in set(words.acts) - {"again"}:
        assert fields(words.acts[name]) == fields(ENGLISH.acts[name])
    assert all(fields(words.cards[name]) == fields(ENGLISH.cards[name]) for name in ENGLISH.cards)
    assert all(said.count("#") == name.count("#") for name, said in words.labels.items())
    assert fields(words.subtitle) == fields(ENGLISH.subtitle)
    assert [fields(title) for title in words.titles] == [{"prompt"}] * 2
    assert all(fields(unit.for_each_of) == {"count"} for unit in words.units.values())


def test_a_translation_is_one():
    english = {text for both in ENGLISH.captions.values() for text in both} | set(ENGLISH.why.values())
    for language, words in CATALOGS.items():
        if language != "en":
            said = {text for both in words.captions.values() for text in both} | set(words.why.values())
            assert said & english == {""}


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


# Functions, and what stands in formulas, are called the same in every language.
SYMBOL = re.compile(r"\d+|[A-Z]|[bW]_\w+|1/\w+|" + "|".join({*ACTIVATIONS, *ACTIVATIONS.values(), "other"}))


def words_of(name: str) -> set[str]:
    """What has to be translated in a name of the layout, with # for a number."""
    return {NUMBER.sub("#", part) for part in BETWEEN.split(name)[::2] if not SYMBOL.fullmatch(part)}


def test_whatever_the_layout_names_is_translated(layout):
    parts = [part.label for part in PARTS.values() if not part.label.endswith(("_norm", "_post"))]
    config = lay_out_config({"n_layer": 2, "n_head": 12, "n_embd": 96, "vocab_size": 99, "n_positions": 9})
    texts = [label.text for one in (layout, config) for label in one.labels]
    names = {word for name in (*parts, *texts, *COUNTED, *KINDS) for word in words_of(name)}
    assert names - {layout.name, config.name} <= set(ENGLISH.labels)


COUNTED = (
    "1 of 12 heads, 4 to a key", "8 of 128 experts, 2 for each token", "7 of 60 experts, and a shared one",
    "shared expert", "expert 3", "max |x| over 4 × 8", "⋯ 1,234 more ⋯", "residual + attention + MLP", "K, RMS norm",
    "1,234,567 parameters", "experts out", "activation",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("layer 12", "Schicht 12"),
        ("residual + attention + MLP", "Residuum + Attention + MLP"),
        ("1 of 12 heads, 4 to a key", "1 von 12 Köpfen, 4 pro Key"),
        ("⋯ 1,234 more ⋯", "⋯ 1 234 weitere ⋯"),
        ("gate × up", "Gate × Up"),
        ("W_vocab", "W_vocab"),
        ("a name of somebody's own", "a name of somebody's own"),
    ],
)
def test_a_name_is_said_part_by_part(name, said):
    assert CATALOGS["de"].label(name) == said and ENGLISH.label(name) == name


def test_names_take_no_more_room_in_another_language(layout):
    """Places, keys and collections stay; a longer name is set smaller; what is in the language stays as it is."""
    german = in_words(layout, CATALOGS["de"])
    assert in_words(layout, ENGLISH) is layout and in_words(german, CATALOGS["de"]) is german
    assert "Schicht 1" in {label.text for label in german.labels}
    for before, after in zip(layout.labels, german.labels, strict=True):
        assert text_width(after.text, after.size) <= text_width(before.text, before.size) + 1e-9
        assert (after.position, after.collection, after.tier) == (before.position, before.collection, before.tier)
    assert [(b.key, b.tensor, b.collection) for b in german.blocks] == [
        (b.key, b.tensor, b.collection) for b in layout.blocks
    ]


@pytest.mark.parametrize("preset", [name for name, preset in PRESETS.items() if preset.makes == STORY])
def test_german_is_told_and_read_at_the_same_speed(trace, layout, preset):
    story = tell(trace, layout, preset=preset, language="de")
    assert all(caption.duration >= len(caption.text) / 15 for caption in story.captions)
    assert story.acts[0].name == "Überblick"
    assert story.title is not None and story.title[0] == "Wie ein Transformer CBABBC sortiert"
    assert "85 728 Parameter" in story.title[1]
    assert not {legend.name for legend in story.legends} & {"weights", "residual stream", "share"}
    shapes = {text for formula in story.shapes for text, _hue in formula.parts}
    assert not shapes & {name for name, said in CATALOGS["de"].labels.items() if name != said}
    bounds = PRESETS[preset].seconds
    assert bounds.shortest - 0.1 <= story.duration <= bounds.longest + 0.1


def test_a_persons_own_words_replace_those_of_a_moment(trace, layout):
    own = {"scores": "Does {text} want what they have?", "why mix": "It reads.", "count": ""}
    said = [caption.text for caption in tell(trace, layout, captions=own).captions]
    before = [caption.text for caption in tell(trace, layout).captions]
    assert "Does 'C' want what they have?" in said or any(t.startswith("Does ") for t in said)
    assert "It reads." in said and len(said) == len(before)  # one more, one less
    assert not any("multiplies, each with" in text for text in said)


@pytest.mark.parametrize(
    ("captions", "says"),
    [
        ({"score": "x"}, "no moment called 'score'"),
        ({"scores": "{colour}"}, "cannot fill in {colour}"),
        ({"scores": "{"}, "cannot be filled in"),
    ],
)
def test_own_words_that_cannot_be(captions, says):
    with pytest.raises(UserError, match=says) as caught:
        check_captions(captions)
    assert caught.value.code == 2 and caught.value.hint


def test_a_language_that_there_is_not():
    with pytest.raises(UserError, match="no language called 'tlh'") as caught:
        catalog("tlh")
    assert "de (Deutsch)" in (caught.value.hint or "")
