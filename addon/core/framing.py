# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots that leave room for what floats in front of them: a card stands beside its subject, not over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

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
    """The shots, with room at the side in those that see a card for a while; a close-up and what it is a part of have
    it together. A tag is too small to need any."""
    ends = [*(shot.start for shot in shots[1:]), duration]
    seen = [card for card in cards if not isinstance(card, Tag)]
    asides: list[float] = []
    for _whole, group in groupby(zip(shots, ends, strict=True), key=lambda each: each[0].within or each[0].subject):
        mine = list(group)
        room = any(shot.name != WIDE and _in(card, shot, end) for shot, end in mine for card in seen)
        asides += [ASIDE if room else 0.0] * len(mine)
    return tuple(replace(shot, aside=aside) for shot, aside in zip(shots, asides, strict=True))


def _in(card: Card, shot: Shot, end: float) -> bool:
    """Whether the card is asked to stand clear of what this shot or an earlier one shows, and is there meanwhile."""
    return card.shot < end and card.start < end and card.end > shot.start + shot.move
