# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws a card: its panel, bars, lines and texts, in frame heights from the card's middle, into a sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.words import Catalog
from ..core.words.en import ENGLISH
from .effects_letters import Letters
from .effects_sheet import HUE, STILL, Move, Sheet

FADE = 0.16  # seconds
TITLE, NOTE, NUMBER = 0.062, 0.06, 0.056  # text sizes
INSET = 0.03  # from the panel's edge to what stands on it
LINE = 0.005
# Depths, so that what is drawn later lies over what was drawn before in every engine.
BACK, GRID, BARS, INK, TOP = 0.0, 0.0006, 0.0010, 0.0014, 0.0018

Window = tuple[float, float]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Landing:
    """A place in the overlay's own coordinates, and the size of a text there."""

    place: tuple[float, float]
    size: float


@dataclass(frozen=True)
class Grow:
    """A move of a bar: its corners go to this rectangle (left, below, right, above)."""

    to: tuple[float, float, float, float]
    start: float
    end: float


@dataclass(frozen=True)
class Pen:
    """Draws one card of that size around `middle`, smaller by `scale`, shown during `window`: its panel on one sheet,
    which is solid, and what stands on it on another."""

    panels: Sheet
    sheet: Sheet
    letters: Letters
    middle: tuple[float, float]
    scale: float
    size: tuple[float, float]
    window: Window
    words: Catalog = ENGLISH

    @property
    def left(self) -> float:
        """Where what stands on the panel begins; its right end is at the same distance."""
        return -self.size[0] / 2 + INSET

    @property
    def right(self) -> float:
        """Where what stands on the panel ends."""
        return self.size[0] / 2 - INSET

    @property
    def top(self) -> float:
        """Above this nothing stands on the panel."""
        return self.size[1] / 2 - INSET

    @property
    def below(self) -> float:
        """Under this nothing stands on the panel."""
        return -self.size[1] / 2 + INSET

    def panel(self, title: str) -> None:
        """The card itself, with its title in the upper left."""
        width, height = self.size
        self.rounded(width + LINE, height + LINE, 0.025, "line", BACK - 0.0004)
        self.rounded(width, height, 0.023, "pill", BACK)
        room = self.right - self.left
        self.text(title, self.left, self.top - TITLE * 0.4, TITLE, "text", "LEFT", most=room)

    def say(self, name: str, window: Window, hue: str = "secondary", **values: object) -> None:
        """A note in the words of the story's language."""
        self.note(self.words.cards[name].format(**values), window, hue)

    def note(self, body: str, window: Window, hue: str = "secondary") -> None:
        """What happens now, under the title."""
        y, room = self.top - TITLE * 0.4 - NOTE * 1.15, self.right - self.left
        self.text(body, self.left, y, NOTE, hue, "LEFT", window=window, most=room)

    def rounded(self, width: float, height: float, radius: float, hue: str, z: float) -> None:
        """A rounded rectangle around the middle, behind everything: it opens and closes, and is solid, so that no name
        of the scene shines through."""
        points = []
        for cx, cy, first in ((1, 1, 0), (-1, 1, 90), (-1, -1, 180), (1, -1, 270)):
            for step in range(7):
                angle = math.radians(first + step * 15)
                x = cx * (width / 2 - radius) + radius * math.cos(angle)
                points.append((x, cy * (height / 2 - radius) + radius * math.sin(angle)))
        open_ = _deep(np.array(points) * self.scale)
        closed = np.broadcast_to(np.array([*self.middle, z]), open_.shape)
        start, end = self.window
        self.panels.add(
            [closed],
            (start, end),
            hue=hue,
            first=Move(open_, start, FADE),
            second=Move(-open_, end - FADE, FADE),
        )

    def shape(
        self,
        points: ArrayLike,
        *,
        hue: str = "text",
        z: float = BARS,
        window: Window | None = None,
        first: Move = STILL,
        second: Move = STILL,
        **look: Any,
    ) -> None:
        """Polygons [n, corners, 2] of one hue or, with `style` and `place`, in the colours of numbers."""
        flat = np.asarray(points, dtype=float)
        lifted = np.concatenate([self.place(flat), np.full((*flat.shape[:2], 1), z)], axis=-1)
        start, end = window or self.window
        whole = (start, min(end, self.window[1]))
        self.sheet.add(
            lifted, whole, hue=hue, fade=FADE, first=self._scaled(first), second=self._scaled(second), **look
        )

    def bar(
        self,
        box: tuple[float, float, float, float],
        grow: Sequence[Grow] = (),
        *,
        hue: str = "text",
        style: float = HUE,
        place: tuple[float, float] = (0.0, 0.0),
        z: float = BARS,
        window: Window | None = None,
    ) -> None:
        """A rectangle (left, below, right, above) that becomes other ones, at most two, one after the other."""
        moves, before = [], _corners(box)
        for step in grow:
            after = _corners(step.to)
            moves.append(Move(_deep(after - before), step.start, step.end - step.start))
            before = after
        first, second = (*moves, STILL, STILL)[:2]
        self.shape([_corners(box)], hue=hue, style=style, place=place, z=z, window=window, first=first, second=second)

    def line(self, a: tuple[float, float], b: tuple[float, float], hue: str, width: float = LINE, **more: Any) -> None:
        """A straight line."""
        along = np.subtract(b, a)
        length = float(np.hypot(*along)) or 1.0
        across = np.array([-along[1], along[0]]) / length * width / 2
        self.shape([[a - across, b - across, b + across, a + across]], hue=hue, **({"z": GRID} | more))

    def frame(self, box: tuple[float, float, float, float], hue: str, window: Window, width: float = LINE) -> None:
        """The outline of a rectangle."""
        left, below, right, above = box
        for rectangle in (
            (left - width, below - width, right + width, below),
            (left - width, above, right + width, above + width),
            (left - width, below, left, above),
            (right, below, right + width, above),
        ):
            self.bar(rectangle, hue=hue, z=INK, window=window)

    def text(
        self,
        body: str,
        x: float,
        y: float,
        size: float,
        hue: str = "text",
        align: str = "CENTER",
        *,
        window: Window | None = None,
        first: Move = STILL,
        second: Move = STILL,
        most: float | None = None,
        z: float = INK,
    ) -> None:
        """A line of text with its middle at the height `y`, smaller where it would be wider than `most`."""
        triangles = self.letters.triangles(body).astype(float)
        if not len(triangles):
            return
        width = float(triangles[..., 0].max())
        size = min(size, most / width) if most else size
        back = {"LEFT": 0.0, "CENTER": 0.5, "RIGHT": 1.0}[align] * width
        points = (triangles - (back, 0.0)) * size + (x, y)
        self.shape(points, hue=hue, z=z, window=window, first=first, second=second)

    def place(self, points: ArrayLike) -> Points:
        """Points of the card in the overlay's own coordinates."""
        return np.asarray(points, dtype=float) * self.scale + self.middle

    def _scaled(self, move: Move) -> Move:
        shift = np.asarray(move.shift, dtype=float) * self.scale
        arc = np.asarray(move.arc, dtype=float)
        if np.any(move.turn):
            arc = np.concatenate([self.place(arc[..., :2]), arc[..., 2:]], axis=-1)
        else:
            arc = arc * self.scale
        return Move(shift, move.start, move.duration, arc, move.turn)


def _corners(box: tuple[float, float, float, float]) -> Points:
    left, below, right, above = box
    return np.array([(left, below), (right, below), (right, above), (left, above)])


def _deep(flat: Points) -> Points:
    """Points of a plane with a depth of zero."""
    return np.concatenate([flat, np.zeros((*flat.shape[:-1], 1))], axis=-1)


def slide(x: float, y: float, start: float, end: float) -> Move:
    """A move of a whole shape."""
    return Move((x, y, 0.0), start, end - start)
