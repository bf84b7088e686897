# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes that render one saved scene together: without a GPU, one EEVEE keeps only one core busy."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .pictures import frame_path, is_complete
from .presets import Quality

MOST = 8  # each holds the whole scene in memory


def worker_count() -> int:
    """How many processes are worth while here: one where there is a GPU, else one for each core (at most MOST)."""
    if sys.platform != "linux" or any(Path("/dev").glob("nvidia[0-9]*")) or any(Path("/dev/dri").glob("renderD*")):
        return 1
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


@dataclass
class _Worker:
    """A process, the next frame that it owes, and how many have come since it was started."""

    process: subprocess.Popen[str]
    owes: int
    came: int = 0


def render_together(
    blend: Path, folder: Path, quality: Quality, first: int, last: int, workers: int, *, resume: bool = False
) -> Generator[tuple[int, float], None, None]:
    """Renders frames `first` to `last` (inclusive) of the scene saved at `blend` into `folder` with that many
    processes; yields (frame, seconds it took) after each, in the order in which they are done.

    With `resume`, each process begins behind the complete pictures that lie there already (0 seconds). A process that
    dies after it has rendered something is started again where it stopped: an hour of frames is not lost to one crash.
    Closing the generator ends the processes. Raises `UserError` where a process cannot go on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: queue.Queue[tuple[int, str]] = queue.Queue()
    workers = min(workers, last - first + 1)
    # Mesa's software renderer would start threads for every core in every process.
    threads = max(1, (os.cpu_count() or 1) // workers)
    with tempfile.TemporaryDirectory(prefix="forward_pass_", ignore_cleanup_errors=True) as scratch:
        job = {
            "scratch": scratch,
            "blend": str(blend.resolve()),
            "folder": str(folder.resolve()),
            "quality": asdict(quality),
            "last": last,
            "step": workers,
        }

        def start(i: int, frame: int) -> _Worker:
            worker = _Worker(_start({**job, "first": frame}, threads), frame)
            threading.Thread(target=_listen, args=(i, worker.process, lines), daemon=True).start()
            return worker

        kept = [_kept(folder, quality, first + i, last, workers) if resume else [] for i in range(workers)]
        team = [start(i, first + i + workers * len(kept[i])) for i in range(workers)]
        try:
            yield from ((frame, 0.0) for frames in kept for frame in frames)
            while any(worker.owes <= last for worker in team):
                i, line = lines.get()
                worker = team[i]
                if line:
                    frame, seconds = _frame(line)
                    worker.owes, worker.came = frame + workers, worker.came + 1
                    yield frame, seconds
                elif worker.owes <= last:
                    if not worker.came:
                        raise _ended(worker.process.wait())
                    team[i] = start(i, worker.owes)
        finally:
            for worker in team:
                worker.process.kill()
                worker.process.wait()


def _kept(folder: Path, quality: Quality, first: int, last: int, step: int) -> list[int]:
    """Frames of every `step`-th from `first` on that are complete, up to the first that is not."""
    wanted = range(first, last + 1, step)
    return list(takewhile(lambda frame: is_complete(frame_path(folder, frame), quality.size), wanted))


def _frame(line: str) -> tuple[int, float]:
    """The frame that a worker says it has rendered, and the seconds it took; its error as a `UserError`."""
    words = json.loads(line)
    if "message" in words:
        raise UserError(words["message"], words["hint"], words["code"])
    return int(words["frame"]), float(words["seconds"])


def _ended(status: int) -> UserError:
    how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return UserError(f"A process that renders the frames {how}.", "Check free memory, or use fewer workers.")


def _start(job: dict[str, Any], threads: int) -> subprocess.Popen[str]:
    package = Path(__file__).resolve().parents[1]
    search = os.pathsep.join([str(package.parent), os.environ.get("PYTHONPATH", "")])
    environment = {"LP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": search}
    # A group of its own: Ctrl-C in a terminal is the parent's to handle.
    return subprocess.Popen(
        [sys.executable, "-m", f"{package.name}.render.worker", json.dumps(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        start_new_session=True,
    )


def _listen(i: int, child: subprocess.Popen[str], lines: queue.Queue[tuple[int, str]]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        lines.put((i, line))
    lines.put((i, ""))
