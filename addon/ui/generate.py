# SPDX-License-Identifier: GPL-3.0-or-later
"""From prompts to a scene, a little at each `poll()`: what the button "Generate Scene" starts.

Knows nothing of operators, timers or windows, so a script, a test and a modal operator drive it alike.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..core.errors import UserError
from ..core.examples import write_focus
from ..core.messages import Message, ProgressMessage
from ..core.presets import USUAL
from ..core.recipe import Recipe, write_recipe
from ..core.telling import Telling
from ..process.request import TraceRequest
from ..scene.slices import Slices, Stage, told
from .prepare import STAGES, Preparation, Rooms
from .progress import GENERATING, Progress, as_user_error

if TYPE_CHECKING:
    from ..scene.productions import Film

State = Literal["tracing", "reading", "layout", "story", "building", "done", "failed", "cancelled"]
ENDS = ("done", "failed", "cancelled")
CHOICES = ("temperature", "top_k", "top_p", "seed", "chat", "dtype", "attention")  # of the options, in a recipe
TOLD = ("seconds", "scale", "cells", "preset", "focus", "language", "operation", "models")  # of the request, in a film
SLICE, LONG_SLICE, LONGEST_SLICE = 0.03, 0.06, 0.25  # seconds of building in one poll
# Where each part of the work begins and ends on the one bar, by what it takes on two cores.
TRACING = {"load": (0.0, 0.25), "trace": (0.25, 0.4), "write": (0.4, 0.45)}
TRACED = 0.45
PREPARING, BUILDING = (TRACED, 0.5), (0.5, 1.0)
PREPARING_SHAPES = (0.0, 0.5)  # where no model runs


@dataclass(frozen=True)
class GenerateRequest:
    """What the panel asks for: runs to be traced, or traces that are there, as many as the preset tells of. `size` in
    pixels, `seconds` None for the film's own length, `operation` and `models` as in `Telling`."""

    runs: tuple[TraceRequest | Path, ...]
    theme: str = "midnight"
    seconds: float | None = None
    size: tuple[int, int] = (1280, 720)
    fps: int = 24
    cells: str = "flat"
    scale: str = "local"
    preset: str = USUAL
    language: str = "en"
    focus: tuple[int, int] | None = None  # layer and head to work, from 0
    operation: str | None = None
    models: tuple[str, ...] = ()

    @property
    def telling(self) -> Telling:
        """What the film depends on besides its runs."""
        return Telling(aspect=self.size[0] / self.size[1], **{name: getattr(self, name) for name in TOLD})

    @property
    def recipe(self) -> str:
        """What would make the same scene again, as the text that the scene keeps."""
        ran: dict[str, Any] = {}
        for first in self.runs[:1]:
            if isinstance(first, TraceRequest):
                ran = {"name": str(first.model), "prompt": first.prompt, "tokens": first.steps, "device": first.device}
                ran |= {name: getattr(first.options, name) for name in CHOICES}
        for second in self.runs[1:]:
            if isinstance(second, TraceRequest):
                ran |= {"other": second.prompt, "other_model": str(second.model)}
        recipe = Recipe(
            **ran,
            preset=self.preset,
            language=self.language,
            focus=self.focus and write_focus(self.focus),
            operation=self.operation,
            models=self.models,
            seconds=self.seconds,
            theme=self.theme,
            cells=self.cells,
            size=self.size,
            fps=self.fps,
        )
        return write_recipe(recipe, "NAME.recipe.toml")


class GivenTrace:
    """Stands where a tracer would, for a trace that is there already."""

    state = "done"
    error = None
    log: tuple[str, ...] = ()
    data: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, path: Path) -> None:
        self.result = path

    def poll(self) -> tuple[Message, ...]:
        """Nothing is said."""
        return ()

    def cancel(self) -> None:
        """There is nothing to stop."""

    end = cancel


class Place(Protocol):
    """Where a scene is built, so that it comes whole or not at all: `place.ScenePlace`."""

    def open(self) -> Slices[Any]:
        """Makes room; returns the scene to build into."""

    def commit(self) -> Slices[None]:
        """The scene is whole: show it, and let go of the one that it replaces. Once begun it has to be ended."""

    def rollback(self) -> None:
        """Takes away what was built and leaves everything as it was."""


