# SPDX-License-Identifier: GPL-3.0-or-later
"""Names beside what is multiplied: whole in the frame, apart from each other, close to what they name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest

from forward_pass.core.axis_colors import name_and_size
from forward_pass.core.effects_room import in_frame
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.nameplates import GAP, HEIGHT, LETTER, Nameplate, nameplates
from forward_pass.core.shots import Key, film
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace
from tests.core.test_shots import ASPECTS

FAR = 0.16  # frame heights from the middle of a plate, less its own size, to what it names


@dataclass(frozen=True)
class Told:
    layout: Layout
    story: Story
    aspect: float
    keys: tuple[Key, ...]
    plates: tuple[Nameplate, ...]


@pytest.fixture(scope="module", params=ASPECTS.values(), ids=list(ASPECTS))
def told(request, root) -> Told:
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    layout = lay_out(trace, request.param)
    story = tell(trace, layout)
    keys = film(story.shots, story.duration, request.param)
    return Told(layout, story, request.param, keys, nameplates(layout, story, keys, request.param))


def box(plate: Nameplate, second: float) -> np.ndarray:
    """Left, below, right and above of a plate, in frame heights from the frame's middle."""
    times = [point[0] for point in plate.path]
    middle = np.array([np.interp(second, times, [point[axis] for point in plate.path]) for axis in (1, 2)])
    width = sum(LETTER * len(body) + GAP for body, _hue in plate.parts) * plate.size
    half = np.array([width, HEIGHT * plate.size]) / 2
    return np.concatenate([middle - half, middle + half])


def seconds(plate: Nameplate) -> np.ndarray:
    return np.linspace(plate.start, plate.start + plate.duration, 7)


def test_every_plate_is_whole_in_the_frame(told: Told) -> None:
    for plate in told.plates:
        for second in seconds(plate):
            left, below, right, above = box(plate, second)
            assert max(-left, right) < told.aspect / 2, plate.parts
            assert below > -0.5 and above < 0.4, plate.parts


def test_no_plate_covers_another(told: Told) -> None:
    for a, b in combinations(told.plates, 2):
        for second in np.linspace(max(a.start, b.start), min(a.start + a.duration, b.start + b.duration), 5):
            if max(a.start, b.start) < min(a.start + a.duration, b.start + b.duration):
                one, other = box(a, second), box(b, second)
                assert (one[2:] <= other[:2] + 1e-3).any() or (other[2:] <= one[:2] + 1e-3).any(), (a.parts, b.parts)


def test_a_plate_stays_beside_what_it_names(told: Told) -> None:
    """Wherever the camera goes."""
    for plate in told.plates:
        for second in seconds(plate):
            left, below, right, above = box(plate, second)
            near = []
            for key in {key for one in told.story.told for key in (one.left, one.right, one.out)}:
                block = told.layout.by_key[key]
                if tuple(name_and_size(block)) == plate.parts:
                    corners = np.array(block.corners())
                    s, t = np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 20))
                    face = corners[0] + np.outer(s, corners[1] - corners[0]) + np.outer(t, corners[3] - corners[0])
                    x, y = in_frame(told.keys, float(second), told.aspect, face).T
                    away = (
                        np.maximum(0, np.maximum(left - x, x - right)),
                        np.maximum(0, np.maximum(below - y, y - above)),
                    )
                    near.append(float(np.hypot(*away).min()))
            assert min(near) < FAR, plate.parts


def test_a_wide_frame_names_both_operands_and_the_result(told: Told) -> None:
    for one in told.story.told:
        middle = one.start + 0.5 * one.duration
        there = {plate.parts for plate in told.plates if plate.start <= middle <= plate.start + plate.duration}
        wanted = {tuple(name_and_size(told.layout.by_key[key])) for key in (one.left, one.right, one.out)}
        if told.aspect > 1.4:
            assert wanted <= there, (one, there)
    assert len(told.plates) >= 10
