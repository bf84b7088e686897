# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations of a run: an empty for each, parent of the blocks that belong to it."""

from __future__ import annotations

from collections.abc import Mapping

import bpy
from mathutils import Matrix

from ..core.layout import Layout, Operation
from ..core.story import Fill, Story
from .contract import Collections
from .slices import Slices

TOGETHER = 64  # operations in one slice


def operation_slices(
    layout: Layout, story: Story, collections: Collections, items: Mapping[str, bpy.types.Object]
) -> Slices[None]:
    """An empty for every operation, parent of the blocks that it made and of the weights that it is first to use; in
    slices. `items` are the blocks' objects by key."""
    fills = {fill.block: fill for fill in story.fills}
    for i, operation in enumerate(layout.operations):
        if i % TOGETHER == TOGETHER - 1:
            yield
        named = (*operation.left, *operation.right, *operation.bias, *operation.out)
        mine = [key for key in named if layout.by_key[key].operation == operation.operation]
        empty = _empty(operation, fills)
        if mine:
            empty.location = items[mine[0]].matrix_world.translation
        collections.get(operation.collection).objects.link(empty)
        back = Matrix.Translation(-empty.location)
        for key in dict.fromkeys(mine):
            items[key].parent = empty
            items[key].matrix_parent_inverse = back


def _empty(operation: Operation, fills: Mapping[str, Fill]) -> bpy.types.Object:
    """The empty with what the scene contract says of an operation; in no collection yet."""
    empty = bpy.data.objects.new(f"{operation.kind} {operation.operation}", None)
    empty.empty_display_size = 1.0
    empty["fp_operation"], empty["fp_kind"] = operation.operation, operation.kind
    made = [fills[key] for key in operation.out if key in fills]
    start = min((fill.start for fill in made), default=0.0)
    end = max((fill.start + fill.duration for fill in made), default=0.0)
    empty["fp_start"], empty["fp_duration"] = start, end - start
    if operation.kind == "matmul":
        empty["fp_sweep"] = made[0].style if made else "all"
    return empty
