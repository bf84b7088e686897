# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts that last longer or shorter: frames go with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.retime import Stretch


@given(st.floats(1, 1000), st.floats(1, 500), st.floats(1, 500), st.lists(st.floats(0, 3000), min_size=2, max_size=20))
def test_a_stretch_keeps_the_order_and_can_be_undone(
    first: float, length: float, wanted: float, frames: list[float]
) -> None:
    there = Stretch(first, first + length, wanted)
    back = Stretch(first, first + wanted, length)
    moved = [there(frame) for frame in sorted(frames)]
    assert moved == sorted(moved)
    assert [back(frame) for frame in moved] == pytest.approx(sorted(frames))
    assert there(first) == first and there(first + length) == pytest.approx(first + wanted)
