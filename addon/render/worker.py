# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders every n-th frame of a saved scene in a process of its own: `python -m <package>.render.worker`, with the job
as JSON on the command line; says {"frame", "seconds"} or {"message", "hint", "code"}, a line for each."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from ..core.errors import UserError
from .presets import Quality


def main(job: dict[str, Any], out: TextIO) -> None:
    """Opens `job["blend"]` and renders frames `first` to `last`, every `step`-th, into `folder`."""
    # Not before standard output is ours alone: where colours are managed by a file of the system's, Blender says so at
    # once.
    import bpy

    from .animation import render_animation
    from .settings import still_settings

    quality = Quality(**{**job["quality"], "size": tuple(job["quality"]["size"])})
    try:
        bpy.ops.wm.open_mainfile(filepath=job["blend"], load_ui=False)
    except RuntimeError as error:
        raise UserError(f"The scene {job['blend']} cannot be opened.", "It may be damaged: make it again.") from error
    scene: Any = bpy.context.scene
    assert scene is not None  # every .blend has one
    clock = [time.perf_counter()]

    def written(frame: int) -> None:
        now = time.perf_counter()
        print(json.dumps({"frame": frame, "seconds": now - clock[0]}), file=out, flush=True)
        clock[0] = now

    frames = range(job["first"], job["last"] + 1, job["step"])
    with still_settings(scene, quality):
        try:
            render_animation(scene, frames, Path(job["folder"]), Path(job["scratch"]), written)
        except (RuntimeError, OSError) as error:
            raise UserError(
                f"The frames could not be rendered: {error}", "Check free memory and disk space."
            ) from error


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
