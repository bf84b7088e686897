# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out of a scene: videos and folders, with what is said beside them, and nothing half made."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bpy")
av = pytest.importorskip("av")
Image = pytest.importorskip("PIL.Image")

import bpy
import numpy as np

from forward_pass.core.errors import UserError
from forward_pass.core.script import Script
from forward_pass.core.story import Act
from forward_pass.render.captions import chapters, srt
from forward_pass.render.pieces import cut
from forward_pass.render.presets import Quality
from forward_pass.render.production import Production, Step, produce
from forward_pass.render.script import script_in
from forward_pass.scene.clock import key_clock

pytestmark = pytest.mark.blender

TINY = Quality("tiny", size=(96, 64), fps=4, samples=1)
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def make(scene: Any, out: Path, quality: Quality, **options: Any) -> list[Step]:
    """Everything made; the steps on the way."""
    steps: list[Step] = []
    for _ in produce(Production(scene, quality, out, out.parent / ".frames", **options), steps.append):
        pass
    return steps


def pixels(path: Path) -> list[tuple[int, ...]]:
    """Left, middle and right of a picture."""
    picture = Image.open(path)
    return [picture.getpixel((x, 32)) for x in (8, 48, 88)]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_video_comes_with_its_texts(told: Any, tmp_path: Path) -> None:
    steps = make(told, tmp_path / "a.mp4", TINY, first=3, last=6, batch=3)
    assert [step for step in steps if step.stage == "frames"] == [Step("frames", done, 4) for done in range(5)]
    assert steps[-1] == Step("video", 4, 4)
    assert names(tmp_path) == {"a.mp4", "a.srt", "a.vtt", "a.chapters.txt", "a.narration.md"}
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert video.streams.video[0].frames == 4
    # Frame 3 is half a second into the story.
    assert "00:00:00,000 --> 00:00:00,250\nA card." in (tmp_path / "a.srt").read_text()
    assert (tmp_path / "a.chapters.txt").read_text() == "00:00 One: first\n00:00 Two\n"
    make(told, tmp_path / "b.mp4", replace(TINY, captions="burnt"), last=1)
    assert {name for name in names(tmp_path) if name[0] == "b"} == {"b.mp4", "b.chapters.txt", "b.narration.md"}


def test_frames_are_clear_where_nothing_stands(told: Any, tmp_path: Path) -> None:
    clear = replace(TINY, form="frames", transparent=True)
    make(told, tmp_path / "clear", clear, last=2, batch=2)
    assert names(tmp_path / "clear") == {"frame_000001.png", "frame_000002.png"}
    left, middle, right = pixels(tmp_path / "clear" / "frame_000002.png")
    assert (left, middle, right[3]) == ((*BLUE, 255), (*WHITE, 255), 0)
    assert not told.render.film_transparent
    make(told, tmp_path / "clear", replace(clear, transparent=False), first=2, last=2)
    assert names(tmp_path / "clear") == {"frame_000002.png"}  # an earlier folder goes
    assert pixels(tmp_path / "clear" / "frame_000002.png") == [BLUE, WHITE, RED]
    assert names(tmp_path) >= {"clear", "clear.srt"}


def test_captions_leave_the_picture_by_one_switch(told: Any, tmp_path: Path) -> None:
    captions = next(one for one in told.collection.children_recursive if one.name.startswith("captions"))
    frames = replace(TINY, form="frames")
    make(told, tmp_path / "a", replace(frames, captions="beside"), last=1)
    assert pixels(tmp_path / "a" / "frame_000001.png")[1] != WHITE and not captions.hide_render
    captions.hide_render = True
    make(told, tmp_path / "b", frames, last=1)
    assert pixels(tmp_path / "b" / "frame_000001.png")[1] != WHITE and captions.hide_render


def test_a_lecture_gets_a_still_for_each_act_with_its_words(told: Any, tmp_path: Path) -> None:
    steps = make(told, tmp_path / "talk", replace(TINY, form="stills"))
    assert steps[-1] == Step("frames", 2, 2)
    stills = {"01 One first.png", "01 One first.txt", "02 Two.png", "02 Two.txt", "stills.md"}
    assert names(tmp_path / "talk") == stills and names(tmp_path) == {"talk"}
    assert (tmp_path / "talk" / "02 Two.txt").read_text() == "The same card.\n"
    assert {path.name for path in (tmp_path / ".frames").iterdir()} == {"frame_000003.png", "frame_000008.png"}
    assert "![Two](<02 Two.png>)\n\nThe same card." in (tmp_path / "talk" / "stills.md").read_text()


