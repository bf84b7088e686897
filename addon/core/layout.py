# SPDX-License-Identifier: GPL-3.0-or-later
"""Where every block of a trace stands: a pure function of the shapes in it.

World axes: x right, y away from the viewer, z up. One Blender unit is one step along an axis of pitch 1.
"""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Block:
    """One matrix of a trace as it is drawn: cell (r, c) is the parallelogram at
    `origin + r * row_step + c * column_step`, counted from the first *drawn* row and column.

    `rows` and `columns` are the first and last drawn (inclusive) row and column of the matrix
    `trace.array(tensor)[index]`; `index` picks the matrix of a batched tensor.
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
    row_axis: tuple[str, ...]  # atoms, as in the trace: ("token",), ("head", "key_dim")
    column_axis: tuple[str, ...]
    collection: tuple[str, ...]  # under "Forward Pass", for example ("layer 0", "layer 0 / attention")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns as drawn."""
        return self.rows[1] - self.rows[0] + 1, self.columns[1] - self.columns[0] + 1

    def corners(self) -> tuple[Vector, Vector, Vector, Vector]:
        """The four outer corners of the face, in order around it."""
        rows, columns = self.shape
        ends = ((0, 0), (0, columns), (rows, columns), (rows, 0))
        return tuple(  # type: ignore[return-value]
            tuple(self.origin[a] + r * self.row_step[a] + c * self.column_step[a] for a in range(3)) for r, c in ends
        )


@dataclass(frozen=True)
class Operation:
    """One operation of the trace as it is drawn: the blocks that take part in it, by key."""

    operation: int
    kind: str
    step: int
    layer: int | None
    left: tuple[str, ...]  # for a multiply; the inputs for everything else
    right: tuple[str, ...]
    out: tuple[str, ...]
    collection: tuple[str, ...]


@dataclass(frozen=True)
class Label:
    """A name in the world. `size` is the height of a capital letter in units; `plane` is the plane it lies in:
    "floor" (reads from the front), "front" (stands, faces -y) or "camera" (always faces the camera).
    `tier` 0 names the model and its layers, 1 sections, 2 tensors, 3 heads and their tensors."""

    text: str
    position: Vector
    size: float
    plane: str
    align: str  # left, center, right
    tier: int
    color: str  # name of a colour of the theme: text, secondary, token, channel, head, feature, neuron, vocab
    layer: int | None = None
    collection: tuple[str, ...] = ()


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
class Bounds:
    """An axis-aligned box."""

    low: Vector
    high: Vector


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
