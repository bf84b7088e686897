# SPDX-License-Identifier: GPL-3.0-or-later
"""The multiply as pure rules: where its faces stand at every fold, and what its cells hold at every sweep position."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.matmul import (
    MOST,
    MOST_INNER,
    STYLES,
    Faces,
    Frame,
    Shape,
    beats,
    check_operands,
    depth,
    frames,
    partial_sums,
    stacked,
)

sizes = st.integers(1, 9)
pitches = st.floats(0.5, 3.0)
shapes = st.builds(Shape, sizes, sizes, sizes, st.tuples(pitches, pitches, pitches))
placements = st.builds(
    Faces, st.sampled_from(["left", "right"]), st.sampled_from(["floor", "ceiling"]), st.sampled_from(["front", "back"])
)
styles = st.sampled_from(sorted(STYLES))
share = st.floats(0.0, 1.0)


def edge(frame: Frame, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Both ends of an edge of a face, given as (row, column), [2, 3]."""
    return np.array([frame.corner(*start), frame.corner(*end)])


@given(shapes, placements)
def test_in_the_box_every_two_faces_share_an_edge(shape: Shape, faces: Faces) -> None:
    left, right, out = frames(shape, 0.0, faces)
    i, k, j = shape.rows, shape.inner, shape.columns
    beside = 0 if faces.left == "left" else j
    hung = 0 if faces.right == "ceiling" else i
    np.testing.assert_allclose(edge(left, (0, k), (i, k)), edge(out, (0, beside), (i, beside)), atol=1e-9)
    np.testing.assert_allclose(edge(right, (k, 0), (k, j)), edge(out, (hung, 0), (hung, j)), atol=1e-9)
    np.testing.assert_allclose(edge(left, (hung, 0), (hung, k)), edge(right, (0, beside), (k, beside)), atol=1e-9)


@given(shapes, placements, st.floats(0.0, 1.0))
def test_l_and_o_never_part_and_r_never_leaves_o_from_box_to_corner(shape: Shape, faces: Faces, fold: float) -> None:
    left, right, out = frames(shape, fold, faces)
    i, k, j = shape.rows, shape.inner, shape.columns
    beside = 0 if faces.left == "left" else j
    np.testing.assert_allclose(edge(left, (0, k), (i, k)), edge(out, (0, beside), (i, beside)), atol=1e-9)
    touching = edge(right, (k, 0), (k, j))
    np.testing.assert_allclose(touching[:, :2], edge(out, (0, 0), (0, j))[:, :2], atol=1e-9)
    assert touching[0, 2] == pytest.approx(touching[1, 2], abs=1e-9)
    assert -1e-9 <= touching[0, 2] <= shape.height + 1e-9


@given(shapes, st.floats(0.0, 2.0), placements)
def test_faces_stay_rigid(shape: Shape, fold: float, faces: Faces) -> None:
    for frame, steps in zip(
        frames(shape, fold, faces),
        (
            (shape.pitch[1], shape.pitch[0]),
            (shape.pitch[2], shape.pitch[1]),
            (shape.pitch[2], shape.pitch[0]),
        ),
        strict=True,
    ):
        assert np.linalg.norm(frame.across) == pytest.approx(steps[0])
        assert np.linalg.norm(frame.down) == pytest.approx(steps[1])
        assert frame.across @ frame.down == pytest.approx(0.0, abs=1e-9)


@given(shapes, st.floats(1.0, 2.0))
def test_from_corner_to_row_nothing_overlaps(shape: Shape, fold: float) -> None:
    boxes = []
    counts = ((shape.rows, shape.inner), (shape.inner, shape.columns), (shape.rows, shape.columns))
    for frame, (rows, columns) in zip(frames(shape, fold), counts, strict=True):
        corners = edge(frame, (0, 0), (rows, columns))
        assert np.ptp(corners[:, 1]) == pytest.approx(0.0, abs=1e-9)  # all in the plane of O
        boxes.append(np.sort(corners[:, [0, 2]], axis=0))
    for a, b in combinations(boxes, 2):
        overlap = np.minimum(a[1], b[1]) - np.maximum(a[0], b[0])
        assert overlap.min() <= 1e-9


@given(shapes, st.floats(0.0, 2.0), st.floats(0.0, 0.01), placements)
def test_folding_is_continuous(shape: Shape, fold: float, step: float, faces: Faces) -> None:
    size = shape.width + shape.depth + shape.height + 2 * shape.gap
    for one, other in zip(frames(shape, fold, faces), frames(shape, fold + step, faces), strict=True):
        assert np.linalg.norm(one.origin - other.origin) <= 8 * size * step + 1e-9


@given(shapes, st.floats(0.0, 2.0), st.sampled_from(["front", "back"]), st.sampled_from(["left", "right"]))
def test_a_fold_that_holds_l_leaves_it_where_it_stands(shape: Shape, fold: float, out: str, left: str) -> None:
    held = frames(shape, fold, Faces(left=left, out=out, still="left"))
    boxed = frames(shape, 0.0, Faces(left=left, out=out))
    np.testing.assert_allclose(held[0].corner(0, 0), boxed[0].corner(0, 0), atol=1e-8)
    np.testing.assert_allclose(held[0].corner(1, 1), boxed[0].corner(1, 1), atol=1e-8)


