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

STORED = "fp_script"  # the scene's property with the script, in story time
CLOCK = '["fp_time"]'
NEAR = 1e-3  # frames, or seconds of the story, that are the same
SLACK = 0.51  # frames: acts begin with one, up to half of it too early or too late


def script_in(scene: bpy.types.Scene, first: int, last: int, fps: float) -> Script:
    """The script of frames `first` to `last` (inclusive) of a scene, in seconds of a video with `fps` frames a second.

    Empty where the scene has none. Raises `UserError` where it cannot be read.
    """
    count = last - first + 1
    text = str(scene.get(STORED, ""))
    if not text:
        return Script(count / fps)
    curve, step = _clock(scene), scene.render.fps_base / scene.render.fps
    runs = [(np.arange(first, last + 2) - 1.0) * step] if curve is None else _runs(curve, first, last, step)
    return read_script(text).played(runs, fps, SLACK * step)


def _runs(curve: Any, first: int, last: int, step: float) -> list[NDArray[np.float64]]:
    """The story time at the beginning of each frame and at the end of the last [frames + 1], for every stretch of
    frames in which the clock does not jump: acts may have another order than in the story."""
    points = list(curve.keyframe_points)
    jumps = {
        math.ceil(there.co.x - NEAR)
        for here, there in pairwise(points)
        if here.interpolation == "CONSTANT" and abs(there.co.y - here.co.y) > NEAR
    }
    starts = [first, *sorted(frame for frame in jumps if first < frame <= last)]
    runs = []
    for start, stop in pairwise([*starts, last + 1]):
        times = [curve.evaluate(frame) for frame in range(start, stop)]
        runs.append(np.maximum.accumulate([*times, _end(points, times, stop, step)]))
    return runs


def _end(points: list[Any], times: list[float], stop: int, step: float) -> float:
    """Where the clock comes to just before frame `stop`, from `times` of the frames before."""
    before = [point for point in points if point.co.x < stop - NEAR]
    if before and before[-1].interpolation == "CONSTANT":
        short = before[-1].co.x - (stop - 1)  # it stops a moment before it jumps
        return times[-1] if short <= 0 else times[-1] + (before[-1].co.y - times[-1]) / short
    # At the last key the clock stands still: the last picture is as long as the others.
    return times[-1] + (times[-1] - times[-2] if len(times) > 1 else step)


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
