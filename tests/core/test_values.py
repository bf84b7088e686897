# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of blocks, and the ends of their colours."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.trace import Trace
from forward_pass.core.values import (
    GLOBAL,
    PROBABILITIES,
    Values,
    color_ends,
    masked,
    matrix_of,
    pool,
    pool_size,
    spread,
)

SAMPLE = ("tests", "data", "CBABBC.trace.safetensors")


@pytest.fixture(scope="module")
def trace(root) -> Trace:
    return Trace.open(root.joinpath(*SAMPLE))


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module")
def values(trace, layout) -> Values:
    return Values(trace, layout)


def test_a_block_has_the_numbers_of_its_tensor(trace, layout, values):
    for block in layout.blocks:
        tensor = np.atleast_2d(trace.array(block.tensor)[block.index])
        matrix = values.matrix(block.key)
        assert matrix.dtype == np.float32 and matrix.shape == block.shape and matrix.flags.c_contiguous
        for row, column in ((0, 0), (-1, -1), (0, -1)):
            r = block.rows[row]
            c = block.columns[column]
            assert matrix[row, column].tobytes() == tensor[r, c].astype(np.float32).tobytes(), block.key


def test_a_vector_is_one_row(layout):
    bias = next(block for block in layout.blocks if block.part == "b_up")
    numbers = np.arange(200, dtype=np.float32)
    assert matrix_of(numbers, bias).tolist() == [list(range(192))]
    cut = replace(bias, columns=(3, 5))
    assert matrix_of(numbers, cut).tolist() == [[3, 4, 5]]


def test_an_index_picks_one_matrix_of_a_stack(layout):
    scores = next(block for block in layout.blocks if block.key == "s0.l0.h2.scores")
    numbers = np.arange(1 * 3 * 6 * 6, dtype=np.float32).reshape(1, 3, 6, 6)
    cut = replace(scores, rows=(4, 5), columns=(1, 2))
    assert matrix_of(numbers, cut).tolist() == [[97, 98], [103, 104]]  # 2 * 36 + row * 6 + column


def test_a_block_that_is_not_there(values):
    with pytest.raises(KeyError, match="no such"):
        values.matrix("no such")
    with pytest.raises(KeyError, match="no such"):
        values.ends("no such")


def test_the_ends_are_true_and_shared_by_a_part(layout, values):
    """One scale for a part of a layer over its heads and steps: three standard deviations, at most the largest."""
    parts = defaultdict(list)
    for block in layout.blocks:
        parts[(block.layer, block.part)].append(block.key)
    assert max(len(keys) for keys in parts.values()) >= 18  # three heads, six steps
    for (_layer, part), keys in parts.items():
        ends = {values.ends(key) for key in keys}
        assert len(ends) == 1, part
        low, high = ends.pop()
        if part in ("pattern", "probabilities"):
            assert (low, high) == (0.0, 1.0)
            continue
        finite = [x for key in keys for x in values.matrix(key).astype(float).ravel().tolist() if abs(x) < np.inf]
        deviation = (sum(x * x for x in finite) / len(finite)) ** 0.5
        assert low == -high
        assert high == pytest.approx(min(max(map(abs, finite)), 3 * deviation), rel=1e-6), part


def test_masked_cells_do_not_count(layout, values):
    keys = [block.key for block in layout.blocks if block.part == "masked" and block.layer == 0]
    assert any(np.isneginf(values.matrix(key)).any() for key in keys)
    low, high = values.ends(keys[0])
    assert np.isfinite([low, high]).all()
    cells = np.array([[1.0, -2.0], [-np.inf, 2.0]], dtype=np.float32)
    assert color_ends(cells, False) == (-2.0, 2.0)
    assert color_ends(np.array([[np.nan, np.inf, 0.5]], dtype=np.float32), False) == (-0.5, 0.5)


@pytest.mark.parametrize(
    ("cells", "ends"),
    [([], (-1.0, 1.0)), ([-np.inf, np.nan], (-1.0, 1.0)), ([0.0, 0.0], (-1.0, 1.0)), ([-3.0, 3.0], (-3.0, 3.0))],
)
def test_ends_of_odd_matrices(cells, ends):
    assert color_ends(np.array([cells], dtype=np.float32), False) == ends
    assert color_ends(np.array([cells], dtype=np.float32), True) == (0.0, 1.0)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=400))
def test_ends_are_symmetric_and_near_the_largest(cells):
    low, high = color_ends(np.array([cells], dtype=np.float32), False)
    largest = max(abs(cell) for cell in cells)
    assert low == -high and high > 0
    if largest > 0:
        assert largest / 4 * (1 - 1e-6) <= high <= largest


