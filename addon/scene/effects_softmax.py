# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of softmax: scores, their maximum, exp, the sum, the shares."""

from __future__ import annotations

import numpy as np

from ..core.effects_types import SoftmaxCard
from .effects_pen import GRID, INK, NOTE, NUMBER, TITLE, Grow, Pen
from .effects_sheet import POSITIVE, SIGNED
from .overlay import number

NUMBERED = 8  # bars that have room for a number each
STACK = 0.022  # height of the bar of stacked exps


def draw_softmax(pen: Pen, card: SoftmaxCard) -> None:
    """Bars over the names of what is looked at, in five stages."""
    pen.panel(card.title)
    start, (grown, found, powered, summed, divided), end = card.start, card.stages, card.end
    pen.say("the scores", (start, grown))
    pen.say("largest", (grown, found), "statistic", number=number(card.maximum))
    pen.say("exp", (found, powered), number=number(card.maximum))
    pen.say("sum", (powered, summed), "statistic", number=number(card.total))
    pen.say("shares", (summed, end), number=number(card.total))

    floor = pen.below + NUMBER * 1.0
    ceiling = pen.top - TITLE - NOTE * 1.5 - STACK - NUMBER
    step = (pen.right - pen.left) / len(card.names)
    half = min(0.34 * step, 0.035)
    middles = [pen.left + (i + 0.5) * step for i in range(len(card.names))]
    height = ceiling - floor
    low, high = min(0.0, float(card.scores.min())), max(0.0, float(card.scores.max()))
    span = max(high - low, 1e-9)
    zero = floor - low / span * height
    largest = max(abs(low), abs(high), 1e-9)
    pen.line((pen.left, zero), (pen.right, zero), "line", window=(start, found))
    pen.line((pen.left, floor), (pen.right, floor), "line", window=(found, end))
    total = (pen.right - pen.left) * 0.62
    reach = pen.left
    for i, x in enumerate(middles):
        score, power, share = (float(numbers[i]) for numbers in (card.scores, card.powers, card.shares))
        pen.text(card.names[i], x, pen.below + NUMBER * 0.2, NUMBER, "token", most=step * 0.95)
        tip = zero + score / span * height
        flat, signed = (x - half, zero, x + half, zero), (x - half, min(zero, tip), x + half, max(zero, tip))
        risen = (x - half, floor, x + half, floor + power * height)
        shrunk = (x - half, floor, x + half, floor + share * height)
        pen.bar(
            flat,
            (Grow(signed, start, start + 0.7 * (grown - start)), Grow(risen, found, powered)),
            style=SIGNED,
            place=(0.5 + 0.5 * score / largest,) * 2,
            window=(start, powered),
        )
        pen.bar(risen, (Grow(shrunk, summed, divided),), style=POSITIVE, place=(power, share), window=(powered, end))
        _stack(pen, card, i, risen, reach, total)
        reach += total * power / card.total
        if len(card.names) <= NUMBERED:
            over = NUMBER * 0.55
            pen.text(number(score), x, max(zero, tip) + over, NUMBER, window=(grown, found), most=step)
            pen.text(number(power), x, floor + power * height + over, NUMBER, window=(powered, summed), most=step)
        if len(card.names) <= NUMBERED or i == card.chosen:
            pen.text(number(share), x, floor + share * height + NUMBER * 0.55, NUMBER, window=(divided, end), most=0.1)
    _maximum(pen, card, middles, half, (zero, span, height))


def _stack(
    pen: Pen, card: SoftmaxCard, i: int, bar: tuple[float, float, float, float], reach: float, total: float
) -> None:
    """A copy of a bar lies down behind those before it: together they are as long as the sum."""
    _grown, _found, powered, summed, _divided = card.stages
    above = pen.top - TITLE - NOTE * 1.4
    width = total * float(card.powers[i]) / card.total
    lying = (reach, above - STACK, max(reach + width - 0.003, reach + 0.0005), above)
    each = (summed - powered) / (len(card.names) + 2)
    begin = powered + i * each
    pen.bar(
        bar,
        (Grow(lying, begin, begin + 2 * each),),
        style=POSITIVE,
        place=(float(card.powers[i]), float(card.powers[i])),
        z=INK,
        window=(begin, summed + 0.4 * (card.stages[4] - summed)),
    )


def _maximum(
    pen: Pen,
    card: SoftmaxCard,
    middles: list[float],
    half: float,
    scale: tuple[float, float, float],
) -> None:
    """The largest score: its bar in a frame, and a line at its height."""
    zero, span, height = scale
    at = int(np.argmax(card.scores))
    tip = zero + card.maximum / span * height
    window = (card.stages[0], card.stages[1])
    x = middles[at]
    pen.frame((x - half, min(zero, tip), x + half, max(zero, tip)), "statistic", window)
    pen.line((pen.left, tip), (pen.right, tip), "statistic", 0.003, window=window, z=GRID)
