# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders some frames of a saved scene in a process of its own: `python -m <package>.render.worker`, with the job as
JSON on the command line; says {"frame", "seconds"} or {"message", "hint", "code"} on a line of its own for each."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

import bpy

from ..core.errors import UserError
from .frames import frame_path, render_still
from .presets import Quality
from .settings import still_settings


def main(job: dict[str, Any], out: TextIO) -> None:
    """Opens `job["blend"]` and renders `job["frames"]` into `job["folder"]`."""
    quality = Quality(**{**job["quality"], "size": tuple(job["quality"]["size"])})
    bpy.ops.wm.open_mainfile(filepath=job["blend"], load_ui=False)
    scene = bpy.context.scene
    with still_settings(scene, quality):
        for frame in job["frames"]:
            started = time.perf_counter()
            render_still(scene, frame, frame_path(Path(job["folder"]), frame))
            print(json.dumps({"frame": frame, "seconds": time.perf_counter() - started}), file=out, flush=True)


def _end_with_parent() -> None:
    """The parent holds our standard input: when it closes, by intention or by death, so do we."""
    sys.stdin.buffer.read()
    os._exit(130)


if __name__ == "__main__":
    # Blender writes to standard output when it likes: what we say goes to a copy of it, and Blender's to nowhere.
    said = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    status = 0
    try:
        main(json.loads(sys.argv[1]), said)
    except UserError as error:
        print(json.dumps({"message": error.message, "hint": error.hint, "code": error.code}), file=said, flush=True)
        status = error.code
    said.flush()
    os._exit(status)  # some versions of bpy hang at an ordinary exit
