# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the running text goes: whole or cut, in the frame, beside the legend, large enough to be read."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("bpy")

from forward_pass.scene.overlay import EDGE, LEGEND_WIDTH, Overlay
from forward_pass.scene.running_text import RUNNING, place_running_text, smallest

pytestmark = pytest.mark.blender

NEW = 6
aspects = st.sampled_from([16 / 9, 9 / 16, 1.0, 4 / 3, 2.35])


def overlay(aspect: float) -> Overlay:
    nothing: Any = None
    return Overlay(nothing, nothing, nothing, aspect, nothing, nothing)


def edges(run: Any) -> list[tuple[float, float]]:
    chip = run.size * 1.1
    return [(x - wide * chip / 2, x + wide * chip / 2) for _token, x, wide in run.chips]


@given(st.text("ab ,\nmW", min_size=1, max_size=120), aspects, st.booleans())
def test_it_fits(prompt, aspect, text):
    tokens = (*prompt, *"answer"[:NEW])
    run = place_running_text(overlay(aspect), tokens, len(prompt), text)
    shown = [token for token, _x, _wide in run.chips]
    assert shown == list(range(len(tokens)))[-len(shown) :]  # the end of it, with every token to come
    assert len(shown) > NEW and run.size <= RUNNING
    boxes = edges(run)
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(boxes))
    assert boxes[0][0] >= EDGE - aspect / 2 - 1e-9
    right = aspect / 2 - EDGE - (LEGEND_WIDTH + EDGE if aspect > 1.4 else 0.0)
    assert boxes[-1][1] <= right + 1e-9
    cut = any(name == "ellipsis" for name, _sign, _x in run.signs)
    assert cut == (len(shown) < len(tokens))
    if cut and len(shown) > NEW + 1:  # nothing was left out for letters larger than they have to be
        assert run.size >= smallest(aspect) * RUNNING - 1e-9


def test_a_prompt_of_eighteen_characters_is_shown_whole():
    run = place_running_text(overlay(16 / 9), tuple("To be, or not to be the "), 18, True)
    assert len(run.chips) == 24 and not run.signs and run.size >= 0.9 * RUNNING


def test_the_arrow_stands_between_prompt_and_answer():
    run = place_running_text(overlay(16 / 9), tuple("CBABBCABBBCC"), 6, False)
    ((name, _sign, x),) = run.signs
    boxes = edges(run)
    assert name == "arrow" and boxes[5][1] < x < boxes[6][0]
    assert boxes[0][0] == pytest.approx(-boxes[-1][1])  # in the middle


def test_an_upright_picture_shows_six_letters_and_their_answer_whole():
    run = place_running_text(overlay(9 / 16), tuple("CBABBCABBBCC"), 6, False)
    assert len(run.chips) == 12 and [name for name, _sign, _x in run.signs] == ["arrow"]
