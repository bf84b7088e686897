# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts gone to, retimed, left out and moved, by the operators and fields that the panel has."""

from __future__ import annotations

import json
import wave
from collections.abc import Generator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.script import Script, write_script
from forward_pass.core.story import Act, Caption
from forward_pass.render.captions import chapters, srt
from forward_pass.render.pace import pace_of
from forward_pass.render.pieces import cut
from forward_pass.render.presets import quality
from forward_pass.render.script import script_in
from forward_pass.render.stills import still_frames
from forward_pass.scene.acts import acts_of
from forward_pass.scene.clock import clock_curve, key_clock, keys_of
from forward_pass.ui.render_job import Rendering, RenderRooms
from forward_pass.ui.session import SESSION
from tests.ui.test_register import running_job

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]

FPS = 24
STARTS = {"Overview": 0.0, "Attention": 3.0, "MLP": 4.01, "Answer": 9.0}  # the third begins between two frames
END = 12.0


@pytest.fixture
def scene(addon: None) -> Any:
    """A scene with four acts that each say something, whose clock somebody has slowed down in the midst of the MLP."""
    scene: Any = bpy.context.scene
    scene["fp_version"] = 1
    ends = [*list(STARTS.values())[1:], END]
    acts = tuple(Act(name, start, end - start) for (name, start), end in zip(STARTS.items(), ends, strict=True))
    said = tuple(Caption(act.start + 0.2, act.duration - 0.3, f"This is {act.name}.") for act in acts)
    scene["fp_script"] = write_script(Script(END, said, acts))
    scene["fp_acts"] = "\n".join(STARTS)
    key_clock(scene, END, FPS, STARTS.values())
    for name, start in STARTS.items():
        scene.timeline_markers.new(name, frame=1 + round(start * FPS))
    curve = clock_curve(scene)
    point = curve.keyframe_points.insert(161, 5.0)
    point.interpolation = "LINEAR"
    return scene


def names(scene: Any) -> list[str]:
    return [act.name for act in acts_of(scene)]


def seconds(scene: Any) -> dict[str, list[float]]:
    """The clock at each frame of each act, as whoever renders the scene finds it."""
    found: dict[str, list[float]] = {}
    for act in acts_of(scene):
        found[act.name] = []
        for frame in range(act.first, act.last):
            scene.frame_set(frame)
            found[act.name].append(scene["fp_time"])
    return found


def to_order(scene: Any, wanted: tuple[str, ...]) -> None:
    """By presses of the arrow up."""
    for place, name in enumerate(wanted):
        while (at := names(scene).index(name)) > place:
            assert bpy.ops.forward_pass.move_act(direction="UP", act=at) == {"FINISHED"}


def test_an_act_is_gone_to_retimed_and_switched(scene: Any) -> None:
    settings = scene.forward_pass
    mine = scene.timeline_markers.new("my own", frame=181)
    settings.act = 1
    assert scene.frame_current == 73 and settings.act == 1 and settings.act_length == pytest.approx(23 / FPS, abs=0.1)
    settings.act_length = 10.0
    assert scene.frame_end == 289 + 240 - 24 and settings.act_length == pytest.approx(10.0)
    assert mine.frame == 181 + 216
    assert bpy.ops.forward_pass.switch_act(act=0) == {"FINISHED"}
    assert [act.first for act in acts_of(scene)][:3] == [1, 2, 242]
    bpy.ops.forward_pass.switch_act(act=0)
    assert [act.first for act in acts_of(scene)] == [1, 73, 313, 433]
    assert bpy.ops.forward_pass.switch_act(act=9) == {"CANCELLED"}


def test_the_last_act_that_is_on_stays(scene: Any) -> None:
    for act in range(3):
        assert bpy.ops.forward_pass.switch_act(act=act) == {"FINISHED"}
    assert bpy.ops.forward_pass.switch_act(act=3) == {"CANCELLED"}


@pytest.mark.parametrize("order", list(permutations(STARTS))[1::5])
def test_every_act_shows_in_its_new_place_what_it_showed(scene: Any, order: tuple[str, ...]) -> None:
    before, keys = seconds(scene), keys_of(clock_curve(scene))
    to_order(scene, order)
    assert names(scene) == list(order) and scene.frame_end == 289
    after = seconds(scene)
    assert after == {name: pytest.approx(before[name], abs=1e-5) for name in STARTS}
    # Nor is there anything else between two frames, at whatever rate it is rendered.
    curve, ends = clock_curve(scene), [*list(STARTS.values())[1:], END]
    for act in acts_of(scene):
        start, end = dict(zip(STARTS, zip(STARTS.values(), ends, strict=True), strict=True))[act.name]
        times = [curve.evaluate(act.first + step / 10) for step in range(10 * (act.last - act.first))]
        assert min(times) > start - 0.5 / FPS and max(times) < end + 0.5 / FPS
    to_order(scene, tuple(STARTS))
    assert keys_of(clock_curve(scene)) == keys


