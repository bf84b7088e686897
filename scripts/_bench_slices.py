# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender's window waits for a generation: the longest of the turns that one takes, first beside the scene
of a fresh file, then in place of what that made.

A generation is driven by its `poll`, as the panel's timer does it. What Blender does between two turns, such as
drawing, is not in the numbers. What removes the earlier scene takes several times as long here as in a window: every
removal searches Blender's queue of notices, which only a window empties.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN = 5  # of the longest turns


@dataclass(frozen=True)
class Turn:
    """One poll: what it was at, and the seconds of this thread's processor and of the clock on the wall."""

    at: str
    cpu: float
    wall: float

    def __str__(self) -> str:
        return f"{1000 * self.cpu:7.1f} ms cpu {1000 * self.wall:7.1f} ms wall  {self.at}"


@dataclass(frozen=True)
class Waits:
    """The turns of one generation, and what its end takes: Blender's own look at the scene once it is shown, and a
    step of undo, in seconds of the processor."""

    name: str
    turns: tuple[Turn, ...]
    update: float
    undo: float

    @property
    def longest(self) -> list[Turn]:
        """The longest turns, by the processor, the longest first."""
        return sorted(self.turns, key=lambda turn: -turn.cpu)[:SHOWN]

    def lines(self) -> list[str]:
        """What people are told."""
        cpu = sum(turn.cpu for turn in self.turns)
        return [
            f"{self.name}: {len(self.turns)} turns, {cpu:.2f} s cpu in all; the longest:",
            *(f"  {turn}" for turn in self.longest),
            f"  {1000 * self.update:7.1f} ms cpu for Blender's update of the scene shown, once it is",
            f"  {1000 * self.undo:7.1f} ms cpu for the step of undo",
        ]

    def keys(self) -> dict[str, float]:
        """The numbers by the names that they are kept under."""
        return {f"{self.name}_longest_turn_ms": 1000 * self.longest[0].cpu, f"{self.name}_undo_ms": 1000 * self.undo}


def measure_slices(trace: Path) -> Iterator[Waits]:
    """Generates the scene of a trace twice in one file. Raises UserError where a generation fails."""
    import bpy

    import forward_pass

    bpy.ops.wm.read_factory_settings()
    forward_pass.register()
    try:
        for name in ("first", "again"):
            turns = tuple(_turns(trace))
            update = _cpu(bpy.context.view_layer.update)
            yield Waits(name, turns, update, _cpu(bpy.ops.ed.undo_push))
    finally:
        forward_pass.unregister()


def _turns(trace: Path) -> Iterator[Turn]:
    """The turns of one generation, from pressing the button on."""
    import bpy

    began = time.thread_time(), time.perf_counter()
    from forward_pass.ui.generate import GenerateRequest, Generation
    from forward_pass.ui.modal import INTERVAL
    from forward_pass.ui.place import ScenePlace
    from forward_pass.ui.prepare import real_rooms

    shown: Any = bpy.context.scene
    generation = Generation(GenerateRequest((trace,)), ScenePlace(shown), real_rooms())
    yield _since(began, "the button")
    while generation.running:
        began = time.thread_time(), time.perf_counter()
        generation.poll()
        yield _since(began, generation.progress.text)
        time.sleep(INTERVAL)
    if generation.error is not None:
        raise generation.error


def _since(began: tuple[float, float], at: str) -> Turn:
    return Turn(at, time.thread_time() - began[0], time.perf_counter() - began[1])


def _cpu(work: Any) -> float:
    """Seconds of this thread's processor that some work takes."""
    began = time.thread_time()
    work()
    return time.thread_time() - began
