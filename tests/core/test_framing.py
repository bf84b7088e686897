# SPDX-License-Identifier: GPL-3.0-or-later
"""What viewers complain about, measured: subjects cut off or small, a camera that jerks, names that are specks, cut off
or on top of each other. Three models in three shapes of frame, through the compiled camera, without Blender."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from forward_pass.core.layout import Label, Layout, lay_out
from forward_pass.core.names import (
    CAPITAL,
    Cover,
    Pose,
    anchor,
    choose_names,
    least_height,
    scale_of,
    showing,
    view_height,
)
from forward_pass.core.shots import ABOVE, NARROW, Key, film, free_room, pose_of
from forward_pass.core.story import Shot, Story, tell
from forward_pass.core.trace import Trace
from forward_pass.process.trace_prompt import trace_prompt
from tests.core.test_shots import ASPECTS, look

FPS, EVERY = 24, 10  # every tenth frame is looked at
SPARE = 0.005  # of the frame: what a drift may leave of the margin
FILLED = 0.88  # of the room for the subject, in one direction: larger it cannot be

SEEN = (
    *(("nano-sort", shape) for shape in ASPECTS),
    *(("tiny-shakespeare", shape) for shape in ("16:9", "1:1")),
    *(("llama", shape) for shape in ("16:9", "9:16")),
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Told:
    layout: Layout
    story: Story
    aspect: float
    keys: tuple[Key, ...]

    def ends(self) -> Iterator[tuple[Shot, float]]:
        """Each shot with the second at which it ends."""
        ends = [*(shot.start for shot in self.story.shots[1:]), self.story.duration]
        return zip(self.story.shots, ends, strict=True)

    def at(self, second: float) -> Key:
        """The camera as its curves have it: straight between keys."""
        times = [key.second for key in self.keys]
        names = ("azimuth", "elevation", "distance", "lens", "lift", "side")
        values = [float(np.interp(second, times, [getattr(key, name) for key in self.keys])) for name in names]
        target = [float(np.interp(second, times, [key.target[axis] for key in self.keys])) for axis in range(3)]
        return Key(second, (target[0], target[1], target[2]), *values)


@pytest.fixture(scope="module")
def told(request, root, tmp_path_factory) -> Told:
    name, aspect = request.param
    trace = _trace(name, root, tmp_path_factory)
    layout = lay_out(trace, aspect)
    story = tell(trace, layout)
    return Told(layout, story, aspect, film(story.shots, story.duration, aspect))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test sees all of SEEN."""
    ids = [f"{name} {shape}" for name, shape in SEEN]
    metafunc.parametrize("told", [(name, ASPECTS[shape]) for name, shape in SEEN], indirect=True, ids=ids)


_traces: dict[str, Path] = {}


def _trace(name: str, root: Path, factory: pytest.TempPathFactory) -> Trace:
    """A built-in model at work, or a small one with grouped heads and a gate."""
    if name == "nano-sort":
        return Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    if name == "tiny-shakespeare":
        if name not in _traces:
            path = factory.mktemp("models") / "tiny.trace.safetensors"
            _traces[name] = trace_prompt("To be", name, path, "cpu", steps=2)
        return Trace.open(_traces[name])
    if not all(importlib.util.find_spec(module) for module in ("torch", "transformers")):
        pytest.skip("transformers is not installed in this Python")
    from tests.tracer.subjects import traced

    return Trace.open(traced(name, "eager", factory.mktemp("models")).path)


def test_the_subject_is_whole_on_every_tenth_frame(told):
    """From the arrival of the camera until it leaves, clear of the edge, of the captions, of the running text and of
    the card."""
    for shot, end in told.ends():
        right, below, above = free_room(shot, told.aspect)
        first = int(np.ceil((shot.start + shot.move) * FPS / EVERY)) * EVERY
        for frame in range(first, int(end * FPS), EVERY):
            x, y, _depth = look(shot.subject.corners(), told.at(frame / FPS), told.aspect).T
            assert min(x.min(), 1 - right - x.max(), y.min() - below, 1 - above - y.max()) > SPARE, (shot.name, frame)


def test_the_subject_fills_a_quarter_of_the_frame_or_its_room(told):
    shares = []
    for shot in told.story.shots:
        x, y, _depth = look(shot.subject.corners(), pose_of(shot, told.aspect), told.aspect).T
        right, below, above = free_room(shot, told.aspect)
        share = np.ptp(x) * np.ptp(y)
        # What is long and thin, or as high as wide where the room is not, can be no larger without being cut off.
        filled = max(np.ptp(x) / (1 - right), np.ptp(y) / (1 - below - above))
        assert share >= 0.25 or filled > FILLED, shot.name
        shares.append(share)
    assert np.median(shares) > 0.25 and min(shares) > 0.08


def test_the_camera_moves_without_haste_and_without_a_jerk(told):
    """Its way in a frame, and how much that changes, in distances to what it looks at."""
    seconds, times = np.arange(0, told.story.duration, 1 / FPS), [key.second for key in told.keys]
    azimuth, elevation, distances = (
        np.interp(seconds, times, [getattr(key, name) for key in told.keys])
        for name in ("azimuth", "elevation", "distance")
    )
    targets = [np.interp(seconds, times, [key.target[axis] for key in told.keys]) for axis in range(3)]
    a, e = np.radians(azimuth), np.radians(elevation)
    back = np.stack([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)], axis=1)
    places = np.stack(targets, axis=1) + distances[:, None] * back
    speed = np.linalg.norm(np.diff(places, axis=0), axis=1) / distances[1:] * FPS  # distances a second
    change = np.linalg.norm(np.diff(places, 2, axis=0), axis=1) / distances[1:-1] * FPS**2
    assert speed.max() < 8.0
    assert change.max() < 42.0
    assert np.median(speed) < 0.02  # most of the time it all but rests


