# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not in play stands back while a multiply is told: it sinks toward the colour of the floor.

The camera's data say how much, 0 to 1, in `fp_focus`: under a camera that says nothing of it everything is as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ..core.story_types import Told
from .clock import drive
from .nodes import Nodes, new_group

Tree = bpy.types.NodeTree
FOCUS = "fp_focus"  # of the camera's data
VALUE = f'camera.data["{FOCUS}"]'
FADE = 0.5  # seconds before a multiply in which the rest stands back, and after it in which it comes forth again
APART = 3.0  # seconds between two multiplies for which it stays back, at most
BEFORE, AFTER = 0.9, 0.9  # seconds for which a block counts as in play before it is, and after
MOST = 0.85  # of a block's own colour that goes
FLOOR = 0.2  # of the line's colour in that of the floor


def drive_focus(camera: bpy.types.Object, scene: bpy.types.Scene, told: Sequence[Told]) -> None:
    """Give the camera's data its `fp_focus`, which follows the clock."""
    data: Any = camera.data
    spans: list[tuple[float, float]] = []
    for one in sorted(told, key=lambda each: each.start):
        end = one.start + one.duration
        if spans and one.start - spans[-1][1] < APART:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((one.start, end))
    keys = [(0.0, 0.0)]
    for start, end in spans:
        keys += [(max(start - FADE, 0.0), 0.0), (start, 1.0), (end, 1.0), (end + FADE, 0.0)]
    keys.append((keys[-1][0] + FADE, 0.0))  # a driver's curve goes on as it ends
    data[FOCUS] = 0.0
    drive(data, f'["{FOCUS}"]', -1, scene, keys)


def focus_group(clock: Tree, backdrop: Tree, look: Tree) -> Tree:
    """How far a block stands back, by when it fills and when it is first in play; and the floor's colour, toward which
    it does."""
    windows = (("Start", "Float"), ("Duration", "Float"), ("Use start", "Float"), ("Use duration", "Float"))
    tree, n, into, out = new_group("FP Focus", windows, (("Back", "Float"), ("Floor", "Color")))
    time = n.group(clock)["Time"]
    fills = _near(n, time, into["Start"], into["Duration"])
    used = _near(n, time, into["Use start"], into["Use duration"])
    away = n.math("SUBTRACT", 1.0, n.math("MAXIMUM", fills, used))
    n.feed(out["Back"], n.math("MULTIPLY", away, n.math("MULTIPLY", n.scene_value(VALUE), MOST)))
    n.feed(out["Floor"], n.blend(FLOOR, n.group(backdrop)["Color"], n.group(look)["Line"]))
    return tree


def _near(n: Nodes, time: Any, start: Any, duration: Any) -> Any:
    """1 in a window of time, less just before and after it; 0 where it has no length."""
    since = n.math("SUBTRACT", time, start)
    left = n.math("SUBTRACT", duration, since)
    shown = n.math("MULTIPLY", n.smoothstep(since, -BEFORE, 0.0), n.smoothstep(left, -AFTER, 0.0))
    return n.math("MULTIPLY", shown, n.math("GREATER_THAN", duration, 0.0005))
