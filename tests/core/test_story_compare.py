# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs told together: places, the one clock, and the numbers that captions say against the traces themselves."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.compare_clock import common_acts
from forward_pass.core.differences import largest, root_mean_square, strongest_head
from forward_pass.core.errors import UserError
from forward_pass.core.layout import lay_out
from forward_pass.core.story import tell
from forward_pass.core.story_compare import ComparePlan, tell_compare
from forward_pass.core.story_scale import tell_scale
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values
from forward_pass.core.warp import warp
from forward_pass.core.words import CATALOGS, fields
from forward_pass.core.words.sides import COMPARE, SCALE, Sentences
from tests.core.test_layout_placement import meetings, thick
from tests.core.two_runs import run_of

PATTERN = "step0.transformer.h.{}.attn.softmax"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trace, Trace]:
    folder = tmp_path_factory.mktemp("runs")
    first, second = (run_of(prompt, folder / f"{prompt}.safetensors", steps=6) for prompt in ("CBABBC", "ABCABC"))
    return first, second


@pytest.fixture(scope="module")
def plan(runs: tuple[Trace, Trace]) -> ComparePlan:
    return tell_compare(*runs)


@pytest.fixture(scope="module")
def beside(runs: tuple[Trace, Trace], tmp_path_factory: pytest.TempPathFactory) -> ComparePlan:
    folder = tmp_path_factory.mktemp("other")
    return tell_compare(runs[0], run_of("To be", folder / "other.safetensors", "tiny-shakespeare", steps=2))


def test_runs_of_one_model_share_their_weights_and_stand_one_above_the_other(plan):
    first, second = (side.layout for side in plan.sides)
    assert plan.stacked
    assert not any(block.kind == "weight" for block in second.blocks)
    below = {block.key.removeprefix("1."): block for block in first.blocks}
    for block in second.blocks:
        twin = below[block.key.removeprefix("2.")]
        away = np.array(block.origin) - np.array(twin.origin)
        assert away[:2] == pytest.approx([0, 0]) and away[2] > 1
        assert (block.shape, block.row_step, block.column_step) == (twin.shape, twin.row_step, twin.column_step)
    # Over everything that stands below: floor plates and ribbons have no second.
    assert second.bodies[:, 0, 2].min() > first.bodies[:, 1, 2].max()
    low, high = ([thick(block.body()) for block in layout.blocks if not block.step] for layout in (first, second))
    assert not meetings(low, high, same=False)
    assert not second.plates and not second.ribbons


def test_other_runs_stand_side_by_side_with_weights_of_their_own(beside):
    first, second = (side.layout for side in beside.sides)
    assert not beside.stacked
    assert first.bounds["model"].high[0] < second.bounds["model"].low[0]
    assert sum(block.kind == "weight" for block in second.blocks) > sum(
        block.kind == "weight" for block in first.blocks
    )


@pytest.mark.parametrize("which", ["plan", "beside"])
def test_the_same_chapter_is_at_the_same_time_in_both(which, request):
    plan: ComparePlan = request.getfixturevalue(which)
    for act in plan.story.acts:
        for part in ("norm", "scores", "pattern", "probabilities"):
            windows = []
            for side in plan.sides:
                blocks = side.layout.by_key
                fills = [f for f in side.fills.fills if blocks[f.block].part == part and not blocks[f.block].step]
                windows.append([f.start for f in fills if act.start <= f.start < act.start + act.duration])
            assert bool(windows[0]) == bool(windows[1]), (act.name, part)
    for side in plan.sides:
        filled = {fill.block for fill in side.fills.fills}
        assert filled >= {block.key for block in side.layout.blocks if block.kind != "weight"}
        assert max(fill.start + fill.duration for fill in side.fills.fills) <= plan.story.duration


@pytest.mark.parametrize("which", ["plan", "beside"])
def test_captions_can_be_read_and_do_not_meet(which, request):
    plan: ComparePlan = request.getfixturevalue(which)
    captions = plan.story.captions
    assert len(captions) >= len(plan.story.acts)
    for caption in captions:
        assert len(caption.text) / caption.duration <= 17, caption.text
    for a, b in itertools.pairwise(captions):
        assert a.start + a.duration <= b.start
    assert captions[-1].start + captions[-1].duration <= plan.story.duration


