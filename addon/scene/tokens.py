# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of a run as cards: those of the prompt at once, those to come when they arrive."""

from __future__ import annotations

from ..core.layout import Layout
from ..core.story import Story
from ..core.trace import Trace
from .furniture import make_card
from .studio import Studio

ALWAYS = 1e9  # seconds: a card that has come stays


def make_cards(studio: Studio, trace: Trace, layout: Layout, story: Story) -> None:
    """Put the cards of a run on the stage."""
    arrivals = {arrival.token: arrival.start for arrival in story.arrivals}
    for card in layout.cards:
        for item in make_card(card, trace.tokens[card.token].text, studio.materials, studio.font):
            item["fp_start"] = arrivals.get(card.token, 0.0)
            item["fp_duration"] = ALWAYS
            studio.collections.get(("tokens",)).objects.link(item)
