# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera's path: every subject whole and clear of the overlays, every move smooth, every rest quiet."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_pass.core.camera import spread
from forward_pass.core.framing import ASIDE
from forward_pass.core.layout import Bounds, lay_out
from forward_pass.core.shots import (
    ABOVE,
    MARGIN,
    MOST_DRIFT,
    NARROW,
    SIDE,
    TIPS,
    TURNS,
    UPRIGHT_TURNS,
    Key,
    _pose,
    film,
    free_room,
    pose_of,
)
from forward_pass.core.story import Shot, Story, tell

ASPECTS = {"16:9": 16 / 9, "1:1": 1.0, "9:16": 9 / 16}


@pytest.fixture(scope="module", params=ASPECTS.values(), ids=list(ASPECTS))
def aspect(request) -> float:
    return request.param


@pytest.fixture(scope="module", params=[None, 1.0], ids=["natural", "shortest"])
def story(request, trace, aspect) -> Story:
    return tell(trace, lay_out(trace, aspect), request.param)


def look(points, key: Key, aspect: float) -> np.ndarray:
    """Where points [n, 3] are seen in the whole frame: [n, 3] of x and y (0 to 1, from the lower left) and depth.

    Written out with rotation matrices, as Blender turns the rig: the camera looks along -z of a frame that was tipped
    by 90 degrees less the elevation about x, then turned by the azimuth about z.
    """
    tip, turn = math.radians(90 - key.elevation), math.radians(key.azimuth)
    about_x = np.array([[1, 0, 0], [0, math.cos(tip), -math.sin(tip)], [0, math.sin(tip), math.cos(tip)]])
    about_z = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
    world = about_z @ about_x  # columns: the camera's right, up and back
    eye = np.array(key.target) + key.distance * world[:, 2]
    seen = (np.asarray(points) - eye) @ world  # [n, 3]
    depth = -seen[:, 2]
    wide = 36 / key.lens * min(1.0, aspect)  # of the picture at distance 1; the sensor lies along the longer side
    x = 0.5 + seen[:, 0] / depth / wide
    y = 0.5 + seen[:, 1] / depth / (wide / aspect) + key.lift
    x = x + key.side
    return np.stack([x, y, depth], axis=1)


def spans(story: Story, keys: tuple[Key, ...]):
    """Each shot with the keys from its arrival to its end."""
    ends = [*(shot.start for shot in story.shots[1:]), story.duration]
    for shot, end in zip(story.shots, ends, strict=True):
        arrival = shot.start + shot.move
        yield shot, [key for key in keys if arrival - 1e-9 <= key.second <= end + 1e-9]


def test_the_subject_stands_whole_between_the_overlays(story, aspect):
    """From the arrival to the end of the drift, beside the card where there is one; on arrival with its margin of the
    free area."""
    for shot, keys in spans(story, film(story.shots, story.duration, aspect)):
        right, below, above = free_room(shot, aspect)
        wide, high = 1 - right, 1 - below - above
        for key, margin in ((keys[0], MARGIN), (keys[-1], 0.0)):
            x, y, depth = look(shot.subject.corners(), key, aspect).T
            least = margin - 1e-3
            assert least * wide <= x.min() and x.max() <= wide * (1 - least), shot.name
            assert below + least * high <= y.min() and y.max() <= 1 - above - least * high, shot.name
            assert depth.min() > 0.25 * key.distance  # well behind the overlays, which float close to the camera


def test_a_subject_touches_its_margin_on_arrival(story, aspect):
    """As near as can be: along one direction there is nothing left but the margin."""
    for shot, keys in spans(story, film(story.shots, story.duration, aspect)):
        x, y, _depth = look(shot.subject.corners(), keys[0], aspect).T
        right, below, above = free_room(shot, aspect)
        spare = min(1 - np.ptp(x) / (1 - right), 1 - np.ptp(y) / (1 - below - above))
        assert spare == pytest.approx(2 * MARGIN, abs=1e-3), shot.name


def test_a_card_has_the_room_beside_its_subject(story, aspect):
    """Those shots that show a card while it lasts keep a part of the frame for it, and others none."""
    assert {shot.aside for shot in story.shots} == {0.0, ASIDE}
    assert all(shot.aside == 0.0 for shot in story.shots if shot.name == "model")
    shot = next(shot for shot in story.shots if shot.aside)
    alone = pose_of(replace(shot, aside=0.0), aspect)
    right, _below, above = free_room(shot, aspect)
    assert (right, above) == ((ASIDE, ABOVE) if aspect > NARROW else (0.0, above)) and max(right, above) > 0.3
    assert pose_of(shot, aspect).side == pytest.approx(-right / 2) and alone.side == 0.0


