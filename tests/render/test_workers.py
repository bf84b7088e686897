# SPDX-License-Identifier: GPL-3.0-or-later
"""Several processes render one saved scene: all frames, each of its own moment, and nothing left running or lying."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("bpy")

import bpy
import numpy as np
from PIL import Image

from forward_pass.core.errors import UserError
from forward_pass.render import blender
from forward_pass.render.pace import Pace
from forward_pass.render.pictures import frame_path
from forward_pass.render.presets import Quality
from forward_pass.render.saved import SavedScene
from forward_pass.render.workers import MOST, render_together, worker_count

pytestmark = pytest.mark.blender

TINY = Quality("tiny", (96, 64), 12, 1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedScene:
    """A camera before a world whose brightness is keyed: frame n of 9 is n / 10 of white."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 9
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.view_settings.view_transform = "Raw"
    world: Any = bpy.data.worlds.new("World")
    scene.world = world
    if world.node_tree is None:
        world.use_nodes = True
    socket = world.node_tree.nodes["Background"].inputs["Strength"]
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    for frame in (1, 9):
        socket.default_value = frame / 10
        socket.keyframe_insert("default_value", frame=frame)
    bpy.context.preferences.edit.keyframe_new_interpolation_type = "LINEAR"
    path = tmp_path_factory.mktemp("blend") / "brightness #1 {x}.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    return SavedScene(str(path), scene.name)


@pytest.mark.slow
def test_all_frames_come_and_each_is_its_own(
    saved: SavedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Makes Blender say something as soon as it is there; some set it for themselves and their children.
    utils: Any = bpy.utils
    colors = utils.system_resource("DATAFILES", path="colormanagement")
    monkeypatch.setenv("OCIO", str(Path(colors) / "config.ocio"))
    folder = tmp_path / "frames ## {}"
    seen = [frame for frame, seconds in render_together(saved, folder, TINY, Pace(2, 7), 3) if seconds > 0]
    assert sorted(seen) == list(range(2, 9))
    assert sorted(folder.iterdir()) == [frame_path(folder, frame) for frame in range(2, 9)]
    brightness = [float(np.asarray(Image.open(frame_path(folder, f)).convert("L")).mean()) for f in range(2, 9)]
    assert all(later > earlier + 5 for earlier, later in pairwise(brightness)), brightness


@pytest.mark.slow
def test_closing_half_way_leaves_no_process_and_no_scratch(
    saved: SavedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    work = render_together(saved, tmp_path / "frames", TINY, Pace(1, 9), 2)
    next(work)
    children = _children()
    assert len(children) == 2
    work.close()
    deadline = time.monotonic() + 10
    while _children() & children and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _children() & children
    assert list(temporary.iterdir()) == []


@pytest.mark.slow
def test_a_process_that_dies_is_started_again_where_it_stopped(saved: SavedScene, tmp_path: Path) -> None:
    work = render_together(saved, tmp_path / "frames", TINY, Pace(1, 9), 1)
    done = [next(work)[0]]
    for child in _children():
        os.kill(child, signal.SIGKILL)
    done += [frame for frame, _ in work]
    assert done == list(range(1, 10))


BEGIN = """
import json, sys, time
from pathlib import Path
job = json.loads(sys.stdin.readline())
pictures = range(job["first"], job["pace"]["first"] + job["pace"]["count"], job["step"])
def say(**words):
    print(json.dumps(words), flush=True)
def write(picture):
    size = b"".join(side.to_bytes(4, "big") for side in job["quality"]["size"])
    head, end = bytes.fromhex("89504e470d0a1a0a0000000d49484452"), bytes.fromhex("0000000049454e44ae426082")
    Path(job["folder"], f"frame_{picture:06d}.png").write_bytes(head + size + end)
"""


def by_fakes(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pictures of 1 to 6 that two processes that run `code` say they have rendered."""
    monkeypatch.setattr(blender, "command", lambda module: [sys.executable, "-c", BEGIN + code])
    work = render_together(SavedScene("a.blend", "Scene"), folder, TINY, Pace(1, 6), 2)
    return [picture for picture, _ in work]


def test_chatter_and_pictures_that_nobody_waits_for_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
print("Blender 5.2.2\\n" * 20000)
for picture in pictures:
    say(type="frame", frame=picture + 1, seconds=1.0)
    write(picture)
    say(type="frame", frame=picture, seconds=1.0)
    say(type="frame", frame=picture, seconds=1.0)
"""
    assert sorted(by_fakes(code, tmp_path, monkeypatch)) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("sys.exit(3)", r"ended with status 3\."),
        (
            "say(type='frame', frame=pictures[0], seconds=1.0); time.sleep(60)",
            r"Frame \d was rendered, but is not whole",
        ),
        ("say(type='error', message='It rains.', hint='Wait.'); time.sleep(60)", r"^It rains\. Wait\.$"),
    ],
)
def test_a_process_that_dies_or_lies_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    before = _children()
    with pytest.raises(UserError, match=message):
        by_fakes(code, tmp_path, monkeypatch)
    assert _children() <= before


def test_what_is_whole_is_kept_and_starts_no_process(
    saved: SavedScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_fakes(
        "for picture in pictures: write(picture); say(type='frame', frame=picture, seconds=1.0)", tmp_path, monkeypatch
    )
    monkeypatch.setattr(blender, "command", lambda module: ["/there is no such program"])
    kept = list(render_together(saved, tmp_path, TINY, Pace(1, 6), 2, resume=True))
    assert sorted(kept) == [(picture, 0.0) for picture in range(1, 7)]
    with pytest.raises(UserError, match="cannot be started"):
        list(render_together(saved, tmp_path, TINY, Pace(1, 7), 2, resume=True))


def test_a_program_is_started_without_what_belongs_to_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    program = SimpleNamespace(module=False, background=True, binary_path="/opt/blender")
    monkeypatch.setattr(bpy, "app", program)
    monkeypatch.setattr(sys, "argv", ["blender", "--gpu-backend", "vulkan", "a.blend"])
    first, *options, run = blender.command("render.worker")
    assert first == "/opt/blender" and {"--background", "--factory-startup", "--offline-mode"} <= set(options)
    assert options[options.index("--gpu-backend") + 1] == "vulkan" and "render.worker" in run


def test_a_file_that_is_no_scene_is_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.blend"
    broken.write_bytes(b"not a scene")
    with pytest.raises(UserError, match=r"^The scene .*broken\.blend cannot be opened\."):
        list(render_together(SavedScene(str(broken), "Scene"), tmp_path / "frames", TINY, Pace(1, 2), 2))


def test_the_count_is_between_one_and_the_most() -> None:
    assert 1 <= worker_count() <= MOST


def _children() -> set[int]:
    """Processes that were started by this one, on Linux."""
    if not Path("/proc").is_dir():
        pytest.skip("there is no /proc to look for processes in")
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parts = entry.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(parts[1]) == os.getpid() and parts[0] != "Z":
            found.add(int(entry.parent.name))
    return found
