# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the scene of two runs on one clock: each side's blocks as a scene of one run has them, one stage for both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..core.compare_sides import Side
from ..core.detail import MOST_CELLS, MOST_VALUES
from ..core.shots import film
from ..core.story_compare import ComparePlan
from ..core.theme import theme as find_theme
from ..core.values import Pooled
from ..core.wording import wording_of
from ..core.words import catalog
from .camera import make_camera
from .captions import caption_slices
from .contract import keep_contract
from .furniture import make_plates, make_ribbons
from .glow import make_glow
from .labels import label_slices
from .legend import add_legends
from .marks import make_marks
from .materials import Materials
from .merge import Piece, Shape, Shapes, merge
from .overlay import Overlay, add_title
from .run_blocks import choose_slabs, make_blocks, stand_out_slices
from .run_operations import operation_slices
from .running_multiply import add_shapes
from .running_text import add_running_text
from .slices import Slices, Stage, Told, aside, told
from .solid import show_solid
from .studio import Studio, open_studio
from .text import during
from .theme_assets import theme_asset_slices
from .tokens import make_cards

RIM = 0.18  # width of the frame around a cell, in the least size of one
THREAD = 0.11  # and of the line between two cells
SECOND_LINE = 0.078  # how far under the first run's running text that of the second stands, in frame heights


def build_compare(
    scene: bpy.types.Scene,
    plan: ComparePlan,
    *,
    theme: str = "midnight",
    recipe: str = "",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
    most_cells: int = MOST_CELLS,
    most_values: int = MOST_VALUES,
) -> Iterator[Stage]:
    """Builds into `scene`, yielding (what is being built, share done 0 to 1) between slices of work.

    The blocks of each run keep the scene contract; `fp_run` says which run they are of, 1 or 2. `fp_trace` is the
    first run's trace and `fp_trace_2` the second's. `most_cells` and `most_values` are those of each run, as in
    `build_scene`. Raises UserError for a theme that there is not.
    """
    colors = find_theme(theme)
    studio = yield from open_studio(
        scene, plan.story, colors, size, fps, lambda: _slabs(plan, size[0] / size[1], most_cells, most_values)
    )
    for number, side in enumerate(plan.sides):
        for share in _put_blocks(studio, side, number + 1):
            yield side.name, 0.05 + 0.35 * (number + share)
    if studio.atlas:
        studio.atlas.finish()
    yield "stage", 0.8
    track = yield from told(("stage", 0.8), aside(lambda: film(plan.story.shots, plan.story.duration, studio.aspect)))
    camera, overlays = make_camera(scene, track, size, studio.stage)
    for number, side in enumerate(plan.sides):
        yield from told(("labels", 0.8 + 0.05 * (number + 1)), _put_furniture(studio, side, camera))
    yield from _put_overlays(studio, plan, overlays)
    if plan.marks:
        studio.stage.objects.link(_marks(plan, studio.materials, studio.shapes))
    studio.shapes.clear()
    traces = [side.trace for side in plan.sides]
    show_solid(scene, colors)
    yield from told(("overlays", 0.98), theme_asset_slices(scene))
    keep_contract(scene, plan.story, traces, plan.sides[0].layout.pitch, recipe, fps)
    yield "done", 1.0


def _slabs(plan: ComparePlan, aspect: float, most_cells: int, most_values: int) -> dict[str, Pooled]:
    """What the blocks of both runs show that are no geometry."""
    slabs: dict[str, Pooled] = {}
    for side in plan.sides:
        slabs |= choose_slabs(side.values, side.layout, plan.story, aspect, most_cells, most_values)
    return slabs


def _put_overlays(studio: Studio, plan: ComparePlan, root: bpy.types.Object) -> Told[None]:
    """All that hangs before the camera, from `root`."""
    story, shapes = plan.story, studio.shapes
    overlay = Overlay(studio.scene, root, studio.stage, studio.aspect, studio.materials, studio.font)
    yield from told(("overlays", 0.92), caption_slices(overlay, story, shapes))
    # Under the running texts, of which there are two here; beside them, in a wide picture, the legend has its room.
    under = _lowered(overlay, "under the running texts", 1)
    add_shapes(under, story.shapes)
    add_legends(overlay if overlay.wide else under, story.legends)
    if story.title:
        add_title(overlay, *story.title)
    yield from told(("overlays", 0.95), overlay.finish_slices(shapes))
    yield from told(("overlays", 0.95), under.finish_slices(shapes))
    for number, side in enumerate(plan.sides):
        # The run that stands above has the upper line.
        _put_running_text(studio, side, overlay, 1 - number if plan.stacked else number)


