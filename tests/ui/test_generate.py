# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation, driven by its poll(): it comes whole, or it was never there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.core.recipe import Recipe, read_recipe
from forward_pass.ui import generate as generate_module
from forward_pass.ui.generate import GenerateRequest, Generation
from forward_pass.ui.place import ScenePlace, is_generated
from forward_pass.ui.prepare import Rooms
from forward_pass.ui.properties import settings_of
from tests.ui.conftest import (
    REQUEST,
    PretendJob,
    finish,
    inventory,
    poll_until,
    pretend_build,
    pretend_rooms,
)

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


def generate(rooms: Rooms | None = None, **options: Any) -> Generation:
    request = GenerateRequest((REQUEST,), **options)
    return Generation(request, ScenePlace(bpy.context.scene), rooms or pretend_rooms())


def test_every_stage_is_passed_and_the_bar_never_goes_back() -> None:
    generation, states, shares = generate(), [], []
    while generation.running:
        generation.poll()
        states.append(generation.state)
        shares.append(generation.progress.done)
        time.sleep(0.001)
    order = ["tracing", "reading", "layout", "story", "building", "done"]
    assert [state for state in order if state in states] == list(dict.fromkeys(states))
    assert {"tracing", "building", "done"} <= set(states)
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_generated_scene_is_shown_and_the_users_own_stays() -> None:
    bpy.context.scene.forward_pass.prompt = "AABBCC"
    before = inventory()
    finish(generate(theme="paper", size=(1080, 1920)))
    scene = bpy.context.scene
    assert scene.name == "Forward Pass" and is_generated(scene)
    assert scene.collection.children[0].name == "Forward Pass"
    recipe = read_recipe(scene["fp_recipe"], "the scene")
    assert recipe == Recipe(prompt="CBABBC", theme="paper", size=(1080, 1920), fps=24)
    assert settings_of(scene).prompt == "AABBCC"
    assert before <= inventory()
    assert bpy.data.scenes["Scene"].objects.keys() == ["Cube", "Light", "Camera"]


def test_options_reach_the_rooms() -> None:
    seen: dict[str, Any] = {}

    def build(scene: Any, traces: Any, telling: Any, **options: Any) -> Any:
        seen.update(options, aspect=telling.aspect, seconds=telling.seconds, path=traces[0].path)
        yield from pretend_build(scene, traces, telling, **options)

    finish(generate(pretend_rooms(build=build), seconds=30.0, size=(1080, 1920), fps=30))
    assert seen["aspect"] == pytest.approx(0.5625)
    assert (seen["seconds"], seen["fps"], seen["theme"]) == (30.0, 30, "midnight")
    assert seen["path"] == Path("CBABBC.trace.safetensors")


def test_generating_again_replaces_and_keeps_the_names() -> None:
    finish(generate())
    first, uid = inventory(), bpy.context.scene.session_uid
    finish(generate())
    assert bpy.context.scene.session_uid != uid
    assert inventory() == first  # not one name more, no ".001"


def test_a_scene_has_the_fields_that_it_was_generated_with() -> None:
    asked = settings_of(bpy.context.scene)
    asked.preset, asked.size = "short", "1280x720"  # not the upright format that the preset brings
    asked.quality, asked.transparent = "final", True
    asked.prompt, asked.seconds, asked.known_models = "AABBCC", 30.0, {"gpt2"}
    finish(generate())
    kept = settings_of(bpy.context.scene)
    assert (kept.preset, kept.size, kept.quality, kept.transparent) == ("short", "1280x720", "final", True)
    assert (kept.prompt, kept.own_steps, kept.seconds, kept.known_models) == ("AABBCC", False, 30.0, {"gpt2"})


def test_what_others_use_survives_a_replacement() -> None:
    finish(generate())
    shared = bpy.data.materials["cells"]
    bpy.data.meshes["Cube"].materials.append(shared)
    finish(generate())
    assert bpy.data.meshes["Cube"].materials[-1] == shared
    assert shared.node_tree.nodes[-1].node_tree is not None


