# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes that are not drawn whole: which stretches are, and that numbers and blocks agree on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.differences import largest
from forward_pass.core.effects import effects_of
from forward_pass.core.effects_types import SoftmaxCard
from forward_pass.core.elision import (
    FIRST_TOKENS,
    LAST_READ,
    LAST_TOKENS,
    MOST_TOKENS,
    clip,
    drawn_index,
    drawn_tokens,
    shorten,
)
from forward_pass.core.examples import choose_example
from forward_pass.core.layout import lay_out
from forward_pass.core.layout_blocks import runs
from forward_pass.core.story import tell
from forward_pass.core.story_compare import tell_compare
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values, matrix_of
from forward_pass.core.words.sides import COMPARE
from tests.core.text_model import HEADS, LAYERS, text_trace


@given(st.integers(1, 60_000), st.integers(1, 5000))
def test_what_is_drawn_is_the_beginning_and_the_end(count, drawn):
    spans = shorten(count, drawn)
    if drawn >= count:
        assert spans == ()
        return
    taken = [i for first, last in spans for i in range(first, last + 1)]
    assert len(taken) == drawn == len(set(taken)) and taken == sorted(taken)
    assert taken[0] == 0 and (taken[-1] == count - 1 or drawn == 1)


def test_an_elided_block_draws_its_stretches_and_knows_how_many_it_stands_for(root):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    block = next(b for b in lay_out(trace).blocks if b.part == "w_up")
    whole = np.atleast_2d(trace.array(block.tensor))
    tall, wide = whole.shape
    short = replace(block, rows=(0, 9), row_ranges=shorten(tall, 10), columns=(0, 6), column_ranges=shorten(wide, 7))
    assert short.shape == (10, 7) and short.counts == (tall, wide)
    rows, columns = [*range(5), *range(tall - 5, tall)], [*range(4), *range(wide - 3, wide)]
    assert np.array_equal(matrix_of(whole, short), whole[np.ix_(rows, columns)])


@given(st.integers(1, 300), st.integers(1, 300))
def test_what_is_drawn_has_a_place_and_what_is_left_out_none(count, drawn):
    spans = shorten(count, drawn) or ((0, count - 1),)
    taken = [i for first, last in spans for i in range(first, last + 1)]
    found = drawn_index(spans, np.arange(count))
    assert found[taken].tolist() == list(range(len(taken)))
    assert (np.delete(found, taken) == -1).all()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30, unique=True))
def test_of_a_long_text_the_ends_are_drawn_and_every_token_that_a_later_step_adds(seen):
    steps = sorted(seen)
    spans = drawn_tokens(steps)
    if not spans:
        assert steps[-1] <= max(MOST_TOKENS, FIRST_TOKENS + LAST_READ + steps[-1] - steps[0])
        return
    (first, end), (begin, last) = spans
    assert (first, last) == (0, steps[-1] - 1)
    assert end + 1 < begin <= steps[0] - LAST_READ


@given(st.integers(0, 90), st.integers(1, 90))
def test_rows_are_clipped_to_the_drawn_tokens(first, count):
    spans = ((0, 3), (40, 70))
    drawn = {i for a, b in spans for i in range(a, b + 1)}
    found = [first + row for a, b in clip(spans, first, count) for row in range(a, b + 1)]
    assert found == sorted(drawn & set(range(first, first + count)))


@given(st.lists(st.integers(0, 90), unique=True).map(sorted), st.integers(0, 60))
def test_an_expert_has_the_rows_of_its_drawn_tokens_each_at_its_place(tokens, earlier):
    spans = ((0, 3), (40, 70))
    places = {token: i for i, token in enumerate(i for a, b in spans for i in range(a, b + 1))}
    found = {row: place + row - a for a, b, place in runs(tokens, spans, earlier) for row in range(a, b + 1)}
    assert found == {row: places[t] for row, t in enumerate(tokens) if t in places and t >= earlier}


LONG = "the hare\nthat ate a beet\nhath broth"  # of which the first four and the last twenty tokens are drawn


