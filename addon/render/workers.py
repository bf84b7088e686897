# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes that render one saved scene together: without a GPU, one EEVEE keeps only one core busy."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path

from ..core.errors import UserError
from ..core.messages import ErrorMessage, FrameMessage, decode
from .blender import end, how_it_ended, start
from .pace import Pace
from .pictures import frame_path, is_complete
from .presets import Quality
from .saved import SavedScene

MOST = 8  # each holds the whole scene in memory
LONGEST_LINE = 1 << 16  # characters
MOST_WAITING = 1000  # messages of a process that nobody has taken; then it has to wait


def worker_count() -> int:
    """How many processes are worth while here: one where there is a GPU, else one for each core (at most MOST)."""
    if sys.platform != "linux" or any(Path("/dev").glob("nvidia[0-9]*")) or any(Path("/dev/dri").glob("renderD*")):
        return 1
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


@dataclass
class _Worker:
    """A process, the next picture that it owes, and how many have come since it was started."""

    process: subprocess.Popen[str]
    owes: int
    came: int = 0


Said = FrameMessage | ErrorMessage | None  # None is the end


def render_together(
    saved: SavedScene, folder: Path, quality: Quality, pace: Pace, workers: int, *, resume: bool = False
) -> Generator[tuple[int, float], None, None]:
    """Renders the pictures of a saved scene into `folder` with that many processes; yields (picture, seconds it took)
    after each, in the order in which they are done.

    With `resume`, each process begins behind the complete pictures that lie there already (0 seconds). A process that
    dies after it has rendered something is started again where it stopped: an hour of frames is not lost to one crash.
    Closing the generator ends the processes. Raises `UserError` where a process cannot go on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said: queue.Queue[tuple[_Worker, Said]] = queue.Queue(MOST_WAITING)
    workers = min(workers, pace.count)
    # Mesa's software renderer would start threads for every core in every process.
    threads = max(1, (os.cpu_count() or 1) // workers)
    with tempfile.TemporaryDirectory(prefix="forward_pass_", ignore_cleanup_errors=True) as scratch:
        job = {
            "scratch": scratch,
            "saved": asdict(saved),
            "folder": str(folder.resolve()),
            "quality": asdict(quality),
            "pace": asdict(pace),
            "step": workers,
        }

        def begin(picture: int) -> _Worker:
            worker = _Worker(start("render.worker", {**job, "first": picture}, threads=threads), picture)
            threading.Thread(target=_listen, args=(worker, said), daemon=True).start()
            return worker

        firsts = pace.pictures[:workers]
        kept = [_kept(folder, quality, pace.pictures[i::workers]) if resume else [] for i in range(workers)]
        team: list[_Worker] = []
        try:
            owed = (first + workers * len(there) for first, there in zip(firsts, kept, strict=True))
            team += (begin(picture) for picture in owed if picture in pace.pictures)
            yield from ((picture, 0.0) for there in kept for picture in there)
            while any(worker.owes in pace.pictures for worker in team):
                worker, message = said.get()
                if isinstance(message, ErrorMessage):
                    raise UserError(message.message, message.hint, message.code)
                if message is not None and message.frame == worker.owes:
                    _check(folder, quality, message.frame)
                    worker.owes, worker.came = message.frame + workers, worker.came + 1
                    yield message.frame, message.seconds
                elif message is None and worker.owes in pace.pictures:
                    if not worker.came:
                        raise _ended(worker.process.wait())
                    team[team.index(worker)] = begin(worker.owes)
        finally:
            for worker in team:
                end(worker.process)


def _kept(folder: Path, quality: Quality, wanted: range) -> list[int]:
    """Pictures of `wanted` that are complete, up to the first that is not."""
    return list(takewhile(lambda picture: is_complete(frame_path(folder, picture), quality.size), wanted))


def _check(folder: Path, quality: Quality, picture: int) -> None:
    if not is_complete(frame_path(folder, picture), quality.size):
        raise UserError(f"Frame {picture} was rendered, but is not whole in {folder}.", "Check free disk space.")


def _ended(status: int) -> UserError:
    what = f"A process that renders the frames {how_it_ended(status)}."
    return UserError(what, "Check free memory, or use fewer workers.")


def _listen(worker: _Worker, said: queue.Queue[tuple[_Worker, Said]]) -> None:
    stream = worker.process.stdout
    assert stream is not None
    with suppress(ValueError):  # closed, as the process was ended
        for line in iter(lambda: stream.readline(LONGEST_LINE), ""):
            with suppress(ValueError):  # Blender's, before the process has standard output for itself
                message = decode(line)
                if isinstance(message, FrameMessage | ErrorMessage):
                    said.put((worker, message))
    said.put((worker, None))
