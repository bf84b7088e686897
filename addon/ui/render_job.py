# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scene to a video, a frame at each `poll()`: what the button "Render Video" starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UserError
from ..render.presets import Quality
from .progress import Progress, as_user_error
from .texts import captions_of, chapters_of

State = Literal["rendering", "encoding", "done", "failed", "cancelled"]
ENCODING = 0.95  # where on the bar the frames end and the video begins


@dataclass(frozen=True)
class RenderRooms:
    """The calls into the render room, in one place, so that tests can put others there."""

    frames: Callable[..., Iterator[tuple[int, float]]]
    encode: Callable[..., None]
    write_text: Callable[[Path, str], None]


def real_rooms() -> RenderRooms:
    """The render room as it is; imported when first needed."""
    from ..render.captions import write_text
    from ..render.frames import render_frames
    from ..render.video import encode

    return RenderRooms(render_frames, encode, write_text)


class Rendering:
    """One press of the button: every frame, then the video with its captions and chapters beside it.

    Frames go to a hidden folder beside the video, which is gone at the end however it ends; an earlier video stays
    until the new one is whole. Raises `UserError` where nothing can be written there.
    """

    def __init__(self, scene: Any, quality: Quality, out: Path, rooms: RenderRooms) -> None:
        self.state: State = "rendering"
        self.error: UserError | None = None
        self.progress = Progress("Rendering", "Rendering the first frame")
        self.out = out
        self.log: tuple[str, ...] = ()
        self._rooms = rooms
        self._quality = quality
        self._texts = {".srt": captions_of(scene), ".chapters.txt": chapters_of(scene)}
        self._count = scene.frame_end - scene.frame_start + 1
        self._folder = _folder_beside(out)
        self._frames = rooms.frames(scene, self._folder, quality)

    @property
    def running(self) -> bool:
        """Whether `poll` still has something to do."""
        return self.state in ("rendering", "encoding")

    def poll(self) -> None:
        """Renders one frame, or after the last encodes them. Raises nothing."""
        try:
            if self.state == "rendering":
                self._render()
            elif self.state == "encoding":
                self._encode()
        except Exception as error:
            self.error = as_user_error(error, "Rendering the video")
            self._leave("failed")

    def cancel(self) -> None:
        """Stops between two frames and takes them away."""
        self._leave("cancelled")

    end = cancel

    def _render(self) -> None:
        step = next(self._frames, None)
        if step is None:
            self.state = "encoding"
            self.progress.tell(ENCODING, "Writing the video")
            return
        pictures = len(list(self._folder.glob("*.png")))
        self.progress.tell(ENCODING * pictures / self._count, f"Frame {pictures} of {self._count}")

    def _encode(self) -> None:
        pictures = sorted(self._folder.glob("*.png"))
        self._rooms.encode(pictures, self.out, self._quality.size, self._quality.fps)
        for ending, text in self._texts.items():
            if text:
                self._rooms.write_text(self.out.with_suffix(ending), text)
        self.progress.tell(1.0, "Done")
        self._leave("done")

    def _leave(self, state: State) -> None:
        if not self.running:
            return
        self.state = state
        if isinstance(self._frames, Generator):
            with suppress(ReferenceError):  # the scene is gone, and its settings with it
                self._frames.close()  # puts the scene's settings back
        shutil.rmtree(self._folder, ignore_errors=True)


def _folder_beside(out: Path) -> Path:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{out.stem}-frames-", dir=out.parent))
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}.", "Choose another output folder.") from error