def test_what_is_said_is_in_the_new_order(scene: Any) -> None:
    to_order(scene, ("Answer", "Overview", "MLP", "Attention"))
    script = script_in(scene, 1, scene.frame_end, FPS)
    assert [act.name for act in script.acts] == names(scene)
    assert [one.text for one in script.captions] == [f"This is {name}." for name in names(scene)]
    for act, there, said in zip(script.acts, acts_of(scene), script.captions, strict=True):
        assert act.start == pytest.approx((there.first - 1) / FPS, abs=1e-6)
        assert act.start < said.start < said.start + said.duration < act.start + act.duration
    assert srt(script).index("Answer") < srt(script).index("Overview")
    assert [line.split(" ", 1)[1] for line in chapters(script).splitlines()] == names(scene)
    assert [(one.act.name, one.first) for one in cut(script, 1, scene.frame_end, FPS)] == [
        (act.name, act.first) for act in acts_of(scene)
    ]
    for frame, there in zip(still_frames(script, 1, FPS), acts_of(scene), strict=True):
        assert there.first <= frame < there.last
    # A part of the video has what lies in it.
    part = script_in(scene, 73, 73 + 71, FPS)
    assert [act.name for act in part.acts] == ["Overview"] and part.acts[0].duration == pytest.approx(3.0, abs=1e-5)
    # And at another rate it is the same in seconds.
    for fps in (12, 25, 30, 60):
        other = script_in(scene, 1, scene.frame_end, fps)
        assert [act.name for act in other.acts] == names(scene)
        assert [one.text for one in other.captions] == [one.text for one in script.captions]
        for ours, theirs in zip(script.acts, other.acts, strict=True):
            assert theirs.start == pytest.approx(ours.start, abs=1 / fps + 1e-6)
        starts = [one.start for one in script.captions]
        assert [one.start for one in other.captions] == pytest.approx(starts, abs=1 / fps + 1e-6)


@pytest.mark.parametrize("fps", [60, 15, 25])
def test_at_another_rate_every_picture_of_an_act_is_its_own(scene: Any, fps: int) -> None:
    to_order(scene, ("Answer", "Overview", "MLP", "Attention"))
    bpy.ops.forward_pass.switch_act(act=1)
    script, pace = script_in(scene, 1, scene.frame_end, fps), pace_of(scene, 1, scene.frame_end, fps)
    assert [one.text for one in script.captions] == ["This is Answer.", "This is MLP.", "This is Attention."]
    pieces, curve = cut(script, pace.first, pace.pictures[-1], fps), clock_curve(scene)
    assert [piece.act.name for piece in pieces] == ["Answer", "MLP", "Attention"]
    ends = dict(zip(STARTS, [*list(STARTS.values())[1:], END], strict=True))
    for piece in pieces:
        times = [curve.evaluate(pace.frame(picture)) for picture in range(piece.first, piece.last + 1)]
        assert STARTS[piece.act.name] - 0.5 / FPS < min(times) < max(times) < ends[piece.act.name] + 0.5 / FPS
    for frame, piece in zip(still_frames(script, pace.first, fps), pieces, strict=True):
        assert piece.first <= frame <= piece.last


def test_an_act_that_is_left_out_is_moved_too_and_nothing_of_it_is_seen(scene: Any) -> None:
    before, keys = seconds(scene), keys_of(clock_curve(scene))
    bpy.ops.forward_pass.switch_act(act=2)
    bpy.ops.forward_pass.move_act(act=2, direction="UP")
    assert names(scene) == ["Overview", "MLP", "Attention", "Answer"]
    assert [act.on for act in acts_of(scene)] == [True, False, True, True]
    curve = clock_curve(scene)
    assert not any(STARTS["MLP"] < curve.evaluate(frame / 10) < 8.99 for frame in range(10, 10 * scene.frame_end))
    script = script_in(scene, 1, scene.frame_end, FPS)
    assert [act.name for act in script.acts] == ["Overview", "Attention", "Answer"]
    assert [one.text for one in script.captions] == ["This is Overview.", "This is Attention.", "This is Answer."]
    bpy.ops.forward_pass.switch_act(act=1)
    assert seconds(scene) == {name: pytest.approx(before[name], abs=1e-5) for name in STARTS}
    bpy.ops.forward_pass.move_act(act=1, direction="DOWN")
    assert keys_of(clock_curve(scene)) == keys


