# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of video there are: which chapters each tells, how slowly, in which words, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .errors import UserError

STORY, MULTIPLY, COMPARE, SCALE = "story", "multiply", "compare", "scale"  # what a preset makes
WORKED, PASS = "worked", "pass"  # how a chapter is told: slowly with its example, or at once
DEEP, FULL, BRIEF = "deep", "full", "brief"  # sentences: with what each step is for, without, as few as can be
DEPTHS = (DEEP, FULL, BRIEF)
NEAREST, STRONGEST = "nearest", "strongest"  # the worked head: in the first layer, or wherever one looks hardest
WIDE, TALL = 16 / 9, 9 / 16


class Seconds(NamedTuple):
    """How long a video is: at least, at most, and where nobody says otherwise."""

    shortest: float
    longest: float
    usual: float


@dataclass(frozen=True)
class Preset:
    """A kind of video. `title` says what it is in one line; `words` is DEEP, FULL or BRIEF; `chapters` are those that
    it tells, each WORKED or PASS (what is left out is run unseen); `aspect` is the width over the height that it is
    made for; `makes` is STORY for one run told on the model's layout, or the other production that carries it out."""

    name: str
    title: str
    words: str
    chapters: tuple[tuple[str, str], ...]
    seconds: Seconds
    aspect: float = WIDE
    makes: str = STORY
    example: str = NEAREST

    @property
    def names(self) -> tuple[str, ...]:
        """The chapters' names."""
        return tuple(name for name, _manner in self.chapters)


def _told(manner: str, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, manner) for name in names)


# A layer's own chapters, in the order of the forward pass.
LAYER = (
    "norm", "query-key-value", "rotary", "scores", "softmax", "values", "heads", "projection", "mlp", "experts", "rest",
)  # fmt: skip
OPENING = ("overview", "embedding", "first-layers")
_TOUR = _told(WORKED, *OPENING, *LAYER, "layers", "output")

_ALL = (
    Preset(
        "tour",
        "Every step of the model once, in about two minutes or, with few words, in one",
        FULL,
        _TOUR + _told(PASS, "again") + _told(WORKED, "end"),
        Seconds(40, 180, 90),
    ),
    Preset(
        "overview",
        "The whole model in one pass, in few words",
        BRIEF,
        _told(WORKED, "overview") + _told(PASS, "embedding", "layers", "output", "again") + _told(WORKED, "end"),
        Seconds(30, 60, 40),
    ),
    Preset(
        "walkthrough",
        "Every step slowly, with what it is for, then all of it at once",
        DEEP,
        _TOUR + _told(PASS, "again") + _told(WORKED, "end"),
        Seconds(180, 300, 240),
    ),
    Preset(
        "attention",
        "One head of attention: queries, keys, scores, shares, values",
        DEEP,
        _told(WORKED, "overview")
        + _told(PASS, "first-layers")
        + _told(WORKED, "head", *LAYER[:6])
        + _told(PASS, "heads", "end"),
        Seconds(60, 170, 120),
        example=STRONGEST,
    ),
    Preset("one-multiply", "One multiply as a box that is swept", FULL, (), Seconds(40, 90, 60), makes=MULTIPLY),
    Preset(
        "generate",
        "Token after token: the layers at work, the odds each time, the text that grows",
        FULL,
        _told(WORKED, "overview") + _told(PASS, "embedding", "layers", "output") + _told(WORKED, "again", "end"),
        Seconds(30, 120, 60),
    ),
    Preset("compare", "Two runs side by side", FULL, (), Seconds(40, 120, 70), makes=COMPARE),
    Preset(
        "scale", "Models at one scale, from the smallest to the largest", FULL, (), Seconds(30, 90, 50), makes=SCALE
    ),
    Preset(
        "short",
        "Upright, for phones: the whole of it in less than a minute",
        BRIEF,
        _told(WORKED, "overview", "embedding", "query-key-value", "scores", "softmax", "values")
        + _told(PASS, "mlp", "experts", "layers")
        + _told(WORKED, "output")
        + _told(PASS, "again")
        + _told(WORKED, "end"),
        Seconds(30, 59, 50),
        aspect=TALL,
    ),
)
PRESETS = {preset.name: preset for preset in _ALL}
USUAL = "tour"


def preset(name: str) -> Preset:
    """The preset of that name. Raises UserError (code 2), with a hint that lists all."""
    if name not in PRESETS:
        raise UserError(f"There is no preset called {name!r}.", f"Presets: {', '.join(PRESETS)}.", 2)
    return PRESETS[name]
