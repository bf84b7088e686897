# SPDX-License-Identifier: GPL-3.0-or-later
"""From a trace file to a story, in a thread: all of it is pure data, so Blender's window need not wait."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .progress import as_user_error

STAGES = (("reading", "Reading the trace"), ("layout", "Placing the blocks"), ("story", "Writing the story"))
TURN = 0.0005  # seconds that the thread goes on before the window gets its turn, for which Python takes 0.005


@dataclass(frozen=True)
class Rooms:
    """The calls into the other rooms that a generation makes, in one place, so that tests can put others there.

    `start(request)` gives a job like `process.job.TracerJob`, `tell(trace, layout, **telling)` is `core.story.tell`
    and `build` is `scene.build.build_scene`.
    """

    start: Callable[[Any], Any]
    read: Callable[[Path], Any]
    lay_out: Callable[[Any, float], Any]
    tell: Callable[..., Any]
    build: Callable[..., Iterator[tuple[str, float]]]


def real_rooms() -> Rooms:
    """The rooms as they are; imported when first needed, so that enabling the add-on stays quick."""
    from ..core.layout import lay_out
    from ..core.story import tell
    from ..core.trace import Trace
    from ..process.job import TracerJob
    from ..scene.build import build_scene

    return Rooms(TracerJob, Trace.open, lay_out, tell, build_scene)


class Preparation:
    """Reading, layout and story at work in a thread, from the moment this is made."""

    def __init__(self, rooms: Rooms, path: Path, aspect: float, telling: Mapping[str, Any]) -> None:
        self.stage = 0  # place in STAGES
        self.result: tuple[Any, Any, Any] | None = None  # trace, layout, story
        self.error: Exception | None = None
        self._arguments = (rooms, path, aspect, telling)
        self._thread = threading.Thread(target=self._run, name="forward-pass-prepare", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread is still at it. Once False, `result` or `error` is set."""
        return self._thread.is_alive()

    def _run(self) -> None:
        rooms, path, aspect, telling = self._arguments
        before = sys.getswitchinterval()
        sys.setswitchinterval(TURN)  # the window asks for a turn some dozen times in each of its pictures
        try:
            trace = rooms.read(path)
            self.stage = 1
            layout = rooms.lay_out(trace, aspect)
            self.stage = 2
            self.result = (trace, layout, rooms.tell(trace, layout, **telling))
        except Exception as error:  # a thread's exception reaches nobody: hand it over
            self.error = as_user_error(error, STAGES[self.stage][1])
        finally:
            sys.setswitchinterval(before)
