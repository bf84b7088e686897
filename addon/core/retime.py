# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts made longer, left out or told in another order after the fact: what becomes of a clock's keys, and of frames.

Each act has a segment of the clock. Where an act follows that follows in the story too, the two share a key; elsewhere
the clock stops just before the next act begins and jumps there, so that no frame, at whatever rate, lies between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

Point = tuple[float, float]  # frame, value

LEFT_OUT = 1  # frames that an act takes when it is left out: its marker needs a place, and the picture before it stays
STOP = 1 / 32  # of a frame before a jump: rates that are used show no picture from there on
NEAR = 1e-3  # frames, or seconds of the story, that are the same
HELD = {"interpolation": "CONSTANT", "handle_left_type": "FREE", "handle_right_type": "FREE"}


@dataclass(frozen=True)
class Key:
    """A key of an F-curve and its handles; `style` has what else Blender keeps of it, by its names there."""

    at: Point
    left: Point
    right: Point
    style: Mapping[str, Any]

    def moved(self, to: float, scale: float = 1.0) -> Key:
        """With frame 0 at `to`, and `scale` times as far from it."""
        at, left, right = ((to + frame * scale, value) for frame, value in (self.at, self.left, self.right))
        return replace(self, at=at, left=left, right=right)


@dataclass(frozen=True)
class Segment:
    """An act's part of the clock: `frames` of it, keys counted from its beginning, the first of them there. `end` is
    where the clock comes to at its end: in the story's order that is the next act's first key. An act that is not `on`
    keeps all this while it is left out; one without frames has no keys."""

    frames: float
    keys: tuple[Key, ...] = ()
    end: Key = Key((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), HELD)
    on: bool = True

    @property
    def length(self) -> float:
        """Frames that it takes in the video."""
        return self.frames if self.on else min(self.frames, LEFT_OUT)

    @property
    def begin(self) -> float | None:
        """The story's second in which it begins."""
        return self.keys[0].at[1] if self.keys else None

    def stretched(self, frames: float) -> Segment:
        """With other frames, evenly."""
        scale = frames / self.frames
        keys = tuple(key.moved(0.0, scale) for key in self.keys)
        end = replace(self.end.moved(0.0, scale), at=(frames, self.end.at[1]))  # just there, whatever the rounding
        return replace(self, frames=frames, keys=keys, end=end)

    def stop(self) -> Key:
        """The key just before its end, from which the clock jumps. It keeps the end itself where nothing reads it: a
        handle of a key that holds its value has no other use."""
        last, end = self.keys[-1], self.end
        frame = max(end.at[0] - STOP, (last.at[0] + end.at[0]) / 2)
        share = 0.0 if last.style["interpolation"] == "CONSTANT" else (frame - last.at[0]) / (end.at[0] - last.at[0])
        value = last.at[1] + share * (end.at[1] - last.at[1])
        return Key((frame, value), end.left, end.at, {**last.style, **HELD})


def stops(key: Key, last: float) -> bool:
    """Whether it is a key just before frame `last` that `Segment.stop` made."""
    held = all(key.style[name] == value for name, value in HELD.items())
    return held and abs(key.right[0] - last) < NEAR and key.at[0] > last - STOP - NEAR


def cut(keys: Sequence[Key], first: float, last: float) -> Segment:
    """The clock from frame `first`, where it has a key, to `last`, where it has one or stops just before."""
    inside = [key for key in keys if first - NEAR < key.at[0] < last - NEAR]
    if stops(inside[-1], last):
        *inside, stop = inside
        end = Key(stop.right, stop.left, stop.right, inside[-1].style)
    else:
        end = next(key for key in keys if abs(key.at[0] - last) < NEAR)
    return Segment(last - first, tuple(key.moved(-first) for key in inside), end.moved(-first))


def join(segments: Sequence[Segment], first: float) -> tuple[Key, ...]:
    """The keys of a clock that plays the segments one after another from frame `first` on."""
    keys: list[Key] = []
    place, before = first, None
    at = first
    for segment in segments:
        if segment.on and segment.keys:
            start = segment.keys[0].moved(at)
            if before is not None:
                if place + before.frames == at and _same(before.end.at[1], segment.begin):
                    start = replace(start, left=before.end.moved(place).left)
                else:
                    keys.append(before.stop().moved(place))
            keys += [start, *(key.moved(at) for key in segment.keys[1:])]
            place, before = at, segment
        at += segment.length
    if before is not None:
        # The last frame is one more than the acts take: it must not show how the story goes on elsewhere.
        goes_on = any(_same(before.end.at[1], segment.begin) for segment in segments)
        keys.append((before.stop() if goes_on else before.end).moved(place))
    return tuple(keys)


def _same(end: float, begin: float | None) -> bool:
    return begin is not None and abs(end - begin) < NEAR


def write_segment(segment: Segment) -> dict[str, Any]:
    """As plain data."""
    return asdict(segment)


def read_segment(data: Mapping[str, Any]) -> Segment:
    """What `write_segment` wrote."""
    keys = tuple(_read_key(key) for key in data["keys"])
    return Segment(data["frames"], keys, _read_key(data["end"]), data["on"])


def _read_key(data: Mapping[str, Any]) -> Key:
    at, left, right = ((float(frame), float(value)) for frame, value in (data["at"], data["left"], data["right"]))
    return Key(at, left, right, data["style"])


@dataclass(frozen=True)
class Move:
    """The frames from `first` to before `last` come to lie from `to` on, and take `length` frames there."""

    first: float
    last: float
    to: float
    length: float


def moved(frame: float, moves: Iterable[Move]) -> float:
    """Where a frame is afterwards; what comes after all moves stays as far behind them."""
    end, longer = 0.0, 0.0
    for move in moves:
        if move.first <= frame < move.last:
            return move.to + (frame - move.first) * move.length / (move.last - move.first)
        end, longer = max(end, move.last), longer + move.length - (move.last - move.first)
    return frame + longer if frame >= end else frame
