# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a small scene whose colours are known, and what is left when it goes wrong."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bpy")

import bpy
import numpy as np

from forward_pass.core.errors import UserError
from forward_pass.render.frames import render_frames
from forward_pass.render.pace import pace_of
from forward_pass.render.pictures import frame_path, is_complete
from forward_pass.render.presets import Quality
from forward_pass.render.quiet import quiet
from forward_pass.render.settings import engine_id, still_settings
from forward_pass.scene.compat import enable_nodes

pytestmark = pytest.mark.blender

TINY = Quality("tiny", size=(96, 64), fps=12, samples=1)


@pytest.fixture
def scene() -> Iterator[bpy.types.Scene]:
    """A flat card that fills the picture and shines red = frame / 10 (linear), with a camera over it."""
    scene = bpy.data.scenes.new("card")
    scene.frame_start, scene.frame_end = 1, 6
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("card")
    mesh = bpy.data.meshes.new("card")
    mesh.from_pydata([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)], [], [(0, 1, 2, 3)])
    card = bpy.data.objects.new("card", mesh)
    material = bpy.data.materials.new("card")
    tree = enable_nodes(material)
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(emission.outputs[0], output.inputs[0])
    color: Any = emission.inputs[0]
    for frame in (0, 10):
        color.default_value = (frame / 10, 0.25, 0.0, 1.0)
        color.keyframe_insert("default_value", frame=frame)
    for layer in tree.animation_data.action.layers:
        for curve in layer.strips[0].channelbags[0].fcurves:
            for key in curve.keyframe_points:
                key.interpolation = "LINEAR"
    mesh.materials.append(material)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location.z = 5
    for entry in (card, camera):
        scene.collection.objects.link(entry)
    scene.camera = camera
    yield scene
    bpy.data.scenes.remove(scene)
    bpy.data.batch_remove([card, camera, mesh, material])


def srgb(linear: float) -> float:
    """As IEC 61966-2-1 has it, in 0..255."""
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


def middle(path: Path) -> np.ndarray:
    """Red, green and blue (0..255) of the pixel in the middle, read by Blender as it is in the file."""
    image: Any = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.array(image.pixels[:], np.float32).reshape(height, width, image.channels)
    bpy.data.images.remove(image)
    return 255 * pixels[height // 2, width // 2, :3]


def test_frames_show_their_own_moment(scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.frame_current = 4
    done = list(render_frames(scene, tmp_path / "new", TINY, 2, 5))
    assert [frame for frame, _ in done] == [2, 3, 4, 5] and all(seconds > 0 for _, seconds in done)
    assert sorted(tmp_path.rglob("*.png")) == [frame_path(tmp_path / "new", frame) for frame in (2, 3, 4, 5)]
    for frame in (2, 5):
        path = frame_path(tmp_path / "new", frame)
        assert is_complete(path, TINY.size)
        assert middle(path) == pytest.approx([srgb(frame / 10), srgb(0.25), 0], abs=2)
    assert scene.frame_current == 4


@pytest.mark.parametrize("batch", [1, 8])
def test_a_faster_video_shows_the_moments_between_frames(scene: bpy.types.Scene, tmp_path: Path, batch: int) -> None:
    pace = pace_of(scene, 2, 3, 60)
    done = list(render_frames(scene, tmp_path, TINY, 2, 3, pace=pace, batch=batch))
    assert [picture for picture, _ in done] == [2, 3, 4, 5, 6]
    red = [middle(frame_path(tmp_path, picture))[0] for picture in pace.pictures]
    assert red == pytest.approx([srgb(frame / 10) for frame in (2.0, 2.4, 2.8, 3.2, 3.6)], abs=1)
    assert (scene.render.frame_map_old, scene.render.frame_map_new) == (100, 100)


def test_settings_are_put_back_when_it_is_stopped_half_way(scene: bpy.types.Scene, tmp_path: Path) -> None:
    render = scene.render
    image: Any = render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    world: Any = scene.world
    world.probe_resolution = "512"
    before = (render.engine, render.resolution_x, render.filepath, scene.eevee.taa_render_samples)
    job = render_frames(scene, tmp_path, TINY)
    assert next(job)[0] == 1
    assert render.resolution_x == 96 and image.file_format == "PNG" and world.probe_resolution == "128"
    job.close()
    assert (render.engine, render.resolution_x, render.filepath, scene.eevee.taa_render_samples) == before
    assert image.file_format == "FFMPEG" and world.probe_resolution == "512"
    assert [path.name for path in tmp_path.iterdir()] == ["frame_000001.png"]


def test_resuming_keeps_what_is_complete_and_nothing_else(scene: bpy.types.Scene, tmp_path: Path) -> None:
    list(render_frames(scene, tmp_path, TINY, 1, 2))
    whole, cut = frame_path(tmp_path, 1), frame_path(tmp_path, 2)
    first = whole.stat()
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    assert not is_complete(cut, TINY.size) and not is_complete(whole, (96, 66))
    list(render_frames(scene, tmp_path, TINY, 1, 2, resume=True))
    assert whole.stat().st_mtime_ns == first.st_mtime_ns and is_complete(cut, TINY.size)
    list(render_frames(scene, tmp_path, TINY, 1, 1))
    assert whole.stat().st_mtime_ns > first.st_mtime_ns


@pytest.mark.parametrize(("first", "last"), [(0, 3), (4, 7), (5, 4)])
def test_frames_outside_the_scene_are_refused(scene: bpy.types.Scene, tmp_path: Path, first: int, last: int) -> None:
    with pytest.raises(UserError, match=rf"Frames {first} to {last} .* frames 1 to 6") as caught:
        next(render_frames(scene, tmp_path, TINY, first, last))
    assert caught.value.code == 2


def test_a_scene_without_a_camera_is_a_sentence(
    scene: bpy.types.Scene, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scene.camera = None
    with pytest.raises(UserError, match=r"Frame 1 could not be rendered: .*camera") as caught:
        next(render_frames(scene, tmp_path, TINY))
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_place_that_is_a_file_is_a_sentence(scene: bpy.types.Scene, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="could not be made"):
        next(render_frames(scene, tmp_path / "file", TINY))


def test_cycles_is_found_or_named_in_the_refusal(scene: bpy.types.Scene) -> None:
    before = scene.render.engine
    assert "EEVEE" in engine_id(scene, "auto") and engine_id(scene, "auto") == engine_id(scene, "eevee")
    try:
        assert engine_id(scene, "cycles") == "CYCLES"
    except UserError as error:
        assert "cycles" in error.message
    assert scene.render.engine == before


def test_samples_reach_the_engine(scene: bpy.types.Scene) -> None:
    before = scene.eevee.taa_render_samples
    with still_settings(scene, Quality("own", (64, 64), 12, 5)):
        assert scene.eevee.taa_render_samples == 5
    assert scene.eevee.taa_render_samples == before


def test_quiet_keeps_what_is_said_and_lets_the_rest_through(capfd: pytest.CaptureFixture[str]) -> None:
    libc = ctypes.CDLL(None)
    libc.puts(b"before")
    with quiet() as log:
        libc.puts(b"held back by C")
        os.write(2, b"at once\n")
        assert sorted(log.text().splitlines()) == ["at once", "held back by C"]
        libc.puts(b"last")
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("before\nafter\n", "")
