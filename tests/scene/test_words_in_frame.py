# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written over the picture: formulas of which only the numbers change, cards as high as what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("bpy")

from forward_pass.core.effects_types import OddsCard
from forward_pass.core.story import Formula, Legend
from forward_pass.scene.effects import size_of
from forward_pass.scene.formulas import add_formulas
from forward_pass.scene.legend import add_legends
from forward_pass.scene.merge import Line, Piece
from forward_pass.scene.overlay import LEGEND_BELOW, LEGEND_WIDTH, Overlay
from forward_pass.scene.running_multiply import SIZE, add_shapes
from forward_pass.scene.text import FADE

pytestmark = pytest.mark.blender

ASPECTS = (16 / 9, 1.0, 9 / 16)


class Paper(Overlay):
    """An overlay that only notes what is put on it."""

    def put(self, item: Any, x: float, y: float, z: float = 0.0) -> None:
        written.append((item, x, y))


written: list[tuple[Piece, float, float]] = []


@pytest.fixture(autouse=True)
def empty() -> None:
    written.clear()


def paper(aspect: float) -> Paper:
    nothing: Any = None
    ink: Any = SimpleNamespace(overlay=None, halo=None, scale=None)
    return Paper(nothing, nothing, nothing, aspect, ink, nothing)


def texts() -> list[tuple[str, float, float, float, float]]:
    """What is written, with where, from when and until when."""
    return [
        (item.form.body, x, y, item["fp_start"], item["fp_start"] + item["fp_duration"])
        for item, x, y in written
        if isinstance(item.form, Line)
    ]


def formula(start: float, *numbers: str) -> Formula:
    a, b, c = numbers
    parts = ((a, "token"), ("×", "secondary"), (b, "feature"), ("=", "secondary"), (c, "text"))
    return Formula(start, 1.0, parts)


def test_of_formulas_that_follow_each_other_only_the_numbers_change() -> None:
    numbers = [("0.74", "−0.41", "−1.47"), ("12.50", "−0.41", "0.10"), ("0.3", "8.00", "9.99")]
    add_formulas(paper(16 / 9), tuple(formula(1.0 + i, *three) for i, three in enumerate(numbers)))
    for sign in "×=":
        ((_body, _x, _y, start, end),) = [text for text in texts() if text[0] == sign]
        assert start == 1.0 and end == 4.0
    ((_body, _x, _y, start, end),) = [text for text in texts() if text[0] == "−0.41"]  # in two of the three
    assert start == 1.0 and end == pytest.approx(3.0 + FADE / 4)
    first = [x for body, x, *_ in texts() if body in ("0.74", "12.50", "0.3")]
    assert len(first) == 3 and np.ptp(first) < 1e-9  # to the right of one column


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_line_of_names_ends_before_the_legend_or_stands_under_it(aspect: float) -> None:
    overlay = paper(aspect)
    parts = (("attention out", "text"), ("6", "token"), ("×", "secondary"), ("48", "channel"), ("W_vocab", "text")) * 3
    add_shapes(overlay, (Formula(0.0, 1.0, parts),))
    right, top = max(x for _b, x, *_ in texts()), max(y for _b, _x, y, *_ in texts()) + 0.5 * SIZE * overlay.small
    assert [body for body, *_ in texts()].count("vocab") == 3  # below their W
    written.clear()
    add_legends(overlay, (Legend(0.0, 1.0, "a name that is much longer than its bar", -14.93, 14.93),))
    left = aspect / 2 - LEGEND_WIDTH * overlay.small - 0.1
    low = max(y for _b, _x, y, *_ in texts()) + 0.042 * overlay.small - LEGEND_BELOW * overlay.small
    assert right < left if overlay.wide else top < low + 0.01


def odds(count: int, brief: bool) -> OddsCard:
    numbers = np.full(count, 1 / count)
    names = tuple("ABCDEFGH"[:count])
    more: dict[str, Any] = {"drawn": False, "brief": brief, "stages": (0.2, 0.5, 0.8)}
    return OddsCard(0, 0.0, 1.0, "odds", (), 0.5, names, numbers, 1.0, numbers, 0.0, 0, 0, "A", **more)


def test_a_card_of_odds_is_as_high_as_its_rows() -> None:
    heights = [size_of(odds(count, False))[1] for count in (2, 3, 4, 7)]
    assert heights == sorted(heights) and np.allclose(np.diff(heights)[:2], 0.082)
    brief, whole = size_of(odds(3, True)), size_of(odds(3, False))
    assert brief[0] < whole[0] and brief[1] < whole[1]
