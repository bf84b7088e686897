# SPDX-License-Identifier: GPL-3.0-or-later
"""What the film of a multiply is made of: beats, shots, folds and the tracks of the box's controls on one time line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .camera import basis
from .layout_types import Bounds
from .matmul import ARRANGEMENTS, Shape, beats
from .matmul_operands import Operands
from .matmul_room import letter_size, written
from .matmul_words import MultiplyWords
from .story_types import Caption, Formula, Shot
from .timeline import MOVE, REST, Window, reading_time
from .trace import Trace

WAY = 1.15  # seconds of each of the two moves of the camera during a fold: to where all of it is seen, and on
ON_THE_WAY = 5  # folds at which that is looked at
# Of every arrangement: azimuth, elevation, lens; and in a frame that is taller than wide.
VIEWS = {
    "row": (0.0, 3.0, 70.0), "corner": (0.0, 3.0, 70.0), "box": (30.0, 38.0, 70.0), "dot": (33.0, 34.0, 70.0),
    "row by row": (28.0, 36.0, 70.0), "column by column": (36.0, 36.0, 70.0), "together": (26.0, 30.0, 70.0),
}  # fmt: skip
TALL = {
    "box": (38.0, 46.0), "dot": (40.0, 42.0), "row by row": (36.0, 44.0), "column by column": (44.0, 44.0),
    "together": (34.0, 38.0),
}  # fmt: skip
HIDDEN, STEEPEST = 0.65, 54.0  # share of R's depth that O may hide; degrees
ROOM, ROOM_FORMULA = 0.17, 0.25  # below the subject, for the caption alone and with a formula
FLAT = {"wide": "row", "square": "corner", "tall": "box"}  # in which names and shapes are told
LETTERS = {"wide": 1.4, "square": 1.5, "tall": 1.7}  # size of the letters


class Key(NamedTuple):
    """The value of a control at a second of the story. It `holds` until the next key, or goes straight to it."""

    second: float
    value: float
    holds: bool = True


Track = tuple[Key, ...]


class Reel:
    """A film of one multiply while it is made."""

    def __init__(
        self,
        trace: Trace,
        operands: Operands,
        pace: float,
        brief: bool,
        aspect: float,
        spoken: Mapping[str, float],
        words: MultiplyWords,
    ) -> None:
        self.words = words
        i, k, j = operands.axes
        self.braces = (words.brace(i), words.brace(k), words.brace(j))
        self.spoken = spoken
        self.trace, self.operands, self.pace, self.brief, self.aspect = trace, operands, pace, brief, aspect
        rows, inner = operands.left.shape
        self.shape = Shape(rows, inner, operands.right.shape[1], operands.pitch)
        kind = "wide" if aspect > 1.2 else "square" if aspect > 0.8 else "tall"
        self.text, self.flat = LETTERS[kind], FLAT[kind]
        self.letters = self.text * letter_size(self.shape)
        self.added = operands.bias is not None or operands.rest is not None
        self.parts = beats(self.added, operands.scale != 1.0)
        self.now = 0.0
        self.acts: list[tuple[str, float]] = []
        self.captions: list[Caption] = []
        self.formulas: list[Formula] = []
        self.shots: list[Shot] = []
        self.legends: list[tuple[float, str, float, float]] = []
        fold = ARRANGEMENTS[self.flat]
        start = {
            "fp_sweep_at": 0.0,
            "fp_style": 1.0,
            "fp_first": 0.0,
            "fp_fold": fold,
            "fp_formula": 0.0,
            "fp_labels": 0.0,
        }
        self.tracks = {control: [Key(0.0, value)] for control, value in start.items()}

    def _act(self, name: str) -> None:
        self.acts.append((self.words.acts[name], self.now))

    def _beat(self, action: float, caption: str = "", shot: str | None = None, below: float = ROOM) -> Window:
        """The next stretch of time, as in `Timeline.beat`; returns the window of the action."""
        start, move = self.now, 0.0
        if shot is not None:
            move = self._look(shot, below)
        length = move + action * self.pace + REST
        if caption:
            length = max(length, reading_time(caption), self.spoken.get(caption, 0.0))
            self.captions.append(Caption(start + 0.1, length - 0.15, caption))
        self.now = start + length
        return start + move, self.now - REST

    def _look(self, view: str, below: float) -> float:
        azimuth, elevation, lens = VIEWS[view]
        if self.aspect < 1 and view in TALL:
            azimuth, elevation = TALL[view]
        fold = ARRANGEMENTS.get(view, 0.0)
        if fold == 0.0:
            # O stands before R: from where it hides at most that much of it.
            over = math.degrees(math.atan2(self.shape.height, HIDDEN * self.shape.depth))
            elevation = max(elevation, min(over + elevation - VIEWS["box"][1], STEEPEST))
        start, way = self.now, MOVE if self.shots else 0.0
        if self.tracks["fp_fold"][-1].second > self.now:
            # First to where everything on the way from one fold to the other is seen.
            before, way = self.shots[-1], WAY
            angles = (before.azimuth + azimuth) / 2, (before.elevation + elevation) / 2
            folds = np.linspace(self.tracks["fp_fold"][-2].value, fold, ON_THE_WAY)
            subject = self._subject(folds.tolist(), *angles)
            self.shots.append(Shot(start, WAY, subject, *angles, lens, f"{view}, folding", below))
            start += WAY
        self.shots.append(
            Shot(start, way, self._subject([fold], azimuth, elevation), azimuth, elevation, lens, view, below)
        )
        return start + way - self.now

    def _subject(self, folds: Sequence[float], azimuth: float, elevation: float) -> Bounds:
        """All that is seen of the multiply at some folds, from there."""
        right, up, _forward = basis(azimuth, elevation)
        operands = self.operands
        i, k, j = (axis.ticks for axis in operands.axes)
        biased = operands.bias is not None
        seen = [
            written(self.shape, fold, self.letters, operands.names, self.braces, (i, k, j), (right, up), biased)
            for fold in folds
        ]
        points = tuple(map(tuple, np.concatenate(seen).tolist()))
        box = Bounds.around(points)
        return Bounds(box.low, box.high, points)

    def _fold(self, arrangement: str) -> None:
        """Fold while the camera moves there, from now on: from the middle of its first move to that of its second."""
        if self.tracks["fp_fold"][-1].value != ARRANGEMENTS[arrangement]:
            self._ramp("fp_fold", self.now + WAY / 2, self.now + WAY * 3 / 2, ARRANGEMENTS[arrangement])

    def _jump(self, control: str, second: float, value: float) -> None:
        """A control has another value from a second on."""
        keys = self.tracks[control]
        if keys[-1].value != value:
            keys.append(Key(second, float(value)))

    def _ramp(self, control: str, start: float, end: float, value: float) -> None:
        """A control goes evenly from the value that it has to another one."""
        self._through(control, [(start, self.tracks[control][-1].value), (end, value)])

    def _through(self, control: str, knots: list[tuple[float, float]]) -> None:
        """A control goes in straight lines through (second, value)."""
        keys = [Key(second, float(value), holds=False) for second, value in knots]
        self.tracks[control] += [*keys[:-1], keys[-1]._replace(holds=True)]

    def _at(self, step: float, steps: int) -> float:
        """The sweep position at which it is so many steps far."""
        return step / steps * self.parts.sums

    def _legend(self, second: float, name: str, high: float) -> None:
        self.legends.append((second, name, -high, high))
