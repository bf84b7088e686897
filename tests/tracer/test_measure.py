# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics and the check of a multiply, against NumPy in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

pytest.importorskip("torch")

import torch

from forward_pass.core.trace import Stats
from forward_pass.tracer import measure
from forward_pass.tracer.measure import recompute, relative_error, summarise, together

odd = st.sampled_from([0.0, 1.0, -2.0, math.nan, math.inf, -math.inf])
numbers = st.floats(-1e6, 1e6, width=32)
wide = st.floats(allow_nan=True, allow_infinity=True, width=32)


def wanted(values: NDArray[Any]) -> Stats:
    """The statistics by NumPy."""
    flat = values.astype(np.float64).reshape(-1)
    finite = flat[np.isfinite(flat)]
    nan, inf = int(np.isnan(flat).sum()), int(np.isinf(flat).sum())
    if not len(finite):
        return Stats(0.0, 0.0, 0.0, 0.0, 0.0, nan, inf)
    low, high = float(finite.min()), float(finite.max())
    return Stats(low, high, max(-low, high), float(finite.mean()), float(finite.std()), nan, inf)


def agree(found: Stats, by_numpy: Stats, tolerance: float = 1e-5) -> None:
    """The two are the same, mean and deviation as far as float32 sums can tell."""
    assert (found.min, found.max, found.absmax) == (by_numpy.min, by_numpy.max, by_numpy.absmax)
    assert (found.nan, found.inf) == (by_numpy.nan, by_numpy.inf)
    near = max(tolerance * by_numpy.absmax, float(np.finfo(np.float32).smallest_subnormal))
    assert found.mean == pytest.approx(by_numpy.mean, rel=tolerance, abs=near)
    assert found.std == pytest.approx(by_numpy.std, rel=1e-3, abs=near)


# Statistics.


@given(arrays(np.float32, st.integers(0, 8), elements=numbers | odd))
def test_stats_leave_out_what_is_no_number(values: NDArray[np.float32]) -> None:
    stats = summarise(torch.from_numpy(values))
    finite = values[np.isfinite(values)].astype(float)
    assert stats.nan + stats.inf + len(finite) == len(values)
    assert stats.absmax == (np.abs(finite).max() if len(finite) else 0.0)
    assert all(map(math.isfinite, (stats.min, stats.max, stats.mean, stats.std)))


@given(arrays(np.float32, array_shapes(max_dims=3, max_side=6), elements=numbers))
def test_stats_are_those_of_numpy(values: NDArray[np.float32]) -> None:
    agree(summarise(torch.from_numpy(values)), wanted(values))


@given(arrays(np.float32, st.integers(1, 12), elements=wide))
def test_stats_of_any_numbers_are_those_of_numpy(values: NDArray[np.float32]) -> None:
    agree(summarise(torch.from_numpy(values)), wanted(values))


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(-1e12, 1e12)))
def test_stats_of_double_precision_are_those_of_numpy(values: NDArray[np.float64]) -> None:
    agree(summarise(torch.from_numpy(values)), wanted(values))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_stats_of_half_precision_are_those_of_what_is_stored(dtype: torch.dtype) -> None:
    values = torch.randn(40, 50, generator=torch.Generator().manual_seed(0)).to(dtype)
    values[3, 4], values[5, 6] = math.nan, -math.inf
    agree(summarise(values), wanted(values.float().numpy()))


@given(arrays(np.int64, st.integers(1, 8), elements=st.integers(-1000, 1000)))
def test_stats_of_whole_numbers_are_those_of_numpy(values: NDArray[np.int64]) -> None:
    agree(summarise(torch.from_numpy(values)), wanted(values))


def test_stats_of_true_and_false() -> None:
    values = torch.tensor([True, False, True, True])
    agree(summarise(values), wanted(values.numpy()))


def test_stats_of_a_view_are_those_of_what_it_shows() -> None:
    whole = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    whole[0] = 1000.0
    for view in (
        whole[1:],
        whole.transpose(0, 2),
        whole[:, 1:3],
        whole[..., ::2],
        whole[1, 2].expand(4, 5),
        whole[2, 1],
    ):
        agree(summarise(view), wanted(view.numpy()))


