# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of large matrices against loops in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

pytest.importorskip("torch")

import torch

from forward_pass.tracer.pooling import MOST, block_of, is_large, pool


def by_hand(matrix: NDArray[np.float32], block: tuple[int, int]) -> dict[str, NDArray[np.float64]]:
    """The maps of a matrix, cell by cell."""
    rows, columns = (-(-n // b) for n, b in zip(matrix.shape, block, strict=True))
    mean, absmax = np.empty((rows, columns)), np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            cells = matrix[i * block[0] : (i + 1) * block[0], j * block[1] : (j + 1) * block[1]].astype(float)
            mean[i, j] = cells.mean()
            absmax[i, j] = cells.max() if cells.max() >= -cells.min() else cells.min()
    return {"mean": mean, "absmax": absmax}


@given(
    arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=23), elements=st.floats(-100, 100, width=32)),
    st.sampled_from([1, 2, 3, 5, 8]),
)
def test_maps_are_those_of_a_loop(matrix: NDArray[np.float32], most: int) -> None:
    found = pool(torch.from_numpy(matrix), most)
    block = block_of(matrix.shape, most)
    wanted = by_hand(matrix, block)
    assert set(found) == set(wanted)
    np.testing.assert_allclose(found["mean"].numpy(), wanted["mean"], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(found["absmax"].numpy(), wanted["absmax"])
    assert max(found["mean"].shape) <= most


def test_the_last_block_is_smaller_and_its_mean_is_of_its_own_cells() -> None:
    matrix = torch.zeros(5, 7)
    matrix[4], matrix[:, 6] = 3.0, -5.0
    found = pool(matrix, 3)  # blocks of 2 x 3
    assert found["mean"].tolist() == [[0, 0, -5], [0, 0, -5], [3, 3, -5]]
    assert found["absmax"].tolist() == [[0, 0, -5], [0, 0, -5], [3, 3, -5]]


def test_the_largest_magnitude_keeps_its_sign() -> None:
    matrix = torch.tensor([[1.0, -4.0, 2.0, 2.5], [3.0, 2.0, -1.0, 0.0]])
    assert pool(matrix, 2)["absmax"].tolist() == [[-4.0, 2.5], [3.0, -1.0]]  # blocks of 1 x 2
    assert pool(-matrix, 1)["absmax"].item() == 4.0 and pool(matrix, 1)["absmax"].item() == -4.0


def test_every_matrix_of_a_stack_has_a_map_of_its_own() -> None:
    stack = np.random.default_rng(0).normal(size=(2, 3, 9, 10)).astype(np.float32)
    found = pool(torch.from_numpy(stack), 4)
    assert found["mean"].shape == (2, 3, 3, 4)
    for i in range(2):
        for j in range(3):
            wanted = by_hand(stack[i, j], block_of((9, 10), 4))
            np.testing.assert_allclose(found["mean"][i, j].numpy(), wanted["mean"], rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(found["absmax"][i, j].numpy(), wanted["absmax"])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.bool])
def test_maps_of_every_number_type_are_single_precision(dtype: torch.dtype) -> None:
    matrix = torch.randn(6, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = pool(matrix, 2)
    assert {one.dtype for one in found.values()} == {torch.float32}
    wanted = by_hand(matrix.float().numpy(), (3, 3))
    np.testing.assert_allclose(found["mean"].numpy(), wanted["mean"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["absmax"].numpy(), wanted["absmax"].astype(np.float32))


def test_a_transposed_view_has_the_transposed_map() -> None:
    matrix = torch.randn(7, 12, generator=torch.Generator().manual_seed(0))
    for how in ("mean", "absmax"):
        torch.testing.assert_close(pool(matrix.t(), 4)[how], pool(matrix, 4)[how].t())


def test_maps_without_numbers_have_the_same_shape() -> None:
    for shape in ((5, 7), (2, 3, 600, 10)):
        real, imagined = pool(torch.zeros(shape)), pool(torch.empty(shape, device="meta"))
        assert {how: one.shape for how, one in real.items()} == {how: one.shape for how, one in imagined.items()}


def test_what_is_large_has_more_rows_or_columns_than_a_map() -> None:
    assert not is_large((MOST, MOST)) and not is_large((10 * MOST,)) and not is_large((10 * MOST, 4, 4))
    assert is_large((MOST + 1, 1)) and is_large((3, 1, MOST + 1))
    assert block_of((MOST, MOST + 1)) == (1, 2) and block_of((7, 50257, 768)) == (197, 3)
