# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layout is made of: blocks, cards, labels, ribbons, plates and named bounds, as frozen data.

World axes: x right, y away from the viewer, z up. One Blender unit is one step along an axis of pitch 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Vector = tuple[float, float, float]
Span = tuple[int, int]  # first and last, inclusive

THICKNESS = 0.6  # of a block's body behind its face, in units
COLUMN_TIER = 4  # of labels that name single columns


@dataclass(frozen=True)
class Bounds:
    """An axis-aligned box; `points` are those of what stands in it, where they are known: a thin thing that runs across
    a box leaves most of it empty."""

    low: Vector
    high: Vector
    points: tuple[Vector, ...] = field(default=(), repr=False)

    def corners(self) -> tuple[Vector, ...]:
        """What a camera has to fit: the points that stand in it, or its eight corners."""
        return self.points or tuple(
            (x, y, z)
            for x in (self.low[0], self.high[0])
            for y in (self.low[1], self.high[1])
            for z in (self.low[2], self.high[2])
        )

    @staticmethod
    def around(points: Iterable[Vector]) -> Bounds:
        """The smallest box with all `points` in it; ValueError where there are none."""
        xs, ys, zs = zip(*points, strict=True)
        return Bounds((min(xs), min(ys), min(zs)), (max(xs), max(ys), max(zs)))