def test_a_spread_that_the_mean_hides_is_found() -> None:
    values = torch.full((1000,), 4096.0)
    values[::2] += 0.5
    assert summarise(values).std == pytest.approx(0.25, rel=1e-3)


def test_nothing_is_known_of_what_has_no_numbers() -> None:
    assert summarise(torch.empty(3, 4, device="meta")) == summarise(torch.empty(0)) == measure.NOTHING


@given(st.lists(arrays(np.float32, st.integers(0, 6), elements=numbers | odd), min_size=1, max_size=4))
def test_stats_of_parts_make_those_of_the_whole(parts: list[NDArray[np.float32]]) -> None:
    found = together([(summarise(torch.from_numpy(part)), part.size) for part in parts])
    agree(found, wanted(np.concatenate(parts)))


# How far two tensors are apart.


@given(arrays(np.float32, 6, elements=odd), arrays(np.float32, 6, elements=odd))
def test_the_error_is_not_a_number_just_where_other_values_are_none(
    found: NDArray[np.float32], wanted: NDArray[np.float32]
) -> None:
    finite = np.isfinite(wanted)
    same = np.array_equal(np.where(finite, 0, wanted), np.where(np.isfinite(found), 0, found), equal_nan=True)
    error = relative_error(torch.from_numpy(found), torch.from_numpy(wanted.astype(np.float64)))
    assert math.isnan(error) == (not same)
    if same and np.array_equal(found, wanted, equal_nan=True):
        assert error == 0.0


def test_the_error_is_relative_to_the_largest_value() -> None:
    found, wanted = torch.tensor([1.0, 4.5]), torch.tensor([1.0, 5.0], dtype=torch.float64)
    assert relative_error(found, wanted) == pytest.approx(0.1)


