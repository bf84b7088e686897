# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a scene from a trace, its layout and its story, in slices so that a window stays alive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import bpy

from ..core.colormaps import color_map
from ..core.detail import MOST_CELLS, MOST_VALUES
from ..core.layout import Layout
from ..core.layout_words import in_words
from ..core.nameplates import Nameplate, nameplates
from ..core.names import Cover, choose_names, showing
from ..core.shots import film
from ..core.story import Story
from ..core.story_progress import parts_of
from ..core.theme import theme as find_theme
from ..core.trace import Trace
from ..core.values import LOCAL, Values
from ..core.wording import wording_of
from ..core.words import catalog
from .camera import make_camera
from .captions import caption_slices
from .cell_styles import check_style, set_style
from .chapter_card import add_chapter_cards
from .contract import keep_contract
from .effects import PlacedEffects, effect_slices, place_effects
from .focus import drive_focus
from .formulas import add_formulas
from .furniture import make_plates, make_products, make_ribbons, make_shadows
from .glow import make_glow
from .labels import label_slices
from .legend import add_legends
from .marks import make_marks
from .mini_map import add_mini_map
from .nameplates import nameplate_slices
from .overlay import LOW, Overlay, add_title
from .pulse import make_pulse
from .run_blocks import choose_slabs, make_blocks, stand_out_slices
from .run_operations import operation_slices
from .running_multiply import add_shapes
from .running_text import add_running_text
from .slices import Stage, Told, aside, told
from .solid import show_solid
from .studio import Studio, open_studio
from .theme_assets import theme_asset_slices
from .themes import apply_map
from .tokens import make_cards

TITLE_ROOM = 0.33  # of the frame's height: how far up the title reaches


@dataclass(frozen=True)
class _Run:
    """What is shown: a run, where it stands, what happens in it, and its numbers."""

    trace: Trace
    layout: Layout
    story: Story
    values: Values


def build_scene(
    scene: bpy.types.Scene,
    trace: Trace,
    layout: Layout,
    story: Story,
    *,
    theme: str = "midnight",
    recipe: str = "",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
    most_cells: int = MOST_CELLS,
    most_values: int = MOST_VALUES,
    scale: str = LOCAL,
    maps: Iterable[str] = (),
    cells: str = "flat",
) -> Iterator[Stage]:
    """Builds into `scene`, yielding (what is being built, share done 0 to 1) between slices of work.

    The scene keeps the scene contract, version 1. Where it has more than `most_cells` cells, the largest blocks are
    slabs, and where these have more than `most_values` one value stands for several. `scale` is that of the colours,
    as the story was told in, and `maps` names published colour maps to use instead of the theme's own. `cells` is
    `flat`, `bars` or `cubes`. All but the scale can be changed later: see `themes` and `cell_styles`. Raises UserError
    for any of them that there is not.
    """
    layout = in_words(layout, catalog(story.language))
    colors, values = find_theme(theme), Values(trace, layout, scale)
    maps = [color_map(name).name for name in maps]
    check_style(cells)
    run = _Run(trace, layout, story, values)
    aspect = size[0] / size[1]
    studio = yield from open_studio(
        scene, story, colors, size, fps, lambda: choose_slabs(values, layout, story, aspect, most_cells, most_values)
    )
    yield from _put_blocks(studio, run, cells)
    effects = yield from told(("names", 0.75), aside(lambda: place_effects(trace, layout, story, aspect)))
    overlays = yield from _put_camera_and_labels(studio, run, effects)
    yield from _put_floor(studio, run)
    yield from _put_overlays(studio, run, effects, overlays)
    studio.shapes.clear()
    yield "overlays", 0.95
    for name in maps:
        apply_map(scene, name)
    show_solid(scene, colors)
    yield from told(("overlays", 0.98), theme_asset_slices(scene))
    keep_contract(scene, story, [trace], layout.pitch, recipe, fps)
    yield "done", 1.0


def _put_blocks(studio: Studio, run: _Run, cells: str) -> Told[None]:
    """All blocks under the operations that they belong to, with cells of that style."""
    layout = run.layout
    items: dict[str, bpy.types.Object] = {}
    blocks = make_blocks(studio, run.values, layout, run.story)
    for i, (block, item) in enumerate(zip(layout.blocks, blocks, strict=True)):
        items[block.key] = item  # its name differs where the file has another scene of the kind
        if i % 16 == 0:
            yield "blocks", 0.05 + 0.65 * i / len(layout.blocks)
    if studio.atlas:
        studio.atlas.finish()
    yield "blocks", 0.7
    yield from told(("operations", 0.72), operation_slices(layout, run.story, studio.collections, items))
    yield from told(("operations", 0.74), stand_out_slices(studio, layout, items))
    if cells != "flat":
        set_style(studio.scene, cells)
        yield "operations", 0.75


