# SPDX-License-Identifier: GPL-3.0-or-later
"""A multiply seen from where its faces are read, and from close by where it happens."""

from __future__ import annotations

import numpy as np
import pytest

from forward_pass.core.camera import fit
from forward_pass.core.haste import reached, swept
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.meeting import meeting, to_floor
from forward_pass.core.readable import readable
from forward_pass.core.shots import pose_of
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace

WIDE = 16 / 9
FACE = ((0.0, 0.0, 8.0), (10.0, 0.0, 8.0), (10.0, 0.0, 0.0), (0.0, 0.0, 0.0))  # stands, 10 wide and 8 high
SIDE = ((10.0, 10.0, 8.0), (10.0, 0.0, 8.0), (10.0, 0.0, 0.0), (10.0, 10.0, 0.0))


@pytest.fixture(scope="module")
def layout(root) -> Layout:
    return lay_out(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"), WIDE)


@pytest.fixture(scope="module")
def story(root, layout) -> Story:
    return tell(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"), layout)


def seen(faces, walls, azimuth: float) -> float:
    return readable(faces, walls, fit([point for face in faces for point in face], azimuth, 20.0, 50.0, WIDE))


def test_faces_are_read_from_between_them() -> None:
    """And not by whoever looks along one of them."""
    both = (FACE, SIDE)
    assert seen(both, (), -40.0) > max(seen(both, (), -1.0), seen(both, (), -70.0), 1.5 * seen(both, (), -89.0))


def test_what_stands_before_a_face_counts_against_a_pose() -> None:
    wall = tuple((x, y - 3.0, z) for x, y, z in FACE)
    behind = tuple((x, y + 3.0, z) for x, y, z in FACE)
    assert seen((FACE,), (wall,), 0.0) < 0.5 * seen((FACE,), (), 0.0)
    assert seen((FACE,), (behind, FACE), 0.0) == seen((FACE,), (), 0.0)


def test_a_fence_hides_what_is_under_it_too() -> None:
    hung = ((0.0, 0.0, 14.0), (10.0, 0.0, 14.0), (10.0, 0.0, 6.0), (0.0, 0.0, 6.0))
    assert [point[2] for point in to_floor(hung)] == [14.0, 14.0, 0.0, 0.0]
    assert to_floor(FACE) == FACE


def test_a_close_up_shows_the_worked_row_where_it_meets_the_result(layout: Layout) -> None:
    left, right, out = (layout.by_key[key] for key in ("s0.l0.norm", "s0.l0.h0.w_q", "s0.l0.h0.q"))
    row = 5
    points = np.array(meeting(left, right, out, row))
    low, high = points.min(0), points.max(0)
    whole = np.array([point for block in (left, right, out) for point in block.corners()])
    assert (low >= whole.min(0) - 1e-9).all() and (high <= whole.max(0) + 1e-9).all()
    cells = [np.array(b.origin) + (row + 0.5) * np.array(b.row_step) for b in (left, out)]
    last = cells[0] + (left.shape[1] - 0.5) * np.array(left.column_step)  # of the operand, beside the result
    for cell in (last, cells[1] + 0.5 * np.array(out.column_step)):
        assert (low <= cell + 1e-9).all() and (cell <= high + 1e-9).all()
    assert np.prod(high - low) < 0.35 * np.prod(np.ptp(whole, axis=0))


def test_close_ups_come_closer_from_the_same_side_and_go_back(story: Story) -> None:
    close = [i for i, shot in enumerate(story.shots) if shot.within is not None]
    assert len(close) >= 4
    for i in close:
        before, after = (pose_of(story.shots[j], WIDE) for j in (i - 1, i + 1))
        pose = pose_of(story.shots[i], WIDE)
        assert (pose.azimuth, pose.elevation) == (before.azimuth, before.elevation)
        assert pose.distance < before.distance
        assert story.shots[i].start >= story.shots[i - 1].start + story.shots[i - 1].move
        if story.shots[i + 1].subject == story.shots[i - 1].subject:
            assert after.distance == pytest.approx(before.distance)


def test_a_worked_row_is_swept_faster_and_faster() -> None:
    places = np.linspace(0, 1, 17)
    assert [swept(float(t)) for t in reached(places)] == pytest.approx(places)
    steps = np.diff(reached(places))
    assert (np.diff(steps) < 0).all() and steps[0] == pytest.approx(0.25)
