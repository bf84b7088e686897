# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks are drawn as geometry, cell by cell, and which as slabs whose cells are an image: a pure function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .layout_types import Block

# As many quads as a processor that plays at being a graphics card draws in half a second: all of a small model.
MOST_CELLS = 130_000
LEAST_SLAB = 1024  # cells: below it a slab saves nothing


def choose_details(blocks: Iterable[Block], most_cells: int = MOST_CELLS) -> dict[str, str]:
    """`cells` or `slab` for every block, by key.

    Where all blocks together have more than `most_cells` cells the largest weights become slabs, one size after
    another, and then the largest of the others, until they have not or only small ones are left. Weights of one size
    always look alike.
    """
    blocks = tuple(blocks)
    alike: dict[tuple[bool, int], list[Block]] = defaultdict(list)
    for block in blocks:
        alike[block.kind == "weight", _cells(block)].append(block)
    details = {block.key: "cells" for block in blocks}
    left = sum(map(_cells, blocks))
    for weight, size in sorted(alike, reverse=True):
        if left <= most_cells:
            break
        if size >= LEAST_SLAB:
            details.update((block.key, "slab") for block in alike[weight, size])
            left -= size * len(alike[weight, size])
    return details


def _cells(block: Block) -> int:
    rows, columns = block.shape
    return rows * columns
