# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a job is, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..core.errors import UserError

GENERATING, RENDERING, SETTING_UP = "Generating", "Rendering", "Setting Up"  # the titles of the jobs that there are


@dataclass
class Progress:
    """What the panel draws of a job. `done` runs from 0 to 1 over the whole job and never back."""

    title: str
    text: str = ""
    done: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def tell(self, done: float, text: str) -> None:
        """Take note of where the job is."""
        self.done = max(self.done, min(done, 1.0))
        self.text = text

    def seconds_left(self) -> float | None:
        """By the pace so far; None while there is too little to judge by."""
        elapsed = time.monotonic() - self.began
        return elapsed * (1.0 - self.done) / self.done if self.done > 0.05 and elapsed > 1.0 else None

    def stage(self, said: Callable[[str], str] = str) -> str:
        """Where the job is, in a language that `said` translates to."""
        stage, colon, part = self.text.partition(": ")
        return said(stage) + colon + (said(part) if part else "")

    def left(self, said: Callable[[str], str] = str) -> str:
        """How long it will take; empty while there is too little to judge by."""
        seconds = self.seconds_left()
        return "" if seconds is None else said("{time} left").format(time=clock(seconds))

    def line(self, said: Callable[[str], str] = str) -> str:
        """Both, on one line."""
        return " · ".join(text for text in (self.stage(said), self.left(said)) if text)


def clock(seconds: float) -> str:
    """`8 s` or `3:05 min`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02} min"


def as_user_error(error: Exception, doing: str) -> UserError:
    """Any exception as something that can be shown: what people can mend as it is, everything else as a bug."""
    if isinstance(error, UserError):
        return error
    said = str(error).strip().splitlines() or [""]
    wrapped = UserError(
        f"{doing} failed: {type(error).__name__}: {said[0][:200]}".rstrip(": ") + ".",
        "This is a bug: please report it with the log.",
    )
    wrapped.__cause__ = error
    return wrapped
