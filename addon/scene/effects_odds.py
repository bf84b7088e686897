# SPDX-License-Identifier: GPL-3.0-or-later
"""The cards of choices: logits that become odds of which one is drawn, and a router's scores of which the largest
are lit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.effects_types import OddsCard, RankingCard
from .effects_pen import GRID, INSET, NOTE, TITLE, TOP, Grow, Landing, Pen
from .effects_sheet import POSITIVE, SIGNED, Move
from .overlay import number
from .text import width_of

WIDTH, BRIEF, HIGHEST = 0.72, 0.56, 0.62  # of cards: wide, wide in a later pass, high at most
LEAST_NAME, MOST_NAME, VALUE = 0.06, 0.2, 0.14  # room for names and for numbers
POINTER = 0.035  # for the pointer to the chosen row
ROW = 0.082  # at most from one bar to the next
LETTER = 0.066  # the size of a token's text


def rows_size(card: OddsCard | RankingCard) -> tuple[float, float]:
    """Width and height of a card with a row for each name."""
    brief = isinstance(card, OddsCard) and card.brief
    high = 2 * INSET + _head(card) + _count(card) * ROW
    return BRIEF if brief else WIDTH, min(high, HIGHEST)


def _count(card: OddsCard | RankingCard) -> int:
    return len(card.names) + (isinstance(card, OddsCard) and card.rest > 0)


def _head(card: OddsCard | RankingCard) -> float:
    """Room for the title, and for a note under it where there is one."""
    return TITLE * 1.15 if isinstance(card, OddsCard) and card.brief else TITLE + NOTE * 1.5


def draw_odds(pen: Pen, card: OddsCard, landing: Landing | None) -> None:
    """Bars of logits, which become bars of shares; a pointer finds the chosen one, and its text flies off. A brief
    card has its shares at once."""
    pen.panel(card.title)
    start, (grown, shared, chosen), end = card.start, card.stages, card.end
    others = pen.words.cards["others"]
    rows = _Rows(pen, card, [*card.names, *([others] if card.rest > 0 else [])])
    most = max(float(card.shares.max()), card.rest)
    growing = (start, grown) if card.brief else (grown, shared)
    if not card.brief:
        _logits(pen, card, rows)
    for i, name in enumerate(card.names):
        share, y = float(card.shares[i]), rows.middle(i)
        pen.text(name, rows.left - 0.015, y, rows.letter, "vocab", "RIGHT", most=rows.named)
        rows.share(i, (share, most), growing, end)
        pen.text(_share(share), rows.end, y, NOTE, "text", "RIGHT", window=(growing[1], end))
    if card.rest > 0:
        y, window = rows.middle(len(card.names)), (growing[1], end)
        pen.text(others, rows.left - 0.015, y, rows.letter, "secondary", "RIGHT", most=rows.named, window=window)
        pen.text(_share(card.rest), rows.end, y, NOTE, "secondary", "RIGHT", window=window)
        rows.share(len(card.names), (card.rest, most), growing, end)
    if card.chosen >= 0:
        _choose(pen, card, rows, (shared, chosen))
        if landing is not None:
            _fly(pen, card, rows, landing, chosen)


def _logits(pen: Pen, card: OddsCard, rows: _Rows) -> None:
    """What the shares are made of, and a note for each stage."""
    start, (grown, shared, _chosen) = card.start, card.stages
    pen.say("logits", (start, grown))
    if abs(card.temperature - 1.0) > 1e-9:
        pen.say("temperature", (grown, shared), temperature=f"{card.temperature:.2g}")
    else:
        pen.say("softmax", (grown, shared))
    how = "drawn" if card.drawn else "likeliest"
    pen.say("odds" if card.chosen < 0 else how, (shared, card.end), "positive")
    ends = rows.ends(card.logits)
    for i, logit in enumerate(map(float, card.logits)):
        rows.signed(i, logit, ends, (start, grown), shared)
        pen.text(number(logit), rows.end, rows.middle(i), NOTE, "secondary", "RIGHT", window=(start, grown))


def _share(value: float) -> str:
    return f"{value:.2f}"


def _choose(pen: Pen, card: OddsCard, rows: _Rows, window: tuple[float, float]) -> None:
    """A pointer comes down along the rows to the chosen one, which is framed."""
    start, end = window
    y, top = rows.middle(card.chosen), rows.middle(0) + rows.step * 0.5
    x, half = pen.left, 0.016
    arrow = [[(x - half, top - half), (x + half, top), (x - half, top + half)]]
    down = Move((0.0, y - top, 0.0), start, 0.8 * (end - start))
    pen.shape(arrow, hue="positive", z=TOP, window=(start, card.end), first=down)
    box = (pen.left + POINTER - 0.01, y - 0.46 * rows.step, pen.right, y + 0.46 * rows.step)
    pen.frame(box, "positive", (start + 0.8 * (end - start), card.end), 0.004)


def _fly(pen: Pen, card: OddsCard, rows: _Rows, landing: Landing, start: float) -> None:
    """The chosen token's text flies to its place in the running text, from when it is chosen until it is there."""
    triangles = pen.letters.triangles(card.text).astype(float)
    if not len(triangles):
        return
    width = float(triangles[..., 0].max())
    size = min(rows.letter, rows.named / width)
    begin = (triangles - (width, 0.0)) * size + (rows.left - 0.015, rows.middle(card.chosen))
    target = (triangles - (width / 2, 0.0)) * landing.size + landing.place
    # The pen scales what it is given: the landing is in the frame's coordinates.
    shift = (target - pen.place(begin)) / pen.scale
    whole = np.concatenate([shift, np.zeros((*shift.shape[:2], 1))], axis=-1)
    move = Move(whole, start, card.end - start, arc=(0.05, 0.0, 0.0))
    pen.shape(begin, hue="positive", z=TOP + 0.0004, window=(start, card.end), first=move)