def test_infinities_of_the_other_sign_are_no_match() -> None:
    inf = torch.tensor([math.inf, 1.0])
    assert relative_error(inf, inf.double()) == 0.0
    assert math.isnan(relative_error(inf, torch.tensor([-math.inf, 1.0], dtype=torch.float64)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@given(values=arrays(np.float64, 7, elements=st.floats(0.01, 1e3) | st.floats(-1e3, -0.01)))
def test_rounding_to_half_precision_is_no_error_but_a_step_more_is(
    dtype: torch.dtype, values: NDArray[np.float64]
) -> None:
    exact = torch.from_numpy(values)
    rounded = exact.to(dtype)
    assert relative_error(rounded, exact) <= 1e-9
    largest = int(exact.abs().argmax())
    eps = torch.finfo(dtype).eps
    off = rounded.clone()
    off[largest] = (exact[largest] * (1 + 4 * eps)).to(dtype)
    assert relative_error(off, exact) > 2 * eps


def test_single_precision_is_allowed_no_rounding() -> None:
    exact = torch.tensor([1.0 + 1e-8], dtype=torch.float64)
    assert relative_error(exact.float(), exact) == pytest.approx(1e-8, rel=1e-3)


# The check of a multiply.


def product(
    rows: int, inner: int, columns: int, batch: tuple[int, ...] = ()
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """left [..., i, k], right [..., k, j], bias [j], and 0.5 * left @ right + bias."""
    random = torch.Generator().manual_seed(1)
    left = torch.randn(*batch, rows, inner, generator=random)
    right = torch.randn(*batch, inner, columns, generator=random)
    bias = torch.randn(columns, generator=random)
    return left, right, bias, 0.5 * (left @ right) + bias


def test_a_right_multiply_has_no_error_worth_the_name() -> None:
    for sizes in ((4, 5, 6), (3, 300, 2, (2, 2)), (70, 200, 300)):
        left, right, bias, out = product(*sizes)
        error, _ = recompute(left, right, bias, out, 0.5, False)
        assert 0 < error < 1e-6


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_every_element_of_a_small_multiply_is_looked_at(batch: tuple[int, ...]) -> None:
    left, right, bias, out = product(3, 5, 4, batch)
    for place in range(out.numel()):
        wrong = out.clone()
        wrong.reshape(-1)[place] += 0.01
        error, checked = recompute(left, right, bias, wrong, 0.5, False)
        assert error > 1e-4 and checked == out.numel()


def test_a_wrong_row_or_column_of_a_large_multiply_is_found() -> None:
    left, right, bias, out = product(8, 300, 500)
    assert out.numel() * 300 > measure.ALL
    for row in range(8):  # at most ROWS: every row is looked at
        wrong = out.clone()
        wrong[row] += 1.0
        error, checked = recompute(left, right, bias, wrong, 0.5, False)
        assert error > 1e-3 and checked < out.numel()
    tall = product(1000, 40, measure.COLUMNS)
    assert tall[3].numel() * 40 > measure.ALL
    for column in range(measure.COLUMNS):
        wrong = tall[3].clone()
        wrong[:, column] += 1.0
        error, checked = recompute(*tall[:3], wrong, 0.5, False)
        assert error > 1e-3 and measure.ROWS * measure.COLUMNS <= checked < wrong.numel()


@pytest.mark.parametrize("place", [(0, 0), (499, 333), (700, 100), (998, 1)])
def test_all_of_a_large_multiply_is_looked_at_where_that_is_asked_for(place: tuple[int, int]) -> None:
    left, right, bias, out = product(1000, 10, 400)
    wrong = out.clone()
    wrong[place] += 0.5
    error, checked = recompute(left, right, bias, wrong, 0.5, True)
    assert error > 1e-3 and checked == out.numel()


def test_the_last_row_and_column_of_a_large_multiply_are_always_looked_at() -> None:
    left, right, bias, out = product(999, 7, 407)
    wrong = out.clone()
    wrong[-1, -1] += 1.0
    assert recompute(left, right, bias, wrong, 0.5, False)[0] > 1e-3


@pytest.mark.parametrize("what", ["scale", "bias", "left", "right"])
@pytest.mark.parametrize("sizes", [(4, 5, 6), (100, 100, 100)])
def test_whatever_is_wrong_shows(what: str, sizes: tuple[int, int, int]) -> None:
    left, right, bias, out = product(*sizes)
    changed = {"scale": 0.51, "bias": bias + 0.1, "left": left.roll(1, 0), "right": right.roll(1, 1)}
    given: dict[str, Any] = {"left": left, "right": right, "bias": bias, "scale": 0.5} | {what: changed[what]}
    error, _ = recompute(given["left"], given["right"], given["bias"], out, given["scale"], False)
    assert error > 1e-3
    assert recompute(left, right, None, out, 0.5, False)[0] > 1e-3


def test_numbers_that_are_none_must_be_none_in_the_result_too() -> None:
    left, right, bias, _ = product(4, 5, 6)
    left[1, 2] = math.nan
    out = 0.5 * (left @ right) + bias
    assert recompute(left, right, bias, out, 0.5, False)[0] < 1e-6
    out[1, 3] = 0.0
    assert math.isnan(recompute(left, right, bias, out, 0.5, False)[0])


@given(
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.sampled_from([0.125, 1.0, -2.0]), st.integers(0, 1000)
)
def test_the_check_is_that_of_numpy(rows: int, inner: int, columns: int, scale: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(2, rows, inner)), random.normal(size=(2, inner, columns))
    bias, noise = random.normal(size=columns), 1e-3 * random.normal(size=(2, rows, columns))
    exact = scale * (left @ right) + bias
    assume(np.abs(exact).max() > 1e-3)
    error, checked = recompute(
        torch.from_numpy(left),
        torch.from_numpy(right),
        torch.from_numpy(bias),
        torch.from_numpy(exact + noise),
        scale,
        False,
    )
    assert checked == exact.size
    assert error == pytest.approx(np.abs(noise).max() / np.abs(exact).max(), rel=1e-6)


def test_a_multiply_without_numbers_is_not_checked() -> None:
    left, right = torch.empty(3, 4, device="meta"), torch.empty(4, 5, device="meta")
    assert recompute(left, right, None, left @ right, 1.0, False) == (0.0, 0)
