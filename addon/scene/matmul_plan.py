# SPDX-License-Identifier: GPL-3.0-or-later
"""One multiply that is to be built: its numbers, what is written on it, and the sizes that follow from both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.axis_colors import AXIS_COLORS
from ..core.matmul import Faces, Shape, check_operands
from ..core.matmul_room import Ticks, letter_size
from .matmul_kit import hue_number

Matrix = NDArray[np.floating]
DEFAULT_HUES = ("token", "channel", "neuron")  # of i, k and j


@dataclass(frozen=True)
class Dress:
    """What is written on a multiply, where it is more than its names. `ticks` name single steps of i, k and j: (step,
    text) each; `hues` are the axes' colours by their names in the palette; `text` scales all letters and lines. With
    `counted` an axis's name is followed by its number of steps."""

    ticks: tuple[Ticks, Ticks, Ticks] = ((), (), ())
    hues: tuple[str, str, str] | None = None
    text: float = 1.0
    counted: bool = True


@dataclass(frozen=True)
class Plan:
    """One multiply that is to be built."""

    left: Matrix  # [b, i, k]
    right: Matrix  # [b, k, j]
    bias: Matrix | None  # [j] or [i, j]
    scale: float
    names: tuple[str, str, str]
    axes: tuple[str, str, str]
    hues: tuple[int, int, int]
    faces: Faces
    pitch: tuple[float, float, float]
    part: tuple[float, float]  # of the whole sweep
    turn: tuple[float, float]  # of every step
    shared: int = 1  # heads to each R
    chained: str = ""  # "first" or "second" of a chain: what both have is named once
    dress: Dress = field(default_factory=Dress)

    @property
    def shape(self) -> Shape:
        """The sizes i, k and j of one matrix of the stack, and their pitch."""
        _heads, rows, inner = self.left.shape
        return Shape(rows, inner, self.right.shape[2], self.pitch)

    @property
    def result(self) -> Matrix:
        """[b, i, j], the numbers that a finished sweep shows."""
        product = self.left.astype(np.float64) @ self.right.astype(np.float64)
        added = product if self.bias is None else product + self.bias
        return np.asarray(added * self.scale)

    @property
    def text(self) -> float:
        """Size of the letters, in units."""
        shape = self.shape
        grown = min(1 + 0.2 * (len(self.left) - 1), 2.5)  # a stack is seen from further away
        return letter_size(shape) * grown * self.dress.text


def plan_of(
    left: Matrix,
    right: Matrix,
    bias: Matrix | None,
    scale: float,
    names: tuple[str, str, str],
    axes: tuple[str, str, str],
    faces: Faces,
    pitch: tuple[float, float, float] | None,
    dress: Dress | None = None,
) -> Plan:
    """A plan whose stack of matrices is whole: those of R are repeated for all heads that share one. `pitch` and the
    dress are as usual where None. Raises UserError where the operands do not fit."""
    left, right = np.asarray(left), np.asarray(right)
    bias = None if bias is None else np.asarray(bias)
    check_operands(left, right, bias)
    left, right = (matrix[None] if matrix.ndim == 2 else matrix for matrix in (left, right))
    shared = len(left) // len(right)  # heads to each R
    right = np.repeat(right, shared, axis=0)
    dress = dress or Dress()
    hues = dress.hues or [_hue(axis, default) for axis, default in zip(axes, DEFAULT_HUES, strict=True)]
    hue_i, hue_k, hue_j = map(hue_number, hues)
    return Plan(
        left=left,
        right=right,
        bias=bias,
        scale=float(scale),
        names=names,
        axes=axes,
        hues=(hue_i, hue_k, hue_j),
        dress=dress,
        faces=faces,
        shared=shared,
        pitch=pitch or pitches(left.shape[1], left.shape[2], right.shape[2]),
        part=(0.0, 1.0),
        turn=(0.0, 1.0),
    )


def pitches(rows: int, *others: int) -> Any:
    """Of every axis: few rows stand twice as far apart as columns, which reads better."""
    return (2.0 if 4 * rows <= max(others) else 1.0, *(1.0 for _ in others))


def _hue(axis: str, default: str) -> str:
    """The palette's colour of an axis, by its name in the singular or the plural."""
    return AXIS_COLORS.get(axis, AXIS_COLORS.get(axis.removesuffix("s"), default))