@pytest.mark.parametrize("how", ["end", "finish"])
@pytest.mark.parametrize("gizmos", [False, True])
def test_viewports_are_calm_while_a_scene_is_built(how: str, gizmos: bool) -> None:
    areas = bpy.context.window_manager.windows[0].screen.areas
    viewport: Any = next(area.spaces.active for area in areas if area.type == "VIEW_3D")
    viewport.show_gizmo = gizmos  # what the user hid stays hidden
    generation = generate()
    poll_until(generation, lambda: generation.state == "building")
    generation.poll()
    assert (viewport.overlay.show_overlays, viewport.show_gizmo) == (False, False)
    finish(generation) if how == "finish" else generation.end()
    assert (viewport.overlay.show_overlays, viewport.show_gizmo) == (True, gizmos)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("stage", ["tracing", "reading", "building"])
@pytest.mark.parametrize("how", ["cancel", "end"])
def test_cancelled_at_any_stage_nothing_has_changed(stage: str, again: bool, how: str) -> None:
    if again:
        finish(generate())
    before, shown = inventory(), bpy.context.scene.session_uid

    def slow_read(path: Path) -> Any:
        time.sleep(0.2)
        return pretend_rooms().read(path)

    generation = generate(pretend_rooms(read=slow_read))
    poll_until(generation, lambda: generation.state == stage)
    for _ in range(3):
        if stage == "building":
            generation.poll()
    assert generation.state == stage
    getattr(generation, how)()
    assert generation.state == "cancelled" and generation.error is None
    assert inventory() == before
    assert bpy.context.scene.session_uid == shown
    assert generation._job.cancelled and generation._job.ended == (how == "end")
    time.sleep(0.3)  # a thread that was still reading finds nobody
    generation.poll()
    assert generation.state == "cancelled" and inventory() == before


def test_an_object_that_the_user_adds_meanwhile_survives_a_cancel() -> None:
    generation = generate()
    poll_until(generation, lambda: generation.state == "building")
    mine = bpy.data.objects.new("mine", bpy.data.meshes.new("mine"))
    bpy.data.scenes["Scene"].collection.objects.link(mine)
    generation.cancel()
    assert bpy.data.objects["mine"].data == bpy.data.meshes["mine"]


def test_a_tracers_error_is_handed_on_as_it_is() -> None:
    before = inventory()
    generation = generate(pretend_rooms(start=lambda request: PretendJob(request, end="failed")))
    finish(generation)
    assert generation.state == "failed" and generation.error is not None
    assert (generation.error.message, generation.error.hint) == ("The model is tired.", "Let it sleep.")
    assert inventory() == before


@pytest.mark.parametrize("room", ["read", "lay_out", "plan", "build"])
def test_a_failure_in_any_room_leaves_nothing(room: str) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise KeyError("a bug")

    before = inventory()
    generation = generate(pretend_rooms(**{room: fail}))
    finish(generation)
    assert generation.state == "failed" and generation.error is not None
    assert "KeyError: 'a bug'" in generation.error.message
    assert isinstance(generation.error.__cause__, KeyError)
    assert inventory() == before


def test_a_failure_half_way_through_the_building_leaves_nothing() -> None:
    def build(scene: Any, *rooms: Any, **options: Any) -> Any:
        for i, step in enumerate(pretend_build(scene, *rooms, **options)):
            if i == 7:
                raise UserError("The theme is gone.", "Find it.")
            yield step

    finish(generate())
    before = inventory()
    generation = generate(pretend_rooms(build=build))
    finish(generation)
    assert generation.error is not None and generation.error.message == "The theme is gone."
    assert inventory() == before


