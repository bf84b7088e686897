# SPDX-License-Identifier: GPL-3.0-or-later
"""Themes as assets: a scene that is given the world of a theme takes on the whole theme, and an undo takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.theme import THEMES, linear
from forward_pass.core.theme_picture import SIZE, theme_picture
from forward_pass.scene.clock import key_clock
from forward_pass.scene.compat import enable_nodes
from forward_pass.scene.furniture import make_world
from forward_pass.scene.groups import make_groups
from forward_pass.scene.migrate import update_scene
from forward_pass.scene.theme_assets import add_theme_assets
from forward_pass.scene.themes import apply_theme, look_of

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


def dress(scene: Any, theme: str = "midnight") -> Any:
    """What the colours of a built scene hang on: its groups, a material on an object, its world."""
    key_clock(scene, 2.0, 24)
    groups = make_groups(THEMES[theme])
    make_world(scene, groups)
    material = bpy.data.materials.new("cells")
    tree: Any = enable_nodes(material)
    for group in (groups.look, groups.backdrop, groups.palette, groups.diverging, groups.sequential):
        tree.nodes.new("ShaderNodeGroup").node_tree = group
    mesh = bpy.data.meshes.new("block")
    mesh.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new("block", mesh))
    scene["fp_theme"], scene["fp_version"] = theme, 1
    add_theme_assets(scene)
    scene.forward_pass.theme = theme
    return scene


@pytest.fixture
def scene(addon: None) -> Iterator[Any]:
    yield dress(bpy.context.scene)


def world(name: str) -> Any:
    return next(one for one in bpy.data.worlds if one.get("fp_theme") == name)


def body(scene: Any) -> Any:
    """The socket with the colour of bodies that the scene's materials read."""
    tree: Any = look_of(scene)
    return tree.nodes["Body"].outputs[0]


def is_dressed(scene: Any, name: str) -> bool:
    return scene["fp_theme"] == name and list(body(scene).default_value)[:3] == pytest.approx(
        linear(THEMES[name].body), abs=1e-6
    )


def give(scene: Any, name: str) -> None:
    """As a drop into the viewport does, of the scene that is shown."""
    scene.world = world(name)
    scene.view_layers[0].update()


def test_every_theme_is_an_asset_with_a_picture(scene: Any) -> None:
    for name, theme in THEMES.items():
        one = world(name)
        assert one.asset_data.description == theme.words and len(one.asset_data.tags) == 2
        assert one.name == f"Forward Pass {name.title()}" and one.users == 1
        assert tuple(one.preview.image_size) == (SIZE, SIZE)
        shown = np.empty(SIZE * SIZE * 4, np.float32)
        one.preview.image_pixels_float.foreach_get(shown)
        assert np.allclose(shown, theme_picture(theme).ravel(), atol=1 / 200)
        assert len(np.unique(shown.reshape(-1, 4).round(2), axis=0)) > 15  # colours
        assert list(one.node_tree.nodes["Edge"].outputs[0].default_value)[:3] == pytest.approx(linear(theme.edge))


def test_a_scene_that_is_given_a_themes_world_takes_on_the_theme(scene: Any) -> None:
    own = scene.world
    give(scene, "paper")
    assert is_dressed(scene, "paper") and scene.forward_pass.theme == "paper" and scene.world == world("paper")
    # A theme that is chosen in the panel takes the world back, which has its colours.
    scene.forward_pass.theme = "contrast"
    assert is_dressed(scene, "contrast") and scene.world == own
    give(scene, "contrast")
    assert is_dressed(scene, "contrast") and scene.world == world("contrast")
    scene.world = bpy.data.worlds.new("mine")
    scene.view_layers[0].update()
    assert is_dressed(scene, "contrast") and scene.world.name == "mine"


def test_a_color_that_was_changed_by_hand_stays(scene: Any) -> None:
    body(scene).default_value = (0.5, 0.25, 0.125, 1.0)
    scene.view_layers[0].update()
    assert list(body(scene).default_value) == [0.5, 0.25, 0.125, 1.0]


def test_undo_and_redo_take_the_whole_theme(scene: Any) -> None:
    bpy.ops.ed.undo_push(message="before")
    scene.world = world("paper")
    bpy.ops.ed.undo_push(message="drop")  # what a drop pushes, before anybody hears of it
    scene.view_layers[0].update()
    assert is_dressed(scene, "paper")
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert is_dressed(scene, "midnight") and scene.forward_pass.theme == "midnight" and scene.world.name == "FP World"
    bpy.ops.ed.redo()
    assert is_dressed(bpy.context.scene, "paper")


def test_scenes_of_one_file_share_the_assets_and_nothing_else(scene: Any) -> None:
    second = dress(bpy.data.scenes.new("second"), "blackboard")
    assert sum("fp_theme" in one.keys() for one in bpy.data.worlds) == len(THEMES)  # noqa: SIM118
    bpy.context.window.scene = second
    give(second, "paper")
    assert is_dressed(second, "paper") and is_dressed(scene, "midnight")
    apply_theme(scene, "contrast")
    assert is_dressed(second, "paper") and is_dressed(scene, "contrast")


def test_the_assets_stay_in_the_file_and_go_with_the_scenes(scene: Any, tmp_path: Path) -> None:
    give(scene, "paper")
    path = str(tmp_path / "themes.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    scene = bpy.context.scene
    assert is_dressed(scene, "paper") and scene.world == world("paper")
    assert all(tuple(world(name).preview.image_size) == (SIZE, SIZE) for name in THEMES)
    give(scene, "blackboard")
    assert is_dressed(scene, "blackboard")
    bpy.data.scenes.new("other")
    bpy.data.scenes.remove(scene)
    bpy.data.orphans_purge(do_recursive=True)
    assert not [one for one in bpy.data.worlds if one.get("fp_theme")]


def test_an_older_scene_gets_the_assets_when_its_file_is_opened(scene: Any) -> None:
    for name in ("fp_themes", "fp_world", "fp_look"):
        del scene[name]
    del look_of(scene)["fp_theme"]
    for name in THEMES:
        bpy.data.worlds.remove(world(name))
    assert update_scene(scene)
    give(scene, "paper")
    assert is_dressed(scene, "paper")
