# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs in one picture: where each stands, what of it is drawn, and colours that mean the same in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .compare_captions import Pair
from .layout_beside import move_layout
from .layout_types import Label, Layout, Vector
from .story_types import Story
from .trace import Trace
from .values import Values

ROOM = 0.45  # between the fences of the one run and of the other above them, in heights of a fence
APART = 0.10  # between two models side by side, in widths of the wider
NAMED = (
    "residual_0", "norm", "q", "k", "scores", "masked", "pattern", "mix", "merged", "residual_attention", "mlp_norm",
    "hidden", "gelu", "residual_mlp", "final_norm", "logits", "probabilities",
)  # fmt: skip
NAME_SIZE = 0.17  # of a run's name over a fence, in the fence's height


@dataclass(frozen=True)
class Side:
    """One of the two runs: what it is called, its layout where it stands (its keys begin with its number), and what
    happens in it on the common clock."""

    name: str
    trace: Trace
    layout: Layout
    fills: Story
    values: Values


class SharedEnds(Values):
    """The numbers of one of two runs, with the colours' ends of both: what is brighter is more."""

    def __init__(self, trace: Trace, layout: Layout, other: Values, stem: str) -> None:
        super().__init__(trace, layout)
        self._other, self._stem = other, stem

    def ends(self, key: str) -> tuple[float, float]:
        """The wider of both runs' ends."""
        low, high = super().ends(key)
        twin = key.removeprefix(self._stem)
        if twin in self._other.blocks:
            other = self._other.ends(twin)
            low, high = min(low, other[0]), max(high, other[1])
        return low, high


def can_stack(layouts: tuple[Layout, Layout], values: tuple[Values, Values]) -> bool:
    """Whether the second run can stand above the first and share its weights: they are of one model, on prompts of
    one length."""
    return _same_places(*layouts) and _same_weights(*values)


def _same_places(a: Layout, b: Layout) -> bool:
    return _places(a) == _places(b)


def _places(layout: Layout) -> list[tuple[object, ...]]:
    return [(x.key, x.origin, x.shape, x.row_ranges, x.column_ranges) for x in layout.blocks]


def _same_weights(a: Values, b: Values) -> bool:
    keys = [key for key, block in a.blocks.items() if block.kind == "weight"]
    return all(np.array_equal(a.matrix(key), b.matrix(key), equal_nan=True) for key in keys)


def moves_of(layouts: Sequence[Layout], stacked: bool) -> tuple[Vector, Vector]:
    """How far each run stands from its own place, in units: the second above the first where they are stacked, else
    beside it."""
    boxes = [layout.bounds["model"] for layout in layouts]
    if stacked:
        tall = layouts[0].bodies[:, 1, 2].max()
        return (0.0, 0.0, 0.0), (0.0, 0.0, float(tall * (1 + ROOM)))
    gap = APART * max(box.high[0] - box.low[0] for box in boxes)
    return (0.0, 0.0, 0.0), (boxes[0].high[0] + gap - boxes[1].low[0], 0.0, 0.0)


def side_of(pair: Pair, number: int, story: Story, by: Vector) -> Side:
    """Run `number` (0 or 1) moved `by` units, with its story on the common clock; the one above without weights, names
    and floor."""
    name = pair.names[number]
    moved = move_layout(replace(pair.layouts[number], name=name), number + 1, by)
    names = _run_names(moved, name)
    if pair.stacked and number == 1:
        moved = replace(_without_weights(moved), labels=names, plates=(), ribbons=())
    else:
        moved = replace(moved, labels=(*moved.labels, *names))
    stem, there = f"{number + 1}.", moved.by_key
    fills = tuple(replace(one, block=stem + one.block) for one in story.fills if stem + one.block in there)
    uses = tuple(replace(one, block=stem + one.block) for one in story.uses if stem + one.block in there)
    mine = replace(story, fills=fills, uses=uses, products=(), formulas=(), captions=(), legends=())
    trace = pair.traces[number]
    return Side(name, trace, moved, mine, SharedEnds(trace, moved, pair.values[1 - number], stem))


def _without_weights(layout: Layout) -> Layout:
    blocks = tuple(block for block in layout.blocks if block.kind != "weight")
    there = {block.key for block in blocks}

    def kept(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(key for key in keys if key in there)

    operations = tuple(
        replace(one, left=kept(one.left), right=kept(one.right), out=kept(one.out), bias=kept(one.bias))
        for one in layout.operations
    )
    return replace(layout, blocks=blocks, operations=operations)


def _run_names(layout: Layout, name: str) -> tuple[Label, ...]:
    """The name of a run over its fences: which of the two it is, wherever the camera is."""
    labels = []
    for block in layout.blocks:
        if block.part not in NAMED or block.step:
            continue
        box = block.body()
        tall = box.high[2] - box.low[2]
        stands = tall > 1.0
        size = NAME_SIZE * (tall if stands else box.high[1] - box.low[1])
        place = (box.low[0], box.low[1], box.high[2] + 0.3 * size) if stands else (box.low[0], box.high[1], box.high[2])
        labels.append(Label(name, place, size, "front", "left", 2, "token", block.layer))
    return tuple(labels)