class Generation:
    """One press of the button: tracing one run after the other, reading, layout, story, building, then done, failed or
    cancelled."""

    def __init__(self, request: GenerateRequest, place: Place, rooms: Rooms) -> None:
        self.request = request
        self.state: State = "tracing"
        self.error: UserError | None = None
        self.progress = Progress(GENERATING, "Starting the model" if request.runs else "Placing the blocks")
        self.traces: tuple[Path, ...] = ()
        self._place = place
        self._rooms = rooms
        self._log: tuple[str, ...] = ()  # of the runs that are over
        self._job = self._start(0)
        self._preparation: Preparation | None = None
        self._builder: Iterator[Stage] | None = None
        self._whole = False  # the scene is built: it only has to be shown
        self._left = time.monotonic()  # when the last slice of building ended

    @property
    def running(self) -> bool:
        """Whether `poll` still has something to do."""
        return self.state not in ENDS

    @property
    def engine(self) -> str:
        """What ran the model, in words: "torch on cuda", "NumPy 2.1.0"; empty for a trace that was there."""
        data = {} if self._job is None else self._job.data
        device = data.get("device")
        return str(data.get("engine") or "") or (f"torch on {device}" if device else "")

    @property
    def log(self) -> tuple[str, ...]:
        """What the tracer said besides its progress."""
        return self._log + (() if self._job is None else tuple(self._job.log))

    def poll(self) -> None:
        """Goes on a little, for as long as `slice_after` says where the work can be cut that small. Raises nothing."""
        try:
            if self.state == "tracing":
                self._trace()
            elif self._preparation is not None:
                self._prepare(self._preparation)
            elif self._builder is not None:
                self._build(self._builder)
        except Exception as error:
            self._fail(as_user_error(error, "Generating the scene"))

    def finish_building(self) -> None:
        """Where a scene is half built: builds the rest of it at once, for somebody is about to save the file."""
        while self.state == "building":
            self.poll()

    def cancel(self) -> None:
        """Stops at once, without waiting for the child, and leaves no half scene; a whole one is shown all the same."""
        self._leave("cancelled")
        if self._job is not None:
            self._job.cancel()

    def end(self) -> None:
        """As `cancel`, but only returns once the child is gone."""
        self._leave("cancelled")
        if self._job is not None:
            self._job.end()

    def _start(self, run: int) -> Any:
        """The tracer of that run at work; None where there is no such run."""
        if run >= len(self.request.runs):
            return None
        asked = self.request.runs[run]
        return self._rooms.start(asked) if isinstance(asked, TraceRequest) else GivenTrace(asked)

    def _trace(self) -> None:
        if self._job is None:
            self._read()
            return
        for message in self._job.poll():
            if isinstance(message, ProgressMessage):
                self._tell_run(message)
        if self._job.state == "done":
            self.traces += (self._job.result,)
            if len(self.traces) == len(self.request.runs):
                self._read()
                return
            self._log += tuple(self._job.log)
            self._job = None  # it is over, whatever becomes of the next
            self._job = self._start(len(self.traces))
        elif self._job.state == "failed":
            self._fail(self._job.error)
        elif self._job.state == "cancelled":
            self._leave("cancelled")

    def _tell_run(self, message: ProgressMessage) -> None:
        """Where a run is, on the bar that all of them share."""
        count, done = len(self.request.runs), len(self.traces)
        text = message.text or "Running the model"
        start, end = TRACING.get(message.stage, (0.0, 0.0))
        span = (done * TRACED + start) / count, (done * TRACED + end) / count
        self._tell(span, message.done, text if count == 1 else f"Run {done + 1} of {count}: {text}")

    def _read(self) -> None:
        self._preparation = Preparation(self._rooms, self.traces, self.request.telling)
        self.state = "reading"

    def _prepare(self, preparation: Preparation) -> None:
        running = preparation.running  # asked before the rest is looked at, as the thread sets that first
        state, text = STAGES[preparation.stage]
        self.state = state  # type: ignore[assignment]
        span = PREPARING if self.request.runs else PREPARING_SHAPES
        self._tell(span, preparation.stage / len(STAGES), text)
        if running:
            return
        self._preparation = None
        if preparation.result is None:
            raise preparation.error or RuntimeError("the preparation ended without a result")
        self.state = "building"
        self._builder = self._steps(preparation.result)
        self._left = time.monotonic()

    def _steps(self, film: Film) -> Iterator[Stage]:
        """All that is to do with Blender's data, in slices."""
        asked = self.request
        scene = yield from told(("making room", 0.0), self._place.open())
        yield from film.build(scene, theme=asked.theme, recipe=asked.recipe, size=asked.size, fps=asked.fps)
        self._whole = True
        yield from told(("showing the scene", 1.0), self._place.commit())

    def _build(self, builder: Iterator[Stage]) -> None:
        now = time.monotonic()
        until = now + slice_after(now - self._left)
        while True:
            step = next(builder, None)
            if step is None:
                self._builder = None
                self.state = "done"
                self.progress.tell(1.0, "Done")
                return
            self._tell(BUILDING, step[1], f"Building: {step[0]}")
            self._left = time.monotonic()
            if self._left >= until:
                return

    def _tell(self, span: tuple[float, float], share: float, text: str) -> None:
        self.progress.tell(span[0] + share * (span[1] - span[0]), text)

    def _fail(self, error: UserError) -> None:
        self.error = error
        self._leave("failed")
        if self._job is not None:
            self._job.cancel()

    def _leave(self, state: State) -> None:
        """Ends the work in `state`; what was half built goes."""
        if not self.running:
            return
        building, builder = self.state == "building", self._builder
        self._builder = self._preparation = None
        if self._whole and builder is not None and state == "cancelled":
            for _ in builder:
                pass
            self.state = "done"
            return
        self.state = state
        if building and not self._whole:
            self._place.rollback()


def slice_after(drawing: float) -> float:
    """Seconds to build for, after a window that took `drawing` seconds since the last slice. Each slice has Blender
    draw the window anew: what takes long anyway is made to wait a little longer, less often."""
    return min(max(drawing, SLICE), max(LONG_SLICE, drawing / 4), LONGEST_SLICE)
