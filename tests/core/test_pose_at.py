# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the camera is between its keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.shots import MOVING, Key, pose_at

NUMBERS = st.floats(-1e3, 1e3)
KEYS = st.lists(
    st.tuples(st.integers(0, 40), st.lists(NUMBERS, min_size=9, max_size=9)),
    min_size=1,
    max_size=6,
    unique_by=lambda k: k[0],
).map(lambda rows: [Key(float(at), (n[0], n[1], n[2]), *n[3:]) for at, n in sorted(rows)])


@given(KEYS, st.floats(-5, 45))
def test_the_camera_goes_evenly_from_key_to_key_and_rests_outside_of_them(keys: list[Key], second: float) -> None:
    times, pose = [key.second for key in keys], pose_at(keys, second)
    assert pose.second == second
    for name in MOVING:
        wanted = np.interp(second, times, [getattr(key, name) for key in keys])
        assert getattr(pose, name) == pytest.approx(wanted, abs=1e-6)
    for axis in range(3):
        wanted = np.interp(second, times, [key.target[axis] for key in keys])
        assert pose.target[axis] == pytest.approx(wanted, abs=1e-6)
