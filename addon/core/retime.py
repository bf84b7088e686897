# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts made longer, shorter or left out after the fact: what becomes of frames, captions and chapters."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

CUE = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{3}) --> (\d+):(\d\d):(\d\d)[,.](\d{3})")
CHAPTER = re.compile(r"((?:\d+:)?\d{1,2}:\d\d) (.*)")
SHORTEST = 0.2  # seconds; a caption of less cannot be seen


@dataclass(frozen=True)
class Stretch:
    """The frames from `first` to `last` take `length` frames instead, and all later ones move along. `first` is before
    `last`, and `length` above 0, so that it can be undone."""

    first: float
    last: float
    length: float

    def __call__(self, frame: float) -> float:
        """Where a frame is afterwards."""
        if frame <= self.first:
            return frame
        if frame >= self.last:
            return frame + self.length - (self.last - self.first)
        return self.first + (frame - self.first) * self.length / (self.last - self.first)


def retime_captions(text: str, at: Callable[[float], float]) -> str:
    """SubRip text whose times are story seconds, with those that `at` makes of them; captions that shrank until
    they cannot be seen are left out, and the rest are counted anew."""
    cues: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        found = CUE.search(block)
        if found is None:
            continue
        low, high = (_seconds(found.groups()[i : i + 4]) for i in (0, 4))
        start, end = at(low), at(high)
        if end - start >= min(SHORTEST, 0.5 * (high - low)):
            words = block[found.end() :].strip("\n")
            cues.append(f"{len(cues) + 1}\n{_cue_time(start)} --> {_cue_time(end)}\n{words}\n")
    return "\n".join(cues)


def retime_chapters(text: str, at: Callable[[float], float]) -> str:
    """Lines of "00:00 Name" with the times that `at` makes of them; of two that begin in one second the later stays."""
    lines: dict[int, str] = {}
    for line in text.splitlines():
        found = CHAPTER.fullmatch(line.strip())
        if found is not None:
            seconds = 0
            for part in found[1].split(":"):
                seconds = 60 * seconds + int(part)
            lines[max(int(at(float(seconds)) + 1e-6), 0)] = found[2]
    return "".join(f"{_chapter_time(second)} {name}\n" for second, name in sorted(lines.items()))


def _seconds(parts: tuple[str, ...]) -> float:
    hours, minutes, seconds, milliseconds = map(int, parts)
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000


def _cue_time(seconds: float) -> str:
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{rest:03}"


def _chapter_time(seconds: int) -> str:
    hours = f"{seconds // 3600}:" if seconds >= 3600 else ""
    return f"{hours}{seconds // 60 % 60:02}:{seconds % 60:02}"
