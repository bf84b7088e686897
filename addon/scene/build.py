# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a scene from a trace, its layout and its story, in slices so that a window stays alive."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..core.axis_colors import axis_color
from ..core.colormaps import color_map
from ..core.detail import MOST_CELLS, MOST_VALUES, choose_details, choose_pools, seen_sizes
from ..core.errors import UserError
from ..core.layout import Block, Layout, Operation
from ..core.names import choose_names, showing
from ..core.shots import film, pose_of
from ..core.story import Fill, Story, Use
from ..core.story_progress import parts_of
from ..core.theme import theme as find_theme
from ..core.trace import Trace
from ..core.values import LOCAL, Pooled, Values
from ..core.wording import wording_of
from .blocks import PLAY_STYLES, Made, hue_number, make_block
from .body_material import HEADS
from .camera import make_camera
from .captions import caption_slices
from .cell_group import AGAIN, PLAY, USE
from .cell_styles import add_styles, check_style, set_style, style_group
from .chapter_card import add_chapter_cards
from .contract import Collections, keep_contract, open_scene
from .effects import effect_slices
from .furniture import make_card, make_plates, make_products, make_ribbons, make_shadows, make_world
from .groups import group_slices
from .labels import label_slices
from .marks import make_marks
from .materials import Materials, material_slices
from .merge import Shapes
from .mini_map import add_mini_map
from .overlay import LOW, Overlay, add_formulas, add_legends, add_shapes, add_title
from .pulse import make_pulse
from .running_text import add_running_text
from .slabs import Atlas, make_slab
from .slices import Slices, aside, told
from .text import load_font
from .theme_assets import theme_asset_slices
from .themes import apply_map

NEVER = 1e9
TOGETHER = 64  # operations, or blocks, in one slice
# Hue of a block at rest, by what it is; weights are slate.
PART_HUES = {
    "residual": "token",
    "q": "feature",
    "q_norm": "feature",
    "k_norm": "feature",
    "q_rotary": "feature",
    "k": "feature",
    "v": "feature",
    "mix": "feature",
    "merged": "feature",
    "scores": "token",
    "masked": "token",
    "pattern": "token",
    "hidden": "neuron",
    "gelu": "neuron",
    "gate": "neuron",
    "product": "neuron",
    "router": "head",
    "router_share": "head",
    "chosen": "head",
    "logits": "vocab",
    "probabilities": "vocab",
}


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
) -> Iterator[tuple[str, float]]:
    """Builds into `scene`, yielding (what is being built, share done 0 to 1) between slices of work.

    The scene keeps the scene contract, version 1. Where it has more than `most_cells` cells, the largest blocks are
    slabs, and where these have more than `most_values` one value stands for several. `scale` is that of the colours,
    as the story was told in, and `maps` names published colour maps to use instead of the theme's own. `cells` is
    `flat`, `bars` or `cubes`. All but the scale can be changed later: see `themes` and `cell_styles`. Raises UserError
    for any of them that there is not.
    """
    colors, values = find_theme(theme), Values(trace, layout, scale)
    maps = [color_map(name).name for name in maps]
    check_style(cells)
    collections = open_scene(scene, story, colors, size, fps)
    groups = yield from told(("materials", 0.02), group_slices(colors))
    slabs = yield from told(
        ("materials", 0.03), aside(lambda: choose_slabs(values, layout, story, size, most_cells, most_values))
    )
    atlas = Atlas({key: (len(shown.matrix), len(shown.matrix[0])) for key, shown in slabs.items()}) if slabs else None
    materials = yield from told(("materials", 0.04), material_slices(groups, atlas.image if atlas else None))
    make_world(scene, groups)
    yield "materials", 0.05

    items: dict[str, bpy.types.Object] = {}
    blocks = make_blocks(values, layout, story, collections, materials, slabs, atlas)
    for i, (block, item) in enumerate(zip(layout.blocks, blocks, strict=True)):
        items[block.key] = item  # its name differs where the file has another scene of the kind
        if i % 16 == 0:
            yield "blocks", 0.05 + 0.65 * i / len(layout.blocks)
    if atlas:
        atlas.finish()
    yield "blocks", 0.7
    yield from told(("operations", 0.72), operation_slices(layout, story, collections, items))
    yield from told(("operations", 0.74), stand_out_slices(layout, items, materials))
    if cells != "flat":
        set_style(scene, cells)
        yield "operations", 0.75

    stage = collections.get(("stage",))
    aspect = size[0] / size[1]
    names = yield from told(("names", 0.75), aside(lambda: choose_names(layout, story, aspect)))
    track = yield from told(("names", 0.755), aside(lambda: film(story.shots, story.duration, aspect)))
    camera, overlays = make_camera(scene, track, size, stage, showing(names, story.shots))
    yield "labels", 0.76
    font = load_font()
    labels = collections.get(("labels",))
    shapes = Shapes()
    items_of_names = label_slices(layout.labels, materials, font, camera, shapes, names)
    for item in (yield from told(("labels", 0.8), items_of_names)):
        labels.objects.link(item)
    yield "labels", 0.82
    pools = {key: shown.block for key, shown in slabs.items() if shown.block != (1, 1)}
    for item in make_marks(layout.blocks, pools, materials, font, shapes):
        labels.objects.link(item)
    yield "labels", 0.83
    for item in [
        *make_shadows(layout.plates, materials),
        *make_plates(layout.plates, materials),
        *make_ribbons(layout.ribbons, materials),
        *make_pulse(scene, layout, story.pulses, groups),
    ]:
        labels.objects.link(item)
    yield "labels", 0.84
    make_cards(trace, layout, story, collections, materials, font)
    yield "labels", 0.845
    _products(values, story, stage, materials)
    yield "labels", 0.85

    overlay = Overlay(scene, overlays, stage, aspect, materials, font)
    yield from told(("overlays", 0.855), caption_slices(overlay, story, shapes))
    add_formulas(overlay, story.formulas)
    add_shapes(overlay, story.shapes)
    add_legends(overlay, story.legends)
    add_chapter_cards(overlay, story)
    add_mini_map(overlay, parts_of(layout), story.progress)
    texts = tuple(token.text for token in trace.tokens)
    prompt, text = len(trace.prompt_tokens), not wording_of(trace).sorts
    add_running_text(overlay, texts, prompt, story.arrivals, story.duration, text=text)
    yield "overlays", 0.86
    yield from told(("overlays", 0.9), effect_slices(overlay, shapes, groups, values, trace, layout, story))
    if story.title:
        add_title(overlay, *story.title, middle=LOW)
    yield from told(("overlays", 0.93), overlay.finish_slices(shapes))
    shapes.clear()
    yield "overlays", 0.95
    for name in maps:
        apply_map(scene, name)
    yield from told(("overlays", 0.98), theme_asset_slices(scene))
    keep_contract(scene, story, [trace], layout.pitch, recipe, fps)
    yield "done", 1.0


