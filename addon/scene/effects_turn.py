# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of rotary embedding: pairs as hands of dials that turn by their angles."""

from __future__ import annotations

import math

import numpy as np

from ..core.effects_types import TurnCard
from .effects_pen import INK, NOTE, NUMBER, TITLE, TOP, Pen
from .effects_sheet import Move

SIDES = 32
RIM = 0.004


def draw_turn(pen: Pen, card: TurnCard) -> None:
    """A dial for each pair: where its hand was, how far it turns, and the angle in degrees."""
    pen.panel(card.title)
    ready, turned = card.stages
    count = len(card.angles)
    which = "position" if count == card.pairs else "some pairs"
    pen.say(which, (card.start, ready), position=card.position, count=count, pairs=card.pairs)
    pen.say("angles", (ready, card.end))
    step = (pen.right - pen.left) / count
    above, below = pen.top - TITLE - NOTE * 1.6, pen.below + NUMBER * 1.2
    radius = min(0.44 * step, (above - below) / 2)
    longest = max(float(np.linalg.norm(card.before, axis=1).max()), 1e-12)
    y = (above + below) / 2
    for i, (pair, angle) in enumerate(zip(card.before, card.angles, strict=True)):
        x = pen.left + (i + 0.5) * step
        _rim(pen, (x, y), radius)
        hand = pair / longest * radius
        tip = (x + float(hand[0]), y + float(hand[1]))
        pen.line((x, y), tip, "line", 0.007, z=INK)
        move = Move(start=ready, duration=turned - ready, arc=(x, y, 0.0), turn=float(angle))
        pen.line((x, y), tip, "feature", 0.009, z=TOP, first=move)
        degrees = f"{math.degrees(angle):z.0f}".replace("-", "−")
        pen.text(degrees, x, pen.below + NUMBER * 0.3, NUMBER, "feature", window=(turned, card.end), most=step)


def _rim(pen: Pen, middle: tuple[float, float], radius: float) -> None:
    """A circle, as thin quads."""
    angles = np.arange(SIDES + 1) * 2.0 * math.pi / SIDES
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    outer, inner = ring * radius + middle, ring * (radius - RIM) + middle
    quads = [[outer[i], outer[i + 1], inner[i + 1], inner[i]] for i in range(SIDES)]
    pen.shape(quads, hue="line", z=INK)