def test_what_an_earlier_version_left_out_comes_back(scene: Any) -> None:
    """It pressed the act's keys into one frame, and noted how many frames it had."""
    curve = clock_curve(scene)
    for point in curve.keyframe_points:
        point.co.x = 1 + (point.co.x - 1) / 72 if point.co.x <= 73 else point.co.x - 71
    curve.update()
    for marker in scene.timeline_markers:
        marker.frame -= 71 if marker.frame > 1 else 0
    scene.frame_end -= 71
    scene["fp_acts_off"] = {"0": 72}
    bpy.ops.forward_pass.move_act(act=0, direction="DOWN")
    assert names(scene)[:2] == ["Attention", "Overview"] and not acts_of(scene)[1].on
    bpy.ops.forward_pass.switch_act(act=1)
    bpy.ops.forward_pass.move_act(act=1, direction="UP")
    assert seconds(scene)["Overview"] == pytest.approx([frame / FPS for frame in range(72)], abs=1e-4)


def test_the_act_at_work_goes_with_the_arrows_until_it_is_first(scene: Any) -> None:
    scene.frame_set(80)
    assert bpy.ops.forward_pass.move_act(direction="UP") == {"FINISHED"}
    assert names(scene)[0] == "Attention" and scene.frame_current == 8
    assert bpy.ops.forward_pass.move_act(direction="UP") == {"CANCELLED"}
    assert bpy.ops.forward_pass.move_act(direction="DOWN", act=3) == {"CANCELLED"}
    assert bpy.ops.forward_pass.move_act(direction="DOWN", act=9) == {"CANCELLED"}


def test_a_move_is_one_step_back(scene: Any) -> None:
    keys = [key.at for key in keys_of(clock_curve(scene))]
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.forward_pass.move_act("EXEC_DEFAULT", True, direction="UP", act=3)
    assert names(bpy.context.scene) == ["Overview", "Attention", "Answer", "MLP"]
    bpy.ops.ed.undo()
    assert names(bpy.context.scene) == list(STARTS)
    assert [key.at for key in keys_of(clock_curve(bpy.context.scene))] == keys


def test_it_is_all_keys_and_markers_in_a_file_that_is_opened_again(scene: Any, tmp_path: Path) -> None:
    bpy.ops.forward_pass.move_act(direction="UP", act=3)
    before = seconds(scene)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "moved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "moved.blend"))
    assert seconds(bpy.context.scene) == before and list(before) == ["Overview", "Attention", "Answer", "MLP"]


def test_sounds_go_with_their_act(scene: Any, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 11))
    editor = scene.sequence_editor_create()
    music = editor.strips.new_sound("music", str(tmp_path / "tone.wav"), 1, 1)
    other = editor.strips.new_sound("other", str(tmp_path / "tone.wav"), 2, 80)
    other.frame_final_duration = 10
    speech = editor.strips.new_sound("speech", str(tmp_path / "tone.wav"), 2, 220)
    speech.frame_final_duration = 40
    bpy.ops.forward_pass.move_act(act=3, direction="UP")
    bpy.ops.forward_pass.move_act(act=2, direction="UP")
    assert (music.frame_start, speech.frame_start, other.frame_start) == (1, 76, 152)
    assert (speech.channel, other.channel) == (2, 2)
    bpy.ops.forward_pass.switch_act(act=1)
    assert speech.mute and not music.mute and other.frame_start == 81
    bpy.ops.forward_pass.switch_act(act=1)
    assert not speech.mute and (speech.frame_start, other.frame_start) == (76, 152)


def test_nothing_is_moved_where_nothing_can_be(scene: Any) -> None:
    running_job()
    assert not bpy.ops.forward_pass.move_act.poll() and not bpy.ops.forward_pass.switch_act.poll()
    SESSION.cancel()
    assert bpy.ops.forward_pass.move_act.poll()
    while len(scene.timeline_markers) > 1:
        scene.timeline_markers.remove(scene.timeline_markers[0])
    assert not bpy.ops.forward_pass.move_act.poll()


def test_acts_can_be_changed_while_a_copy_is_rendered(scene: Any, tmp_path: Path) -> None:
    rooms = RenderRooms(lambda production, follow, note: without_end())
    SESSION.start(Rendering(scene, quality("draft"), tmp_path / "a.mp4", rooms))
    SESSION.poll()
    assert SESSION.running and bpy.ops.forward_pass.switch_act(act=1) == {"FINISHED"}
    assert SESSION.running
    SESSION.end()


def without_end() -> Generator[None, None, None]:
    while True:
        yield


def test_what_is_left_out_is_kept_as_text(scene: Any) -> None:
    bpy.ops.forward_pass.switch_act(act=2)
    kept = json.loads(scene["fp_acts_off"]["2"])
    assert kept["frames"] == 120 and [key["at"][0] for key in kept["keys"]] == [0.0, 64.0]
    assert len(keys_of(clock_curve(scene))) == 5
