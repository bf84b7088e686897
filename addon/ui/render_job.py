# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to a video, a frame at each `poll()`: what the button "Render Video" starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UserError
from ..render.endings import with_ending
from ..render.presets import Quality
from ..render.production import Production, Step, produce
from .progress import Progress, as_user_error

State = Literal["rendering", "done", "failed", "cancelled"]
ENCODING = 0.95  # where on the bar the frames end and the video begins
Produce = Callable[[Production, Callable[[Step], None]], Generator[None, None, None]]


@dataclass(frozen=True)
class RenderRooms:
    """The call into the render room, so that tests can put another there."""

    produce: Produce


def real_rooms() -> RenderRooms:
    """The render room as it is."""
    return RenderRooms(produce)


class Rendering:
    """One press of the button: every frame, then what is made of them with its captions and chapters beside it.

    Frames go to a hidden folder beside the video, which is gone at the end however it ends; an earlier video stays
    until the new one is whole. Raises `UserError` where nothing can be written there.
    """

    def __init__(self, scene: Any, quality: Quality, out: Path, rooms: RenderRooms) -> None:
        self.state: State = "rendering"
        self.error: UserError | None = None
        self.progress = Progress("Rendering", "Rendering the first frame")
        self.out = with_ending(out, quality)
        self.log: tuple[str, ...] = ()
        self._folder = _folder_beside(self.out)
        self._work = rooms.produce(Production(scene, quality, self.out, self._folder), self._hear)

    @property
    def running(self) -> bool:
        """Whether `poll` still has something to do."""
        return self.state == "rendering"

    def poll(self) -> None:
        """Renders one frame, or after the last encodes them. Raises nothing."""
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
        """Stops between two frames and takes them away."""
        self._leave("cancelled")

    end = cancel

    def _hear(self, step: Step) -> None:
        if step.stage == "video":
            self.progress.tell(ENCODING + (1 - ENCODING) * step.done / step.total, "Writing the video")
        elif step.done:
            self.progress.tell(ENCODING * step.done / step.total, f"Frame {step.done} of {step.total}")

    def _leave(self, state: State) -> None:
        if not self.running:
            return
        self.state = state
        with suppress(ReferenceError):  # the scene is gone, and its settings with it
            self._work.close()  # puts the scene's settings back
        shutil.rmtree(self._folder, ignore_errors=True)


END = object()


def _folder_beside(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{out.stem}-frames-", dir=out.parent))
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}.", "Choose another output folder.") from error
