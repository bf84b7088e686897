# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes that render one saved scene together: without a GPU, one EEVEE keeps only one core busy."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .presets import Quality

MOST = 8  # each holds the whole scene in memory


def worker_count() -> int:
    """How many processes are worth while here: one where there is a GPU, else one for each core (at most MOST)."""
    if sys.platform != "linux" or any(Path("/dev").glob("nvidia[0-9]*")) or any(Path("/dev/dri").glob("renderD*")):
        return 1
    return max(1, min(MOST, len(os.sched_getaffinity(0))))


def render_together(
    blend: Path, folder: Path, quality: Quality, first: int, last: int, workers: int
) -> Generator[tuple[int, float], None, None]:
    """Renders frames `first` to `last` (inclusive) of the scene saved at `blend` into `folder` with that many
    processes; yields (frame, seconds it took) after each, in the order in which they are done.

    Closing the generator ends the processes. Raises `UserError` where one of them fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines: queue.Queue[tuple[int, str]] = queue.Queue()
    count = last - first + 1
    workers = min(workers, count)
    scratch = tempfile.TemporaryDirectory(prefix="forward_pass_", ignore_cleanup_errors=True)
    job = {
        "scratch": scratch.name,
        "blend": str(blend.resolve()),
        "folder": str(folder.resolve()),
        "quality": asdict(quality),
        "last": last,
    }
    # Mesa's software renderer would start threads for every core in every process.
    threads = max(1, (os.cpu_count() or 1) // workers)
    children = [_start({**job, "first": first + i, "step": workers}, threads) for i in range(workers)]
    try:
        for i, child in enumerate(children):
            threading.Thread(target=_listen, args=(i, child, lines), daemon=True).start()
        left, running = count, len(children)
        while running:
            i, line = lines.get()
            if not line:
                running -= 1
                if children[i].wait() != 0:
                    raise UserError(
                        "A process that renders the frames ended by itself.", "Check free memory, or use fewer workers."
                    )
                continue
            words = json.loads(line)
            if "message" in words:
                raise UserError(words["message"], words["hint"], words["code"])
            left -= 1
            yield int(words["frame"]), float(words["seconds"])
        if left:
            raise UserError(f"{left} frames were not rendered.", "Try again with one worker.")
    finally:
        for child in children:
            child.kill()
            child.wait()
        scratch.cleanup()


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
