# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scene says, and when, as it stands now: a creator may have moved the keys of its clock."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..core.script import Script, read_script

STORED = "fp_script"  # the scene's property with the script, in story time
CLOCK = '["fp_time"]'


def script_in(scene: bpy.types.Scene, first: int, last: int, fps: float) -> Script:
    """The script of frames `first` to `last` (inclusive) of a scene, in seconds of a video with `fps` frames a second.

    Empty where the scene has none. Raises `UserError` where it cannot be read.
    """
    count = last - first + 1
    text = str(scene.get(STORED, ""))
    if not text:
        return Script(count / fps)
    curve = _clock(scene)
    frames = np.arange(first, last + 1)
    if curve is None:
        times = (frames - 1) * scene.render.fps_base / scene.render.fps
    else:
        times = np.array([curve.evaluate(frame) for frame in frames])
    # At the last key the clock stands still: the last picture is as long as the others.
    end = times[-1] + (times[-1] - times[-2] if count > 1 else scene.render.fps_base / scene.render.fps)
    return read_script(text).retimed(np.maximum.accumulate(np.append(times, end)), fps)


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
