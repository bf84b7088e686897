# SPDX-License-Identifier: GPL-3.0-or-later
"""The light that runs through a model: along the whole stream, past every section in the order of the forward pass."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.pulse import light_way, places
from forward_pass.core.story import Pulse, Story, tell


@pytest.fixture(scope="module", params=[16 / 9, 9 / 16], ids=["16:9", "9:16"])
def layout(request, trace) -> Layout:
    return lay_out(trace, request.param)


@pytest.fixture(scope="module")
def story(trace, layout) -> Story:
    return tell(trace, layout)


def test_a_light_never_turns_back_and_gets_from_end_to_end(layout):
    way = light_way(layout)
    assert way is not None
    shares = [share for _point, share in way.points]
    assert shares[0] == 0.0 and shares[-1] == pytest.approx(1.0) and shares == sorted(shares)
    places = np.array([point for point, _share in way.points])
    tokens = min(card.position[0] for card in layout.cards)
    assert abs(places[0, 0] - tokens) < 10  # from beside the tokens
    assert np.abs(np.diff(places, axis=0)[:, :2]).min(axis=1).max() < 1e-6  # along x or along y, across nothing


def test_a_light_passes_the_sections_in_the_order_of_the_pass(layout):
    way = light_way(layout)
    assert way is not None and len(way.sections) == 2 + 2 * 3  # both ends; attention and MLP of three layers
    order = [(first, last) for _plate, first, last in way.sections]
    assert order == sorted(order) and all(last > first for first, last in order)
    layers = [order[i + 1][1] - order[i][0] for i in (1, 3, 5)]
    assert layers == pytest.approx([layers[0]] * 3, rel=0.05)  # every layer takes as long


def test_a_layout_without_a_stream_has_no_light(layout):
    assert light_way(replace(layout, ribbons=())) is None


def test_one_light_makes_way_for_the_next():
    keys = places([Pulse(1.0, 2.0), Pulse(3.1, 2.0)])
    seconds = [second for second, _share, _stays in keys]
    assert seconds == sorted(seconds) and [share for _s, share, stays in keys if not stays] == [0.0, 0.0]
    assert keys[2] == pytest.approx((3.1, 1.05, True)) and keys[-1][1] > 1.3


def test_the_story_opens_with_a_light_and_sends_one_through_every_pass(trace, story):
    assert len(story.pulses) == len(trace.steps) + 1  # the opening, every later pass, the end
    assert story.pulses[0].start < 0.0  # the first picture shows it
    for pulse, following in pairwise(story.pulses):
        assert pulse.duration > 0 and pulse.start + pulse.duration <= following.start + 1e-6
    last = story.pulses[-1]
    assert last.start + last.duration < story.duration
