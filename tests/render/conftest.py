# SPDX-License-Identifier: GPL-3.0-or-later
"""A small scene that says something, and a sound."""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forward_pass.core.script import Script, write_script
from forward_pass.core.story import Act, Caption

SCRIPT = write_script(
    Script(
        2.0,
        (Caption(0.25, 0.5, "A card."), Caption(1.25, 0.5, "The same card.")),
        (Act("One: first", 0.0, 1.0), Act("Two", 1.0, 1.0)),
        (0.5, 1.75),
    )
)
SECONDS = 0.5  # of the tone


@pytest.fixture
def told(told_once: Any) -> Iterator[Any]:
    """The scene below as it was made, whatever an earlier test did to it: compiling its shaders takes seconds."""
    told_once["fp_script"] = SCRIPT
    told_once.frame_start, told_once.frame_end = 1, 8
    yield told_once
    told_once.animation_data_clear()
    for one in told_once.collection.children_recursive:
        one.hide_render = False
    if told_once.sequence_editor:
        told_once.sequence_editor_clear()


@pytest.fixture(scope="module")
def told_once() -> Iterator[Any]:
    """Eight frames at four a second: a blue card on the left half of a red world, and a white caption in the middle of
    it, in a collection of its own; two acts of a second each, with a caption in each."""
    import bpy

    from forward_pass.scene.compat import enable_nodes

    scene: Any = bpy.data.scenes.new("told")
    scene.render.fps, scene.render.fps_base = 4, 1.0
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("told")
    tree: Any = enable_nodes(scene.world)
    background, output = tree.nodes.new("ShaderNodeBackground"), tree.nodes.new("ShaderNodeOutputWorld")
    background.inputs["Color"].default_value = (1.0, 0.0, 0.0, 1.0)
    tree.links.new(background.outputs[0], output.inputs[0])
    stage, captions = bpy.data.collections.new("stage"), bpy.data.collections.new("captions")
    scene.collection.children.link(stage)
    stage.children.link(captions)
    made: list[Any] = [_card("left", (-9, 0), (0.0, 0.0, 1.0), 0.0), _card("caption", (-1, 1), (1.0, 1.0, 1.0), 0.1)]
    for card, where in zip(made, (stage, captions), strict=True):
        where.objects.link(card)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location.z = 5
    stage.objects.link(camera)
    scene.camera = camera
    yield scene
    meshes = [card.data for card in made]
    bpy.data.batch_remove([*made, *meshes, camera, scene.world, stage, captions])
    bpy.data.scenes.remove(scene)


def _card(name: str, across: tuple[float, float], color: tuple[float, float, float], z: float) -> Any:
    """A rectangle that shines, from one x to another."""
    import bpy

    from forward_pass.scene.compat import enable_nodes

    (low, high), reach = across, abs(across[0])
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(low, -reach, z), (high, -reach, z), (high, reach, z), (low, reach, z)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new(name)
    tree: Any = enable_nodes(material)
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    emission.inputs["Color"].default_value = (*color, 1.0)
    tree.links.new(emission.outputs[0], output.inputs[0])
    mesh.materials.append(material)
    return bpy.data.objects.new(name, mesh)


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """A WAV of half a second of 440 Hz."""
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(22050)
        samples = (int(20000 * math.sin(2 * math.pi * 440 * i / 22050)) for i in range(int(22050 * SECONDS)))
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path
