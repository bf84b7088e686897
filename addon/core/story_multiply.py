# SPDX-License-Identifier: GPL-3.0-or-later
"""The film of one multiply: its story, and how its controls move. A pure function of a trace.

Names and shapes in a row; the corner, in which a row and a column point at their cell; the box; one cell slowly, with
the trace's own numbers; then all of it three times, row by row, column by column, and all sums together; bias and
scale; the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .layout import lay_out
from .matmul import STYLES, Shape
from .matmul_choice import choose_multiply
from .matmul_operands import Operands, read_operands
from .matmul_words import multiply_words
from .multiply_reel import ROOM_FORMULA, Track
from .multiply_sayings import Sayings
from .story_types import Act, Formula, Legend, Story
from .trace import Trace
from .values import color_ends
from .words import catalog

WIDE = 16 / 9
TITLE_SECONDS, END_SECONDS = 3.2, 2.0
LABELS = 0.6  # seconds in which names and braces appear
FASTEST, SLOWEST = 0.35, 2.5  # bounds of the pace


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
    words = multiply_words(language)
    operands = read_operands(trace, choose_multiply(trace, lay_out(trace), operation))
    left, right, out = map(catalog(language).label, operands.names)
    operands = replace(operands, names=(left, right, out))

    def told(pace: float, brief: bool) -> MultiplyPlan:
        return _Film(trace, operands, pace, brief, aspect, durations or {}, words).tell()

    if seconds is None:
        return told(1.0, False)
    brief = told(FASTEST, False).story.duration > seconds
    low, high = FASTEST, SLOWEST
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (low, middle) if told(middle, brief).story.duration > seconds else (middle, high)
    return told(low, brief)


class _Film(Sayings):
    """Tells one film; every method is one act."""

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