def test_the_scene_removed_meanwhile_is_an_error_not_a_crash() -> None:
    generation = generate()
    poll_until(generation, lambda: "Forward Pass" in bpy.data.scenes)
    bpy.data.scenes.remove(bpy.data.scenes["Forward Pass"])
    finish(generation)
    assert generation.state == "failed"
    assert not any(name == "FP Clock" for _type, name in inventory())


@pytest.fixture
def one_step_a_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_module, "slice_after", lambda drawing: 0.0)


@pytest.mark.usefixtures("one_step_a_poll")
def test_a_scene_is_replaced_in_many_polls_and_what_is_shown_is_one_or_the_other() -> None:
    finish(generate())
    first, texts = inventory(), []
    generation = generate()
    while generation.running:
        generation.poll()
        texts.append(generation.progress.text)
        shown = [item for item in bpy.context.scene.collection.children if not item.hide_viewport]
        assert len(bpy.context.scene.collection.children) <= 1 and (generation.running or len(shown) == 1)
        time.sleep(0.001)
    assert texts.count("Building: making room") >= 2 and texts.count("Building: showing the scene") >= 4
    assert inventory() == first
    assert not any(collection.hide_viewport for collection in bpy.data.collections)


@pytest.mark.usefixtures("one_step_a_poll")
@pytest.mark.parametrize("how", ["cancel", "end"])
@pytest.mark.parametrize("polls", [1, 2, 3, 4])
def test_a_whole_scene_is_shown_though_it_is_cancelled(polls: int, how: str) -> None:
    finish(generate())
    first, uid = inventory(), bpy.context.scene.session_uid
    generation = generate()
    poll_until(generation, lambda: generation.progress.text == "Building: showing the scene")
    for _ in range(polls - 1):
        generation.poll()
    getattr(generation, how)()
    assert generation.state == "done" and generation.error is None
    assert bpy.context.scene.session_uid != uid and is_generated(bpy.context.scene)
    assert inventory() == first
    assert not any(collection.hide_viewport for collection in bpy.data.collections)


@pytest.mark.usefixtures("one_step_a_poll")
def test_what_is_to_be_replaced_is_hidden_meanwhile_and_comes_back() -> None:
    finish(generate())
    scene = bpy.context.scene
    generation = generate()
    poll_until(generation, lambda: len(bpy.data.scenes) == 3)
    assert bpy.context.scene == scene and scene.collection.children[0].hide_viewport
    generation.cancel()
    assert scene.name == "Forward Pass" and not scene.collection.children[0].hide_viewport


def test_a_scene_that_is_not_of_forward_pass_stays_in_sight() -> None:
    mine = bpy.data.collections.new("mine")
    bpy.context.scene.collection.children.link(mine)
    generation = generate()
    poll_until(generation, lambda: len(bpy.data.scenes) == 2)
    assert not mine.hide_viewport
    finish(generation)
    assert not mine.hide_viewport and "mine" in bpy.data.collections


def test_what_somebody_removes_meanwhile_needs_no_removal() -> None:
    finish(generate())
    first = inventory()
    generation = generate()
    poll_until(generation, lambda: len(bpy.data.scenes) == 3)
    bpy.data.objects.remove(bpy.data.objects["~block 3"])
    finish(generation)
    assert generation.error is None and inventory() == first


def test_a_slice_is_short() -> None:
    generation = generate()
    poll_until(generation, lambda: generation.state == "building")
    before = time.monotonic()
    generation.poll()
    assert time.monotonic() - before < 0.2
    assert generation.state == "building"
    generation.finish_building()
    assert not generation.running and generation.error is None


@pytest.mark.parametrize(
    ("drawing", "slice_"), [(0.0, 0.03), (0.016, 0.03), (0.045, 0.045), (0.2, 0.06), (0.4, 0.1), (5.0, 0.25)]
)
def test_slices_are_short_unless_the_window_is_slow_by_itself(drawing: float, slice_: float) -> None:
    assert generate_module.slice_after(drawing) == pytest.approx(slice_)
