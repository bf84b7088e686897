# SPDX-License-Identifier: GPL-3.0-or-later
"""Every preset that tells a run, on models of three kinds: what it shows, how long it takes, that it can be read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from forward_pass.core.chapters import CHAPTERS
from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.presets import PRESETS, STORY, Preset
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace

STORIES = {name: preset for name, preset in PRESETS.items() if preset.makes == STORY}


@pytest.fixture(scope="module")
def trace(root) -> Trace:
    return Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")


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
        for made in operation.out
        for taken in {*operation.left, *operation.right} - set(operation.out)
        if made in start and taken in start and start[taken] > start[made] + 1e-6
        if len({layout.by_key[made].head, layout.by_key[taken].head} - {None}) < 2
    ]


def test_presets_name_chapters_that_there_are():
    for preset in PRESETS.values():
        assert set(preset.names) <= set(CHAPTERS)
        assert len(set(preset.names)) == len(preset.names)
        assert preset.seconds.shortest < preset.seconds.usual < preset.seconds.longest
        assert bool(preset.chapters) == (preset.makes == STORY)


@pytest.mark.parametrize("preset", STORIES.values(), ids=STORIES)
def test_every_block_gets_its_values_whatever_the_preset(trace, layout, preset: Preset):
    story = tell(trace, layout, preset=preset.name)
    assert unfilled(layout, story) == set()
    assert backwards(layout, story) == []
    assert [a.token for a in story.arrivals] == list(range(len(trace.prompt_tokens), len(trace.tokens)))


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


def test_a_preset_that_makes_something_else_is_not_told_here(trace, layout):
    with pytest.raises(UserError, match="'scale' is not told"):
        tell(trace, layout, preset="scale")