def _put_camera_and_labels(studio: Studio, run: _Run, effects: PlacedEffects) -> Told[bpy.types.Object]:
    """The camera and the names that turn to it; returns the empty before the camera, from which overlays hang."""
    layout, story, aspect = run.layout, run.story, studio.aspect
    names = yield from told(
        ("names", 0.75), aside(lambda: choose_names(layout, story, aspect, (*effects.covers, *_title_covers(story))))
    )
    track = yield from told(("names", 0.755), aside(lambda: film(story.shots, story.duration, aspect)))
    camera, overlays = make_camera(studio.scene, track, studio.size, studio.stage, showing(names, story.shots))
    drive_focus(camera, studio.scene, story.told)
    yield "labels", 0.76
    labels = label_slices(layout.labels, studio.materials, studio.font, camera, studio.shapes, names)
    for item in (yield from told(("labels", 0.8), labels)):
        studio.labels.objects.link(item)
    yield "labels", 0.82
    return overlays


def _title_covers(story: Story) -> list[Cover]:
    """What the title takes of the frame from the names."""
    if story.title is None:
        return []
    _words, _below, start, duration = story.title
    return [Cover(start, start + duration, (0.0, 0.0, 1.0, TITLE_ROOM))]


def _put_floor(studio: Studio, run: _Run) -> Told[None]:
    """What stands and lies around the blocks: marks of what is left out, plates, ribbons, cards, product planes."""
    layout, story, materials = run.layout, run.story, studio.materials
    pools = {key: shown.block for key, shown in studio.slabs.items() if shown.block != (1, 1)}
    words = catalog(story.language)
    for item in make_marks(layout.blocks, pools, materials, studio.font, studio.shapes, words):
        studio.labels.objects.link(item)
    yield "labels", 0.83
    for item in [
        *make_shadows(layout.plates, materials),
        *make_plates(layout.plates, materials),
        *make_ribbons(layout.ribbons, materials),
        *make_glow(layout.blocks, story.fills, studio.groups),
        *make_pulse(studio.scene, layout, story.pulses, studio.groups),
    ]:
        studio.labels.objects.link(item)
    yield "labels", 0.84
    make_cards(studio, run.trace, layout, story)
    yield "labels", 0.845
    values = run.values
    for plan in story.products:
        left, right = values.blocks[plan.left], values.blocks[plan.right]
        plane = make_products(plan, left, right, values.matrix(plan.left), values.matrix(plan.right), materials)
        studio.stage.objects.link(plane)
    yield "labels", 0.85


def _put_overlays(studio: Studio, run: _Run, effects: PlacedEffects, root: bpy.types.Object) -> Told[None]:
    """All that hangs before the camera, from `root`."""
    trace, layout, story, shapes = run.trace, run.layout, run.story, studio.shapes
    overlay = Overlay(studio.scene, root, studio.stage, studio.aspect, studio.materials, studio.font)
    yield from told(("overlays", 0.855), caption_slices(overlay, story, shapes))
    add_formulas(overlay, story.formulas)
    add_shapes(overlay, story.shapes)
    yield "overlays", 0.857

    def placed() -> tuple[Nameplate, ...]:
        return nameplates(layout, story, film(story.shots, story.duration, studio.aspect), studio.aspect)

    plates = yield from told(("overlays", 0.857), aside(placed))
    yield from told(("overlays", 0.858), nameplate_slices(overlay, plates, shapes))
    add_legends(overlay, story.legends)
    add_chapter_cards(overlay, story)
    texts = tuple(token.text for token in trace.tokens)
    prompt, text = len(trace.prompt_tokens), not wording_of(trace).sorts
    add_running_text(overlay, texts, prompt, story.arrivals, story.duration, text=text)
    add_mini_map(overlay, parts_of(layout), story.progress)
    yield "overlays", 0.86
    drawn = effect_slices(overlay, shapes, studio.groups, run.values, trace, effects, catalog(story.language))
    yield from told(("overlays", 0.9), drawn)
    if story.title:
        add_title(overlay, *story.title, middle=LOW)
    yield from told(("overlays", 0.93), overlay.finish_slices(shapes))
