# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders every n-th picture of a saved scene in a process of its own, and says each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.messages import FrameMessage
from .child import Say, serve
from .presets import Quality


def main(job: dict[str, Any], say: Say) -> None:
    """Opens `job["saved"]` and renders the pictures from `first` on, every `step`-th, into `folder`."""
    # Not before standard output is ours alone: where colours are managed by a file of the system's, Blender says so at
    # once.
    from .animation import render_animation
    from .pace import Pace, cut_frames
    from .saved import SavedScene, open_saved
    from .settings import still_settings

    scene, pace = open_saved(SavedScene(**job["saved"])), Pace(**job["pace"])
    clock = [time.perf_counter()]

    def written(picture: int) -> None:
        now = time.perf_counter()
        say(FrameMessage(picture, now - clock[0]))
        clock[0] = now

    pictures = range(job["first"], pace.pictures.stop, job["step"])
    with still_settings(scene, Quality.of(job["quality"])), cut_frames(scene, pace):
        try:
            render_animation(scene, pictures, pace, Path(job["folder"]), Path(job["scratch"]), written)
        except (RuntimeError, OSError) as error:
            raise UserError(
                f"The frames could not be rendered: {error}", "Check free memory and disk space."
            ) from error


if __name__ == "__main__":
    serve(main)
