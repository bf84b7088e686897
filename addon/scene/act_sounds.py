# SPDX-License-Identifier: GPL-3.0-or-later
"""Sounds of the scene's sequencer go with the act in which they begin, and are silent while it is left out. One that
goes on through a whole other act, such as music, stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy

from ..core.retime import Move, Segment

INSIDE = "fp_act_frame"  # of a sound whose act is left out: the frame of the act in which it begins


def move_sounds(
    scene: bpy.types.Scene, moves: Sequence[Move], before: Sequence[Segment], after: Sequence[Segment]
) -> None:
    """Moves the sounds of acts that are moved, stretched, left out or taken in again: each act's part of the clock
    before and after, in the order in which the acts were."""
    editor: Any = scene.sequence_editor
    strips = [] if editor is None else [strip for strip in editor.strips_all if strip.type == "SOUND"]
    targets = {}
    for strip in strips:
        i = _act_of(strip, moves, before)
        if i is not None:
            targets[strip] = moves[i].to + _inside(strip, moves[i], before[i], after[i]) - strip.frame_final_start
    # In two steps: where a sound goes another one may still be, and Blender would look for another channel.
    away = 1 + max((strip.frame_final_end for strip in strips), default=0) * 2
    for strip in targets:
        strip.frame_start += away
    for strip, frames in targets.items():
        strip.frame_start += round(frames) - away


def _act_of(strip: Any, moves: Sequence[Move], before: Sequence[Segment]) -> int | None:
    """The act that it goes with; None where there is none."""
    start, end = strip.frame_final_start, strip.frame_final_end
    i = next((i for i, move in enumerate(moves) if move.first <= start < move.last), None)
    if i is None or INSIDE in strip.keys():  # noqa: SIM118
        return i
    later = zip(moves[i + 1 :], before[i + 1 :], strict=True)
    return None if any(one.on and move.last <= end for move, one in later) else i


def _inside(strip: Any, move: Move, before: Segment, after: Segment) -> float:
    """Frames from the beginning of its act to its own, afterwards; silences it, or lets it be heard again."""
    inside = float(strip.get(INSIDE, strip.frame_final_start - move.first))
    if before.on and not after.on:
        strip[INSIDE], strip.mute = inside, True
    elif after.on and not before.on and INSIDE in strip.keys():  # noqa: SIM118
        del strip[INSIDE]
        strip.mute = False
    return inside * after.frames / before.frames if after.on else 0.0
