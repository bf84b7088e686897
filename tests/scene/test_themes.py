# SPDX-License-Identifier: GPL-3.0-or-later
"""Another theme for a scene that is built: every value of every node tree, and a picture, as if built in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from PIL import Image

from forward_pass.core.colormaps import COLOR_MAPS
from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.theme import THEMES, linear
from forward_pass.core.trace import Trace
from forward_pass.scene.build import build_scene
from forward_pass.scene.groups import make_groups
from forward_pass.scene.materials import make_materials
from forward_pass.scene.themes import apply_map, apply_theme

pytestmark = pytest.mark.blender

HELD = {"FP Theme", "FP Backdrop", "FP Palette", "FP Diverging", "FP Sequential"}


@pytest.fixture(scope="module")
def plan(sample: Path) -> tuple[Trace, Layout, Story]:
    trace = Trace.open(sample)
    layout = lay_out(trace)
    return trace, layout, tell(trace, layout)


def built(plan: tuple[Trace, Layout, Story], **options: Any) -> Any:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    list(build_scene(scene, *plan, **options))
    return scene


def written(tree: Any) -> dict[str, list[float]]:
    """Every number and colour that stands in a tree by itself."""
    found = {}
    for node in tree.nodes:
        for where, sockets in (("in", node.inputs), ("out", node.outputs)):
            for socket in sockets:
                value = getattr(socket, "default_value", None)
                if isinstance(value, int | float):
                    found[f"{node.name} {where} {socket.identifier}"] = [float(value)]
                elif hasattr(value, "__len__") and not isinstance(value, str):
                    found[f"{node.name} {where} {socket.identifier}"] = [float(part) for part in value]
        if node.type == "VALTORGB":
            found[f"{node.name} ramp"] = [part for e in node.color_ramp.elements for part in (e.position, *e.color)]
    return found


def everything() -> dict[str, dict[str, list[float]]]:
    owners = [*bpy.data.materials, *bpy.data.worlds]
    trees = {owner.name: owner.node_tree for owner in owners if owner.node_tree}
    return {name: written(tree) for name, tree in [*trees.items(), *bpy.data.node_groups.items()]}


def test_every_colour_stands_in_one_of_five_groups(plan) -> None:
    """Two scenes, built in different themes, differ nowhere else; a changed one differs from neither."""
    built(plan, theme="paper")
    paper = everything()
    scene = built(plan, theme="midnight")
    midnight = everything()
    assert midnight.keys() == paper.keys()
    assert {name for name in paper if paper[name] != midnight[name]} == HELD
    apply_theme(scene, "paper")
    assert everything() == paper and scene["fp_theme"] == "paper"
    apply_theme(scene, "midnight")
    assert everything() == midnight


def test_a_change_of_theme_takes_no_time_and_keeps_a_chosen_map(plan) -> None:
    scene = built(plan, maps=["vik", "batlow"])
    started = time.process_time()
    apply_theme(scene, "contrast")
    assert time.process_time() - started < 0.5
    for group, name in (("FP Diverging", "vik"), ("FP Sequential", "batlow")):
        elements = bpy.data.node_groups[group].nodes["Colours"].color_ramp.elements
        wanted = [linear(stop) for stop in COLOR_MAPS[name].stops]
        assert [tuple(element.color)[:3] for element in elements] == pytest.approx(np.array(wanted), abs=1e-6)
    apply_map(scene, "cividis")
    assert scene["fp_diverging"] == "vik" and scene["fp_sequential"] == "cividis"


def test_only_the_scene_that_is_asked_for_changes(plan) -> None:
    first = built(plan)
    before = written(bpy.data.node_groups["FP Theme"])
    second = bpy.data.scenes.new("second")
    groups = make_groups(THEMES["paper"])
    mesh = bpy.data.meshes.new("mesh")
    mesh.materials.append(make_materials(groups).cells)
    second.collection.objects.link(bpy.data.objects.new("block", mesh))
    paper = written(groups.look)
    apply_theme(second, "blackboard")
    assert written(bpy.data.node_groups["FP Theme"]) == before and written(groups.look) != paper
    apply_theme(first, "paper")
    assert written(bpy.data.node_groups["FP Theme"]) != before


def test_the_solid_view_shows_the_model_in_the_theme_and_nothing_over_it(plan) -> None:
    """It knows no time: all captions and charts of a story would lie one on the other."""
    scene = built(plan, theme="paper")

    def shown(name: str) -> tuple[float, ...]:
        return tuple(bpy.data.materials[name].diffuse_color)

    for theme in ("paper", "midnight"):
        apply_theme(scene, theme)
        palette = THEMES[theme].palette
        for name, hue in (("FP Cells", "feature"), ("FP Floor", "line"), ("FP Label", "text")):
            assert shown(name) == pytest.approx((*linear(palette[hue]), 1.0), abs=1e-6), name
        for name in ("FP Overlay", "FP Halo", "FP Legend", "FP Pulse", "FP Glow", "FP Products", "FP Charts"):
            assert shown(name)[3] == 0.0, name


def test_what_cannot_be(plan) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with pytest.raises(UserError, match="has no colours of Forward Pass"):
        apply_theme(bpy.context.scene, "paper")
    with pytest.raises(UserError, match="no theme called 'neon'"):
        apply_theme(bpy.context.scene, "neon")
    with pytest.raises(UserError, match="no colour map called 'jet'"):
        list(build_scene(bpy.context.scene, *plan, maps=["jet"]))
    with pytest.raises(UserError, match="no colour scale called 'loud'"):
        list(build_scene(bpy.context.scene, *plan, scale="loud"))
    assert not bpy.data.objects


def picture(scene: Any, second: float, path: Path) -> np.ndarray:
    scene.render.resolution_x, scene.render.resolution_y = 240, 135
    scene.eevee.taa_render_samples = 1
    scene.render.dither_intensity = 0.0
    scene.render.filepath = str(path)
    scene.frame_set(1 + round(second * scene.render.fps))
    bpy.ops.render.render(write_still=True)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


@pytest.mark.slow
def test_a_changed_scene_looks_like_one_that_was_built_so(plan, tmp_path: Path) -> None:
    query = plan[2].products[0]
    second = query.start + 0.5 * query.duration
    scene = built(plan, theme="midnight")
    seen = {"midnight": picture(scene, second, tmp_path / "midnight.png")}
    for name in THEMES:
        apply_theme(scene, name)
        seen[name] = picture(scene, second, tmp_path / f"{name}.png")
    scene = built(plan, theme="paper")
    assert np.abs(picture(scene, second, tmp_path / "built.png") - seen["paper"]).max() <= 1
    for a in THEMES:
        for b in THEMES:
            assert a == b or np.abs(seen[a] - seen[b]).mean() > 10, (a, b)
