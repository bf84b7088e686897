# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the film of one multiply: the theatre of `make_multiply`, driven by the scene's clock, with camera and
overlays."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

from ..core.matmul_operands import Operands
from ..core.matmul_words import ENGLISH
from ..core.shots import film
from ..core.story_multiply import MultiplyPlan
from ..core.theme import theme as find_theme
from ..core.trace import Trace
from .camera import make_camera
from .captions import caption_slices
from .clock import drive
from .contract import keep_contract
from .formulas import add_formulas
from .legend import add_legends
from .matmul import make_multiply
from .matmul_kit import kit_slices
from .matmul_plan import Dress
from .overlay import TOP, Overlay, add_title
from .running_multiply import add_shapes
from .slices import Stage, aside, told
from .solid import show_solid
from .studio import open_studio
from .theme_assets import theme_asset_slices


def build_multiply_film(
    scene: bpy.types.Scene,
    trace: Trace,
    plan: MultiplyPlan,
    *,
    theme: str = "midnight",
    recipe: str = "",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
    cells: str = "flat",
) -> Iterator[Stage]:
    """Builds into `scene`, yielding (what is being built, share done 0 to 1) between slices of work.

    The scene keeps the scene contract, version 1. The plan should have been made for about the aspect of `size`.
    `cells` is `flat`, `bars` or `cubes`. Raises UserError for a theme or a style that there is not.
    """
    colors = find_theme(theme)
    story, aspect = plan.story, size[0] / size[1]
    studio = yield from open_studio(scene, story, colors, size, fps)
    yield from told(("multiply", 0.4), kit_slices(scene, theme))
    empty = make_operation(
        scene,
        plan.operands,
        window=(0.0, story.duration),
        theme=theme,
        cells=cells,
        text=plan.text,
        braces=plan.braces,
        collection=studio.collections.get(("multiply",)),
    )
    yield "multiply", 0.6

    for control, track in plan.tracks.items():
        ways = ["CONSTANT" if key.holds else "LINEAR" for key in track]
        drive(empty, f'["{control}"]', -1, scene, [(key.second, key.value) for key in track], ways)
    filmed = yield from told(("camera", 0.65), aside(lambda: film(story.shots, story.duration, aspect)))
    _camera, overlays = make_camera(scene, filmed, size, studio.stage)
    yield "camera", 0.7

    overlay = Overlay(scene, overlays, studio.stage, aspect, studio.materials, studio.font)
    yield from told(("overlays", 0.75), caption_slices(overlay, story, studio.shapes))
    add_formulas(overlay, story.formulas)
    add_shapes(overlay, story.shapes, TOP)
    add_legends(overlay, story.legends)
    if story.title:
        add_title(overlay, *story.title)
    yield from told(("overlays", 0.8), overlay.finish_slices(studio.shapes))
    studio.shapes.clear()
    yield "overlays", 0.95

    nouns = (axis.noun for axis in plan.operands.axes)
    show_solid(scene, colors)
    yield from told(("overlays", 0.98), theme_asset_slices(scene))
    keep_contract(scene, story, [trace], dict(zip(nouns, plan.shape.pitch, strict=True)), recipe, fps)
    yield "done", 1.0


def make_operation(
    scene: bpy.types.Scene,
    operands: Operands,
    *,
    window: tuple[float, float] = (0.0, 0.0),
    theme: str = "midnight",
    cells: str = "flat",
    text: float = 1.0,
    braces: tuple[str, str, str] | None = None,
    collection: bpy.types.Collection | None = None,
) -> bpy.types.Object:
    """The theatre of a trace's multiply in any scene, with what the scene contract asks of its parts: the empty that
    drives it. `window` is start and duration in seconds of story time, which is told and not played: `play_sweep` does
    that. `text` scales letters and lines, `braces` is what is written at the axes i, k and j: English where
    it is left out. Raises UserError as `make_multiply` does."""
    i, k, j = operands.axes
    empty = make_multiply(
        scene,
        operands.left,
        operands.right,
        bias=operands.bias if operands.rest is None else operands.rest,
        scale=operands.scale,
        arrangement="box",
        theme=theme,
        cell_style=cells,
        names=operands.names,
        axes=braces or (ENGLISH.brace(i), ENGLISH.brace(k), ENGLISH.brace(j)),
        pitch=operands.pitch,
        collection=collection,
        dress=Dress((i.ticks, k.ticks, j.ticks), (i.color, k.color, j.color), text, counted=False),
    )
    operation = operands.choice.operation
    items = [empty, *empty.children_recursive]
    for item in items:
        item["fp_operation"] = operation.id
        item["fp_start"], item["fp_duration"] = window
    rows, inner, columns = operands.spans
    spans = {"left": (rows, inner), "right": (inner, columns), "out": (rows, columns)}
    for role, (name, index) in zip(spans, operands.tensors, strict=True):
        item = next(one for one in items if one.get("fp_role") == role)
        item["fp_tensor"], item["fp_index"] = name, list(index)
        for key, (first, end) in zip(("fp_rows", "fp_columns"), spans[role], strict=True):
            item[key] = [[first, end - 1]]
    return empty
