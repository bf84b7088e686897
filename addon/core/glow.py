# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what stands lights the floor: a patch before the foot of every fence, bright there and gone a height away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layout import Block
from .role_hues import hue_of
from .story import Fill
from .theme import PALETTE

GLOW_Z = -0.78  # over the ribbons, under the names on the floor
REACH = 0.75  # how far a patch reaches, in the height of its fence
LEVELS = ((1.0, 1.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))  # at the corners of a patch's quads


@dataclass(frozen=True)
class Patch:
    """Three quads [3, 4, 3] on the floor, before a fence and around both ends of its foot, with a number of PALETTE,
    and when the fence fills."""

    corners: NDArray[np.float64]
    hue: int
    start: float
    duration: float


def patches(blocks: Iterable[Block], fills: Mapping[str, Fill]) -> Iterator[Patch]:
    """The patch of every activation that stands. What later steps add to a fence shines with it."""
    for block in blocks:
        if block.step or block.kind != "activation" or abs(block.normal[2]) > 0.5:
            continue
        fill = fills.get(block.key)
        start, duration = (fill.start, fill.duration) if fill else (0.0, 0.0)
        yield Patch(_corners(block), PALETTE.index(hue_of(block)), start, duration)


def _corners(block: Block) -> NDArray[np.float64]:
    rows, columns = block.shape
    down, along = rows * np.array(block.row_step), columns * np.array(block.column_step)
    near = np.array(block.origin) + down
    near[2] = GLOW_Z
    far = near + along
    reach = REACH * float(np.linalg.norm(down))
    out = reach * np.array(block.normal)
    aside = reach * along / np.linalg.norm(along)
    return np.array(
        [
            [near, far, far + out, near + out],
            [near, near + out, near + 0.7 * (out - aside), near - aside],
            [far, far + aside, far + 0.7 * (out + aside), far + out],
        ]
    )
