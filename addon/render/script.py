# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene says, and when, as it stands now: a creator may have moved the keys of its clock, or
the acts."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.script import Script, read_script
from .pace import clock_frame, pace_of, rate_of

STORED = "fp_script"  # the scene's property with the script, in story time
CLOCK = '["fp_time"]'
NEAR = 1e-3  # frames, or seconds of the story, that are the same
SLACK = 0.51  # frames: acts begin with one, up to half of it too early or too late


def script_in(scene: bpy.types.Scene, first: int, last: int, fps: int) -> Script:
    """The script of frames `first` to `last` (inclusive) of a scene, in seconds of a video with `fps` frames a second.

    Empty where the scene has none. Raises `UserError` where it cannot be read.
    """
    pace, text = pace_of(scene, first, last, fps), str(scene.get(STORED, ""))
    if not text:
        return Script(pace.count / fps)
    shown = [*pace.pictures, pace.pictures.stop]
    frames = np.array([clock_frame(scene, pace.frame(picture)) for picture in shown])
    curve, step = _clock(scene), 1 / rate_of(scene)
    runs = [(frames - 1.0) * step] if curve is None else _runs(curve, frames, step)
    return read_script(text).played(runs, fps, SLACK * step)


def _runs(curve: Any, frames: NDArray[np.float64], step: float) -> list[NDArray[np.float64]]:
    """The story time at the beginning of each picture and at the end of the last [pictures + 1], for every stretch of
    pictures between which the clock does not jump: acts may have another order than in the story. `frames`
    [pictures + 1] are the frames at which pictures begin, and at which the last ends."""
    points = list(curve.keyframe_points)
    jumps = sorted(
        math.ceil(there.co.x - NEAR)
        for here, there in pairwise(points)
        if here.interpolation == "CONSTANT" and abs(there.co.y - here.co.y) > NEAR
    )
    begins = np.unique(np.searchsorted(frames[:-1], np.array(jumps) - NEAR)) if jumps else np.array([], int)
    count, runs = len(frames) - 1, []
    for begin, stop in pairwise([0, *(int(i) for i in begins if 0 < i < count), count]):
        times = [curve.evaluate(frame) for frame in frames[begin:stop]]
        last, end = frames[stop - 1], frames[stop]
        until = next((jump for jump in jumps if last < jump - NEAR <= end), end)
        runs.append(np.maximum.accumulate([*times, _end(points, times, last, until, step)]))
    return runs


def _end(points: list[Any], times: list[float], last: float, until: float, step: float) -> float:
    """Where the clock comes to just before frame `until`, from `times` of the pictures before, the last of them at
    frame `last`."""
    before = [point for point in points if point.co.x < until - NEAR]
    if before and before[-1].interpolation == "CONSTANT":
        short = before[-1].co.x - last  # it stops a moment before it jumps
        return times[-1] if short <= 0 else times[-1] + (before[-1].co.y - times[-1]) * (until - last) / short
    # At the last key the clock stands still: the last picture is as long as the others.
    return times[-1] + (times[-1] - times[-2] if len(times) > 1 else (until - last) * step)


def _clock(scene: bpy.types.Scene) -> Any:
    """The curve of the story time; None where there is none."""
    data: Any = scene.animation_data
    if data is None or data.action is None or data.action_slot is None:
        return None
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)
            curve = bag.fcurves.find(CLOCK) if bag else None
            if curve is not None:
                return curve
    return None
