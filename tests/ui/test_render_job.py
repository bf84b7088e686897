# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendering, driven by its poll(): the video comes whole, or what was there before stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.render.presets import Quality
from forward_pass.ui.render_job import Rendering, RenderRooms, real_rooms

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]

CAPTIONS = "1\n00:00:00,000 --> 00:00:00,040\nA letter\n"
TINY = Quality("tiny", size=(64, 64), fps=12, samples=1)


class Pretence:
    """A render room that writes small files, and remembers whether its generator was closed."""

    def __init__(self, fail: str = "") -> None:
        self.fail, self.closed = fail, False

    def frames(self, scene: Any, folder: Path, quality: Quality) -> Iterator[tuple[int, float]]:
        try:
            for frame in range(scene.frame_start, scene.frame_end + 1):
                if self.fail == "frames" and frame == 3:
                    raise UserError("Frame 3 could not be rendered.", "Check free memory.")
                (folder / f"frame_{frame:06d}.png").write_text("picture")
                yield frame, 0.1
        finally:
            self.closed = True

    def encode(self, frames: Sequence[Path], out: Path, size: tuple[int, int], fps: int) -> None:
        if self.fail == "encode":
            raise OSError("no space")
        out.write_text(f"{[frame.name for frame in frames]} {size} {fps}")

    def rooms(self) -> RenderRooms:
        return RenderRooms(self.frames, self.encode, self.write_text)

    def write_text(self, path: Path, text: str) -> None:
        path.write_text(text)


@pytest.fixture
def scene() -> Any:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 4
    scene["fp_captions"], scene["fp_chapters"] = CAPTIONS, "00:00 Overview\n"
    return scene


def start(scene: Any, tmp_path: Path, pretence: Pretence) -> Rendering:
    return Rendering(scene, TINY, tmp_path / "videos" / "a.mp4", pretence.rooms())


def finish(rendering: Rendering) -> list[float]:
    shares = []
    while rendering.running:
        rendering.poll()
        shares.append(rendering.progress.done)
    return shares


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_frame_a_poll_then_the_video_and_its_texts(scene: Any, tmp_path: Path) -> None:
    rendering = start(scene, tmp_path, Pretence())
    shares = finish(rendering)
    assert rendering.state == "done" and rendering.error is None
    assert len(shares) == 4 + 1 + 1 and shares == sorted(shares) and shares[-1] == 1.0
    assert names(tmp_path / "videos") == ["a.chapters.txt", "a.mp4", "a.srt"]
    expected = "['frame_000001.png', 'frame_000002.png', 'frame_000003.png', 'frame_000004.png'] (64, 64) 12"
    assert rendering.out.read_text() == expected
    assert (tmp_path / "videos" / "a.srt").read_text() == CAPTIONS


@pytest.mark.parametrize("polls", [0, 1, 3, 5])
def test_a_cancel_leaves_the_earlier_video(scene: Any, tmp_path: Path, polls: int) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_text("of yesterday")
    pretence = Pretence()
    rendering = start(scene, tmp_path, pretence)
    for _ in range(polls):
        rendering.poll()
    rendering.cancel()
    assert rendering.state == "cancelled"
    assert pretence.closed or polls == 0  # a generator that never began has nothing to put back
    assert names(tmp_path / "videos") == ["a.mp4"]
    assert rendering.out.read_text() == "of yesterday"


@pytest.mark.parametrize(
    ("fail", "message"),
    [("frames", "Frame 3 could not be rendered."), ("encode", "Rendering the video failed: OSError: no space.")],
)
def test_a_failure_leaves_nothing(scene: Any, tmp_path: Path, fail: str, message: str) -> None:
    rendering = start(scene, tmp_path, Pretence(fail))
    finish(rendering)
    assert rendering.state == "failed" and rendering.error is not None
    assert rendering.error.message == message
    assert names(tmp_path / "videos") == []


def test_a_place_that_cannot_be_written_is_refused_at_once(scene: Any, tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        start(scene, tmp_path, Pretence())


def test_a_real_video_from_the_button(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    from forward_pass.ui import operators

    scene["fp_version"], scene.frame_end = 1, 2
    scene.forward_pass.output = str(tmp_path)
    monkeypatch.setattr(operators, "render_quality", lambda scene: TINY)
    assert real_rooms().encode is not None
    assert bpy.ops.forward_pass.render() == {"FINISHED"}
    assert names(tmp_path) == ["CBABBC.chapters.txt", "CBABBC.mp4", "CBABBC.srt"]
    with av.open(str(tmp_path / "CBABBC.mp4")) as video:
        pictures = list(video.decode(video=0))
    assert len(pictures) == 2 and (pictures[0].width, pictures[0].height) == (64, 64)
    assert scene.render.resolution_x == 1920  # put back
