# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when: acts, sweeps, shots and captions on one time line, in seconds of story time. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

from .layout_types import Bounds
from .readable import Quad


@dataclass(frozen=True)
class Act:
    """A chapter of the video. `start` and `duration` in seconds; acts follow each other without gaps."""

    name: str
    start: float
    duration: float


@dataclass(frozen=True)
class Caption:
    """A line of the narration, in the lower third; captions never overlap in time."""

    start: float
    duration: float
    text: str


@dataclass(frozen=True)
class Formula:
    """The running formula above the caption. `parts` are (text, name of a theme colour); no text is a wider gap."""

    start: float
    duration: float
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Legend:
    """What the colour map's ends mean while a block is the subject: `low` and `high` are its true ends."""

    start: float
    duration: float
    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Arrival:
    """A token of the run (by its place in the trace) takes its place in the running text at `start`."""

    start: float
    token: int


@dataclass(frozen=True)
class Products:
    """The product plane of a worked row: left[row, k] * right[k, j] over the right block, at the row's height.
    The column that is being summed moves over it from `start` on, for `duration` seconds."""

    start: float
    duration: float
    left: str
    right: str
    row: int  # drawn row of the left block


@dataclass(frozen=True)
class Shot:
    """The camera moves to see `subject` whole. The move begins at `start` and takes `move` seconds;
    then the camera drifts slowly until the next shot. A close-up is approached slowly, while things happen. Angles in
    degrees, azimuth negative from the left, `lens` in millimetres on a 36 mm sensor."""

    start: float
    move: float
    subject: Bounds
    azimuth: float
    elevation: float
    lens: float
    name: str
    below: float = 0.16  # share of the frame's height under the subject that formula and caption need
    aside: float = 0.0  # share of the room for the subject that a card takes: at the right or, in a tall frame, above
    asked: bool = False  # whether a person asked for the angles: then they are not turned to see the subject larger
    nearer: float = 1.0  # how many times as near as where the subject is whole
    faces: tuple[Quad, ...] = field(default=(), repr=False)  # that are to be read, where it tells a multiply
    walls: tuple[Quad, ...] = field(default=(), repr=False)  # what may stand before them
    within: Bounds | None = None  # in a close-up: the subject that it is a part of, whose angle it keeps


@dataclass(frozen=True)
class Fill:
    """When a block gets its values. With a `focus` row that row fills cell by cell during the first `share`
    of the duration and the others row by row after it."""

    block: str
    start: float
    duration: float
    style: str  # dot, row, column, outer, all
    focus: int | None
    share: float
    relax: float  # from this moment its colours rest


@dataclass(frozen=True)
class Use:
    """When a block is in play as an operand: its rows (side "left") or columns ("right") light up with the sweep."""

    block: str
    start: float
    duration: float
    side: str
    focus: int | None
    share: float


@dataclass(frozen=True)
class Progress:
    """The part of the model that is at work, by its place in the layout, such as "layer 1 / mlp"."""

    start: float
    duration: float
    part: str


@dataclass(frozen=True)
class Told:
    """While it lasts a multiply is told: what is not in play stands back. Its operands and its result, by key."""

    start: float
    duration: float
    left: str
    right: str
    out: str


@dataclass(frozen=True)
class Pulse:
    """A light that runs through the whole model, from the tokens at `start` to the answer `duration` later."""

    start: float
    duration: float


@dataclass(frozen=True)
class Announcement:
    """The name of an act with its number, from 1, as it begins."""

    start: float
    duration: float
    number: int
    name: str


@dataclass(frozen=True)
class Story:
    """A whole video. `duration` in seconds; everything sorted by start."""

    duration: float
    acts: tuple[Act, ...]
    captions: tuple[Caption, ...]
    formulas: tuple[Formula, ...]
    shots: tuple[Shot, ...]
    fills: tuple[Fill, ...]
    uses: tuple[Use, ...]
    legends: tuple[Legend, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    products: tuple[Products, ...] = ()
    shapes: tuple[Formula, ...] = ()  # the running multiply with its dimensions, in the colours of their axes
    title: tuple[str, str, float, float] | None = None  # title, subtitle, start, duration
    progress: tuple[Progress, ...] = ()
    pulses: tuple[Pulse, ...] = ()
    told: tuple[Told, ...] = ()
    language: str = "en"  # of its words: a name of words.CATALOGS