@pytest.fixture(scope="module")
def long_text(tmp_path_factory) -> Trace:
    return text_trace(tmp_path_factory, LONG)


def test_a_long_text_is_drawn_with_its_two_ends_everywhere(long_text):
    layout, total = lay_out(long_text), long_text.steps[-1].tokens[1] + 1
    drawn = [*range(FIRST_TOKENS), *range(total - LAST_TOKENS, total)]
    assert [card.token for card in layout.cards] == [*drawn, total]
    assert any(f"{total - len(drawn)} more" in label.text for label in layout.labels)
    places = {token: place for place, token in enumerate(drawn)}
    top = next(block.origin[2] for block in layout.blocks if block.part == "residual_0")
    for block in layout.blocks:
        whole = np.atleast_2d(long_text.array(block.tensor)[block.index])
        rows, columns = block.row_numbers, block.column_numbers
        assert np.array_equal(matrix_of(long_text.array(block.tensor), block), whole[np.ix_(rows, columns)])
        if block.row_axis == ("token",):
            assert block.origin[2] == top - 2 * places[int(rows[0])], block.key
            assert rows.tolist() == [t for t in drawn if rows[0] <= t <= rows[-1]]
        if block.column_axis == ("key_token",):
            assert columns.tolist() == [t for t in drawn if columns[0] <= t <= columns[-1]]
    seen = sorted((t, b.part) for b in layout.blocks if b.part == "residual_0" for t in b.row_numbers.tolist())
    assert seen == [(t, "residual_0") for t in drawn]
    assert all(operation.out or operation.left for operation in layout.operations)


def test_what_is_said_of_a_long_text_counts_all_of_it(long_text):
    layout = lay_out(long_text)
    values = Values(long_text, layout)
    examples = (choose_example(values, (layer, head)) for layer in range(LAYERS) for head in range(HEADS))
    example = next(e for e in examples if e.token < e.texts[0])  # its row stands after the break
    token, seen = example.texts
    pattern = layout.by_key[f"s0.l{example.layer}.h{example.head}.pattern"]
    assert example.weight == long_text.array(pattern.tensor)[pattern.index][token, seen]
    story = tell(long_text, layout, focus=(example.layer, example.head))
    assert any(f"Token {token + 1}," in caption.text for caption in story.captions)
    card = next(c for c in effects_of(long_text, layout, story).cards if isinstance(c, SoftmaxCard))
    masked = layout.by_key[card.clear[0]]
    scores = long_text.array(masked.tensor)[masked.index][token, : token + 1].astype(np.float64)
    assert card.total == pytest.approx(np.exp(scores - scores.max()).sum(), rel=1e-5)
    assert f"{token + 1}" in card.title


def test_two_long_texts_are_compared_in_what_is_not_drawn_too(long_text, tmp_path_factory):
    place = FIRST_TOKENS + 2
    other = text_trace(tmp_path_factory, LONG[:place] + "B" + LONG[place + 1 :])
    runs = Values(long_text, lay_out(long_text)), Values(other, lay_out(other))
    found = largest(*runs, ["s0.residual_0"])
    assert found is not None and found.row == place and found.drawn is None
    pattern = largest(*runs, ["s0.l1.h0.pattern"])
    assert pattern is not None
    apart = np.abs(np.subtract(*(run.entire("s0.l1.h0.pattern") for run in runs)))
    assert pattern.size == pytest.approx(apart.max())
    if pattern.drawn is not None:
        assert runs[0].matrix("s0.l1.h0.pattern")[pattern.drawn] == np.float32(pattern.first)
    plan = tell_compare(long_text, other)
    assert plan.stacked
    assert any(f"at token {place + 1}, " in caption.text for caption in plan.story.captions)
    assert not any(COMPARE["en"]["equal"] == caption.text for caption in plan.story.captions)


def test_long_texts_of_two_lengths_do_not_stand_above_each_other(long_text, tmp_path_factory):
    assert not tell_compare(long_text, text_trace(tmp_path_factory, LONG[:-1])).stacked