@dataclass(frozen=True)
class Block:
    """One matrix of a trace as it is drawn: cell (r, c) is the parallelogram at
    `origin + r * row_step + c * column_step`, counted from the first *drawn* row and column.

    `rows` and `columns` are the first and last drawn (inclusive) row and column of the matrix
    `trace.array(tensor)[index]`; `index` picks the matrix of a batched tensor. A vector counts as one row. Where an
    axis is elided, `row_ranges` or `column_ranges` are the stretches of it that are drawn, one right after the other,
    and `rows` or `columns` count in what is drawn.
    """

    key: str  # unique and stable, for example "s0.l1.h2.scores"
    tensor: str  # name of the tensor in the trace
    index: tuple[int, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    role: str  # left, right, out, bias, statistic, other
    kind: str  # weight, activation, statistic
    operation: int  # the operation that made it, or the first that uses it where it is a weight
    step: int  # generation step; 0 for weights
    layer: int | None
    head: int | None
    part: str  # what it is, the same for all steps and layers: "q", "scores", "w_up", ... (see PARTS)
    label: str  # short name for people: "W_Q", "scores"
    origin: Vector  # outer corner of the first drawn cell
    row_step: Vector
    column_step: Vector
    row_axis: tuple[str, ...]  # atoms, as in the trace: ("token",), ("head", "key_dim"); none for a vector's one row
    column_axis: tuple[str, ...]
    collection: tuple[str, ...]  # under "Forward Pass", for example ("layer 0", "layer 0 / attention")
    row_ranges: tuple[Span, ...] = ()
    column_ranges: tuple[Span, ...] = ()

    @property
    def counts(self) -> tuple[int, int]:
        """Rows and columns that it stands for: as drawn, and those that an elided axis leaves out."""
        rows, columns = self.shape
        left_out = [b[0] - a[1] - 1 for a, b in pairwise(self.row_ranges)]
        beside = [b[0] - a[1] - 1 for a, b in pairwise(self.column_ranges)]
        return rows + sum(left_out), columns + sum(beside)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns as drawn."""
        return self.rows[1] - self.rows[0] + 1, self.columns[1] - self.columns[0] + 1

    @property
    def row_numbers(self) -> NDArray[np.int64]:
        """Which rows of the matrix are drawn, one after another, [rows]."""
        return _numbers(self.rows, self.row_ranges)

    @property
    def column_numbers(self) -> NDArray[np.int64]:
        """Which columns of the matrix are drawn, one after another, [columns]."""
        return _numbers(self.columns, self.column_ranges)

    def corners(self) -> tuple[Vector, Vector, Vector, Vector]:
        """The four outer corners of the face, in order around it."""
        rows, columns = self.shape
        x, y, z = self.origin
        u, v, w = (columns * step for step in self.column_step)
        i, j, k = (rows * step for step in self.row_step)
        return self.origin, (x + u, y + v, z + w), (x + i + u, y + j + v, z + k + w), (x + i, y + j, z + k)

    @property
    def normal(self) -> Vector:
        """The unit vector that the face looks along: +z on the floor, -y or -x where the block stands, which is
        where the camera is. It is row_step x column_step or, where `mirrored`, the opposite of that."""
        sign = -1.0 if self.mirrored else 1.0
        x, y, z = _cross(self.row_step, self.column_step)
        length = (x * x + y * y + z * z) ** 0.5
        return sign * x / length, sign * y / length, sign * z / length

    @property
    def mirrored(self) -> bool:
        """Whether row_step x column_step points away from the viewer, into the body."""
        x, y, z = _cross(self.row_step, self.column_step)
        return x + y - z > 0

    def body(self) -> Bounds:
        """The face and the `THICKNESS` behind it."""
        normal = self.normal
        back = tuple(tuple(p[a] - THICKNESS * normal[a] for a in range(3)) for p in self.corners())
        return Bounds.around((*self.corners(), *back))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Card:
    """A token of the run as a card that stands in the column before the embedding and faces -y.

    `position` is the middle of its face, at the height of the token's row in every fence; `size` width and height.
    """

    token: int  # its place in the sequence, from 0
    position: Vector
    size: tuple[float, float]

    def bounds(self) -> Bounds:
        """The card as a flat box."""
        (x, y, z), (width, height) = self.position, self.size
        return Bounds((x - width / 2, y, z - height / 2), (x + width / 2, y, z + height / 2))


@dataclass(frozen=True)
class Operation:
    """One operation of the trace as it is drawn: the blocks that take part in it, by key.

    What is drawn as another operation's result is named here all the same. `right` of a multiply of two activations
    holds the blocks of earlier steps too, in the order of heads and, within a head, of steps.
    """

    operation: int
    kind: str
    step: int
    layer: int | None
    left: tuple[str, ...]  # for a multiply; the inputs for everything else
    right: tuple[str, ...]
    out: tuple[str, ...]
    collection: tuple[str, ...]
    bias: tuple[str, ...] = ()


@dataclass(frozen=True)
class Label:
    """A name in the world. `size` is the height of a capital letter in units; `plane` is the plane it lies in:
    "floor" (reads from the front), "front" (stands, faces -y) or "camera" (always faces the camera).
    `position` is on the base line, at the `align` end of the text.
    `tier` 0 names the model and its layers, 1 sections, 2 tensors, 3 heads and their tensors, 4 single columns."""

    text: str
    position: Vector
    size: float
    plane: str
    align: str  # left, center, right
    tier: int
    color: str  # name of a colour of the theme: text, secondary, token, channel, head, feature, neuron, vocab
    layer: int | None = None
    collection: tuple[str, ...] = ()

    def extent(self) -> Bounds:
        """About the box that the text fills: 0.6 of its size for each letter, and a quarter below the base line."""
        width = text_width(self.text, self.size)
        x, y, z = self.position
        left = x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[self.align]
        if self.plane == "floor":
            return Bounds((left, y - 0.25 * self.size, z), (left + width, y + self.size, z))
        return Bounds((left, y, z - 0.25 * self.size), (left + width, y, z + self.size))


@dataclass(frozen=True)
class Ribbon:
    """A flat band on the floor along `points` (z of the first point is its height), showing where data goes."""

    points: tuple[Vector, ...]
    width: float
    color: str  # spine, key, value, flow
    layer: int | None = None


@dataclass(frozen=True)
class Plate:
    """A floor plate under a section: lower-left and upper-right corner, and the height of its face."""

    low: tuple[float, float]
    high: tuple[float, float]
    z: float
    tier: int  # 1 section, 3 head
    layer: int | None = None


@dataclass(frozen=True)
class Layout:
    """A whole model, placed."""

    blocks: tuple[Block, ...]
    operations: tuple[Operation, ...]  # every operation of the trace, in its order
    labels: tuple[Label, ...]
    ribbons: tuple[Ribbon, ...]
    plates: tuple[Plate, ...]
    bounds: dict[str, Bounds]  # named places to look at: "model", "embedding", "layer 0", "layer 0 / attention", ...
    pitch: dict[str, float]  # axis name -> units a step
    title: Vector  # a good free place for the model's name, on the floor
    cards: tuple[Card, ...] = ()
    name: str = ""  # of the model
    parameters: int = 0

    @cached_property
    def bodies(self) -> NDArray[np.float64]:
        """The boxes around the blocks with their thickness, [blocks, 2, 3]: the low and the high corner of each."""
        boxes = (block.body() for block in self.blocks)
        return np.array([(box.low, box.high) for box in boxes], np.float64).reshape(-1, 2, 3)

    @cached_property
    def by_key(self) -> dict[str, Block]:
        """The blocks by their keys."""
        return {block.key: block for block in self.blocks}

    def bounds_of(self, *keys: str) -> Bounds:
        """The box around these blocks; KeyError where one is not there, ValueError for none."""
        return Bounds.around(point for key in keys for point in self.by_key[key].body().corners())


def text_width(text: str, size: float) -> float:
    """About how wide a text of this size is, in units."""
    return 0.6 * size * len(text)


def _numbers(drawn: Span, ranges: tuple[Span, ...]) -> NDArray[np.int64]:
    """The numbers of the rows (or columns) `drawn` of those in `ranges`, or of all where there are no ranges."""
    first, last = drawn
    if not ranges:
        return np.arange(first, last + 1)
    return np.concatenate([np.arange(a, b + 1) for a, b in ranges])[first : last + 1]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
