# SPDX-License-Identifier: GPL-3.0-or-later
"""From trace files to a film, in a thread: all of it is pure data, so Blender's window need not wait."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.telling import Telling
from .progress import as_user_error

if TYPE_CHECKING:
    from ..scene.productions import Film

STAGES = (("reading", "Reading the trace"), ("layout", "Placing the blocks"), ("story", "Writing the story"))
TURN = 0.0005  # seconds that the thread goes on before the window gets its turn, for which Python takes 0.005


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
    """The rooms as they are; imported when first needed, so that enabling the add-on stays quick."""
    from ..core.trace import Trace
    from ..process.job import TracerJob
    from ..scene.productions import lay_out_film, plan_film

    return Rooms(TracerJob, Trace.open, lay_out_film, plan_film)


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
        before = sys.getswitchinterval()
        sys.setswitchinterval(TURN)  # the window asks for a turn some dozen times in each of its pictures
        try:
            traces = [rooms.read(path) for path in paths]
            self.stage = 1
            layouts = rooms.lay_out(traces, telling)
            self.stage = 2
            self.result = rooms.plan(traces, layouts, telling)
        except Exception as error:  # a thread's exception reaches nobody: hand it over
            self.error = as_user_error(error, STAGES[self.stage][1])
        finally:
            sys.setswitchinterval(before)