def test_a_talk_gets_a_video_for_each_act(told: Any, tmp_path: Path) -> None:
    steps = make(told, tmp_path / "talk", replace(TINY, form="pieces"), first=2, last=7, batch=8)
    assert steps[-1] == Step("video", 6, 6) and [step.done for step in steps if step.stage == "video"] == [*range(7)]
    assert names(tmp_path / "talk") == {
        f"{name}.{kind}" for name in ("01 One first", "02 Two") for kind in ("mp4", "txt")
    }
    assert names(tmp_path) == {"talk"}
    counts = []
    for path in sorted((tmp_path / "talk").glob("*.mp4")):
        with av.open(str(path)) as video:
            counts.append(video.streams.video[0].frames)
    assert counts == [3, 3]


def test_every_frame_is_in_one_piece() -> None:
    acts = tuple(
        Act(f"act {i}", start, end - start) for i, (start, end) in enumerate(pairwise([0.0, 0.01, 2.0, 7.9, 8]))
    )
    pieces = cut(Script(8.0, (), acts), 11, 42, 4)
    assert [frame for piece in pieces for frame in range(piece.first, piece.last + 1)] == [*range(11, 43)]
    assert [(piece.act.name, piece.first) for piece in pieces] == [("act 1", 11), ("act 2", 19), ("act 3", 42)]
    (whole,) = cut(Script(8.0), 1, 32, 4)
    assert (whole.first, whole.last) == (1, 32)


def test_what_is_broken_off_goes_on_where_it_stopped(told: Any, tmp_path: Path) -> None:
    job = Production(told, TINY, tmp_path / "a.mp4", tmp_path / "frames", last=3)
    work = produce(job, lambda step: None)
    next(work)
    work.close()
    (first,) = (tmp_path / "frames").iterdir()
    stamp = first.stat().st_mtime_ns
    assert names(tmp_path) == {"frames"}
    for _ in produce(replace(job, resume=True, batch=8), lambda step: None):
        pass
    assert first.stat().st_mtime_ns == stamp and (tmp_path / "a.mp4").is_file()


def test_a_folder_of_somebody_elses_is_left_alone(told: Any, tmp_path: Path) -> None:
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "thesis.docx").touch()
    with pytest.raises(UserError, match=r"thesis\.docx"):
        make(told, tmp_path / "talk", replace(TINY, form="stills"))
    assert names(tmp_path) == {"talk"} and names(tmp_path / "talk") == {"thesis.docx"}


def test_what_is_said_follows_the_keys_of_the_clock(told: Any) -> None:
    even = script_in(told, 1, 8, 4)
    assert [(one.start, one.duration) for one in even.captions] == [(0.25, 0.5), (1.25, 0.5)]
    key_clock(told, 2.0, 4)
    assert script_in(told, 1, 9, 4).captions == even.captions
    for fps in (2, 10, 60):  # it is said at the same second whatever the frame rate
        other = script_in(told, 1, 9, fps)
        assert srt(other) == srt(even) and chapters(other) == chapters(even)
    # The same story in twice the time.
    curve: Any = told.animation_data.action.layers[0].strips[0].channelbags[0].fcurves.find('["fp_time"]')
    curve.keyframe_points[1].co = (17.0, 2.0)
    curve.update()
    slow = script_in(told, 1, 17, 4)
    expected = [(2 * one.start, 2 * one.duration) for one in even.captions]
    assert np.array([(one.start, one.duration) for one in slow.captions]) == pytest.approx(np.array(expected))
    assert slow.moments == pytest.approx((1.0, 3.5))


def test_a_scene_that_says_nothing_is_a_video_alone(told: Any, tmp_path: Path) -> None:
    del told["fp_script"]
    make(told, tmp_path / "a.mp4", TINY, last=1)
    assert names(tmp_path) == {"a.mp4"}
    assert bpy.data.scenes.get("Forward Pass encoder") is None