def choose_slabs(
    values: Values, layout: Layout, story: Story, size: tuple[int, int], most_cells: int, most_values: int
) -> dict[str, Pooled]:
    """What every block that is no geometry shows, by key: its numbers, or where they are too many one for several."""
    details = choose_details(layout.blocks, most_cells)
    blocks = [block for block in layout.blocks if details[block.key] == "slab"]
    aspect = size[0] / size[1]
    sizes = seen_sizes(blocks, (pose_of(shot, aspect) for shot in story.shots), aspect) if blocks else np.zeros((0, 2))
    pools = choose_pools(blocks, sizes, most_values)
    return {block.key: values.pooled(block.key, pools[block.key]) for block in blocks}


def make_blocks(
    values: Values,
    layout: Layout,
    story: Story,
    collections: Collections,
    materials: Materials,
    slabs: dict[str, Pooled],
    atlas: Atlas | None,
) -> Iterator[bpy.types.Object]:
    """Every block as an object with its numbers and its times."""
    fills = {fill.block: fill for fill in story.fills}
    uses: dict[str, list[Use]] = defaultdict(list)
    for use in story.uses:
        uses[use.block].append(use)
    made: Made = {}
    for block in layout.blocks:
        ends = values.ends(block.key)
        if atlas and block.key in slabs:
            item = make_slab(block, slabs[block.key], ends, materials, atlas)
        else:
            item = make_block(block, values.matrix(block.key), ends, materials, made)
        fill = fills.get(block.key)
        _times(item, block, fill, uses[block.key])
        item.pass_index = hue_number(_hue(block), axis_color(block.row_axis), axis_color(block.column_axis))
        item[HEADS] = [*_heads(block, layout), 0.0]
        collections.get(block.collection).objects.link(item)
        yield item


def _heads(block: Block, layout: Layout) -> list[float]:
    """How many cells a head takes of the rows and of the columns; 0 along an axis that is not heads times features."""
    first = layout.by_key.get(f"s0.l{block.layer}.h0.mix")
    size = 0.0 if first is None else float(first.shape[1])
    return [size if axis[:1] == ("head",) and len(axis) > 1 else 0.0 for axis in (block.row_axis, block.column_axis)]


def stand_out_slices(layout: Layout, items: dict[str, bpy.types.Object], materials: Materials) -> Slices[None]:
    """What lets cells stand out of their blocks, where they are geometry, in slices."""
    blocks = [(items[b.key], b.mirrored) for b in layout.blocks if items[b.key]["fp_detail"] == "cells"]
    group = style_group(materials.relief, materials.plate)
    for i in range(0, len(blocks), TOGETHER):
        yield
        add_styles(blocks[i : i + TOGETHER], group)