def test_captions_say_what_is_in_the_traces(plan, runs):
    text = " ".join(caption.text for caption in plan.story.captions)
    assert "3 of 6 tokens differ: 1 is C or A, 3 is A or C" in text
    assert "CBABBC goes on with ABBBCC, ABCABC with AABBCC" in text
    found = re.search(r"Layer (\d), head (\d): token (\d) gives token (\d) weight ([\d.]+) below, ([\d.]+) above", text)
    assert found is not None
    layer, head, token, seen = (int(group) - 1 for group in found.groups()[:4])
    patterns = [[run.array(PATTERN.format(i))[0] for i in range(3)] for run in runs]
    for pattern, said in zip(patterns, found.groups()[4:], strict=True):
        assert f"{pattern[layer][head, token, seen]:.2f}" == said
    away = np.abs(np.array(patterns[0]) - np.array(patterns[1]))
    assert away[layer, head, token, seen] == pytest.approx(away.max(), abs=1e-6)
    drift = re.search(r"root mean square: ([\d., ]+)\.", text)
    assert drift is not None
    values = [Values(run, lay_out(run)) for run in runs]
    steps = [np.sqrt(np.mean((values[0].matrix(k) - values[1].matrix(k)) ** 2)) for k in residuals(values[0])]
    assert drift.group(1) == ", ".join(f"{step:.2f}" for step in steps)


def residuals(values: Values) -> list[str]:
    return [key for key, block in values.blocks.items() if block.part == "residual_mlp" and block.step == 0]


def test_seconds_are_about_kept(plan, runs):
    assert plan.story.duration == pytest.approx(80, abs=12)
    assert tell_compare(*runs, seconds=120).story.duration == pytest.approx(120, rel=0.1)
    assert tell_compare(*runs, seconds=5).story.duration > 40  # captions keep their time


def test_of_other_models_captions_tell_the_sizes_and_the_largest_numbers(beside):
    text = " ".join(caption.text for caption in beside.story.captions)
    found = re.search(
        r"Hidden: 6 × 192 numbers on the left, 5 × 512 on the right; the largest are (\S+) and (\S+)\.", text
    )
    assert found is not None, text
    assert "equal numbers" not in text  # they have other tables
    for side, said in zip(beside.sides, found.groups(), strict=True):
        hidden = [block for block in side.layout.blocks if block.part == "hidden" and not block.step]
        tops = {f"{m.flat[np.abs(m).argmax()]:.2f}" for m in (side.values.matrix(block.key) for block in hidden)}
        assert said.replace("−", "-") in tops


def test_what_a_caption_speaks_of_is_outlined_in_both(plan):
    assert plan.marks
    for mark in plan.marks:
        low, high = (np.array(corners) for corners in mark.corners)
        assert (high - low)[:, :2] == pytest.approx(np.zeros((4, 2)))
        end = mark.start + mark.duration
        caption = min(plan.story.captions, key=lambda one: abs(one.start + one.duration - end))
        assert "below" in caption.text and "above" in caption.text
        assert mark.start >= caption.start and mark.duration >= 1.4


def test_colours_have_the_same_ends_in_both(plan):
    first, second = plan.sides
    for block in second.layout.blocks:
        twin = f"1.{block.key.removeprefix('2.')}"
        assert second.values.ends(block.key) == first.values.ends(twin)


def test_both_runs_are_whole_in_every_shot(plan):
    for shot in plan.story.shots:
        heights = {round(z, 3) for _x, _y, z in shot.subject.points}
        assert max(heights) - min(heights) > 1
        assert shot.aside == 0.0  # no cards are drawn here, so no room is kept for them