def test_one_outlier_does_not_hide_all_others():
    cells = np.full((100, 100), 0.01, dtype=np.float32)
    cells[0, 0] = 100.0
    assert color_ends(cells, False) == (-25.0, 25.0)


def test_one_scale_for_all_blocks_of_a_kind(trace, layout, values):
    """Weights, activations and statistics each have one pair of ends, from all their numbers; shares keep 0 to 1."""
    together = Values(trace, layout, GLOBAL)
    kinds = defaultdict(set)
    for block in layout.blocks:
        likely = block.part in PROBABILITIES
        kinds["likely" if likely else block.kind].add(together.ends(block.key))
        assert likely or together.ends(block.key)[1] != 1
    assert kinds.pop("likely") == {(0.0, 1.0)}
    assert kinds.keys() == {"weight", "activation", "statistic"}
    for kind, found in kinds.items():
        ((low, high),) = found
        numbers = [
            values.matrix(b.key).ravel() for b in layout.blocks if b.kind == kind and b.part not in PROBABILITIES
        ]
        assert (low, high) == pytest.approx(color_ends(np.concatenate(numbers), False), rel=1e-12)
    assert len({values.ends(block.key) for block in layout.blocks}) > 20


def test_an_unknown_scale_names_those_there_are(trace, layout):
    with pytest.raises(UserError, match="no colour scale called 'loud'") as caught:
        Values(trace, layout, "loud")
    assert "global" in caught.value.hint


# --- pooling


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 7), st.integers(1, 7), st.integers(0, 99))
def test_pooled_numbers_are_the_largest_and_their_size_is_the_mean_power(rows, columns, down, across, seed):
    matrix = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    found, size = pool(matrix, (down, across)), pool_size(matrix, (down, across))
    assert found.shape == size.shape == (-(-rows // down), -(-columns // across))
    for r in range(len(found)):
        for c in range(len(found[0])):
            piece = matrix[r * down : (r + 1) * down, c * across : (c + 1) * across]
            assert found[r, c] == max(piece.ravel().tolist(), key=abs)
            if piece.shape == (down, across):
                assert size[r, c] == pytest.approx(np.sqrt(np.mean(piece**2)), rel=1e-5)


def test_a_block_of_no_numbers_stays_one():
    matrix = np.array([[1, np.nan, -5, 2]], np.float32)
    found = pool(matrix, (1, 2))
    assert np.isnan(found[0, 0]) and found[0, 1] == -5


def test_what_a_mask_has_put_far_below_is_no_number_of_the_colours() -> None:
    lowest = np.finfo(np.float32).min
    matrix = np.array([[1.0, lowest], [-2.0, -np.inf]], np.float32)
    assert masked(matrix).tolist() == [[False, True], [False, True]]
    assert spread(matrix) == spread(np.array([[1.0, -2.0]], np.float32))
    assert pool_size(matrix, (2, 2)).item() == pytest.approx(np.sqrt((1 + 4) / 4))
    assert not masked(np.array([-65504.0, np.nan, np.inf], np.float32)).any()


@pytest.mark.parametrize("part", ["scores", "masked"])
def test_a_score_as_low_as_half_precision_goes_is_masked_and_no_other_number_is(part: str) -> None:
    matrix = np.array([[3.0, -65504.0], [-2e4, -np.inf]], np.float32)
    assert masked(matrix, part).tolist() == [[False, True], [False, True]]
    assert spread(matrix, part) == spread(np.array([[3.0, -2e4]], np.float32))
    assert spread(matrix, "logits").largest == 65504.0
    assert pool_size(matrix[:1], (1, 2), part).item() == pytest.approx(3 / np.sqrt(2))


def test_a_mask_of_half_precision_is_hidden_in_its_block_and_does_not_stretch_the_colours(trace, layout) -> None:
    """The same run with a mask of -65504 instead of minus infinity has the same colours and the same absent cells."""
    plain, half = Values(trace, layout), Values(trace, layout)
    key = "s0.l0.h1.masked"
    name = plain.blocks[key].tensor
    numbers = trace.array(name)
    half._arrays[name] = np.where(np.isneginf(numbers), np.float32(-65504), numbers)
    assert half.matrix(key).min() == -65504
    assert np.array_equal(half.masked(key), plain.masked(key)) and half.masked(key).sum() == 15
    assert half.ends(key) == plain.ends(key)
