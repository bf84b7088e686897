# SPDX-License-Identifier: GPL-3.0-or-later
"""Retiming a story: every second of it goes to another, so that two stories can be told on one clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .story_types import Story


def warp(story: Story, knots: Sequence[tuple[float, float]]) -> Story:
    """The story with its seconds moved: `knots` are (old second, new second), both rising; between two of them time
    runs evenly. All starts, lengths and moves follow. ValueError where knots do not rise."""
    old, new = np.array(knots, float).T
    if len(knots) < 2 or (np.diff(old) <= 0).any() or (np.diff(new) <= 0).any():
        raise ValueError("the knots of a warp must rise")

    def at(second: float) -> float:
        if second > old[-1]:  # what lasts beyond the end lasts as long beyond the new one
            return float(new[-1] + second - old[-1])
        return float(np.interp(second, old, new))

    def moved(thing: Any) -> Any:
        start = at(thing.start)
        changes = {"start": start}
        for name in ("duration", "move"):
            if hasattr(thing, name):
                changes[name] = at(thing.start + getattr(thing, name)) - start
        if hasattr(thing, "relax"):
            changes["relax"] = at(thing.relax)
        return replace(thing, **changes)

    title = story.title
    if title is not None:
        words, below, start, duration = title
        title = (words, below, at(start), at(start + duration) - at(start))
    lists = (
        "acts",
        "captions",
        "formulas",
        "shots",
        "fills",
        "uses",
        "legends",
        "arrivals",
        "products",
        "shapes",
        "progress",
        "pulses",
    )
    found: dict[str, Any] = {name: tuple(moved(thing) for thing in getattr(story, name)) for name in lists}
    return replace(story, duration=at(story.duration), title=title, **found)
