# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots that leave room for what floats in front of them: a card stands beside its subject, not over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .effects import effects_of
from .effects_types import Card, Tag
from .layout_types import Layout
from .story_types import Shot, Story
from .trace import Trace

ASIDE = 0.37  # of the room for the subject: what a card takes at the side of a wide frame
WIDE = "model"  # shots of everything keep their size: there is always an empty corner for a card


def with_room(story: Story, trace: Trace, layout: Layout) -> Story:
    """The story with room for its cards."""
    return replace(story, shots=beside(story.shots, effects_of(trace, layout, story).cards, story.duration))


def beside(shots: Sequence[Shot], cards: Sequence[Card], duration: float) -> tuple[Shot, ...]:
    """The shots, with room at the side in those that see a card for a while. A tag is too small to need any."""
    ends = [*(shot.start for shot in shots[1:]), duration]
    seen = [card for card in cards if not isinstance(card, Tag)]
    return tuple(
        replace(shot, aside=ASIDE if shot.name != WIDE and any(_in(card, shot, end) for card in seen) else 0.0)
        for shot, end in zip(shots, ends, strict=True)
    )


def _in(card: Card, shot: Shot, end: float) -> bool:
    """Whether the card is asked to stand clear of what this shot shows, and is there while it lasts."""
    return shot.start <= card.shot < end and card.start < end and card.end > shot.start + shot.move
