# SPDX-License-Identifier: GPL-3.0-or-later
"""The light on the floor before what stands: where it lies, in which hue and when."""

from __future__ import annotations

import numpy as np
import pytest

from forward_pass.core.glow import LEVELS, patches
from forward_pass.core.layout import Block, Layout, lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.theme import PALETTE


@pytest.fixture(scope="module", params=[16 / 9, 9 / 16], ids=["16:9", "9:16"])
def layout(request, trace) -> Layout:
    return lay_out(trace, request.param)


@pytest.fixture(scope="module")
def story(trace, layout) -> Story:
    return tell(trace, layout)


def standing(layout: Layout) -> list[Block]:
    return [b for b in layout.blocks if b.kind == "activation" and b.step == 0 and b.row_step[2] != 0.0]


def test_whatever_stands_shines_while_it_fills(layout, story):
    fills = {fill.block: fill for fill in story.fills}
    blocks, found = standing(layout), list(patches(layout.blocks, fills))
    assert len(found) == len(blocks) > 50
    for block, patch in zip(blocks, found, strict=True):
        if block.key in fills:
            assert (patch.start, patch.duration) == (fills[block.key].start, fills[block.key].duration)
    scores = next(patch for block, patch in zip(blocks, found, strict=True) if block.part == "scores")
    assert PALETTE[scores.hue] == "head"


def test_it_lies_flat_before_the_face_brightest_at_the_foot(layout):
    for block, patch in zip(standing(layout), patches(layout.blocks, {}), strict=True):
        assert np.ptp(patch.corners[..., 2]) == 0.0
        ahead = (patch.corners - np.array(block.origin)) @ np.array(block.normal)  # [3, 4]
        assert ahead.min() > -1e-6
        levels = np.array(LEVELS)
        assert (levels[ahead > 1e-6] == 0.0).all()
        height = block.shape[0] * abs(block.row_step[2])
        assert ahead.max() < height


def test_each_of_its_quads_looks_one_way(layout):
    for patch in patches(layout.blocks, {}):
        a, b, c, d = np.moveaxis(patch.corners[..., :2], 1, 0)  # [3, 2] each
        turns = [np.linalg.det(np.stack([q - p, r - q], 1)) for p, q, r in ((a, b, c), (b, c, d), (c, d, a), (d, a, b))]
        assert (np.abs(np.sign(turns).sum(axis=0)) == 4).all()  # convex


def test_nothing_that_lies_shines(layout):
    lying = [block for block in layout.blocks if block.row_step[2] == 0.0]
    assert lying and not list(patches(lying, {}))
