# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of a run: each an object with its numbers, its hue and its times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import bpy
import numpy as np

from ..core.axis_colors import axis_color
from ..core.detail import choose_details, choose_pools, seen_sizes
from ..core.layout import Block, Layout
from ..core.role_hues import hue_of
from ..core.shots import pose_of
from ..core.story import Fill, Story, Use
from ..core.values import Pooled, Values
from .blocks import PLAY_STYLES, Made, hue_number, make_block
from .body_material import HEADS
from .cell_group import AGAIN, PLAY, USE
from .cell_styles import add_styles, style_group
from .slabs import make_slab
from .slices import Slices
from .studio import Studio

NEVER = 1e9  # seconds: when a block that nothing makes grows dim
ONCE = 1e6  # seconds between the later uses of a block that has one of them
TOGETHER = 64  # blocks in one slice


def choose_slabs(
    values: Values, layout: Layout, story: Story, aspect: float, most_cells: int, most_values: int
) -> dict[str, Pooled]:
    """What every block that is no geometry shows, by key: its numbers, or where they are too many one for several."""
    details = choose_details(layout.blocks, most_cells)
    blocks = [block for block in layout.blocks if details[block.key] == "slab"]
    sizes = seen_sizes(blocks, (pose_of(shot, aspect) for shot in story.shots), aspect) if blocks else np.zeros((0, 2))
    pools = choose_pools(blocks, sizes, most_values)
    return {block.key: values.pooled(block.key, pools[block.key]) for block in blocks}


def make_blocks(studio: Studio, values: Values, layout: Layout, story: Story) -> Iterator[bpy.types.Object]:
    """Every block as an object with its numbers and its times, in the order of the layout."""
    fills = {fill.block: fill for fill in story.fills}
    uses: dict[str, list[Use]] = defaultdict(list)
    for use in story.uses:
        uses[use.block].append(use)
    made: Made = {}
    for block in layout.blocks:
        ends = values.ends(block.key)
        if studio.atlas and block.key in studio.slabs:
            item = make_slab(block, studio.slabs[block.key], ends, studio.materials, studio.atlas)
        else:
            item = make_block(block, values.matrix(block.key), ends, studio.materials, made)
        _set_times(item, block, fills.get(block.key), uses[block.key])
        item.pass_index = hue_number(hue_of(block), axis_color(block.row_axis), axis_color(block.column_axis))
        item[HEADS] = [*_heads(block, layout), 0.0]
        studio.collections.get(block.collection).objects.link(item)
        yield item


def stand_out_slices(studio: Studio, layout: Layout, items: Mapping[str, bpy.types.Object]) -> Slices[None]:
    """What lets cells stand out of their blocks, where they are geometry, in slices."""
    blocks = [(items[b.key], b.mirrored) for b in layout.blocks if items[b.key]["fp_detail"] == "cells"]
    group = style_group(studio.materials.relief, studio.materials.plate)
    for i in range(0, len(blocks), TOGETHER):
        yield
        add_styles(blocks[i : i + TOGETHER], group)


def _heads(block: Block, layout: Layout) -> list[float]:
    """How many cells a head takes of the rows and of the columns; 0 along an axis that is not heads times features."""
    first = layout.by_key.get(f"s0.l{block.layer}.h0.mix")
    size = 0.0 if first is None else float(first.shape[1])
    return [size if axis[:1] == ("head",) and len(axis) > 1 else 0.0 for axis in (block.row_axis, block.column_axis)]


def _set_times(item: bpy.types.Object, block: Block, fill: Fill | None, uses: Sequence[Use]) -> None:
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
        period = uses[2].start - uses[1].start if len(uses) > 2 else ONCE
        again = [uses[1].start, uses[1].duration, period, float(len(uses) - 1)]
    item[USE], item[AGAIN] = first, again
