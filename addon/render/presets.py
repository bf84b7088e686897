# SPDX-License-Identifier: GPL-3.0-or-later
"""How large, how smooth and how clean a video is: three presets, and the checks on what a person changes in them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..core.errors import UserError

SMALLEST, LARGEST = 64, 8192  # pixels a side: below it nothing can be read, above it H.264 players give up
FASTEST = 240  # frames a second
ENGINES = ("auto", "eevee", "cycles")


@dataclass(frozen=True)
class Quality:
    """`size` is width and height in pixels, both even as H.264 with 4:2:0 colour needs them; `fps` frames a second;
    `samples` a pixel; `engine` one of `ENGINES`, where auto is EEVEE; `seconds` is how long the story is told where
    nobody says otherwise, None for its own length."""

    name: str
    size: tuple[int, int]
    fps: int
    samples: int
    engine: str = "auto"
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Raises `UserError` (code 2) for what cannot be rendered or played."""
        if any(side % 2 or not SMALLEST <= side <= LARGEST for side in self.size):
            raise UserError(
                f"A video of {self.size[0]}x{self.size[1]} pixels cannot be made.",
                f"Both sides must be even and from {SMALLEST} to {LARGEST}, for example 1280x720.",
                code=2,
            )
        if not 1 <= self.fps <= FASTEST:
            raise UserError(
                f"A video of {self.fps} frames a second cannot be made.", f"Use 1 to {FASTEST}, for example 24.", code=2
            )
        if self.samples < 1:
            raise UserError(f"{self.samples} samples a pixel are too few.", "Use 1 or more.", code=2)
        if self.engine not in ENGINES:
            raise UserError(f"There is no engine called {self.engine!r}.", f"Engines: {', '.join(ENGINES)}.", code=2)


QUALITIES = {
    quality.name: quality
    for quality in (
        # To be rendered within ten minutes on two cores without a GPU, where a second sample costs more than pixels
        # do (scripts/bench.py frame) and thin strokes need pixels: at 480 lines a minus sign can fall between them.
        Quality("draft", size=(1024, 576), fps=12, samples=1, seconds=45.0),
        Quality("preview", size=(1280, 720), fps=24, samples=8),
        Quality("final", size=(1920, 1080), fps=30, samples=32),
    )
}


def quality(name: str) -> Quality:
    """The preset of that name. Raises `UserError` (code 2) where there is none."""
    if name not in QUALITIES:
        raise UserError(f"There is no quality called {name!r}.", f"Qualities: {', '.join(QUALITIES)}.", code=2)
    return QUALITIES[name]


def read_size(text: str) -> tuple[int, int]:
    """Width and height in pixels from text such as "1280x720". Raises `UserError` (code 2)."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*[x×X]\s*(\d{1,6})\s*", text)
    if found is None:
        raise UserError(f"{text!r} is not a size.", "Write width x height in pixels, for example 1280x720.", code=2)
    return int(found[1]), int(found[2])


def read_range(text: str) -> tuple[int, int]:
    """First and last frame (inclusive) from text such as "10-20"; "7" is one frame. Raises `UserError` (code 2)."""
    found = re.fullmatch(r"\s*(\d{1,7})\s*(?:-\s*(\d{1,7})\s*)?", text)
    if found is None:
        raise UserError(f"{text!r} is not a range of frames.", "Write first-last, for example 10-20.", code=2)
    first, last = int(found[1]), int(found[2] or found[1])
    if first > last:
        raise UserError(f"The range of frames {text!r} ends before it begins.", f"Write {last}-{first}.", code=2)
    return first, last
