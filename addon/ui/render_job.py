# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to a video, made by another Blender and followed by `poll()`: what the button "Render Video" starts."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UserError
from ..render.background import Note, produce_in_background
from ..render.endings import with_ending
from ..render.presets import Quality
from ..render.production import Follow, Production, Step
from .progress import RENDERING, Progress, as_user_error

State = Literal["rendering", "done", "failed", "cancelled"]
ENCODING = 0.95  # where on the bar the frames end and the video begins
MOST_NOTES = 500  # lines that are kept for a report
Produce = Callable[[Production, Follow, Note], Generator[None, None, None]]


@dataclass(frozen=True)
class RenderRooms:
    """The call into the render room, so that tests can put another there."""

    produce: Produce


def real_rooms() -> RenderRooms:
    """The render room as it is."""
    return RenderRooms(produce_in_background)


class Rendering:
    """One press of the button: every frame, then what is made of them with its captions and chapters beside it.

    Frames go to a hidden folder beside the video. Where it is broken off after the first frame they stay there, so
    that `resume` can go on with them; an earlier video stays until the new one is whole. Raises `UserError` where
    nothing can be written there.
    """

    def __init__(self, scene: Any, quality: Quality, out: Path, rooms: RenderRooms, resume: bool = False) -> None:
        self.state: State = "rendering"
        self.error: UserError | None = None
        self.progress = Progress(RENDERING, "Starting another Blender")
        self.out = with_ending(out, quality)
        self._notes: deque[str] = deque(maxlen=MOST_NOTES)
        self._folder = _make_folder(frames_folder(out, quality), resume)
        production = Production(scene, quality, self.out, self._folder, resume=resume)
        self._work = rooms.produce(production, self._hear, self._notes.append)

    @property
    def running(self) -> bool:
        """Whether `poll` still has something to do."""
        return self.state == "rendering"

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines of what the Blender that renders said."""
        return tuple(self._notes)

    def poll(self) -> None:
        """Starts it, then sees how far it is. Raises nothing."""
        if not self.running:
            return
        try:
            if next(self._work, END) is END:
                self.progress.tell(1.0, "Done")
                self._leave("done")
        except Exception as error:
            self.error = as_user_error(error, "Rendering the video")
            self._leave("failed")

    def cancel(self) -> None:
        """Stops at once; pictures that are complete stay."""
        self._leave("cancelled")

    end = cancel

    def _hear(self, step: Step) -> None:
        if step.stage == "video":
            self.progress.tell(ENCODING + (1 - ENCODING) * step.done / step.total, "Writing the video")
        elif step.done:
            self.progress.tell(ENCODING * step.done / step.total, f"Frames: {step.done} / {step.total}")
        else:
            self.progress.tell(0.0, "Rendering the first frame")

    def _leave(self, state: State) -> None:
        if not self.running:
            return
        self.state = state
        self._work.close()  # ends the other Blender
        if state == "done" or not any(self._folder.iterdir()):
            shutil.rmtree(self._folder, ignore_errors=True)


END = object()


def frames_folder(out: Path, quality: Quality) -> Path:
    """Where the frames of that video are until it is whole. Frames of another size or rate have another folder."""
    wide, high = quality.size
    return out.with_name(f".{with_ending(out, quality).name}-{wide}x{high}-{quality.fps}-frames")


def frames_there(out: Path, quality: Quality) -> int:
    """How many pictures of that video are there from a rendering that was broken off."""
    folder = frames_folder(out, quality)
    return len(list(folder.glob("*.png"))) if folder.is_dir() else 0


def discard_frames(out: Path, quality: Quality) -> None:
    """Takes them away."""
    shutil.rmtree(frames_folder(out, quality), ignore_errors=True)


def _make_folder(folder: Path, resume: bool) -> Path:
    try:
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"{folder.parent} cannot be written: {error.strerror}."
        raise UserError(what, "Choose another output folder.") from error
    return folder
