# SPDX-License-Identifier: GPL-3.0-or-later
"""One channel, one owner: what a story must not say, show or fill twice at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from .story_types import Story

CLOSE = 1e-6  # seconds by which what follows may begin before what it follows ends


def conflicts(story: Story) -> list[str]:
    """Every two things that want the same place at the same time, told in words; none where the story is sound.

    Captions, formulas, legends, named multiplies and the camera are one channel each, and so is every block that gets
    its values; the announced places of the model are another.
    """
    channels = {
        "captions": [(one.start, one.duration) for one in story.captions],
        "formulas": [(one.start, one.duration) for one in story.formulas],
        "legends": [(one.start, one.duration) for one in story.legends],
        "shapes": [(one.start, one.duration) for one in story.shapes],
        "camera": [(one.start, one.move) for one in story.shots],
        "acts": [(one.start, one.duration) for one in story.acts],
    }
    found = [f"{name}: {what}" for name, spans in channels.items() for what in _overlaps(spans)]
    fills: dict[str, list[float]] = defaultdict(list)
    for fill in story.fills:
        fills[fill.block].append(fill.start)
    found += [f"{block} fills {len(starts)} times" for block, starts in fills.items() if len(starts) > 1]
    return found


def check(story: Story) -> Story:
    """The same story. Raises ValueError where two things want the same place at once: a chapter is wrong."""
    found = conflicts(story)
    if found:
        raise ValueError("; ".join(found))
    return story


def _overlaps(spans: Iterable[tuple[float, float]]) -> list[str]:
    order = sorted(spans)
    return [
        f"{first:.2f} to {first + length:.2f} s, and again from {second:.2f} s"
        for (first, length), (second, _length) in pairwise(order)
        if second < first + length - CLOSE
    ]
