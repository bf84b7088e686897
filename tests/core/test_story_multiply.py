# SPDX-License-Identifier: GPL-3.0-or-later
"""The film of one multiply as a plan: the right numbers, whatever is asked for, told at a pace at which it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_pass.core.camera import angle_tangents, basis
from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.matmul import STYLES, Shape, partial_sums
from forward_pass.core.matmul_choice import Choice, choose_multiply, multiplies
from forward_pass.core.matmul_operands import Operands, read_operands
from forward_pass.core.matmul_room import rooms, tick_sizes, width_of
from forward_pass.core.matmul_words import ENGLISH, MULTIPLY_WORDS
from forward_pass.core.multiply_reel import Key
from forward_pass.core.shots import film
from forward_pass.core.story_multiply import MultiplyPlan, plan_multiply
from forward_pass.core.trace import Trace
from tests.core.making import Maker

READ = 17.0  # characters a second
KINDS = ("query", "key", "value", "scores", "weighted sum", "projection", "up", "down", "logits")


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def plan(trace, kind) -> MultiplyPlan:
    return plan_multiply(trace, kind)


def total(operands: Operands) -> np.ndarray:
    """What the whole sweep adds up to."""
    added = operands.bias if operands.bias is not None else operands.rest
    product = operands.left.astype(np.float64) @ operands.right
    return (product + (0.0 if added is None else added)) * operands.scale


def value_at(track: tuple[Key, ...], second: float) -> float:
    """Of a control."""
    before = [n for n, key in enumerate(track) if key.second <= second + 1e-9]
    a = track[before[-1]]
    if a.holds or before[-1] + 1 == len(track):
        return a.value
    b = track[before[-1] + 1]
    return a.value + (b.value - a.value) * (second - a.second) / (b.second - a.second)


def test_every_multiply_of_a_pass_is_found_by_its_words_and_adds_up_to_what_the_model_computed(trace, layout):
    names = multiplies(trace, layout)
    assert len(names) == 3 * (4 * 3 + 3 + 3) + 1  # three layers: three heads of five, and three more; logits
    for name in names:
        operands = read_operands(trace, choose_multiply(trace, layout, name))
        np.testing.assert_allclose(total(operands), operands.result, rtol=1e-4, atol=1e-5)
        i, k, j = operands.axes
        assert operands.left.shape == (i.count, k.count) and operands.right.shape == (k.count, j.count)
        assert 0 <= operands.cell[0] < i.count and 0 <= operands.cell[1] < j.count


def test_the_numbers_are_those_of_the_head_that_was_named(trace, layout):
    operands = read_operands(trace, choose_multiply(trace, layout, "layer 2, head 3 value"))
    whole = trace.array("step0.transformer.h.1.attn.c_attn")[0]
    np.testing.assert_array_equal(operands.result, whole[:, 2 * 48 + 2 * 16 : 2 * 48 + 3 * 16])
    weight = trace.array("transformer.h.1.attn.c_attn.weight")
    np.testing.assert_array_equal(operands.right, weight[:, 128:144])
    scores = read_operands(trace, choose_multiply(trace, layout, "layer 3 head 2 scores"))
    np.testing.assert_array_equal(scores.result, trace.array("step0.transformer.h.2.attn.scale")[0, 1])
    assert scores.then_scaled and scores.scale == 0.25


@pytest.mark.parametrize(
    "wanted",
    ["6", 6, "transformer.h.0.attn.scores", "step0.transformer.h.0.attn.scores", "layer 1 head 1 scores", " Scores "],
)
def test_a_multiply_has_many_names(trace, layout, wanted):
    choice = choose_multiply(trace, layout, wanted)
    assert choice.operation.id == 6 and choice.block is not None and choice.block.head == 0


def test_nobody_says_which_and_the_head_that_looks_hardest_is_taken(trace, layout):
    choice = choose_multiply(trace, layout)
    assert choice.block is not None and choice.block.part == "scores"
    pattern = trace.array("step0.transformer.h.0.attn.softmax")[0, 0]
    assert choice.token is not None and choice.seen != choice.token
    assert choice.seen == np.argmax(np.where(np.arange(6) == choice.token, 0, pattern[choice.token]))


def test_what_there_is_not_is_told_with_what_there_is(trace, layout):
    for wanted in ("nonsense", "layer 9 scores", "99999", "head 7 query", 5):
        with pytest.raises(UserError) as caught:
            choose_multiply(trace, layout, wanted)
        assert "weighted sum" in caught.value.hint and '"layer 3"' in caught.value.hint and caught.value.code == 2


def test_a_film_is_as_long_as_it_should_be_and_can_be_read(plan, kind):
    story = plan.story
    assert 40 <= story.duration <= 90
    ends = [0.0, *(act.start + act.duration for act in story.acts)]
    assert [act.start for act in story.acts] == pytest.approx(ends[:-1]) and ends[-1] == pytest.approx(story.duration)
    for caption, after in zip(story.captions, (*story.captions[1:], None), strict=True):
        assert len(caption.text) / caption.duration <= READ
        assert after is None or caption.start + caption.duration <= after.start
        assert (
            caption.text[0].isupper()
            and caption.text.endswith(".")
            and "{" not in caption.text
            and len(caption.text) <= 118
        )
    names = [act.name for act in story.acts]
    assert ("The bias" in names) == (kind not in ("scores", "weighted sum", "logits"))
    assert ("The scale" in names) == (kind == "scores")


@pytest.mark.parametrize("seconds", [None, 45.0], ids=["full", "brief"])
def test_every_sentence_is_there_in_every_language(trace, kind, seconds):
    if seconds is not None and kind not in ("scores", "up"):
        pytest.skip("the brief ones hardly differ")
    for language, words in MULTIPLY_WORDS.items():
        assert words.captions.keys() == ENGLISH.captions.keys() and words.titles.keys() == ENGLISH.titles.keys()
        assert words.acts.keys() == ENGLISH.acts.keys() and words.nouns.keys() == ENGLISH.nouns.keys()
        for moment, parts in ENGLISH.captions.items():
            assert parts.keys() <= words.captions[moment].keys(), (language, moment)
        told = plan_multiply(trace, kind, seconds, language=language)
        story = told.story
        for caption in story.captions:
            assert len(caption.text) / caption.duration <= READ and len(caption.text) <= 118
            assert caption.text.endswith(".") and "{" not in caption.text and caption.text[0] == caption.text[0].upper()
        assert all(brace.split()[0].isdigit() for brace in told.braces)
    english = plan_multiply(trace, kind, seconds).story.captions
    assert not {one.text for one in english} & {one.text for one in story.captions}


@pytest.mark.parametrize("seconds", [45.0, 70.0, 120.0])
def test_a_film_is_told_in_the_time_that_it_is_given(trace, seconds):
    story = plan_multiply(trace, "query", seconds).story
    assert story.duration == pytest.approx(seconds, rel=0.02)
    assert all(len(caption.text) / caption.duration <= READ for caption in story.captions)


def test_the_worked_cell_counts_up_to_its_own_number(plan):
    """The formula's sums are those of the sweep, at the moment they stand there."""
    operands = plan.operands
    row, column = operands.cell
    sums = np.cumsum(operands.left[row].astype(np.float64) * operands.right[:, column])
    formulas = [formula for formula in plan.story.formulas if ("sum", "secondary") in formula.parts]
    assert len(formulas) > min(8, len(sums)) - 1
    texts = [formula.parts[-1][0].replace("−", "-") for formula in formulas]
    assert float(texts[-1]) == pytest.approx(sums[-1], abs=0.006)
    steps = plan.shape.rows * plan.shape.columns
    first = value_at(plan.tracks["fp_first"], formulas[0].start)
    assert first == row * plan.shape.columns + column
    for formula, text in zip(formulas, texts, strict=True):
        end = min(formula.start + formula.duration, formulas[-1].start + 0.2)
        at = value_at(plan.tracks["fp_sweep_at"], end)
        held = partial_sums(
            operands.left, operands.right, "dot", at, bias=_zeros(operands), scale=operands.scale, first=int(first)
        )
        assert np.count_nonzero(held) <= 1 and at * steps > 0
        if formula is not formulas[-1]:
            assert float(text) == pytest.approx(held[row, column], abs=0.01 * np.abs(sums).max() + 0.006)