@given(shapes, st.integers(2, 5), share)
def test_boxes_of_a_stack_never_run_through_each_other(shape: Shape, heads: int, fan: float) -> None:
    places = [stacked(shape, head, heads, fan) for head in range(heads)]
    for a, b in combinations(places, 2):
        apart = np.abs(a - b) - np.array([shape.width, shape.depth, shape.height])
        assert apart.max() >= -1e-9


@given(styles, st.integers(0, 2**32 - 1), sizes, sizes, sizes, st.booleans(), st.booleans())
def test_a_finished_sweep_holds_the_product(
    style: str, seed: int, i: int, k: int, j: int, biased: bool, scaled: bool
) -> None:
    rng = np.random.default_rng(seed)
    left, right, bias = rng.normal(size=(i, k)), rng.normal(size=(k, j)), rng.normal(size=j)
    scale = 0.35 if scaled else 1.0
    at = {"bias": bias if biased else None, "scale": scale}
    done = partial_sums(left, right, style, 1.0, **at)  # type: ignore[arg-type]
    np.testing.assert_allclose(done, (left @ right + (bias if biased else 0)) * scale, atol=1e-12)
    np.testing.assert_array_equal(partial_sums(left, right, style, 0.0, **at), np.zeros((i, j)))  # type: ignore[arg-type]


def test_an_outer_sweep_adds_one_product_plane_after_another() -> None:
    rng = np.random.default_rng(3)
    left, right = rng.normal(size=(3, 8)), rng.normal(size=(8, 5))
    for k in range(9):
        np.testing.assert_allclose(
            partial_sums(left, right, "outer", k / 8), left[:, :k] @ right[:k], rtol=1e-12, atol=1e-12
        )
    halfway = left[:, :3] @ right[:3] + 0.5 * np.outer(left[:, 3], right[3])
    np.testing.assert_allclose(partial_sums(left, right, "outer", 3.5 / 8), halfway)


@given(st.sampled_from(["dot", "row", "column", "outer"]), shapes, share, share)
def test_sums_only_grow_longer(style: str, shape: Shape, a: float, b: float) -> None:
    early, late = (depth(shape, style, at) for at in sorted((a, b)))
    assert (early <= late).all() and early.min() >= 0 and late.max() <= shape.inner


def test_a_dot_sweep_takes_one_cell_after_another() -> None:
    done = depth(Shape(2, 4, 3), "dot", 4.25 / 6)
    np.testing.assert_allclose(done, [[4, 4, 4], [4, 1, 0]])


def test_a_sweep_that_begins_at_a_step_leaves_out_those_before() -> None:
    rng = np.random.default_rng(4)
    left, right = rng.normal(size=(3, 5)), rng.normal(size=(5, 4))
    at = (1 * 4 + 2 + 0.6) / 12  # three products of the cell (1, 2) are added
    wanted = np.zeros((3, 4))
    wanted[1, 2] = left[1, :3] @ right[:3, 2]
    np.testing.assert_allclose(partial_sums(left, right, "dot", at, first=6), wanted)
    rows = partial_sums(left, right, "row", 1.0, first=1)
    np.testing.assert_allclose(rows, np.vstack([np.zeros(4), left[1:] @ right]))


def test_a_bias_may_have_a_number_for_each_cell() -> None:
    rng = np.random.default_rng(5)
    left, right, bias = rng.normal(size=(3, 5)), rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    check_operands(left, right, bias)
    np.testing.assert_allclose(partial_sums(left, right, "row", 1.0, bias=bias), left @ right + bias)
    half = (1.0 + beats(True, False).sums) / 2
    np.testing.assert_allclose(partial_sums(left, right, "row", half, bias=bias), left @ right + bias / 2)
    with pytest.raises(UserError):
        check_operands(left[None], right[None], bias)


def test_a_sum_may_be_longer_than_a_side() -> None:
    check_operands(np.ones((2, MOST_INNER)), np.ones((MOST_INNER, 2)))
    with pytest.raises(UserError):
        check_operands(np.ones((2, MOST_INNER + 1)), np.ones((MOST_INNER + 1, 2)))


def test_operands_that_cannot_be_shown_are_refused_with_a_hint() -> None:
    matrix = np.ones((4, 4))
    for left, right, bias in (
        (matrix, np.ones((5, 4)), None),
        (np.ones((2, 4, 4)), np.ones((3, 4, 4)), None),
        (np.ones((4, 4)), np.ones((2, 4, 4)), None),
        (np.ones(4), matrix, None),
        (np.ones((0, 4)), matrix, None),
        (matrix, matrix, np.ones(3)),
        (np.ones((MOST + 1, 4)), matrix, None),
        (np.full((4, 4), np.nan), matrix, None),
    ):
        with pytest.raises(UserError) as caught:
            check_operands(left, right, bias)
        assert caught.value.hint
    with pytest.raises(UserError):
        Faces(left="floor")
