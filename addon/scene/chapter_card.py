# SPDX-License-Identifier: GPL-3.0-or-later
"""The name of an act as it begins, in the upper left, where later its multiplies are named."""

from __future__ import annotations

from ..core.story import Story
from ..core.story_progress import announcements
from .overlay import EDGE, Overlay, rounded
from .text import during, width_of

SIZE = 0.058  # of the text, as a share of the frame's height


def add_chapter_cards(overlay: Overlay, story: Story) -> None:
    """A line for every act: its number, quiet, and its name."""
    y, large = overlay.line, SIZE * overlay.small
    for said in announcements(story):
        number = str(said.number)
        gap = width_of(number, large) + 0.6 * large
        total = gap + width_of(said.name, large)
        size = large * overlay.shrink(total + large)
        scale = size / large
        x = EDGE - overlay.aspect / 2
        halo = rounded(
            f"chapter {number} halo", total * scale + size, 1.35 * size, 0.5 * size, "pill", overlay.materials.halo
        )
        overlay.put(during(halo, said.start, said.duration), x + 0.5 * total * scale + 0.25 * size, y)
        for name, words, hue, shift in (("number", number, "token", 0.0), ("name", said.name, "text", gap * scale)):
            text = overlay.text(f"chapter {number} {name}", words, size, hue, "LEFT")
            overlay.put(during(text, said.start, said.duration), x + 0.25 * size + shift, y, 0.004)