def test_a_shot_looks_from_where_its_subject_is_largest(story, aspect):
    """Of the angles that it may turn to none shows more of it, unless faces are seen edge-on there."""
    for shot in {shot.name: shot for shot in story.shots}.values():
        pose = pose_of(shot, aspect)
        turns = (*TURNS, *UPRIGHT_TURNS) if aspect < 1 and not shot.move else TURNS
        assert abs(pose.azimuth - shot.azimuth) <= -min(turns) and abs(pose.elevation - shot.elevation) <= -min(TIPS)
        assert pose.azimuth <= -SIDE if shot.azimuth <= -SIDE else pose.azimuth >= -SIDE
        asked = _pose(shot, aspect, shot.azimuth, shot.elevation)[0]
        assert covered(shot, pose, aspect) >= 0.85 * covered(shot, asked, aspect), shot.name


def covered(shot: Shot, key: Key, aspect: float) -> float:
    """The share of the frame that the hull of the subject covers."""
    return spread(look(shot.subject.corners(), key, aspect)[:, :2])


def test_a_move_ends_in_the_pose_of_its_shot(story, aspect):
    for shot, keys in spans(story, film(story.shots, story.duration, aspect)):
        want = pose_of(shot, aspect)
        got = keys[0]
        assert got.second == pytest.approx(shot.start + shot.move)
        for name in ("target", "azimuth", "elevation", "distance", "lens", "lift", "side"):
            assert getattr(got, name) == pytest.approx(getattr(want, name), rel=1e-9, abs=1e-9), (shot.name, name)


def test_the_path_runs_forward_and_smoothly(story, aspect):
    keys = film(story.shots, story.duration, aspect)
    assert keys[0].second == 0 and keys[-1].second == pytest.approx(story.duration)
    for a, b in pairwise(keys):
        passed = b.second - a.second
        assert passed > 1e-6
        way = math.dist(a.target, b.target) / min(a.distance, b.distance)
        assert way < 0.15  # no key jumps over more than a small part of the picture
        assert way / passed < 4  # distances a second
        assert abs(math.log(b.distance / a.distance)) / passed < 8
        assert abs(b.azimuth - a.azimuth) / passed < 90
        assert abs(b.elevation - a.elevation) / passed < 45


def test_while_it_rests_the_camera_only_drifts(story, aspect):
    for _shot, keys in spans(story, film(story.shots, story.duration, aspect)):
        for key in keys:
            assert abs(key.azimuth - keys[0].azimuth) <= MOST_DRIFT
            assert replace(key, second=0.0, azimuth=0.0) == replace(keys[0], second=0.0, azimuth=0.0)


def test_a_film_needs_a_shot():
    with pytest.raises(ValueError, match="at least one shot"):
        film((), 3.0, 1.0)


boxes = st.tuples(*[st.floats(-200, 200)] * 3, *[st.floats(0.5, 300)] * 3).map(
    lambda n: Bounds(n[:3], (n[0] + n[3], n[1] + n[4], n[2] + n[5]))
)


@given(
    box=boxes,
    azimuth=st.floats(-60, 60),
    elevation=st.floats(5, 80),
    lens=st.floats(35, 120),
    below=st.floats(0, 0.4),
    aspect=st.floats(0.4, 2.5),
)
@settings(max_examples=60)
def test_any_subject_fits_any_frame(box, azimuth, elevation, lens, below, aspect):
    shot = Shot(0.0, 0.0, box, azimuth, elevation, lens, "box", below)
    x, y, depth = look(box.corners(), pose_of(shot, aspect), aspect).T
    assert x.min() >= 0 and x.max() <= 1 and below <= y.min() and y.max() <= 1 - ABOVE and depth.min() > 0


def test_a_long_way_is_flown_over():
    """Between far places the camera backs away, so that nothing rushes past."""
    far = Shot(2.0, 1.0, Bounds((500, 0, 0), (510, 10, 10)), -20, 40, 50, "far")
    near = replace(far, start=0.0, move=0.0, subject=Bounds((0, 0, 0), (10, 10, 10)))
    keys = film((near, far), 4.0, 16 / 9)
    assert max(key.distance for key in keys) > 1.3 * keys[0].distance
    here = replace(far, subject=near.subject)
    assert max(key.distance for key in film((near, here), 4.0, 16 / 9)) == pytest.approx(keys[0].distance)
