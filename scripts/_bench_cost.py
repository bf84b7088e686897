# SPDX-License-Identifier: GPL-3.0-or-later
"""The costs of scenes that were measured, as a table for people and as numbers by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scripts._table import Column, table

GPT2 = "GPT-2 small's size"
SHORT = {"nano-sort": "nano", "tiny-shakespeare": "shakespeare", GPT2: "gpt2"}
COLUMNS = tuple(
    Column(title, right=bool(title))
    for title in ("", "cells", "objects", "build", "peak", ".blend", "frame_set", "frame", "over static mesh")
)


@dataclass(frozen=True)
class Cost:
    """What one scene took: seconds to build it and for a frame, milliseconds for a step of the clock (the median over
    the story), bytes at the peak of memory (None where the system does not tell) and of the saved file; `frame` and
    `static` are 0 where nothing was rendered."""

    name: str
    cells: int
    objects: int
    build: float
    peak: int | None
    file: int
    step: float
    frame: float
    static: float

    def row(self) -> tuple[str, ...]:
        """A row of the table."""
        peak = "unknown" if self.peak is None else f"{self.peak / 2**30:.2f} GiB"
        rendered = (f"{self.frame:.2f} s", f"{self.frame / self.static:.2f} x") if self.static else ("", "")
        file = f"{self.file / 1e6:.1f} MB" if self.file else ""
        words = (f"{self.cells:,}", f"{self.objects:,}", f"{self.build:.2f} s", peak, file, f"{self.step:.2f} ms")
        return (self.name, *words, *rendered)

    def keys(self) -> dict[str, float | None]:
        """The numbers by the names that they are kept under."""
        short = SHORT.get(self.name, "naive")
        found: dict[str, float | None] = {
            f"{short}_build_s": self.build,
            f"{short}_peak_gib": None if self.peak is None else self.peak / 2**30,
            f"{short}_blend_mb": self.file / 1e6,
            f"{short}_frame_set_ms": self.step,
        }
        if self.static:
            found |= {f"{short}_frame_s": self.frame, f"{short}_frame_over_static_mesh": self.frame / self.static}
        return found


def report(costs: list[Cost]) -> dict[str, Any]:
    """What is written as JSON: every cost by name, and how many times a frame of the built-in model takes that of one
    static mesh."""
    found: dict[str, Any] = {}
    for cost in costs:
        found |= cost.keys()
    if costs:
        found["frame_over_static_mesh"] = found.get("nano_frame_over_static_mesh")
    if (power := growth(costs)) is not None:
        found["frame_set_exponent"] = power
    return found


def growth(costs: list[Cost]) -> float | None:
    """The power of the number of cells with which a step of the clock grows from the smallest scene to the largest;
    None for fewer than two."""
    scenes = sorted((cost for cost in costs if cost.name != "naive"), key=lambda cost: cost.cells)
    if len(scenes) < 2 or scenes[0].cells == scenes[-1].cells:
        return None
    return math.log(scenes[-1].step / scenes[0].step) / math.log(scenes[-1].cells / scenes[0].cells)


def lines(costs: list[Cost]) -> list[str]:
    """What people are told."""
    naive = next((cost for cost in costs if cost.name == "naive"), None)
    said = table(COLUMNS, [cost.row() for cost in costs], None)
    if (power := growth(costs)) is not None:
        said.append(f"a step of the clock grows with the number of cells to the power of {power:.2f}")
    if naive is not None:
        for cost in costs:
            if cost is not naive:
                each = naive.step / naive.cells * cost.cells
                said.append(f"{cost.name}: the naive way, were it to grow evenly, would take {each:,.0f} ms a step")
    return said