def draw_ranking(pen: Pen, card: RankingCard) -> None:
    """Bars of scores, of which the largest are lit and get their weights."""
    pen.panel(card.title)
    grown, chosen = card.stages
    pen.say("router", (card.start, grown))
    pen.say("chosen", (grown, card.end), "positive", count=len(card.chosen))
    rows = _Rows(pen, card, card.names)
    ends = rows.ends(card.scores)
    for i, name in enumerate(card.names):
        lit = i in card.chosen
        y = rows.middle(i)
        pen.text(name, rows.left - 0.015, y, NOTE, "text" if lit else "secondary", "RIGHT", most=rows.named)
        rows.signed(i, float(card.scores[i]), ends, (card.start, grown), card.end)
        pen.text(number(float(card.scores[i])), rows.end, y, NOTE, "secondary", "RIGHT", window=(card.start, chosen))
        if lit:
            weight = float(card.weights[card.chosen.index(i)])
            pen.text(_share(weight), rows.end, y, NOTE, "positive", "RIGHT", window=(chosen, card.end))
            box = (pen.left, y - 0.46 * rows.step, pen.right, y + 0.46 * rows.step)
            pen.frame(box, "positive", (grown + 0.5 * (chosen - grown), card.end), 0.004)


class _Rows:
    """Bars that lie one under the other: names at the left, numbers at the right."""

    def __init__(self, pen: Pen, card: OddsCard | RankingCard, names: Sequence[str]) -> None:
        self.pen = pen
        self.above = pen.top - _head(card)
        self.step = min(ROW, (self.above - pen.below) / len(names))
        self.letter = min(LETTER, self.step * 0.95)
        self.named = min(max(LEAST_NAME, *(width_of(name, self.letter) for name in names)), MOST_NAME)
        self.left, self.end = pen.left + POINTER + self.named + 0.015, pen.right - 0.012
        self.right = self.end - VALUE

    def middle(self, row: int) -> float:
        """The height of a row's middle."""
        return self.above - (row + 0.5) * self.step

    def ends(self, numbers: np.ndarray) -> tuple[float, float]:
        """The numbers at both ends of the bars; zero is always between them."""
        finite = numbers[np.isfinite(numbers)]
        low, high = min(0.0, float(finite.min(initial=0.0))), max(0.0, float(finite.max(initial=0.0)))
        return low, max(high, low + 1e-9)

    def signed(
        self, row: int, value: float, ends: tuple[float, float], grow: tuple[float, float], until: float
    ) -> None:
        """A bar from zero to a number, which grows first and gives way to its share later."""
        low, high = ends
        across = (self.right - self.left) / (high - low)
        zero = self.left - low * across
        y, half = self.middle(row), 0.34 * self.step
        tip = zero + (value if np.isfinite(value) else 0.0) * across
        full = (min(zero, tip), y - half, max(zero, tip), y + half)
        place = 0.5 + 0.5 * (value if np.isfinite(value) else 0.0) / max(abs(low), abs(high))
        start, end = grow
        if row == 0:
            self.pen.line((zero, self.above), (zero, self.pen.below), "line", 0.003, window=(start, until), z=GRID)
        shrunk = (self.left, y - half, self.left + 0.001, y + half)
        moves = (Grow(full, start, start + 0.7 * (end - start)), Grow(shrunk, end, end + 0.45 * (until - end)))
        gone = until if until == self.pen.window[1] else end + 0.45 * (until - end)
        stays = moves[:1] if until == self.pen.window[1] else moves
        self.pen.bar((zero, y - half, zero, y + half), stays, style=SIGNED, place=(place, place), window=(start, gone))

    def share(self, row: int, shares: tuple[float, float], grow: tuple[float, float], until: float) -> None:
        """A bar for a share and the largest share, which is as long as there is room."""
        (share, most), (start, end) = shares, grow
        y, half = self.middle(row), 0.34 * self.step
        begin = start + 0.4 * (end - start)
        full = (self.left, y - half, self.left + max(share / most * (self.right - self.left), 0.002), y + half)
        self.pen.bar(
            (self.left, y - half, self.left, y + half),
            (Grow(full, begin, end),),
            style=POSITIVE,
            place=(share, share),
            window=(begin, until),
        )
