# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks a block is the product of, found by their numbers, and the sums on the way to it."""

from __future__ import annotations

import numpy as np
import pytest

from forward_pass.core import matmul
from forward_pass.core.partial_sums import find_product

ROWS, INNER, COLUMNS = 5, 7, 4


@pytest.fixture
def blocks() -> dict[str, np.ndarray]:
    """Operands, a bias, and others of shapes that would do."""
    chance = np.random.default_rng(3)
    shapes = {
        "other": (ROWS, INNER),
        "left": (ROWS, INNER),
        "right": (INNER, COLUMNS),
        "wrong": (1, COLUMNS),
        "bias": (1, COLUMNS),
        "square": (ROWS, ROWS),
    }
    return {name: chance.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_the_operands_are_found_among_others(blocks) -> None:
    found = find_product(blocks["left"] @ blocks["right"], blocks)
    assert found is not None and (found.left, found.right, found.bias) == ("left", "right", None)
    biased = find_product(blocks["left"] @ blocks["right"] + blocks["bias"], blocks)
    assert biased is not None and (biased.left, biased.right, biased.bias) == ("left", "right", "bias")


def test_the_sums_are_those_of_an_outer_sweep(blocks) -> None:
    result = blocks["left"] @ blocks["right"] + blocks["bias"]
    found = find_product(result, blocks)
    assert found is not None and found.sums.shape == (INNER + 2, ROWS, COLUMNS)
    for k in range(INNER + 1):
        wanted = matmul.partial_sums(blocks["left"], blocks["right"], "outer", k / INNER)
        np.testing.assert_allclose(found.sums[k], wanted, atol=1e-5)
    assert np.array_equal(found.sums[-1], result)


def test_what_is_no_product_of_whole_blocks_has_none(blocks) -> None:
    result = blocks["left"] @ blocks["right"]
    cut = blocks | {"left": blocks["left"][:, :-1], "right": blocks["right"][:-1]}
    assert find_product(result, cut) is None  # as where an axis is elided
    off = result.copy()
    off[2, 1] += 1e-3
    assert find_product(off, blocks) is None
    assert find_product(result, blocks | {"left": np.full_like(blocks["left"], -np.inf)}) is None