def _zeros(operands: Operands) -> np.ndarray | None:
    """A bias that is not added yet, where there is one."""
    added = operands.bias if operands.bias is not None else operands.rest
    return None if added is None else np.zeros_like(added)


def test_all_sweeps_run_to_their_ends_and_the_film_ends_with_the_whole_result(plan):
    style, sweep = plan.tracks["fp_style"], plan.tracks["fp_sweep_at"]
    for act, number in (("Row by row", "row"), ("Column by column", "column"), ("All sums together", "outer")):
        (found,) = [one for one in plan.story.acts if one.name == act]
        middle = found.start + found.duration / 2
        assert value_at(style, middle) == STYLES[number] and value_at(plan.tracks["fp_first"], middle) == 0
        assert value_at(sweep, found.start + 0.01) == 0
        last = value_at(sweep, found.start + found.duration - 0.01)
        assert last == pytest.approx(plan.tracks["fp_sweep_at"][-1].value) or 0.7 < last < 1
    assert sweep[-1].value == 1.0
    assert plan.tracks["fp_fold"][0].value == plan.tracks["fp_fold"][-1].value
    for track in plan.tracks.values():
        assert [key.second for key in track] == sorted(key.second for key in track)


@pytest.mark.parametrize("aspect", [16 / 9, 1.0, 9 / 16], ids=["wide", "square", "tall"])
def test_what_a_shot_shows_is_whole_in_the_frame_and_large(trace, aspect):
    plan = plan_multiply(trace, "query", aspect=aspect)
    keys = film(plan.story.shots, plan.story.duration, aspect)
    for shot in plan.story.shots:
        arrived = [key for key in keys if key.second <= shot.start + shot.move + 1e-6][-1]
        right, up, forward = basis(arrived.azimuth, arrived.elevation)
        tangents = angle_tangents(arrived.lens, aspect)
        points = np.array(shot.subject.points) - arrived.target
        depth = arrived.distance + points @ forward
        x = points @ right / depth / tangents[0] / 2
        y = points @ up / depth / tangents[1] / 2 + arrived.lift
        assert np.abs(x).max() <= 0.5 and y.max() <= 0.5 and y.min() >= -0.5 + shot.below * 0.95
        assert np.ptp(x) * np.ptp(y) >= 0.2 or np.ptp(x) >= 0.85 or shot.name.endswith("folding")


