# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in the model a story is: which part is at work when, and the lines that announce its acts. Pure functions."""

from __future__ import annotations

from .layout_types import Block, Layout
from .story_types import Announcement, Progress, Story

CARD, LEAST_CARD = 2.8, 0.9  # seconds that an act's name stands, and at least where a multiply needs its place
AFTER = 0.05  # seconds between what takes the same place


def place_of(block: Block) -> str:
    """The part of the model that a block belongs to: "embedding", "output", or a section of a layer."""
    return block.collection[0] if block.layer is None else block.collection[1]


def parts_of(layout: Layout) -> tuple[str, ...]:
    """The parts of a model that compute something, in the order of the first pass."""
    made = [block for block in layout.blocks if block.step == 0 and block.kind != "weight"]
    order = sorted(made, key=lambda block: (_rank(block), block.operation))
    return tuple(dict.fromkeys(place_of(block) for block in order))


def _rank(block: Block) -> float:
    """Before the layers, a layer, or after them."""
    if block.layer is not None:
        return float(block.layer)
    return float("-inf") if block.collection[0] == "embedding" else float("inf")


def progress_of(layout: Layout, story: Story) -> tuple[Progress, ...]:
    """Which part is at work when: each from its first result of a pass until the next part's, never two at once."""
    starts: dict[tuple[int, str], float] = {}
    for fill in story.fills:
        block = layout.by_key[fill.block]
        key = block.step, place_of(block)
        starts[key] = min(fill.start, starts.get(key, fill.start))
    order = sorted((start, part) for (_step, part), start in starts.items())
    ends = [*(start for start, _part in order[1:]), story.duration]
    return tuple(
        Progress(start, end - start, part) for (start, part), end in zip(order, ends, strict=True) if end > start
    )


def announcements(story: Story) -> tuple[Announcement, ...]:
    """The acts' names with their numbers, each as its act begins: after the title, and gone before a multiply is named
    in the same place. An act in which there is no time for that is not announced."""
    free = 0.0 if story.title is None else story.title[2] + story.title[3]
    found = []
    for number, act in enumerate(story.acts, 1):
        start = max(act.start, free)
        end = min(start + CARD, act.start + act.duration)
        start, end = _room(story, start, end)
        if end - start >= LEAST_CARD:
            found.append(Announcement(start, end - start, number, act.name))
            free = end + AFTER
    return tuple(found)


def _room(story: Story, start: float, end: float) -> tuple[float, float]:
    """What is free of a stretch of time in the place where multiplies are named."""
    for shape in story.shapes:
        if shape.start <= start < shape.start + shape.duration:
            start = shape.start + shape.duration + AFTER
        elif start < shape.start < end:
            end = shape.start - AFTER
    return start, end
