# SPDX-License-Identifier: GPL-3.0-or-later
"""The acts of a built scene: where each begins, how long it lasts, leaving one out, and their order.

All of it is keys of the one clock and the timeline's markers, so that it holds without the add-on, and keys that were
moved by hand stay where they are within their act.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import bpy

from ..core.retime import NEAR, Key, Move, Segment, cut, join, moved, read_segment, stops, write_segment
from .act_sounds import move_sounds
from .clock import clock_curve, key_at, keys_of, put_keys

NAMES = "fp_acts"  # the acts' names in the story's order, a line each: other markers are the creator's own
OFF = "fp_acts_off"  # number of an act that is left out -> its part of the clock, as JSON


@dataclass(frozen=True)
class SceneAct:
    """An act by its place in the video, from frame `first` to before frame `last`; `on` unless it is left out."""

    index: int
    name: str
    first: int
    last: int
    on: bool


def name_acts(scene: bpy.types.Scene) -> None:
    """Notes which markers are acts, where that is not noted: those that are there now."""
    if NAMES not in scene.keys():  # noqa: SIM118
        markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
        scene[NAMES] = "\n".join(marker.name for marker in markers)


def act_markers(scene: bpy.types.Scene) -> list[bpy.types.TimelineMarker]:
    """The markers of the acts, in order; an act whose marker was removed is not among them."""
    markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
    if NAMES not in scene.keys():  # noqa: SIM118
        return markers
    found = []
    for name in str(scene[NAMES]).split("\n"):
        marker = next((marker for marker in markers if marker.name == name), None)
        if marker is not None:
            found.append(marker)
            markers.remove(marker)
    return sorted(found, key=lambda marker: marker.frame)


def acts_of(scene: bpy.types.Scene) -> tuple[SceneAct, ...]:
    """The acts in order."""
    markers = act_markers(scene)
    ends = [marker.frame for marker in markers[1:]] + [scene.frame_end]
    off = scene.get(OFF, {})
    return tuple(
        SceneAct(i, marker.name, marker.frame, max(end, marker.frame), str(i) not in off)
        for i, (marker, end) in enumerate(zip(markers, ends, strict=True))
    )


def set_length(scene: bpy.types.Scene, index: int, frames: int) -> None:
    """Makes an act `frames` long (1 or more); the later ones move along."""
    change = Change(scene)
    if change.segments and change.segments[index].keys:
        change.segments[index] = change.segments[index].stretched(max(frames, 1))
        change.carry_out(range(len(change.acts)))


def switch_act(scene: bpy.types.Scene, index: int, on: bool) -> None:
    """Leaves an act out, or takes it in again as it was. What it would have shown is there when it is left out."""
    change = Change(scene)
    if change.segments and change.segments[index].keys:
        change.segments[index] = replace(change.segments[index], on=on)
        change.carry_out(range(len(change.acts)))


def move_act(scene: bpy.types.Scene, index: int, to: int) -> None:
    """Moves an act to another place in the video; those between make room. The clock jumps where an act follows that
    does not follow in the story."""
    change = Change(scene)
    order = list(range(len(change.acts)))
    order.insert(to, order.pop(index))
    if change.segments:
        change.carry_out(order)


class Change:
    """The acts of a scene with their `segments` of the clock, to be changed and then carried out. No segments where the
    scene has no clock."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        self.scene = scene
        self.acts = acts_of(scene)
        self.curve = clock_curve(scene)
        self.lead: list[Segment] = []  # what the clock does before the first act, if anything
        self.segments = self._read() if self.acts and self.curve is not None and self.curve.keyframe_points else []
        self._before = tuple(self.segments)

    def _read(self) -> list[Segment]:
        off = self.scene.get(OFF, {})
        spans = [(act.first, act.last) for act in self.acts if not isinstance(off.get(str(act.index)), str)]
        begin = self.curve.keyframe_points[0].co.x
        if begin < self.acts[0].first - NEAR:
            spans.insert(0, (begin, self.acts[0].first))
        for first, last in spans:
            if last > first:
                key_at(self.curve, first)
                if not any(stops(key, last) for key in keys_of(self.curve)):
                    key_at(self.curve, last)
        keys = keys_of(self.curve)
        self.lead = [cut(keys, *spans[0])] if begin < self.acts[0].first - NEAR else []
        return [self._segment(act, keys, off.get(str(act.index))) for act in self.acts]

    def _segment(self, act: SceneAct, keys: Sequence[Key], kept: str | int | None) -> Segment:
        if isinstance(kept, str):
            return read_segment(json.loads(kept))
        if act.last == act.first:
            return Segment(0.0)
        segment = cut(keys, act.first, act.last)
        # Earlier versions pressed what is left out into the frame that it takes, and noted the frames that it had.
        return segment if kept is None else replace(segment.stretched(kept), on=False)

    def carry_out(self, order: Sequence[int]) -> None:
        """Lays the acts one after another in that order of their numbers, with all that goes by the scene's frames."""
        scene, segments = self.scene, [self.segments[i] for i in order]
        first, last = self.acts[0].first, self.acts[-1].last
        moves, at = {}, first
        for i, segment in zip(order, segments, strict=True):
            moves[i] = Move(self.acts[i].first, self.acts[i].last, at, segment.length)
            at += round(segment.length)
        begin = first - sum(one.length for one in self.lead)
        rest = [key.moved(at - last) for key in keys_of(self.curve) if key.at[0] > last + NEAR]
        put_keys(self.curve, [*join([*self.lead, *segments], begin), *rest])
        scene[OFF] = {str(i): json.dumps(write_segment(one)) for i, one in enumerate(segments) if not one.on}
        in_turn = [moves[i] for i in range(len(self.acts))]
        move_sounds(scene, in_turn, self._before, self.segments)
        for marker in scene.timeline_markers:
            marker.frame = round(moved(marker.frame, in_turn))
        current = round(moved(scene.frame_current, in_turn))
        scene.frame_end = at + scene.frame_end - last
        scene.frame_set(min(max(current, scene.frame_start), scene.frame_end))