def test_names_are_large_whole_and_apart(told):
    names = choose_names(told.layout, told.story, told.aspect)
    labels, count = told.layout.labels, 0
    for pose in names.poses:
        shot = told.story.shots[pose.shots[0]]
        key = pose_of(shot, told.aspect)
        quads = [seen(labels[i], key, told.aspect) for i in pose.shown]
        count += len(quads)
        for i, quad in zip(pose.shown, quads, strict=True):
            assert capital(labels[i], key, told.aspect) >= least_height(told.aspect) - 1e-6, (shot.name, labels[i].text)
            assert quad.min() > 0 and quad[:, 0].max() < 1 and quad[:, 1].max() < 1 - ABOVE + 0.02, labels[i].text
        for i, a in enumerate(quads):
            for j in range(i):
                assert not inside(a, quads[j]).any() and not inside(quads[j], a).any(), (shot.name, pose.shown)
    named = sum(not multiplies(told, pose) for pose in names.poses)
    assert count >= named * (2 if told.aspect > NARROW else 1.5 if told.aspect < 1 else 0.5)


def test_a_shot_names_what_it_is_about(told):
    """In a wide frame and in an upright one there is hardly a pose without the name of something that is its own."""
    names = choose_names(told.layout, told.story, told.aspect)
    if told.aspect > NARROW or told.aspect < 1:
        unnamed = sum(not pose.shown for pose in names.poses if not multiplies(told, pose))
        assert unnamed <= (2 if told.aspect > NARROW else 3)
    assert sorted(i for pose in names.poses for i in pose.shots) == list(range(len(told.story.shots)))


def test_no_name_stands_behind_a_card(told):
    """A card over the lower right of the last shot takes the names there, in that shot alone."""
    box = (0.5, 0.1, 1.0, 0.5)
    last = told.story.shots[-1]
    cover = Cover(last.start + last.move, told.story.duration, box)
    before, after = (choose_names(told.layout, told.story, told.aspect, covers) for covers in ((), (cover,)))
    number = len(told.story.shots) - 1
    pose = next(pose for pose in after.poses if number in pose.shots)
    for i in pose.shown:
        quad = seen(told.layout.labels[i], pose_of(last, told.aspect), told.aspect)
        assert quad[:, 0].max() < box[0] or quad[:, 1].min() > box[3] or quad[:, 1].max() < box[1]
    others = [next(p for p in names.poses if 0 in p.shots).shown for names in (before, after)]
    assert others[0] == others[1]


def test_bits_say_which_pose_shows_a_name(told):
    names = choose_names(told.layout, told.story, told.aspect)
    plan = showing(names, told.story.shots)
    for shot in told.story.shots:
        arrived = shot.start + max(shot.move, 0.02)
        word, bit = [place for second, place in plan.places if second <= arrived][-1]
        pose = next(p for p in names.poses if told.story.shots.index(shot) in p.shots)
        for i in range(len(told.layout.labels)):
            assert bool(names.words(i)[word] & bit) == (i in pose.shown)
        levels = np.array(plan.shown)
        assert np.interp(arrived, levels[:, 0], levels[:, 1]) == pytest.approx(1.0)


def multiplies(told: Told, pose: Pose) -> bool:
    """Whether a multiply is told in a pose: its names are plates then (tests/core/test_nameplates.py)."""
    return bool(told.story.shots[pose.shots[0]].faces)


def seen(label: Label, key: Key, aspect: float) -> Array:
    """The corners of a label [4, 2] as it is set in a pose, in shares of the frame."""
    scale, at = scale_of(label, view_height(key, aspect)), np.array(anchor(label))
    box = label.extent()
    (x0, y0, z0), (x1, y1, z1) = (at + scale * (np.array(end) - at) for end in (box.low, box.high))
    floor = label.plane == "floor"
    far = [(x1, y1, z0), (x0, y1, z0)] if floor else [(x1, y0, z1), (x0, y0, z1)]
    return look([(x0, y0, z0), (x1, y0, z0), *far], key, aspect)[:, :2]


def capital(label: Label, key: Key, aspect: float) -> float:
    """How high a capital letter is seen at the label's place, in frame heights."""
    high = CAPITAL * label.size * scale_of(label, view_height(key, aspect))
    at = np.array(anchor(label))
    up = [0, high, 0] if label.plane == "floor" else [0, 0, high]
    low, top = look([at, at + up], key, aspect)[:, :2] * [aspect, 1.0]
    return float(np.hypot(*(top - low)))


@lru_cache(maxsize=1)
def _grid() -> Array:
    u, v = np.meshgrid(np.linspace(0, 1, 13), np.linspace(0, 1, 5))
    return np.stack([u.ravel(), v.ravel()], axis=1)


def inside(a: Array, b: Array) -> NDArray[np.bool_]:
    """Which points of a grid over the quadrilateral `a` lie in the convex quadrilateral `b`."""
    u, v = _grid().T[:, :, None]
    points = (1 - u) * (1 - v) * a[0] + u * (1 - v) * a[1] + u * v * a[2] + (1 - u) * v * a[3]
    edges = np.roll(b, -1, axis=0) - b
    away = points[:, None] - b
    turns = edges[:, 0] * away[:, :, 1] - edges[:, 1] * away[:, :, 0]
    same: NDArray[np.bool_] = (turns > 0).all(1) | (turns < 0).all(1)
    return same
