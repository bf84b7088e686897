# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of a norm: the numbers of a token, less their mean, rescaled, with gain and shift."""

from __future__ import annotations

import numpy as np

from ..core.effects_types import NormCard
from .effects_pen import GRID, NOTE, NUMBER, TITLE, Grow, Pen, slide
from .effects_sheet import SIGNED
from .overlay import number

FIRST = 0.5  # of the room that the numbers take before they are rescaled


def draw_norm(pen: Pen, card: NormCard) -> None:
    """Bars up and down from zero, in four stages."""
    pen.panel(card.title)
    start, (grown, centred, scaled, applied), end = card.start, card.stages, card.end
    shown, std = len(card.before), 1.0 / card.rstd
    pen.say("numbers" if shown == card.channels else "some numbers", (start, grown), shown=shown, count=card.channels)
    if card.centred:
        pen.say("mean", (grown, centred), "statistic", mean=_small(card.mean))
    word = "std" if card.centred else "RMS"
    pen.say("spread", (centred, scaled), "statistic", word=word, factor=number(card.rstd))
    pen.say("gain", (scaled, end))

    above, below = pen.top - TITLE - NOTE * 1.6, pen.below
    zero, room = (above + below) / 2, (above - below) / 2
    first = FIRST * room / max(float(np.abs(card.before).max()), 1e-12)
    largest = max(float(np.abs(card.scaled).max()), float(np.abs(card.after).max()), 1e-12)
    last = room / largest
    left = pen.left + 0.07
    step = (pen.right - left) / shown
    pen.line((left, zero), (pen.right, zero), "secondary", 0.003, z=GRID)
    _spread(pen, card, (left, zero), (first * std, last))
    for i in range(shown):
        x0, x1 = left + (i + 0.14) * step, left + (i + 0.86) * step
        x, centre, scale, after = (
            float(v) for v in (card.before[i], card.before[i] - card.mean, card.scaled[i], card.after[i])
        )
        place = 0.5 + 0.5 * scale / largest
        begin = start + 0.6 * (grown - start) * i / shown
        pen.bar(
            (x0, zero, x1, zero),
            (
                Grow((x0, zero, x1, zero + x * first), begin, begin + 0.4 * (grown - start)),
                Grow((x0, zero, x1, zero + centre * first), grown, centred),
            ),
            style=SIGNED,
            place=(0.5 + 0.25 * scale / largest,) * 2,
            window=(start, centred),
        )
        pen.bar(
            (x0, zero, x1, zero + centre * first),
            (
                Grow((x0, zero, x1, zero + scale * last), centred, scaled),
                Grow((x0, zero, x1, zero + after * last), scaled, applied),
            ),
            style=SIGNED,
            place=(0.5 + 0.25 * scale / largest, place),
            window=(centred, end),
        )
    if card.centred:
        level = zero + card.mean * first
        away = slide(0.0, zero - level, grown, centred)
        pen.line((left, level), (pen.right, level), "statistic", 0.005, window=(start, scaled), first=away)


def _spread(pen: Pen, card: NormCard, corner: tuple[float, float], heights: tuple[float, float]) -> None:
    """A band of one standard deviation to both sides, which becomes one of height 1."""
    left, zero = corner
    before, after = heights
    _grown, centred, scaled, _applied = card.stages
    std = 1.0 / card.rstd
    for sign in (1, -1):
        box = (left, zero + sign * before - 0.0015, pen.right, zero + sign * before + 0.0015)
        to = (left, zero + sign * after - 0.0015, pen.right, zero + sign * after + 0.0015)
        pen.bar(box, (Grow(to, centred, scaled),), hue="line", z=GRID)
        sign_of = "+" if sign > 0 else "−"
        at = zero + sign * before
        pen.text(
            f"{sign_of}{_small(std)}", left - 0.008, at, NUMBER, "secondary", "RIGHT", window=(card.start, centred)
        )
        pen.text(
            f"{sign_of}1", left - 0.008, zero + sign * after, NUMBER, "secondary", "RIGHT", window=(scaled, card.end)
        )


def _small(value: float) -> str:
    """A number with two digits that count."""
    digits = 2 if abs(value) >= 0.095 else 3 if abs(value) >= 0.0095 else 4
    return f"{value:z.{digits}f}".replace("-", "−")
