# SPDX-License-Identifier: GPL-3.0-or-later
"""The means of placing a model: the gaps that follow from its shape, and a draft that tiles and fences go into.

Weights and flattened keys and values lie on the floor as *tiles*. Activations stand as *fences*, tokens downward from
the top: a `fence_x` along x, its face to the viewer (-y), a `fence_y` along y, its face to the left (-x), because the
camera stands to the left of the middle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

from .layout_parts import PARTS, PITCH, collection_of
from .layout_types import Label, Plate, Ribbon, Vector, text_width
from .placement_shape import LayerShape, ModelShape, Plain

__all__ = ["Draft", "Gaps", "LayerShape", "ModelShape", "Place", "pitch_of"]

# Heights of what lies on the floor, far enough apart to keep their order from afar. Tiles end at -THICKNESS.
PLATE_Z = {1: -1.2, 3: -1.05}
RIBBON_Z = -0.9
LABEL_Z = -0.75

EDGE = 1.0  # from an operand's face to the tile that it shares an edge with, and from a tile to a result's face
STRIP = 0.5  # on both sides of a bias, which is one cell wide
FRONT = 2.5  # from a fence's face to a tile behind it with room for a bias between them
CLEAR = 1.15  # what a fence hides behind itself from 41 degrees above, in its height
SIDE = 2 * STRIP + 1.0  # from a tile to the face of the result at its right, with a bias between them


@dataclass(frozen=True)
class Gaps:
    """Distances and text sizes in units. `height` is that of every fence."""

    height: float
    stage: float  # between stages
    text: float  # names of tensors
    section_text: float
    layer_text: float
    lane: float  # from the spine lane to the lane of the operands: past what the spine's fences hide, and a name
    parallel: float  # between parallel fences that stand along y: the camera sees them almost end on
    section: float
    cell: float  # between the parts of a head's cell
    cell_text: float
    between_heads: float  # beyond what a head's own cell needs
    road: float

    @staticmethod
    def of(shape: ModelShape, rows: int) -> Gaps:
        """The gaps of a model whose layers fill `rows` rows."""
        c, height = shape.channels, PITCH["token"] * shape.tokens
        text = max(3.2, 0.08 * c)
        section_text = max(9.5, 0.2 * c)
        return Gaps(
            height=height,
            stage=max(4.0, 0.05 * c),
            text=text,
            section_text=section_text,
            layer_text=max(0.3 * c, 0.032 * rows * shape.neurons, 1.3 * section_text),
            lane=max(ceil(1.5 * height + 2 + 1.7 * text), round(0.06 * c)),
            parallel=max(ceil(0.75 * height), text_width("merged", text) + 2 * EDGE),
            section=max(14.0, 0.16 * c, 0.6 * height),
            cell=max(3.0, 0.2 * height),
            cell_text=min(text, 0.17 * height),
            between_heads=max(2.0, 0.35 * shape.head_dim),
            road=max(0.2 * height, 0.045 * c),
        )

    def front(self, depth: float, touching: float = FRONT) -> float:
        """From the face of a fence to a tile of this depth behind it: an edge, or so far that a camera at 41 degrees
        sees the tile over the fence, where the fence would hide more than half of it."""
        return touching if depth >= 2 * self.height else max(touching, CLEAR * self.height)


@dataclass(frozen=True)
class Place:
    """Where the whole matrix of one part stands: cell (r, c) at `origin + r * row_step + c * column_step`.

    `rows` and `columns` count what is drawn of it once the run is over.
    """

    part: str
    layer: int | None
    head: int | None
    origin: Vector
    row_step: Vector
    column_step: Vector
    rows: int
    columns: int

    def corner(self, row: float, column: float) -> Vector:
        """The point `row` rows and `column` columns from the outer corner of the first cell."""
        o, r, c = self.origin, self.row_step, self.column_step
        return (
            o[0] + row * r[0] + column * c[0],
            o[1] + row * r[1] + column * c[1],
            o[2] + row * r[2] + column * c[2],
        )

    def corners(self) -> tuple[Vector, Vector, Vector, Vector]:
        """The four outer corners of the face, in order around it."""
        rows, columns = self.rows, self.columns
        return self.corner(0, 0), self.corner(0, columns), self.corner(rows, columns), self.corner(rows, 0)


def pitch_of(axes: tuple[str, ...]) -> float:
    """Units a step along an axis that is made of these atoms; a lone row or column is 1 wide."""
    return PITCH[axes[-1]] if axes else 1.0


@dataclass
class Draft:
    """A layout while it is being made."""

    shape: ModelShape
    gaps: Gaps
    places: list[Place] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    ribbons: list[Ribbon] = field(default_factory=list)
    plates: list[Plate] = field(default_factory=list)
    plains: list[tuple[int | None, Plain, Vector]] = field(default_factory=list)  # with their layer and corner

    def has(self, part: str, layer: int | None) -> bool:
        """Whether the model has a part: only then it is placed."""
        return self.shape.has(part) if layer is None else self.shape.layer(layer).has(part)

    def fence_x(
        self, part: str, x: float, y: float, columns: int, layer: int | None = None, head: int | None = None
    ) -> None:
        """A fence along x from `x` on, its face at `y`."""
        across = (pitch_of(PARTS[part].columns), 0.0, 0.0)
        self._fence(part, x, y, across, columns, layer, head)

    def fence_y(
        self,
        part: str,
        x: float,
        y: float,
        columns: int,
        layer: int | None = None,
        head: int | None = None,
    ) -> None:
        """A fence along y from `y` on, its face at `x`; its first column is nearest to the viewer."""
        across = (0.0, pitch_of(PARTS[part].columns), 0.0)
        self._fence(part, x, y, across, columns, layer, head)

    def tile(
        self,
        part: str,
        x: float,
        y: float,
        rows: int,
        columns: int,
        rows_along: str,
        layer: int | None = None,
        head: int | None = None,
    ) -> None:
        """A tile with its lower left corner at `x`, `y`, its rows one after another along "x" or along "y"."""
        down, across = pitch_of(PARTS[part].rows), pitch_of(PARTS[part].columns)
        steps = [(down, 0.0, 0.0), (0.0, across, 0.0)] if rows_along == "x" else [(0.0, down, 0.0), (across, 0.0, 0.0)]
        if self.has(part, layer):
            self.places.append(Place(part, layer, head, (x, y, 0.0), steps[0], steps[1], rows, columns))

    def name(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        tier: int,
        layer: int | None = None,
        *,
        head: int | None = None,
        section: str = "output",
        align: str = "left",
        color: str = "text",
        width: float | None = None,
    ) -> None:
        """A name on the floor, made smaller where it would be wider than `width`."""
        if width is not None and text_width(text, size) > width:
            size = width / text_width(text, 1.0)
        place = (x, y, LABEL_Z)
        self.labels.append(
            Label(text, place, size, "floor", align, tier, color, layer, collection_of(section, layer, head))
        )

    def road(self, points: list[tuple[float, float]], width: float, color: str, layer: int | None = None) -> None:
        """A band on the floor through `points`."""
        self.ribbons.append(Ribbon(tuple((x, y, RIBBON_Z) for x, y in points), width, color, layer))

    def thread(self, begin: float, end: float, y: float, z: float, width: float) -> None:
        """A token's line through the spine, along x."""
        self.ribbons.append(Ribbon(((begin, y, z), (end, y, z)), width, "spine"))

    def plate(self, low: tuple[float, float], high: tuple[float, float], tier: int, layer: int | None = None) -> None:
        """A plate under a section."""
        self.plates.append(Plate(low, high, PLATE_Z[tier], tier, layer))

    def _fence(
        self,
        part: str,
        x: float,
        y: float,
        across: Vector,
        columns: int,
        layer: int | None,
        head: int | None,
    ) -> None:
        top, down = (x, y, self.gaps.height), (0.0, 0.0, -PITCH["token"])
        if self.has(part, layer):
            self.places.append(Place(part, layer, head, top, down, across, self.shape.tokens, columns))
