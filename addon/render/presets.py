# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out, how large, how smooth and how clean: presets, and the checks on what a person changes in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import UserError

SMALLEST, LARGEST = 64, 8192  # pixels a side: below it nothing can be read, above it H.264 players give up
FASTEST = 240  # frames a second
ENGINES = ("auto", "eevee", "cycles")
CAPTIONS = ("burnt", "beside", "both")


@dataclass(frozen=True)
class Form:
    """What the pictures become: a file that ends in `suffix`, or a folder where there is none. `alpha` says whether
    it can be clear where nothing stands, `words` what it is."""

    name: str
    suffix: str
    alpha: bool
    words: str


FORMS = {
    form.name: form
    for form in (
        Form("mp4", ".mp4", False, "H.264 in MP4"),
        Form("prores", ".mov", True, "Apple ProRes in QuickTime, 422 HQ, or 4444 where it is transparent"),
        Form("lossless", ".mkv", True, "FFV1 in Matroska, every pixel as it was rendered"),
        Form("pieces", "", False, "an MP4 for every act with its captions as text, in a folder"),
        Form("frames", "", True, "a PNG for every frame, in a folder"),
        Form("stills", "", True, "a PNG for every act with its captions as text, in a folder"),
    )
}


@dataclass(frozen=True)
class Quality:
    """`size` is width and height in pixels, both even as H.264 with 4:2:0 colour needs them; `fps` frames a second;
    `samples` a pixel; `engine` one of `ENGINES`, where auto is EEVEE; `seconds` is how long the story is told where
    nobody says otherwise, None for its own length; `form` one of `FORMS`; with `transparent` the backdrop is clear;
    `captions` are in the picture, in files beside it, or both."""

    name: str
    size: tuple[int, int]
    fps: int
    samples: int
    engine: str = "auto"
    seconds: float | None = None
    form: str = "mp4"
    transparent: bool = False
    captions: str = "both"

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
        for what, value, known in (
            ("engine", self.engine, ENGINES),
            ("form of video", self.form, tuple(FORMS)),
            ("place for captions", self.captions, CAPTIONS),
        ):
            if value not in known:
                raise UserError(f"There is no {what} called {value!r}.", f"Known: {', '.join(known)}.", code=2)
        if self.transparent and not FORMS[self.form].alpha:
            clear = ", ".join(form.name for form in FORMS.values() if form.alpha)
            raise UserError(f"{FORMS[self.form].words} cannot be transparent.", f"Forms that can: {clear}.", code=2)

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Quality:
        """From what `dataclasses.asdict` made of one, by way of JSON or not."""
        return cls(**{**words, "size": tuple(words["size"])})

    @property
    def suffix(self) -> str:
        """How the file ends; nothing for a folder."""
        return FORMS[self.form].suffix

    @property
    def burnt(self) -> bool:
        """Whether captions are in the picture."""
        return self.captions != "beside"


HD, UHD, TALL = (1920, 1080), (3840, 2160), (1080, 1920)
QUALITIES = {
    quality.name: quality
    for quality in (
        # To be rendered within ten minutes on two cores without a GPU, where a second sample costs more than pixels
        # do (scripts/bench.py frame) and thin strokes need pixels: at 480 lines a minus sign can fall between them.
        Quality("draft", size=(1024, 576), fps=12, samples=1, seconds=45.0),
        Quality("preview", size=(1280, 720), fps=24, samples=8),
        Quality("final", size=HD, fps=30, samples=32),
        Quality("youtube", size=HD, fps=60, samples=16),
        Quality("4k", size=UHD, fps=60, samples=16),
        # What the video sites take for a short: upright, and less than a minute.
        Quality("short", size=TALL, fps=30, samples=16, seconds=55.0),
        Quality("lecture", size=HD, fps=30, samples=64, form="stills"),
        Quality("slides", size=HD, fps=30, samples=16, form="pieces"),
        Quality("png", size=HD, fps=30, samples=16, form="frames", transparent=True),
        Quality("prores", size=HD, fps=30, samples=16, form="prores"),
        Quality("lossless", size=HD, fps=30, samples=16, form="lossless"),
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