def test_runs_that_stand_far_apart_are_looked_at_one_after_the_other(beside):
    first, second = (side.layout for side in beside.sides)
    border = 0.5 * (first.bounds["model"].high[0] + second.bounds["model"].low[0])
    seen = ["".join(sorted({"right" if x > border else "left" for x, _y, _z in s.subject.points}))
            for s in beside.story.shots]  # fmt: skip
    assert seen[0] == "leftright", "both together first"
    turns = [one for one in seen if one != "leftright"]
    assert len(turns) > 4 and turns == ["left", "right"] * (len(turns) // 2)
    starts = [shot.start for shot in beside.story.shots]
    assert all(a + shot.move <= b for shot, a, b in zip(beside.story.shots, starts, starts[1:], strict=False))
    for side in beside.sides:  # which run it is stands over its fences
        assert sum(label.text == side.name for label in side.layout.labels) > 8


def test_equal_runs_are_said_to_be_equal(runs):
    plan = tell_compare(runs[0], runs[0])
    assert plan.stacked and not plan.marks
    assert any("still equal" in caption.text for caption in plan.story.captions)
    assert [side.name for side in plan.sides] == ["CBABBC (1)", "CBABBC (2)"]


def test_the_largest_difference_is_measured_against_its_block(runs):
    one, other = (Values(run, lay_out(run)) for run in runs)
    keys = residuals(one)
    found = largest(one, other, keys)
    assert found is not None
    ratios = {}
    for key in keys:
        a, b = (values.matrix(key).astype(float) for values in (one, other))
        ratios[key] = np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max())
    assert found.block.key == max(ratios, key=lambda key: ratios[key])
    assert found.first == one.matrix(found.block.key)[found.row, found.column]
    assert largest(one, other, ["no such block"]) is None
    assert root_mean_square(one, other, "no such block") is None
    head = strongest_head(one, other)
    assert head is not None and head.block.part == "pattern"


@given(st.lists(st.floats(0.2, 5.0), min_size=2, max_size=6))
def test_a_warp_keeps_order_and_ends(stretches):
    story = tell_story()
    starts = np.linspace(0, story.duration, len(stretches) + 1)
    new = np.concatenate([[0.0], np.cumsum(np.diff(starts) * stretches)])
    moved = warp(story, list(zip(starts.tolist(), new.tolist(), strict=True)))
    assert moved.duration == pytest.approx(new[-1])
    for before, after in zip(story.captions, moved.captions, strict=True):
        assert np.interp(before.start + before.duration, starts, new) == pytest.approx(after.start + after.duration)
    assert [shot.start for shot in moved.shots] == sorted(shot.start for shot in moved.shots)
    assert all(shot.move >= 0 for shot in moved.shots)


_STORIES: list[Any] = []


def tell_story() -> Any:
    if not _STORIES:
        _STORIES.append(tell_scale(["nano-sort", "tiny-shakespeare"]).story)
    return _STORIES[0]


def test_knots_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="rise"):
        warp(tell_story(), [(0.0, 0.0), (1.0, 0.0)])


def test_common_chapters_are_those_of_both_in_order(runs):
    story = tell(runs[0], lay_out(runs[0]))
    fewer = [act for i, act in enumerate(story.acts) if i not in (2, 3)]
    pairs = common_acts(story.acts, fewer)
    assert [a.name for a, b in pairs] == [act.name for act in fewer]


@pytest.mark.parametrize("table", [SCALE, COMPARE], ids=["scale", "compare"])
def test_every_language_has_every_sentence_with_the_same_numbers(table):
    assert set(table) == set(CATALOGS)
    for moment, english in table["en"].items():
        for language, words in table.items():
            assert fields(words[moment]) == fields(english), (language, moment)
            assert set(words) == set(table["en"])


def test_numbers_are_written_as_the_language_does(runs):
    assert Sentences(SCALE, "de").number(-1234.5, 1) == f"−1{CATALOGS['de'].thousands}234,5"
    assert Sentences(SCALE, "en").number(-1234.5, 1) == "−1,234.5"
    german = tell_compare(*runs, language="de")
    assert any("Schicht" in caption.text and "0," in caption.text for caption in german.story.captions)
    for caption in (*german.story.captions, *tell_scale(["nano-sort", "gpt2-xl"], language="de").story.captions):
        assert len(caption.text) / caption.duration <= 17, caption.text
    with pytest.raises(UserError, match="language"):
        tell_scale(["nano-sort", "gpt2-xl"], language="xx")
