# SPDX-License-Identifier: GPL-3.0-or-later
"""Every preset that tells a run, on models of three kinds: what it shows, how long it takes, that it can be read."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from forward_pass.core.chapters import CHAPTERS
from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.presets import PRESETS, STORY, Preset
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace
from forward_pass.core.words import CATALOGS, FIELDS
from tests.core.text_model import text_trace

KINDS = ("matmul", "softmax", "mask", "layer_norm", "rms_norm")
ONE, TWO = 4.0, 9.0  # seconds: a sentence, and two
STORIES = {name: preset for name, preset in PRESETS.items() if preset.makes == STORY}


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


def unfilled(layout: Layout, story: Story) -> set[str]:
    """The blocks that never get their values."""
    return {block.key for block in layout.blocks if block.kind != "weight"} - {fill.block for fill in story.fills}


def backwards(layout: Layout, story: Story) -> list[tuple[str, str]]:
    """Results of the same head that begin to fill before what they are made of."""
    start = {fill.block: fill.start for fill in story.fills}
    return [
        (taken, made)
        for operation in layout.operations
        if operation.kind in KINDS
        for made in operation.out
        for taken in {*operation.left, *operation.right} - set(operation.out)
        if made in start and taken in start and "rest" not in made + taken and start[taken] > start[made] + 1e-6
        if len({layout.by_key[made].head, layout.by_key[taken].head} - {None}) < 2
    ]


def test_presets_name_chapters_that_there_are():
    for preset in PRESETS.values():
        assert set(preset.names) <= set(CHAPTERS)
        assert len(set(preset.names)) == len(preset.names)
        assert preset.seconds.shortest < preset.seconds.usual < preset.seconds.longest
        assert bool(preset.chapters) == (preset.makes == STORY)


@pytest.fixture(scope="module", params=["sorter", "text", "llama"])
def run(request, trace, layout, tmp_path_factory) -> tuple[Trace, Layout]:
    """A run that sorts, one that goes on with a text, and one with grouped heads, a gate and a cache."""
    if request.param == "sorter":
        return trace, layout
    if request.param == "text":
        made = text_trace(tmp_path_factory)
    else:
        pytest.importorskip("transformers")
        from tests.tracer.subjects import traced

        made = Trace.open(traced("llama", "eager", tmp_path_factory.mktemp("models")).path)
    return made, lay_out(made)


@pytest.fixture(scope="module", params=STORIES)
def told(request, run) -> tuple[Preset, Trace, Layout, Story]:
    return STORIES[request.param], *run, tell(*run, preset=request.param)


def test_every_block_gets_its_values_in_order_whatever_the_preset(told):
    _preset, trace, layout, story = told
    assert unfilled(layout, story) == set()
    assert backwards(layout, story) == []
    assert [a.token for a in story.arrivals] == list(range(len(trace.prompt_tokens), len(trace.tokens)))


def test_a_preset_takes_the_time_that_it_says(told):
    preset, _trace, _layout, story = told
    assert preset.seconds.shortest - 0.1 <= story.duration <= preset.seconds.longest + 0.1


def test_captions_can_be_read_and_no_act_is_without(told):
    _preset, _trace, _layout, story = told
    for caption in story.captions:
        assert len(caption.text) / caption.duration <= 17, caption.text
    for act in story.acts:
        assert any(act.start <= c.start < act.start + act.duration for c in story.captions), act.name


def test_nothing_stands_still_for_long(told):
    """Between the opening and the end there is no stretch without a move of the camera, results or running numbers
    that is longer than a sentence; the opening and the end, where the camera drifts over the model, last two."""
    _preset, _trace, _layout, story = told
    moves = [(shot.start, shot.start + shot.move) for shot in story.shots]
    moves += [(one.start, one.start + one.duration) for one in (*story.fills, *story.formulas)]
    opened, last = story.acts[0].duration, max(end for _start, end in moves)
    reached = 0.0
    for start, end in [*sorted(moves), (story.duration, story.duration)]:
        assert start - reached <= (TWO if reached < opened or reached >= last else ONE), reached
        reached = max(reached, end)


def test_a_block_is_in_play_once_at_a_time(told):
    """Its material knows one window at a time, also where several heads share keys and values."""
    _preset, _trace, _layout, story = told
    uses = defaultdict(list)
    for use in story.uses:
        uses[use.block].append(use)
    for many in uses.values():
        for use, following in pairwise(many):
            assert use.start + use.duration <= following.start + 1e-6, use.block


def test_seconds_change_the_pace_and_never_the_time_to_read(run):
    trace, layout = run
    short, long = (tell(trace, layout, seconds, preset="walkthrough") for seconds in (160.0, 240.0))
    assert short.duration == pytest.approx(160.0, abs=0.1) and long.duration == pytest.approx(240.0, abs=8.0)
    assert all(len(c.text) / c.duration <= 17 for story in (short, long) for c in story.captions)


def test_one_head_is_told_where_it_is_asked_for(trace, layout):
    story = tell(trace, layout, preset="attention", focus=(2, 1))
    assert {plan.left for plan in story.products} == {"s0.l2.norm", "s0.l2.h1.q", "s0.l2.h1.pattern"}
    assert any("head 2 of layer 3" in caption.text for caption in story.captions)
    with pytest.raises(UserError, match="no head 9 in layer 1"):
        tell(trace, layout, focus=(0, 8))


def test_every_subset_of_chapters_fills_everything(trace, layout):
    chance = np.random.default_rng(5)
    names = list(CHAPTERS)
    for _ in range(12):
        only = [name for name in names if chance.random() < 0.4] or ["mlp"]
        story = tell(trace, layout, only=only)
        assert unfilled(layout, story) == set(), only
        assert backwards(layout, story) == [], only
        assert all(fill.start >= 0 and fill.duration > 0 for fill in story.fills)
        assert all(a.start + a.duration == pytest.approx(b.start) for a, b in pairwise(story.acts))


def test_chapters_are_left_out_by_name(trace, layout):
    names = [act.name for act in tell(trace, layout, off=("mlp", "embedding")).acts]
    assert "MLP" not in names and "Tokens and embedding" not in names and "Attention scores" in names
    assert [act.name for act in tell(trace, layout, only=("scores",)).acts] == ["Attention scores"]
    for wrong in ({"off": ("mpl",)}, {"only": ("mpl",)}, {"preset": "mpl"}):
        with pytest.raises(UserError, match="'mpl'") as caught:
            tell(trace, layout, **wrong)
        assert caught.value.code == 2 and "scores" in caught.value.hint + "scores" * ("preset" in wrong)


def test_a_chapter_that_a_run_does_not_have_is_not_told(trace, layout):
    with pytest.raises(UserError, match="this run has none"):
        tell(trace, layout, only=("experts",))
    story = tell(trace, layout, only=("end",))
    assert [shot.name for shot in story.shots] == ["model"] and unfilled(layout, story) == set()


def test_a_preset_that_makes_something_else_is_not_told_here(trace, layout):
    with pytest.raises(UserError, match="'scale' is not told"):
        tell(trace, layout, preset="scale")


def test_the_manual_names_all_that_there_is(root):
    text = (root / "docs" / "presets.md").read_text(encoding="utf-8")
    for name in (*PRESETS, *CHAPTERS, *CATALOGS["en"].captions, *FIELDS):
        assert f"`{name}`" in text, name
    for preset in PRESETS.values():
        assert preset.title in text
