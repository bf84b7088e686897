# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens between the multiplies, as data: which cells fly where, which charts stand when, with which numbers.

Times are seconds of the story, rows and columns are counted as drawn, and every number is one of the trace or follows
from its numbers by the arithmetic that the view names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """Something that is seen from `start` on for `duration` seconds while an operation of the trace runs."""

    operation: int
    start: float
    duration: float

    @property
    def end(self) -> float:
        """When it is over."""
        return self.start + self.duration


@dataclass(frozen=True, eq=False)
class Flight(Effect):
    """Copies of cells on their way from one block to another.

    Copy i leaves cell `cells[i, :2]` (row, column) of the block `source` at `leave[i]`, reaches `cells[i, 2:]` of
    `target` at `arrive[i]`, and stays until that cell shows its number at `settle[i]`; on the way it turns from
    `before[i]` into `after[i]`. One that is not `kept` (the future, behind the mask) falls away then. `lift` is
    the height of the arc, in units. `turned`: rows of the source are columns of the target. With `lit` the source's
    rows are outlined while their copies leave.
    """

    source: str
    target: str
    cells: NDArray[np.int64]  # [n, 4]
    leave: Numbers  # [n]
    arrive: Numbers  # [n]
    settle: Numbers  # [n]
    before: Numbers  # [n]
    after: Numbers  # [n]
    kept: NDArray[np.bool_]  # [n]
    lift: float
    turned: bool
    lit: bool


@dataclass(frozen=True)
class Card(Effect):
    """A chart that floats over the scene. `clear` are the blocks that it should not cover; `shot` is the second of
    the story at which to ask where these are in the frame."""

    title: str
    clear: tuple[str, ...]
    shot: float


@dataclass(frozen=True, eq=False)
class SoftmaxCard(Card):
    """Softmax of one row in stages: the scores, their maximum, exp(score - maximum), the sum of these, the shares.

    `names` stand under the columns, of which there is none for a masked score. `stages` are when the scores have grown,
    the maximum is found, exp is taken, the sum is counted, and everything is divided by it.
    """

    names: tuple[str, ...]
    scores: Numbers  # [n]
    maximum: float
    powers: Numbers  # [n]: exp(scores - maximum)
    total: float
    shares: Numbers  # [n]
    chosen: int  # the column that the story talks about
    stages: tuple[float, float, float, float, float]


@dataclass(frozen=True, eq=False)
class NormCard(Card):
    """A norm at work on one row: the numbers, less their mean, times 1/std, times gain plus shift.

    `mean` is 0 for a norm that takes none away (RMS). Only the first `len(before)` of `channels` are shown. `stages`
    are when the numbers have grown, their mean is gone, they are rescaled, and gain and shift are applied.
    """

    channels: int
    before: Numbers  # [n]
    mean: float
    rstd: float
    scaled: Numbers  # [n]: (before - mean) * rstd
    after: Numbers  # [n]
    centred: bool
    stages: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class CurveCard(Card):
    """An activation function: the curve `xs`, `ys`, on which the dot of the worked cell goes from `x` to `y`, and
    after it the dots of the other cells of its row."""

    function: str
    xs: Numbers
    ys: Numbers
    x: float
    y: float
    others: Numbers  # [n, 2]: x and y of other cells
    stages: tuple[float, float, float]  # the curve is drawn, the dot is at (x, y), the others are on the curve


@dataclass(frozen=True, eq=False)
class TurnCard(Card):
    """Rotary embedding: pairs of the worked row as arrows that turn by their angles, in radians."""

    before: Numbers  # [n, 2]
    angles: Numbers  # [n]
    pairs: int  # how many there are; the first n are shown
    position: int
    stages: tuple[float, float]  # the arrows are there, they have turned


@dataclass(frozen=True, eq=False)
class RankingCard(Card):
    """A choice of the largest: one bar for each score, those in `chosen` lit, with the weights that they get."""

    names: tuple[str, ...]
    scores: Numbers  # [n]
    chosen: tuple[int, ...]
    weights: Numbers  # [len(chosen)]
    stages: tuple[float, float]  # the scores have grown, the choice is made


@dataclass(frozen=True, eq=False)
class OddsCard(Card):
    """Logits that become odds, and the token that is drawn.

    `names` are the likeliest tokens' texts, `rest` is the share of all others (0 where all are shown), `chosen` is the
    one that was sampled (-1 where it is not shown). Written `text`, it flies to its place in the text as token `token`
    of the run and arrives there at `end`. `temperature` is what the logits were divided by. `stages` are when the
    logits have grown, when they are shares, and when the choice is made. A `brief` card, of a later pass, shows shares
    alone.
    """

    names: tuple[str, ...]
    logits: Numbers  # [n]
    temperature: float
    shares: Numbers  # [n]
    rest: float
    chosen: int
    token: int
    text: str
    drawn: bool  # by chance, not as the likeliest
    brief: bool
    stages: tuple[float, float, float]


@dataclass(frozen=True)
class Tag(Card):
    """The plain view: what the operation is called, and `parts` as (text, colour of the theme)."""

    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Effects:
    """All that happens between the multiplies of a run, sorted by start."""

    flights: tuple[Flight, ...]
    cards: tuple[Card, ...]

    @property
    def all(self) -> tuple[Effect, ...]:
        """Flights and cards."""
        return (*self.flights, *self.cards)