def _hue(block: Block) -> str:
    if block.kind != "activation":
        return block.kind
    part = block.part.split("_")[0] if block.part.startswith("residual") else block.part.removesuffix("_flat")
    part = part.removeprefix("e_")
    return PART_HUES.get(part, "channel")


def _times(item: bpy.types.Object, block: Block, fill: Fill | None, uses: list[Use]) -> None:
    """When a block fills and when it is in play, as the object properties that its material reads."""
    if fill is None:
        item["fp_start"], item["fp_duration"] = 0.0, 0.0
        item[PLAY] = [PLAY_STYLES["" if block.kind == "weight" else "all"], -1.0, 0.0, NEVER]
    else:
        item["fp_start"], item["fp_duration"] = fill.start, fill.duration
        focus = -1.0 if fill.focus is None else float(fill.focus)
        item[PLAY] = [PLAY_STYLES[fill.style], focus, fill.share, fill.relax]
    first, again = [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]
    if uses:
        use = uses[0]
        first = [use.start, use.duration, 1.0 if use.side == "right" else 0.0, use.share]
        if use.focus is not None:
            item[PLAY] = [item[PLAY][0], float(use.focus), *item[PLAY][2:]]
    if len(uses) > 1:
        # Later uses come at even intervals: one for each later step.
        period = uses[2].start - uses[1].start if len(uses) > 2 else 1e6
        again = [uses[1].start, uses[1].duration, period, float(len(uses) - 1)]
    item[USE], item[AGAIN] = first, again


def operation_slices(
    layout: Layout, story: Story, collections: Collections, items: dict[str, bpy.types.Object]
) -> Slices[None]:
    """An empty for every operation, parent of the blocks that it made and of the weights that it is first to use; in
    slices."""
    fills = {fill.block: fill for fill in story.fills}
    blocks = {block.key: block for block in layout.blocks}
    for i, operation in enumerate(layout.operations):
        if i % TOGETHER == TOGETHER - 1:
            yield
        named = (*operation.left, *operation.right, *operation.bias, *operation.out)
        mine = [key for key in named if blocks[key].operation == operation.operation]
        empty = bpy.data.objects.new(f"{operation.kind} {operation.operation}", None)
        empty.empty_display_size = 1.0
        if mine:
            empty.location = items[mine[0]].matrix_world.translation
        empty["fp_operation"], empty["fp_kind"] = operation.operation, operation.kind
        start, duration = _window(operation, fills)
        empty["fp_start"], empty["fp_duration"] = start, duration
        if operation.kind == "matmul":
            styles = [fills[k].style for k in operation.out if k in fills]
            empty["fp_sweep"] = styles[0] if styles else "all"
        collections.get(operation.collection).objects.link(empty)
        back = Matrix.Translation(-empty.location)
        for key in dict.fromkeys(mine):
            items[key].parent = empty
            items[key].matrix_parent_inverse = back


def _window(operation: Operation, fills: dict[str, Fill]) -> tuple[float, float]:
    made = [fills[key] for key in operation.out if key in fills]
    if not made:
        return 0.0, 0.0
    start = min(fill.start for fill in made)
    return start, max(fill.start + fill.duration for fill in made) - start


def make_cards(
    trace: Trace,
    layout: Layout,
    story: Story,
    collections: Collections,
    materials: Materials,
    font: bpy.types.VectorFont | None,
) -> None:
    """The tokens of the run as cards: those of the prompt at once, those to come when they arrive."""
    arrivals = {arrival.token: arrival.start for arrival in story.arrivals}
    for card in layout.cards:
        for item in make_card(card, trace.tokens[card.token].text, materials, font):
            item["fp_start"] = arrivals.get(card.token, 0.0)
            item["fp_duration"] = NEVER
            collections.get(("tokens",)).objects.link(item)


def _products(values: Values, story: Story, stage: bpy.types.Collection, materials: Materials) -> None:
    for plan in story.products:
        left, right = values.blocks[plan.left], values.blocks[plan.right]
        stage.objects.link(
            make_products(plan, left, right, values.matrix(plan.left), values.matrix(plan.right), materials)
        )


def save_blend(path: Path) -> None:
    """Save the open file at `path`: written beside, then renamed. UserError where that cannot be."""
    partial = path.with_name(f".{path.name}.partial.blend")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(partial), copy=True, compress=True)
        os.replace(partial, path)
    except (RuntimeError, OSError) as error:
        partial.unlink(missing_ok=True)
        raise UserError(f"The scene could not be saved to {path}.", f"Choose another place ({error}).") from error
