# SPDX-License-Identifier: GPL-3.0-or-later
"""From trace files to a film, in a thread: all of it is pure data, so Blender's window need not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.telling import Telling
from ..scene.slices import taking_turns
from .progress import as_user_error

if TYPE_CHECKING:
    from ..scene.productions import Film

STAGES = (("reading", "Reading the trace"), ("layout", "Placing the blocks"), ("story", "Writing the story"))


@dataclass(frozen=True)
class Rooms:
    """The calls into the other rooms that a generation makes, in one place, so that tests can put others there.

    `start(request)` gives a job like `process.job.TracerJob`, `lay_out(traces, telling)` and
    `plan(traces, layouts, telling)` are those of `scene.productions`.
    """

    start: Callable[[Any], Any]
    read: Callable[[Path], Any]
    lay_out: Callable[[Sequence[Any], Telling], Any]
    plan: Callable[[Sequence[Any], Any, Telling], Film]


def real_rooms() -> Rooms:
    """The rooms as they are; imported when first needed, so that enabling the add-on stays quick, and most of it in the
    preparation's thread, so that the button does."""
    from ..process.job import TracerJob

    return Rooms(TracerJob, _read, _lay_out, _plan)


def _read(path: Path) -> Any:
    from ..core.trace import Trace

    return Trace.open(path)


def _lay_out(traces: Sequence[Any], telling: Telling) -> Any:
    from ..scene.productions import lay_out_film

    return lay_out_film(traces, telling)


def _plan(traces: Sequence[Any], layouts: Any, telling: Telling) -> Film:
    from ..scene.productions import plan_film

    return plan_film(traces, layouts, telling)


class Preparation:
    """Reading, layout and story at work in a thread, from the moment this is made."""

    def __init__(self, rooms: Rooms, paths: Sequence[Path], telling: Telling) -> None:
        self.stage = 0  # place in STAGES
        self.result: Film | None = None
        self.error: Exception | None = None
        self._arguments = (rooms, paths, telling)
        self._thread = threading.Thread(target=self._run, name="forward-pass-prepare", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread is still at it. Once False, `result` or `error` is set."""
        return self._thread.is_alive()

    def _run(self) -> None:
        rooms, paths, telling = self._arguments
        try:
            with taking_turns():
                traces = [rooms.read(path) for path in paths]
                self.stage = 1
                layouts = rooms.lay_out(traces, telling)
                self.stage = 2
                self.result = rooms.plan(traces, layouts, telling)
        except Exception as error:  # a thread's exception reaches nobody: hand it over
            self.error = as_user_error(error, STAGES[self.stage][1])
