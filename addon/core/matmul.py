# SPDX-License-Identifier: GPL-3.0-or-later
"""A matrix multiply as a theatre: where its three faces stand, how they fold, and what each cell shows when.

L[i, k] @ R[k, j] = O[i, j] is a box: x along j, y away from the viewer along k, z up against i. O stands at the front
(y = 0), L on the left wall (x = 0), R lies on the floor, and k counts towards O. Three numbers tell everything: the
sweep, 0 to 1; the fold, 0 for the box, 1 for the corner (all in one plane, R above O, L beside it), 2 for the row
(L, R, O side by side); and the fan of a stack of heads, 0 to 1. `scene/matmul*.py` carries the same rules out with
nodes; these here are what they are tested against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from .errors import UserError

Floats = NDArray[np.float64]
STYLES = {"dot": 1, "row": 2, "column": 3, "outer": 4, "all": 5}
ARRANGEMENTS = {"box": 0.0, "corner": 1.0, "row": 2.0}
CELL_STYLES = {"flat": 0, "bars": 1, "cubes": 2}
MOST = 64  # rows and columns that are multiplied live
MOST_INNER = 256  # products of a sum that are added live
BEAT = 0.12  # share of the sweep that the bias takes, and that the scale takes, where there is one
STACK_GAP = 1.5  # between the boxes of a stack, in cells, and between its fanned boxes as a share of their width
FANNED_GAP = 0.35


@dataclass(frozen=True)
class Faces:
    """Which side of the box each face stands on: `left` is "left" or "right", `right` "floor" or "ceiling", `out`
    "front" or "back". `still` names the face that a fold leaves where it is: "out", or "left" for a multiply whose L
    is the O of the one before it."""

    left: str = "left"
    right: str = "floor"
    out: str = "front"
    still: str = "out"

    def __post_init__(self) -> None:
        for value, choices in (
            (self.left, ("left", "right")),
            (self.right, ("floor", "ceiling")),
            (self.out, ("front", "back")),
            (self.still, ("out", "left")),
        ):
            if value not in choices:
                raise UserError(f"A face cannot be placed at {value!r}.", f"Choose one of {', '.join(choices)}.", 2)


@dataclass(frozen=True)
class Shape:
    """Rows i, inner k and columns j of a multiply, and the length of a step along each, in units."""

    rows: int
    inner: int
    columns: int
    pitch: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @property
    def height(self) -> float:
        """Of L and O, in units."""
        return self.rows * self.pitch[0]

    @property
    def depth(self) -> float:
        """Of the box, which is the breadth of L, in units."""
        return self.inner * self.pitch[1]

    @property
    def width(self) -> float:
        """Of R and O, in units."""
        return self.columns * self.pitch[2]

    @property
    def gap(self) -> float:
        """Between the faces of a row, in units."""
        return max(0.16 * max(self.width, self.depth), 3.0 * min(self.pitch))


@dataclass(frozen=True)
class Frame:
    """How a face stands: `origin` is the outer corner of its cell (0, 0), `across` and `down` are the steps of one
    cell along its columns and its rows; each [3], in units."""

    origin: Floats
    across: Floats
    down: Floats

    def corner(self, row: float, column: float) -> Floats:
        """The place of a crossing of the grid's lines, [3]."""
        return self.origin + row * self.down + column * self.across


def smooth(value: float) -> float:
    """0 below 0, 1 above 1, with an even start and end between."""
    t = min(max(value, 0.0), 1.0)
    return t * t * (3 - 2 * t)


def frames(shape: Shape, fold: float = 0.0, faces: Faces | None = None) -> tuple[Frame, Frame, Frame]:
    """Where L, R and O stand at a fold between 0 and 2.

    From box to corner L opens like a door on its edge with O, and R rises along O to its upper edge while it tips up.
    From corner to row L and R move aside, then R comes down between them.
    """
    faces = faces or Faces()
    side = 1.0 if faces.left == "left" else -1.0
    away = 1.0 if faces.out == "front" else -1.0
    lying = 0.0 if faces.right == "floor" else 1.0
    p_i, p_k, p_j = shape.pitch
    height, depth, width = shape.height, shape.depth, shape.width
    plane = 0.0 if away > 0 else depth  # the y of O
    opened = smooth(fold)
    turn = opened * pi / 2
    hinge = height * max(opened, lying)
    aside, down = smooth((fold - 1) * 2), smooth((fold - 1) * 2 - 1)
    edge = 0.0 if side > 0 else width  # the x of L's edge with O
    shift = -side * (width + 2 * shape.gap) * aside

    l_along = np.array([side * sin(turn), -away * cos(turn), 0.0])  # towards O
    r_along = np.array([0.0, -away * cos(turn), -sin(turn)])
    l_start = np.array([edge + shift, plane, height]) - depth * l_along
    r_shift = np.array([-side * (width + shape.gap) * aside, 0.0, -(height + depth) / 2 * down])
    r_start = np.array([0.0, plane, hinge]) - depth * r_along + r_shift
    right, below = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
    made = (
        Frame(l_start, p_k * l_along, p_i * below),
        Frame(r_start, p_j * right, p_k * r_along),
        Frame(np.array([0.0, plane, height]), p_j * right, p_i * below),
    )
    if faces.still == "out":
        return made
    # Undo what happened to L: back by its shift, and turned back about its edge with O.
    angle = -turn * side * away
    turned = np.array([[cos(angle), -sin(angle), 0.0], [sin(angle), cos(angle), 0.0], [0.0, 0.0, 1.0]])
    pivot = np.array([edge, plane, 0.0])
    back = np.array([shift, 0.0, 0.0])
    left, right_face, out = (
        Frame(turned @ (f.origin - back - pivot) + pivot, turned @ f.across, turned @ f.down) for f in made
    )
    return left, right_face, out


