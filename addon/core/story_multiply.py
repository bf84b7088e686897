# SPDX-License-Identifier: GPL-3.0-or-later
"""The film of one multiply: its story, and how its controls move. A pure function of a trace.

Names and shapes in a row; the corner, in which a row and a column point at their cell; the box; one cell slowly, with
the trace's own numbers; then all of it three times, row by row, column by column, and all sums together; bias and
scale; the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .camera import basis
from .layout import lay_out
from .layout_types import Bounds
from .matmul import ARRANGEMENTS, STYLES, Shape, beats
from .matmul_choice import choose_multiply
from .matmul_operands import NAMES, Operands, read_operands
from .matmul_room import letter_size, written
from .matmul_words import MultiplyWords, multiply_words
from .story_types import Act, Caption, Formula, Legend, Shot, Story
from .timeline import MOVE, REST, reading_time
from .trace import Trace
from .values import color_ends

Window = tuple[float, float]

WIDE = 16 / 9
TITLE_SECONDS, END_SECONDS = 3.2, 2.0
SLOW, SLOWLY = 4, 0.85  # so many products take so long each, in seconds of pace; then all others
OTHERS = (3.0, 7.0)  # together at least, at most
EACH = 0.16  # of the others, where that is between
LEAST_FORMULA = 0.14  # seconds; where products come faster, some are passed over
ROOT = 1e-3  # by how much, at most, a factor may differ from one over a root
LABELS = 0.6  # seconds in which names and braces appear
WAY = 1.15  # seconds of each of the two moves of the camera during a fold: to where all of it is seen, and on
ON_THE_WAY = 5  # folds at which that is looked at
FASTEST, SLOWEST = 0.35, 2.5  # bounds of the pace
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


@dataclass(frozen=True)
class MultiplyPlan:
    """A film of one multiply: its numbers, what happens when, and the tracks of the controls that `make_multiply`'s
    empty has, by property. `text` scales the letters, for a frame of `aspect` (width over height)."""

    operands: Operands
    story: Story
    tracks: dict[str, Track]
    shape: Shape
    text: float
    aspect: float
    braces: tuple[str, str, str]  # what is written at those of i, k and j


def plan_multiply(
    trace: Trace,
    operation: str | int | None = None,
    seconds: float | None = None,
    aspect: float = WIDE,
    durations: Mapping[str, float] | None = None,
    language: str = "en",
) -> MultiplyPlan:
    """The film of a multiply of the trace, about `seconds` long where given; captions always get the time to be read.

    `operation` is an operation's id or name, a tensor's name, or words such as "layer 2 head 1 scores"; None takes the
    one that has most to show. `aspect` is the frame's width over its height, `durations` are the least seconds of
    captions, by their text, `language` is that of the words. Raises UserError where there is no such multiply or
    language, or its numbers are not in the trace.
    """
    operands = read_operands(trace, choose_multiply(trace, lay_out(trace), operation))

    def told(pace: float, brief: bool) -> MultiplyPlan:
        return _Film(trace, operands, pace, brief, aspect, durations or {}, multiply_words(language)).tell()

    if seconds is None:
        return told(1.0, False)
    brief = told(FASTEST, False).story.duration > seconds
    low, high = FASTEST, SLOWEST
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (low, middle) if told(middle, brief).story.duration > seconds else (middle, high)
    return told(low, brief)


class _Film:
    """Tells one film; every method is one act."""

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

    def tell(self) -> MultiplyPlan:
        self._title()
        self._names()
        self._corner()
        self._dot()
        self._sweeps()
        self._beats()
        self._result()
        return MultiplyPlan(
            self.operands, self._story(), {key: tuple(keys) for key, keys in self.tracks.items()}, self.shape,
            self.text, self.aspect, self.braces,
        )  # fmt: skip

    # --- acts

    def _title(self) -> None:
        self._act("title")
        self._beat(TITLE_SECONDS / self.pace, shot=self.flat, below=ROOM_FORMULA)
        self.title_end = self.now - 0.2
        self._ramp("fp_labels", self.title_end, self.title_end + LABELS, 1.0)
        self.formulas.append(Formula(0.5, self.title_end - 0.5, self._shapes()))

    def _names(self) -> None:
        self._act("names")
        for moment, matrix, name in (
            ("left", self.operands.left, self.operands.names[0]),
            ("right", self.operands.right, self.operands.names[1]),
            ("rule", self.operands.result, self.operands.names[2]),
        ):
            a, _b = self._beat(1.6, self._say(moment), self.flat if moment == "left" else None)
            # Until all is scaled, the colours of the result show the sums.
            larger = 1.0 if moment != "rule" else abs(self.operands.scale)
            self._legend(a, name, color_ends(matrix, False)[1] / larger)

    def _corner(self) -> None:
        self._act("corner")
        row, column = self.operands.cell
        start = self.now
        self._fold("corner")
        self._beat(1.2, self._say("corner"), "corner")
        shape = self.shape
        step = row * shape.columns + column
        # A sweep that has hardly begun lights up the row, the column and the cell.
        self._jump("fp_first", self.now, step)
        self._jump("fp_sweep_at", self.now, self._at(step + 0.5 / shape.inner, shape.rows * shape.columns))
        self._beat(1.4, self._say("cell"))
        assert self.now > start

    def _dot(self) -> None:
        self._act("dot")
        shape, (row, column) = self.shape, self.operands.cell
        step, steps = row * shape.columns + column, shape.rows * shape.columns
        self._fold("box")
        self._beat(1.0, self._say("box"), "box")
        times = self._product_times()
        start, _end = self._beat(times[-1] / self.pace, self._say("dot"), "dot", below=ROOM_FORMULA)
        knots = [(start + t, self._at(step + (k / shape.inner) * 0.9999, steps)) for k, t in enumerate(times)]
        self._through("fp_sweep_at", knots)
        end = self.now
        self._beat(0.6, self._say("sum"))
        self._worked(start, times, end, self.now)

    def _sweeps(self) -> None:
        shape = self.shape
        for style, moment, view, action in (
            ("row", "row", "row by row", min(3.0 + 0.35 * shape.rows, 6.0)),
            ("column", "column", "column by column", min(3.0 + 0.15 * shape.columns, 6.0)),
            ("outer", "outer", "together", min(4.0 + 0.05 * shape.inner, 7.0)),
        ):
            self._act(moment)
            self._jump("fp_sweep_at", self.now, 0.0)
            self._jump("fp_first", self.now, 0)
            self._jump("fp_style", self.now, STYLES[style])
            a, b = self._beat(action, self._say(moment), view)
            self._ramp("fp_sweep_at", a, b, self.parts.sums)

    def _beats(self) -> None:
        for there, moment, end in (
            (self.added, "bias" if self.operands.bias is not None else "rest", self.parts.bias),
            (self.operands.scale != 1.0, "scale", 1.0),
        ):
            if there:
                self._act(moment)
                a, b = self._beat(1.8, self._say(moment), "box")
                self._ramp("fp_sweep_at", a, b, end)
                if moment == "scale":
                    self._legend(b, self.operands.names[2], color_ends(self.operands.result, False)[1])

    def _result(self) -> None:
        self._act("result")
        self._jump("fp_sweep_at", self.now, 1.0)
        self._fold(self.flat)
        self._beat(END_SECONDS / self.pace, self._say("result"), self.flat)

    # --- what acts are made of

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

    def _say(self, moment: str) -> str:
        operands, shape = self.operands, self.shape
        i, k, j = operands.axes
        part = self._kind(moment)
        row, column = operands.cell
        total = self._number(float(self._sums()[-1]), operands.result)
        if k.count < k.whole:
            total = self.words.so_far.format(sum=total)
        elif operands.bias is not None:
            total = self.words.before_bias.format(sum=total)
        words = self.words
        met = words.step(j, column)
        return words.sentence(
            moment, part, self.brief, i=words.one(i), k=words.one(k), j=words.one(j), ks=words.many(k),
            many_i=words.many(i), rows=i.count, inner=k.count, columns=j.count, all_rows=words.count(i.whole),
            all_inner=words.count(k.whole), all_columns=words.count(j.whole), row=words.step(i, row), column=met,
            column_end=met.removesuffix(","), products=words.count(shape.rows * shape.inner * shape.columns),
            cells=words.count(shape.rows * shape.columns), sum=total, scale=f"{operands.scale:.3g}",
        )  # fmt: skip

    def _kind(self, moment: str) -> str:
        """Which of a moment's sentences is true here: what the result is in the model, or what the words call else."""
        operands = self.operands
        _i, k, _j = operands.axes
        right = operands.choice.operation.right
        if moment == "rest" and k.count == k.whole:
            return "all"
        if moment == "box" and any(axis.count < axis.whole for axis in operands.axes):
            return "part"
        if moment == "scale" and abs(operands.scale * math.sqrt(k.whole) - 1) > ROOT:
            return "plain"
        if operands.part not in NAMES and right is not None and self.trace.tensor(right).parameter is None:
            return "plain"
        return operands.part

    # --- the worked cell

    def _sums(self) -> np.ndarray:
        """The running sum of the worked cell after each of its products, [k]."""
        row, column = self.operands.cell
        left, right = self.operands.left[row].astype(np.float64), self.operands.right[:, column].astype(np.float64)
        return np.cumsum(left * right)

    def _product_times(self) -> list[float]:
        """When each product of the worked cell is added, in seconds from its start: [k + 1]; the first ones slowly."""
        inner = self.shape.inner
        slow = min(SLOW, inner)
        others = inner - slow
        rest = min(max(EACH * others, OTHERS[0]), OTHERS[1]) if others else 0.0
        times = [k * SLOWLY for k in range(slow + 1)]
        times += [slow * SLOWLY + rest * (k + 1) / others for k in range(others)]
        return [t * self.pace for t in times]

    def _number(self, value: float, matrix: np.ndarray) -> str:
        """A number of a matrix with as many decimals as its numbers need, and a true minus sign."""
        high = color_ends(matrix, False)[1]
        decimals = next((n for n, least in ((2, 1.0), (3, 0.1)) if high >= least), 4)
        return f"{value:z.{decimals}f}".replace("-", "−")

    def _worked(self, start: float, times: list[float], end: float, until: float) -> None:
        """The running formula with the trace's own numbers; the whole sum stays until the caption about it is read."""
        operands, sums = self.operands, self._sums()
        i, _k, j = operands.axes
        row, column = operands.cell
        shown = 0
        while shown < len(sums):
            after = shown + 1
            while after < len(sums) and times[after] - times[shown] < LEAST_FORMULA:
                after += 1
            last = after == len(sums)
            # Where some are passed over, the last of them is shown: the sum is that after it.
            k = after - 1
            a, w = float(operands.left[row, k]), float(operands.right[k, column])
            parts = (
                (self._number(a, operands.left), i.color), ("×", "secondary"),
                (self._number(w, operands.right), j.color), ("=", "secondary"),
                (self._number(a * w, operands.result), "secondary"), ("", ""), (self.words.sum, "secondary"),
                (self._number(float(sums[k]), operands.result), "text"),
            )  # fmt: skip
            begin = start + times[shown]
            finish = until if last else start + times[after]
            self.formulas.append(Formula(begin, finish - begin, parts))
            shown = after
        assert end <= until

    def _shapes(self) -> tuple[tuple[str, str], ...]:
        """Names and whole sizes, in the colours of the axes."""
        i, k, j = self.operands.axes
        left, right, out = self.operands.names
        parts: list[tuple[str, str]] = []
        for name, rows, columns, after in ((left, i, k, "⋅"), (right, k, j, "="), (out, i, j, "")):
            parts += [
                (name, "text"),
                (f"{rows.whole:,}", rows.color),
                ("×", "secondary"),
                (f"{columns.whole:,}", columns.color),
            ]
            parts += [(after, "secondary")] if after else []
        return tuple(parts)

    def _story(self) -> Story:
        operation, block = self.operands.choice.operation, self.operands.choice.block
        ends = [*(start for _name, start in self.acts[1:]), self.now]
        where = "" if block is None or block.layer is None else self.words.layer.format(number=block.layer + 1)
        where += "" if block is None or block.head is None else self.words.head.format(number=block.head + 1)
        subtitle = self.words.subtitle.format(model=self.trace.model.name, where=where, id=operation.id)
        title = self.words.titles.get(self.operands.part, self.words.titles[""])
        stops: Callable[[int], float] = lambda n: self.legends[n + 1][0] if n + 1 < len(self.legends) else self.now  # noqa: E731
        return Story(
            duration=self.now,
            acts=tuple(Act(name, start, end - start) for (name, start), end in zip(self.acts, ends, strict=True)),
            captions=tuple(self.captions),
            formulas=tuple(self.formulas),
            shots=tuple(self.shots),
            fills=(),
            uses=(),
            legends=tuple(
                Legend(start, stops(n) - start, name, low, high)
                for n, (start, name, low, high) in enumerate(self.legends)
            ),
            shapes=(Formula(self.title_end + 0.2, self.now - self.title_end - 0.2, self._shapes()),),
            title=(title, subtitle, 0.3, self.title_end - 0.3),
        )
