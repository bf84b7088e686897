# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera fit, held against its own projection and against a view matrix written out another way."""

from __future__ import annotations

from math import atan, degrees, radians

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.camera import CLEARANCE, angle_tangents, basis, fit, project

number = st.floats(-500, 500, allow_nan=False, width=32)
clouds = st.lists(st.tuples(number, number, number), min_size=2, max_size=20).filter(
    lambda points: max(np.ptp(np.array(points), axis=0)) > 1.0
)
views = st.fixed_dictionaries(
    {
        "azimuth": st.floats(-80, 80),
        "elevation": st.floats(-10, 85),
        "lens": st.floats(20, 200),
        "aspect": st.sampled_from([16 / 9, 1.0, 9 / 16, 2.39]),
        "margin": st.sampled_from([0.0, 0.05, 0.2]),
    }
)


@given(clouds, views)
def test_every_point_is_inside_the_margin_and_two_touch_it(points, view):
    pose = fit(points, **view)
    seen = project(points, pose)
    margin, slack = view["margin"], 1e-6
    assert (seen[:, 2] > 0).all()
    assert (seen[:, :2] >= margin - slack).all() and (seen[:, :2] <= 1 - margin + slack).all()
    touching = [
        (np.abs(seen[:, side] - margin).min() < 1e-4) and (np.abs(seen[:, side] - (1 - margin)).min() < 1e-4)
        for side in (0, 1)
    ]
    reach = CLEARANCE * np.linalg.norm(np.ptp(np.array(points), axis=0))
    assert any(touching) or seen[:, 2].min() == pytest.approx(reach, rel=1e-4)


@given(views)
def test_the_axes_are_orthonormal_and_right_handed(view):
    right, up, forward = basis(view["azimuth"], view["elevation"])
    frame = np.stack([right, up, -forward])
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    assert right[2] == 0.0  # no roll


def test_straight_ahead_matches_a_hand_computation():
    # a square of 2 x 2 in the plane y = 0, seen along +y with an angle of view of 90 degrees in a square frame
    square = [(-1.0, 0.0, -1.0), (1.0, 0.0, -1.0), (1.0, 0.0, 1.0), (-1.0, 0.0, 1.0)]
    pose = fit(square, azimuth=0, elevation=0, lens=18, aspect=1.0, margin=0.0)
    np.testing.assert_allclose(pose.location, (0, -1, 0), atol=1e-12)
    np.testing.assert_allclose(pose.target, (0, 0, 0), atol=1e-12)
    assert pose.distance == pytest.approx(1.0)
    np.testing.assert_allclose(project([(0.5, 0.0, -0.5)], pose), [[0.75, 0.25, 1.0]])


def test_a_negative_azimuth_stands_to_the_left_and_elevation_above():
    box = [(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]
    pose = fit(box, azimuth=-30, elevation=40, lens=50, aspect=16 / 9)
    x, y, z = pose.location
    assert x < 0 and y < 0 and z > 0
    assert degrees(np.arctan2(x, -y)) == pytest.approx(-30, abs=2)


def test_the_sensor_lies_along_the_longer_side():
    wide, tall = angle_tangents(50, 16 / 9), angle_tangents(50, 9 / 16)
    assert wide == pytest.approx((0.36, 0.2025))
    assert tall == pytest.approx((0.2025, 0.36))
    assert 2 * atan(wide[0]) == pytest.approx(radians(39.5978), rel=1e-5)  # the known angle of a 50 mm lens


def test_moving_the_points_moves_the_camera_along():
    points = np.random.default_rng(1).normal(size=(30, 3)) * 20
    here, there = fit(points, -8, 41, 60, 16 / 9), fit(points + (100.0, -40.0, 7.0), -8, 41, 60, 16 / 9)
    np.testing.assert_allclose(np.subtract(there.location, here.location), (100, -40, 7), atol=1e-9)
    assert there.distance == pytest.approx(here.distance)


def test_points_seen_end_on_stay_in_front_of_the_camera():
    pose = fit([(0.0, 1.0, 0.0), (0.0, 5.0, 0.0)], 0, 0, 50, 1.0)
    assert pose.location[1] == pytest.approx(1.0 - CLEARANCE * 4.0)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "at least one point"),
        ([(0.0, 0.0, float("nan"))], "finite"),
        ([(0.0, 1.0, 0.0), (0.0, 1.0, 0.0)], "differ"),
    ],
)
def test_nothing_to_fit_is_refused(points, message):
    with pytest.raises(ValueError, match=message):
        fit(points, 0, 0, 50, 1.0)


def test_a_margin_that_leaves_no_frame_is_refused():
    with pytest.raises(ValueError, match="margin"):
        fit([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0)], 0, 0, 50, 1.0, margin=0.5)