def test_nothing_rolls_and_no_two_formulas_stand_at_once(plan):
    for one, after in zip(plan.story.formulas, plan.story.formulas[1:], strict=False):
        assert one.start + one.duration <= after.start + 1e-6
    assert all(shot.move == 0 or shot.move >= 1 for shot in plan.story.shots)


def long_trace(folder: Path, inner: int = 400, columns: int = 90) -> tuple[Trace, np.ndarray]:
    """One multiply that is too large to be shown whole, with a bias."""
    rng = np.random.default_rng(8)
    left, right = rng.normal(size=(1, 5, inner)), rng.normal(size=(inner, columns))
    bias = rng.normal(size=columns)
    out = left @ right + bias
    maker = Maker()
    x = maker.tensor("x", left, "batch token channel")
    w = maker.tensor("w", right, "channel neuron", parameter="w")
    b = maker.tensor("b", bias, "neuron", parameter="b")
    maker.multiply("up", x, w, maker.tensor("y", out, "batch token neuron"), b)
    return maker.write(folder / "long.trace.safetensors"), out[0]


def test_a_sum_that_is_too_long_is_cut_and_the_rest_is_added_at_once(tmp_path):
    trace, out = long_trace(tmp_path)
    operands = read_operands(trace, Choice(trace.operations[0], None))
    i, k, j = operands.axes
    assert (k.count, k.whole) == (128, 400) and ENGLISH.brace(k) == "128 of 400 channels"
    assert j.count == 32 and ENGLISH.brace(j) == "32 of 90 neurons" and j.first % 8 == 0
    row, column = operands.cell
    assert abs(out[row, j.first + column]) == np.abs(out[row]).max()
    assert operands.bias is None and operands.rest is not None
    np.testing.assert_allclose(total(operands), out[:, j.first : j.first + 32], rtol=1e-4, atol=1e-3)
    assert i.whole == 5


@given(
    counts=st.tuples(*[st.integers(1, 40)] * 3),
    words=st.lists(st.text("abcW ", min_size=1, max_size=6), min_size=40, max_size=40),
    pitch=st.floats(0.25, 3.0),
)
@settings(max_examples=50)
def test_names_of_steps_do_not_touch_each_other_and_have_their_room(counts, words, pitch):
    shape = Shape(counts[0], counts[1], counts[2], (pitch, 1.0, pitch))
    i, k, j = (tuple(enumerate(words[:count])) for count in counts)
    ticks = (i, k, j)
    sizes = tick_sizes(shape, ticks, 3.0)
    assert all(0 < size <= 3.0 for size in sizes)
    if counts[2] > 1:
        assert max(width_of(word, sizes[2]) for word in words[: counts[2]]) <= pitch
    if counts[0] > 1:
        assert sizes[0] * 0.48 < pitch  # the height of a capital letter
    assert all(room > 0 for room in rooms(shape, ticks, 3.0))
