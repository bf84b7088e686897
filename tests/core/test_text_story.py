# SPDX-License-Identifier: GPL-3.0-or-later
"""Layout and story of a model that continues a text: what is said is what the trace holds, and it can be read."""

from __future__ import annotations

import copy
import textwrap
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.layout_types import COLUMN_TIER
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace
from tests.core.text_model import PROMPT, VOCABULARY, text_trace

LAST = len(PROMPT) - 1


@pytest.fixture(scope="module")
def trace(tmp_path_factory) -> Trace:
    return text_trace(tmp_path_factory)


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module", params=[None, 30.0], ids=["full", "brief"])
def story(request, trace, layout) -> Story:
    return tell(trace, layout, request.param)


def odds(trace: Trace) -> list[tuple[str, float]]:
    """The characters by their odds after the prompt, from the logits."""
    logits = trace.array("step0.lm_head").reshape(-1, len(VOCABULARY))[-1].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    return [(VOCABULARY[i], float(shares[i])) for i in np.argsort(-shares)]


def named(character: str) -> str:
    return {" ": "space", "\n": "newline"}.get(character, character if character.isalnum() else repr(character))


def test_nothing_is_sorted_here_and_no_letters_are_spoken_of(trace, story):
    said = [story.title[0], *(act.name for act in story.acts), *(caption.text for caption in story.captions)]
    assert not [words for words in said if "sort" in words.lower() or "letter" in words.lower()]
    assert story.title[0] == 'How a transformer continues "be↵A "'
    assert story.acts[-2].name == "Logits and the next character"
    assert story.acts[-1].name == "Again, for each new character"


def test_captions_can_be_read(story):
    for caption, following in pairwise(story.captions):
        assert caption.start + caption.duration <= following.start + 1e-6
    for caption in story.captions:
        assert caption.duration >= len(caption.text) / 15, caption.text
        assert len(textwrap.wrap(caption.text, 60)) <= 2 and caption.text.isprintable()


def test_the_odds_are_the_likeliest_of_the_trace(trace, story):
    best = odds(trace)
    formula = [text for text, _color in story.formulas[-1].parts if text]
    assert formula == [part for character, share in best[:4] for part in (named(character), f"{share:.2f}")] + ["⋯"]
    (said,) = [c.text for c in story.captions if "Softmax makes them odds" in c.text or "is likeliest" in c.text]
    assert named(best[0][0]) in said
    if "Likeliest" in said:
        assert ", ".join(f"{named(character)} {share:.2f}" for character, share in best[:3]) in said


def test_a_sum_on_screen_adds_up(story):
    """In the two decimals that a viewer sees, too."""
    sums = [[t for t, _color in f.parts] for f in story.formulas if [t for t, _color in f.parts][1::2] == ["+", "="]]
    assert sums
    for words in sums:
        before, added, after = (round(100 * float(word.replace("−", "-"))) for word in words[::2])
        assert before + added == after, words


def test_it_ends_with_the_continuation(trace, story):
    answer = "".join(token.text for token in trace.generated_tokens).replace("\n", "↵")
    assert len(answer) == 6
    (said,) = [caption.text for caption in story.captions if "continues" in caption.text]
    assert f'"{answer}"' in said


def test_one_score_for_each_character_of_the_vocabulary(story):
    (said,) = [caption.text for caption in story.captions if "one score for each" in caption.text.lower()]
    assert f"of {len(VOCABULARY)} characters" in said


def test_a_character_that_was_drawn_by_chance_is_not_called_the_likeliest(trace, layout):
    unlikely = odds(trace)[5][0]
    drawn = VOCABULARY.index(unlikely)
    steps = (replace(trace.steps[0], sampled=drawn), *trace.steps[1:])
    tokens = list(trace.tokens)
    tokens[LAST + 1] = replace(tokens[LAST + 1], id=drawn, text=unlikely)
    other = copy.copy(trace)
    other.manifest = replace(trace.manifest, steps=steps, tokens=tuple(tokens))
    for seconds in (None, 30.0):
        said = [caption.text for caption in tell(other, layout, seconds).captions]
        (draw,) = [text for text in said if "The draw falls on" in text]
        assert unlikely in draw or named(unlikely) in draw
        assert not any("is likeliest" in text or "The first one joins" in text for text in said)


def test_the_row_that_is_drawn_from_is_filled_first_and_stays_lit(story):
    (fill,) = [fill for fill in story.fills if fill.block == "s0.probabilities"]
    assert fill.focus == LAST and 0 < fill.share < 1
    (use,) = [use for use in story.uses if use.block == "s0.probabilities"]
    assert use.focus == LAST and use.share == 1.0
    assert use.start + use.duration >= fill.start + fill.duration


def test_long_tables_are_looked_at_one_by_one(layout, story):
    names = [shot.name for shot in story.shots]
    assert names[1:4] == ["model", "lookup", "positions"]
    assert {"logits", "odds"} <= set(names)
    subject = layout.bounds["positions"]
    for card in layout.cards:
        assert all(
            low <= c <= high
            for corner in card.bounds().corners()
            for low, c, high in zip(subject.low, corner, subject.high, strict=True)
        )


def test_every_column_of_the_odds_bears_its_character(layout):
    names = [label for label in layout.labels if label.tier == COLUMN_TIER]
    signs = "".join({"↵": "\n", "_": " "}.get(label.text, label.text) for label in names)
    assert signs == VOCABULARY
    block = layout.by_key["s0.probabilities"]
    for i, label in enumerate(names):
        middle = block.origin[0] + (i + 0.5) * block.column_step[0]
        assert label.position[0] == pytest.approx(middle) and label.position[2] > block.origin[2]
    boxes = [label.extent() for label in names]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = [a.high[k] <= b.low[k] + 1e-9 or b.high[k] <= a.low[k] + 1e-9 for k in (0, 2)]
            assert any(apart), (names[i].text, "meets another name")
    subject = layout.bounds["odds"]
    assert all(box.high[2] <= subject.high[2] and subject.low[0] <= box.low[0] for box in boxes)


def test_a_few_columns_need_no_names(root):
    sorter = lay_out(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"))
    assert not [label for label in sorter.labels if label.tier == COLUMN_TIER]


def test_a_prompt_of_one_character(tmp_path_factory):
    """A lone token's heads need no merging, so that the trace has no such operation in the first step."""
    trace = text_trace(tmp_path_factory, "T")
    layout = lay_out(trace)
    assert layout.by_key["s0.l0.merged"].shape == (1, 24)
    merged, mix = layout.by_key["s0.l0.merged"], layout.by_key["s0.l0.h0.mix"]
    assert np.array_equal(trace.array(merged.tensor).ravel(), trace.array(mix.tensor).transpose(0, 2, 1, 3).ravel())
    assert len(layout.operations) == len(trace.operations)
    title = tell(trace, layout).title
    assert title is not None and title[0] == 'How a transformer continues "T"'
