# SPDX-License-Identifier: GPL-3.0-or-later
"""A rendering, driven by its poll(): the video comes whole, or what was there before stays."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.core.script import Script, write_script
from forward_pass.core.story import Act, Caption
from forward_pass.render.background import Note
from forward_pass.render.presets import Quality
from forward_pass.render.production import Follow, Production, Step
from forward_pass.ui.render_job import Rendering, RenderRooms, discard_frames, frames_there
from tests.ui.conftest import inventory

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]

TINY = Quality("tiny", size=(64, 64), fps=12, samples=1)


class Pretence:
    """A render room that writes small files, and remembers whether its generator was closed."""

    def __init__(self, fail: str = "") -> None:
        self.fail, self.closed, self.resumed = fail, False, False

    def produce(self, job: Production, follow: Follow, note: Note) -> Generator[None, None, None]:
        first, last = job.range
        self.resumed = job.resume
        try:
            for frame in range(first, last + 1):
                if self.fail == "frames" and frame == 3:
                    raise UserError("Frame 3 could not be rendered.", "Check free memory.")
                (job.frames / f"frame_{frame:06d}.png").write_text("picture")
                follow(Step("frames", frame - first + 1, last - first + 1))
                yield
            follow(Step("video", 0, 4))
            yield
            if self.fail == "encode":
                raise OSError("no space")
            job.out.write_text(f"{len(list(job.frames.iterdir()))} {job.quality.size} {job.quality.fps}")
        finally:
            self.closed = True

    def rooms(self) -> RenderRooms:
        return RenderRooms(self.produce)


@pytest.fixture
def scene() -> Any:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 4
    scene["fp_script"] = write_script(Script(1.0, (Caption(0.0, 1.0, "Sorted."),), (Act("All", 0.0, 1.0),)))
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


def test_one_frame_a_poll_then_the_video(scene: Any, tmp_path: Path) -> None:
    rendering = start(scene, tmp_path, Pretence())
    shares = finish(rendering)
    assert rendering.state == "done" and rendering.error is None
    assert len(shares) == 4 + 1 + 1 and shares == sorted(shares) and shares[-1] == 1.0
    assert names(tmp_path / "videos") == ["a.mp4"]
    assert rendering.out.read_text() == "4 (64, 64) 12"


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
    kept = [".a.mp4-64x64-12-frames"] if polls else []
    assert names(tmp_path / "videos") == [*kept, "a.mp4"]
    assert rendering.out.read_text() == "of yesterday"
    assert frames_there(rendering.out, TINY) == min(polls, 4)
    discard_frames(rendering.out, TINY)
    assert names(tmp_path / "videos") == ["a.mp4"]


def test_a_rendering_that_was_broken_off_goes_on(scene: Any, tmp_path: Path) -> None:
    broken = start(scene, tmp_path, Pretence("encode"))
    finish(broken)
    assert broken.state == "failed"
    again = Pretence()
    rendering = Rendering(scene, TINY, tmp_path / "videos" / "a.mp4", again.rooms(), resume=True)
    finish(rendering)
    assert again.resumed and names(tmp_path / "videos") == ["a.mp4"]


@pytest.mark.parametrize(
    ("fail", "message"),
    [("frames", "Frame 3 could not be rendered."), ("encode", "Rendering the video failed: OSError: no space.")],
)
def test_a_failure_leaves_frames_only(scene: Any, tmp_path: Path, fail: str, message: str) -> None:
    rendering = start(scene, tmp_path, Pretence(fail))
    finish(rendering)
    assert rendering.state == "failed" and rendering.error is not None
    assert rendering.error.message == message
    assert names(tmp_path / "videos") == [".a.mp4-64x64-12-frames"]


def test_a_place_that_cannot_be_written_is_refused_at_once(scene: Any, tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        start(scene, tmp_path, Pretence())


def test_a_real_video_from_the_button(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    from forward_pass.ui import render_operators

    scene["fp_version"], scene.frame_end, scene.frame_current, scene.render.fps = 1, 2, 2, 24
    scene.forward_pass.output = str(tmp_path)
    monkeypatch.setattr(render_operators, "render_quality", lambda scene: replace(TINY, fps=24))
    bpy.data.scenes.new("another")
    before = inventory()
    assert bpy.ops.forward_pass.render() == {"FINISHED"}
    assert inventory() == before
    assert names(tmp_path) == [f"CBABBC.{ending}" for ending in ("chapters.txt", "mp4", "narration.md", "srt", "vtt")]
    with av.open(str(tmp_path / "CBABBC.mp4")) as video:
        pictures = list(video.decode(video=0))
    assert len(pictures) == 2 and (pictures[0].width, pictures[0].height) == (64, 64)
    assert (scene.render.resolution_x, scene.frame_current, bpy.data.filepath) == (1920, 2, "")
