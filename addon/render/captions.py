# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that go with a video: captions as SubRip (.srt) and chapters as YouTube reads them. Pure functions."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

from ..core.errors import UserError
from ..core.story import Act, Story

LINE = 42  # characters, the usual width of a subtitle line
SHORTEST_CHAPTER = 10.0  # seconds; YouTube shows no chapters at all where one is shorter
FEWEST_CHAPTERS = 3


def srt(story: Story, start: float = 0.0, end: float | None = None) -> str:
    """The captions of `story` between `start` and `end` (seconds of story time; None is its end) as SubRip text.

    Times count from `start`. A caption that is cut by either end keeps the part inside; one of less than a
    millisecond is left out.
    """
    end = story.duration if end is None else end
    cues: list[str] = []
    shown_until = 0
    for caption in story.captions:
        # In milliseconds, and never before the one before ends: rounding must not make neighbours overlap.
        low = max(round((max(caption.start, start) - start) * 1000), shown_until)
        high = round((min(caption.start + caption.duration, end) - start) * 1000)
        text = "\n".join(textwrap.wrap(caption.text, LINE))
        if high > low and text:
            cues.append(f"{len(cues) + 1}\n{_srt_time(low)} --> {_srt_time(high)}\n{text}\n")
            shown_until = high
    return "\n".join(cues)


def _srt_time(milliseconds: int) -> str:
    """Hours, minutes, seconds and, after a comma, milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{rest:03}"


def chapters(story: Story, start: float = 0.0, end: float | None = None) -> str:
    """The acts of `story` between `start` and `end` (seconds of story time) as lines of "00:00 Name".

    YouTube wants the first chapter at 00:00, at least three of them, and ten seconds or more for each, counted in the
    whole seconds that are written. So an act that is too short joins its neighbours: as many starts of acts stay as
    can be ten seconds apart, and a chapter made of several acts has the name of the longest. Where no three chapters
    come of it (a video shorter than half a minute), every act is listed, for people to read.
    """
    end = story.duration if end is None else end
    acts = [act for act in story.acts if act.start < end and act.start + act.duration > start]
    groups = _group(acts, start, end)
    if len(groups) < FEWEST_CHAPTERS:
        groups = [[act] for act in acts]
    return "".join(f"{_chapter_time(_whole(group[0].start - start))} {_name(group)}\n" for group in groups)


def _group(acts: list[Act], start: float, end: float) -> list[list[Act]]:
    """Acts in order, gathered into chapters long enough; the first to come opens each, which gives the most."""
    groups: list[list[Act]] = []
    opened = -SHORTEST_CHAPTER
    for act in acts:
        at = _whole(act.start - start)
        if not groups or (at - opened >= SHORTEST_CHAPTER and end - start - at >= SHORTEST_CHAPTER):
            groups.append([])
            opened = at
        groups[-1].append(act)
    return groups


def _name(group: list[Act]) -> str:
    """The longest act's, on one line."""
    return " ".join(max(group, key=lambda act: act.duration).name.split())


def _whole(seconds: float) -> int:
    """Whole seconds, none before the start; a sum of times that falls short of one by a rounding error is it."""
    return max(int(seconds + 1e-6), 0)


def _chapter_time(seconds: int) -> str:
    """Minutes and seconds, with hours where there are any."""
    hours = f"{seconds // 3600}:" if seconds >= 3600 else ""
    return f"{hours}{seconds // 60 % 60:02}:{seconds % 60:02}"


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 beside `path` and then puts it in its place. Raises `UserError`."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(f"{path} could not be written: {error.strerror}.", "Choose another place.") from error
