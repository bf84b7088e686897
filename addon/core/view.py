# SPDX-License-Identifier: GPL-3.0-or-later
"""From where a person wants an act to be seen: what they choose themselves of its shots."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .chapters import check_chapters
from .errors import UserError
from .story_types import Shot

ALL = ""  # the chapter that stands for all of them
# What each may be, from and to.
BOUNDS = {"azimuth": (-85.0, 85.0), "elevation": (5.0, 85.0), "nearer": (0.2, 5.0), "lens": (10.0, 200.0)}


def _choice(words: str, example: float) -> float | None:
    """A field that is left to the story where nothing is chosen: what it is, and how one is written."""
    chosen: float | None = field(default=None, metadata={"words": words, "example": example})
    return chosen


@dataclass(frozen=True)
class View:
    """What is chosen of the shots of an act; None leaves it to the story."""

    azimuth: float | None = _choice("degrees: 0 is from the front, below 0 from the left", -30.0)
    elevation: float | None = _choice("degrees above the floor", 35.0)
    nearer: float | None = _choice("times as near; below 1 is farther away", 1.3)
    lens: float | None = _choice("millimetres", 60.0)

    def __post_init__(self) -> None:
        """Raises UserError (code 2) for what is out of bounds."""
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise UserError(f"{name} cannot be {value:g}.", f"Write {low:g} to {high:g}.", 2)

    def over(self, other: View) -> View:
        """What is chosen here, and of the rest what is chosen there."""
        return dataclasses.replace(other, **{k: v for k, v in vars(self).items() if v is not None})

    def of(self, shot: Shot) -> Shot:
        """A shot as it is chosen. What is asked for is not turned to see the subject larger."""
        chosen = {name: value for name, value in vars(self).items() if value is not None}
        asked = shot.asked or "azimuth" in chosen or "elevation" in chosen
        return dataclasses.replace(shot, **chosen, asked=asked)


Views = Mapping[str, View]  # by chapter; ALL is for those that have none of their own


def view_of(views: Views, chapter: str) -> View:
    """What is chosen for a chapter: its own choices, and those for all."""
    return views.get(chapter, View()).over(views.get(ALL, View()))


def check_views(views: Views) -> None:
    """Raises UserError (code 2) for a chapter that there is not."""
    check_chapters([name for name in views if name != ALL])