def _put_blocks(studio: Studio, side: Side, number: int) -> Iterator[float]:
    """The blocks and the operations of one run; yields the share that is done."""
    layout = side.layout
    items: dict[str, bpy.types.Object] = {}
    made = make_blocks(studio, side.values, layout, side.fills)
    for i, (block, item) in enumerate(zip(layout.blocks, made, strict=True)):
        item["fp_run"] = number
        items[block.key] = item
        if i % 16 == 0:
            yield i / len(layout.blocks)
    for part in (
        operation_slices(layout, side.fills, studio.collections, items),
        stand_out_slices(studio, layout, items),
    ):
        for _ in part:
            yield 1.0


def _put_furniture(studio: Studio, side: Side, camera: bpy.types.Object) -> Slices[None]:
    """Names, marks, floor and cards of one run."""
    layout, materials = side.layout, studio.materials
    mine = {block.key for block in layout.blocks}
    pools = {key: one.block for key, one in studio.slabs.items() if one.block != (1, 1) and key in mine}
    items = yield from label_slices(layout.labels, materials, studio.font, camera, studio.shapes)
    words = catalog(side.fills.language)
    items += make_marks(layout.blocks, pools, materials, studio.font, studio.shapes, words)
    yield
    items += make_plates(layout.plates, materials) + make_ribbons(layout.ribbons, materials)
    items += make_glow(layout.blocks, side.fills.fills, studio.groups)
    for item in items:
        studio.labels.objects.link(item)
    yield
    make_cards(studio, side.trace, layout, side.fills)


def _put_running_text(studio: Studio, side: Side, overlay: Overlay, place: int) -> None:
    """The running text of one run, in the first or the second line (0 or 1)."""
    mine = _lowered(overlay, f"running text {side.name}", place)
    texts = tuple(token.text for token in side.trace.tokens)
    prompt, text = len(side.trace.prompt_tokens), not wording_of(side.trace).sorts
    add_running_text(mine, texts, prompt, side.fills.arrivals, side.fills.duration, text=text)
    mine.finish(studio.shapes)


def _lowered(overlay: Overlay, name: str, lines: int) -> Overlay:
    """An overlay like another, so many lines of running text further down."""
    root = bpy.data.objects.new(name, None)
    root.empty_display_size = 0.01
    root.parent = overlay.root
    root.location.y = -SECOND_LINE * lines
    overlay.collection.objects.link(root)
    return Overlay(overlay.scene, root, overlay.collection, overlay.aspect, overlay.materials, overlay.font)


def _marks(plan: ComparePlan, materials: Materials, shapes: Shapes) -> bpy.types.Object:
    """The cells that captions speak of: an outline around each in both runs, and a line between the two."""
    pieces = []
    for mark in plan.marks:
        first, second = (np.array(corners) for corners in mark.corners)  # [4, 3] each
        quads = [quad for corners in (first, second) for quad in _outline(corners, mark.least)]
        quads.append(_band(first.mean(0), second.mean(0), THREAD * mark.least))
        points = np.concatenate(quads).astype(np.float32)
        count = len(quads)
        shape = Shape(points, np.arange(4 * count, dtype=np.int32), np.arange(0, 4 * count, 4, dtype=np.int32))
        piece = during(Piece("difference", shape, "text", materials.overlay), mark.start, mark.duration)
        pieces.append((piece, Matrix.Identity(4)))
    item = merge("differences", pieces, materials.overlay, shapes)
    item["fp_kind"] = "difference"
    return item


def _outline(corners: NDArray[np.float64], least: float) -> list[NDArray[np.float64]]:
    """A frame around a cell, [4, 3] each: outside of it, and no smaller than `least` from side to side."""
    middle = corners.mean(0)
    sides = [corners[1] - corners[0], corners[3] - corners[0]]
    longs = [float(np.linalg.norm(side)) for side in sides]
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))  # of the corners, along the two sides

    def square(more: float) -> NDArray[np.float64]:
        halves = [side / long * (max(long, least) / 2 + more) for side, long in zip(sides, longs, strict=True)]
        return np.stack([middle + a * halves[0] + b * halves[1] for a, b in signs])

    inner, outer = square(0.0), square(RIM * least)
    return [np.stack([inner[a], inner[b], outer[b], outer[a]]) for a, b in pairwise((0, 1, 2, 3, 0))]


def _band(start: NDArray[np.float64], end: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """A thin band between two points, [4, 3], that faces the front."""
    way = end - start
    side = np.cross(way, (0.0, 1.0, 0.0))
    side *= width / 2 / max(float(np.linalg.norm(side)), 1e-9)
    return np.stack([start - side, start + side, end + side, end - side])
