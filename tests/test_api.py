# SPDX-License-Identifier: GPL-3.0-or-later
"""The package as scripts import it: five calls from a prompt to a video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import forward_pass
from forward_pass import Trace, UserError, lay_out, tell, trace


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    pytest.importorskip("torch")
    return trace("CBABBC", path=tmp_path_factory.mktemp("api") / "run.trace.safetensors", steps=1)


def test_everything_that_is_listed_is_there() -> None:
    assert all(callable(getattr(forward_pass, name)) for name in forward_pass.__all__)
    with pytest.raises(AttributeError, match="no attribute 'everything'"):
        _ = forward_pass.everything


def test_importing_the_package_loads_no_room() -> None:
    program = "import sys, forward_pass; print([name for name in sys.modules if name.startswith('forward_pass.')])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


def test_options_go_by_their_names(run: Trace) -> None:
    assert run.prompt == "CBABBC" and len(run.steps) == 1
    with pytest.raises(UserError, match=r"no such option.*'heat'") as caught:
        trace("CBABBC", options={"heat": 2})
    assert caught.value.code == 2 and "temperature" in caught.value.hint


def test_a_video_in_five_calls(run: Trace, tmp_path: Path) -> None:
    bpy = pytest.importorskip("bpy")
    from forward_pass import build, render_video
    from forward_pass.render.presets import Quality
    from forward_pass.scene.themes import apply_theme

    bpy.ops.wm.read_factory_settings(use_empty=True)
    layout = lay_out(run)
    story = tell(run, layout, seconds=30)
    heard: list[str] = []

    def follow(what: str, done: float) -> None:
        assert 0 <= done <= 1
        heard.append(what)

    scene = build(run, layout, story, size=(128, 72), fps=12, follow=follow)
    assert scene["fp_version"] == 1 and "Overview" in scene["fp_script"]
    quality = Quality("tiny", size=(128, 72), fps=12, samples=1)
    read = 3 + round(12 * story.captions[0].start)  # while the first caption is there
    out = render_video(scene, tmp_path / "new" / "run.mp4", quality, frames=(read, read + 1), follow=follow)
    assert out.read_bytes()[4:8] == b"ftyp"
    assert out.with_suffix(".srt").read_text(encoding="utf-8").startswith("1\n00:00:")
    assert sorted(path.name for path in out.parent.iterdir()) == [
        f"run.{ending}" for ending in ("chapters.txt", "mp4", "narration.md", "srt", "vtt")
    ]
    assert {"blocks", "frames", "video"} <= set(heard)
    # A file may have several.
    other = build(run, layout, story, theme="paper", size=(128, 72), fps=12)
    assert other is not scene and len(other.objects) == len(scene.objects)
    apply_theme(other, "blackboard")
    assert (scene["fp_theme"], other["fp_theme"]) == ("midnight", "blackboard")
