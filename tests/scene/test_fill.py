# SPDX-License-Identifier: GPL-3.0-or-later
"""When the cells of a block show their numbers, by the node group that the materials ask."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.scene.blocks import PLAY_STYLES
from forward_pass.scene.groups import fill_group
from tests.scene.node_math import compute

pytestmark = pytest.mark.blender

ROWS, COLUMNS = 3, 5
START, DURATION = 2.0, 4.0
SWEEPS = [style for style in PLAY_STYLES if style]
Reveal = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def reveal() -> Reveal:
    """How much of every cell [rows, columns] is there, by style, share of the block's time, and row worked first."""
    tree = fill_group()
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]

    def at(style: str, share: float, focus: int = -1) -> np.ndarray:
        numbers = {
            "Time": START + share * DURATION,
            "Start": START,
            "Duration": DURATION,
            "Row": rows,
            "Column": columns,
            "Rows": ROWS,
            "Columns": COLUMNS,
            "Style": PLAY_STYLES[style],
            "Focus": focus,
            "Share": 0.5 if focus >= 0 else 0.0,
        }
        return compute(tree, "Reveal", {name: np.asarray(number) for name, number in numbers.items()})

    return at


@pytest.mark.parametrize("style", SWEEPS)
@pytest.mark.parametrize("focus", [-1, 1])
def test_nothing_before_everything_after_and_never_back(reveal: Reveal, style: str, focus: int) -> None:
    shown = [np.broadcast_to(reveal(style, share, focus), (ROWS, COLUMNS)) for share in np.linspace(0, 1, 41)]
    assert not shown[0].any()
    assert np.allclose(shown[-1], 1.0, atol=1e-5)
    assert all((later >= earlier - 1e-6).all() for earlier, later in pairwise(shown))


def test_each_style_has_its_order(reveal: Reveal) -> None:
    half = {style: np.broadcast_to(reveal(style, 0.5), (ROWS, COLUMNS)) for style in SWEEPS}
    for style in ("dot", "row"):
        assert half[style][0].min() > 0.9 and half[style][-1].max() < 0.1, style
    assert half["column"][:, 0].min() > 0.9 and half["column"][:, -1].max() < 0.1
    for style in ("outer", "all"):
        assert np.ptp(half[style]) == 0.0, style


def test_partial_sums_are_there_to_be_read_while_they_grow(reveal: Reveal) -> None:
    assert reveal("outer", 0.2).min() > 0.99
    assert reveal("all", 0.2).max() < 0.2


def test_the_row_that_is_worked_comes_first(reveal: Reveal) -> None:
    quarter = reveal("row", 0.25, 1)
    assert quarter[1, 0] > 0.9 and quarter[1, -1] < 0.1
    assert quarter[[0, 2]].max() == 0.0
    assert reveal("row", 0.5, 1)[1].min() > 0.99