def stacked(shape: Shape, head: int, heads: int, fan: float) -> Floats:
    """How far a head's box stands from where a single one would: [3], in units.

    At fan 0 the boxes stand on each other, head 0 on top; at 1 side by side, head 0 at the left. They first move
    apart and then down, so that they never run through each other.
    """
    apart, down = smooth(fan * 2), smooth(fan * 2 - 1)
    x = (head - (heads - 1) / 2) * shape.width * (1 + FANNED_GAP) * apart
    z = (heads - 1 - head) * (shape.height + STACK_GAP * shape.pitch[0]) * (1 - down)
    return np.array([x, 0.0, z])


@dataclass(frozen=True)
class Beats:
    """The parts of a sweep: `sums` ends where the sums are done, `bias` where the bias is added, 1 where the result
    is scaled."""

    sums: float = 1.0
    bias: float = 1.0


def beats(has_bias: bool, has_scale: bool) -> Beats:
    """The parts of a sweep with or without a bias and a scale."""
    scaled_from = 1.0 - BEAT * has_scale
    return Beats(scaled_from - BEAT * has_bias, scaled_from)


def depth(
    shape: Shape, style: str, at: float, *, has_bias: bool = False, has_scale: bool = False, first: int = 0
) -> Floats:
    """How many of its k products each cell of O has added up, with fractions, [rows, columns], 0 to inner. Steps of
    the sweep before `first` are left out."""
    share = min(max(at / beats(has_bias, has_scale).sums, 0.0), 1.0)
    rows, columns = np.meshgrid(np.arange(shape.rows), np.arange(shape.columns), indexing="ij")
    steps, order = {
        "dot": (shape.rows * shape.columns, rows * shape.columns + columns),
        "row": (shape.rows, rows),
        "column": (shape.columns, columns),
        "outer": (1, 0 * rows),
        "all": (1, 0 * rows),
    }[style]
    if style == "all":
        return np.full(rows.shape, float(shape.inner if share > 0 else 0))
    return np.where(order < first, 0.0, shape.inner * np.clip(share * steps - order, 0.0, 1.0))


def partial_sums(
    left: NDArray[np.floating],
    right: NDArray[np.floating],
    style: str,
    at: float,
    *,
    bias: NDArray[np.floating] | None = None,
    scale: float = 1.0,
    first: int = 0,
) -> Floats:
    """What every cell of O holds at a sweep position, [i, j]: the products that it has added, the last one of them in
    part, then its share of the bias [j] or [i, j], then of the scale. At 1 it is (left @ right + bias) * scale. Steps
    of the sweep before `first` are left out: with 7 a sweep in the style "dot" begins at the eighth cell."""
    shape = Shape(left.shape[0], left.shape[1], right.shape[1])
    has_bias, has_scale = bias is not None, scale != 1.0
    done = depth(shape, style, at, has_bias=has_bias, has_scale=has_scale, first=first)
    added = np.clip(done[:, :, None] - np.arange(shape.inner), 0.0, 1.0)  # [i, j, k]
    sums = np.einsum("ijk,ik,kj->ij", added, left.astype(np.float64), right.astype(np.float64))
    parts = beats(has_bias, has_scale)
    if bias is not None:
        sums = sums + bias * min(max((at - parts.sums) / (parts.bias - parts.sums), 0.0), 1.0)
    if has_scale:
        sums = sums * (1 + (scale - 1) * min(max((at - parts.bias) / (1 - parts.bias), 0.0), 1.0))
    return np.asarray(sums, dtype=np.float64)


def check_operands(
    left: NDArray[np.floating], right: NDArray[np.floating], bias: NDArray[np.floating] | None = None
) -> None:
    """Whether two operands [i, k] and [k, j], or stacks of them, can be multiplied live, with a bias [j] or, of
    two matrices, [i, j].

    A stack is [b, i, k]; R may have fewer matrices, b divided by a whole number, which groups of heads share.

    Raises UserError where shapes do not fit, a number is not finite, or a side is longer than MOST or MOST_INNER.
    """
    if left.ndim not in (2, 3) or right.ndim not in (2, 3) or 0 in left.shape or 0 in right.shape:
        raise UserError(
            f"A multiply of {list(left.shape)} by {list(right.shape)} has no picture.",
            "Give two matrices, or two stacks of matrices.",
            2,
        )
    heads, groups = (math.prod(matrix.shape[:-2]) for matrix in (left, right))
    if left.shape[-1] != right.shape[-2] or heads % groups:
        raise UserError(
            f"{list(left.shape)} cannot be multiplied by {list(right.shape)}.",
            "The left one needs as many columns as the right one has rows, and as many matrices or a multiple.",
            2,
        )
    whole = (left.shape[-2], right.shape[-1])  # of one result
    if bias is not None and bias.shape != whole[1:] and (bias.shape != whole or left.ndim != 2):
        raise UserError(
            f"A bias of {list(bias.shape)} does not fit {right.shape[-1]} columns.", "Give one number a column.", 2
        )
    for longest, most in ((max(whole), MOST), (left.shape[-1], MOST_INNER)):
        if longest > most:
            raise UserError(
                f"A multiply with a side of {longest} is too large to be worked out live.",
                f"Cut it to at most {MOST} rows and columns and {MOST_INNER} products a sum, or let a trace's scene "
                "show it.",
                2,
            )
    if not all(np.isfinite(matrix).all() for matrix in (left, right, bias) if matrix is not None):
        raise UserError("The operands hold numbers that are not finite.", "Replace them before they are shown.", 2)
