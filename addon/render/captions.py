# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that go with a video: captions as SubRip (.srt) and WebVTT (.vtt), chapters as YouTube reads them, and a
narration to be spoken. Pure functions of a script."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import UserError
from ..core.lines import even_lines
from ..core.script import Script
from ..core.story import Act, Caption

LINE = 42  # characters, the usual width of a subtitle line
SHORTEST_CHAPTER = 10.0  # seconds; YouTube shows no chapters at all where one is shorter
FEWEST_CHAPTERS = 3


def texts_beside(script: Script, title: str, captions: bool = True) -> dict[str, str]:
    """What lies beside a video called `title`, by the ending of its file; without `captions` no captions."""
    shown = {".srt": srt(script), ".vtt": vtt(script)} if captions else {}
    return shown | {".chapters.txt": chapters(script), ".narration.md": narration(script, title)}


def srt(script: Script) -> str:
    """The captions as SubRip text. One of less than a millisecond is left out."""
    cues = [
        f"{number}\n{_clock(low, ',')} --> {_clock(high, ',')}\n{text}\n"
        for number, (low, high, text) in enumerate(_cues(script), 1)
    ]
    return "\n".join(cues)


def vtt(script: Script) -> str:
    """The captions as WebVTT, which browsers read."""
    cues = [f"{_clock(low, '.')} --> {_clock(high, '.')}\n{_escaped(text)}\n" for low, high, text in _cues(script)]
    return "\n".join(["WEBVTT\n", *cues])


def _escaped(text: str) -> str:
    """WebVTT takes < for the beginning of a tag, and --> for a time."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cues(script: Script) -> Iterator[tuple[int, int, str]]:
    """Captions that there is time for: start and end in milliseconds, and their lines."""
    shown_until = 0
    for caption in script.captions:
        # Never before the one before ends: rounding must not make neighbours overlap.
        low = max(round(caption.start * 1000), shown_until)
        high = round(min(caption.start + caption.duration, script.duration) * 1000)
        text = "\n".join(even_lines(caption.text, LINE))
        if high > low and text:
            yield low, high, text
            shown_until = high


def _clock(milliseconds: int, mark: str) -> str:
    """Hours, minutes, seconds and, after a mark, milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


def chapters(script: Script) -> str:
    """The acts as lines of "00:00 Name".

    YouTube wants the first chapter at 00:00, at least three of them, and ten seconds or more for each, counted in the
    whole seconds that are written. So an act that is too short joins its neighbours: as many starts of acts stay as
    can be ten seconds apart, and a chapter made of several acts has the name of the longest. Where no three chapters
    come of it (a video shorter than half a minute), every act is listed, for people to read.
    """
    groups = _group(list(script.acts), script.duration)
    if len(groups) < FEWEST_CHAPTERS:
        groups = [[act] for act in script.acts]
    return "".join(
        f"{minutes(_whole(group[0].start) if number else 0)} {_name(group)}\n" for number, group in enumerate(groups)
    )


def _group(acts: list[Act], end: float) -> list[list[Act]]:
    """Acts in order, gathered into chapters long enough; the first to come opens each, which gives the most."""
    groups: list[list[Act]] = []
    opened = -SHORTEST_CHAPTER
    for act in acts:
        at = _whole(act.start) if groups else 0  # the first chapter begins with the video
        if not groups or (at - opened >= SHORTEST_CHAPTER and end - at >= SHORTEST_CHAPTER):
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


def minutes(seconds: int) -> str:
    """Minutes and seconds, with hours where there are any."""
    hours = f"{seconds // 3600}:" if seconds >= 3600 else ""
    return f"{hours}{seconds // 60 % 60:02}:{seconds % 60:02}"


def narration(script: Script, title: str) -> str:
    """What a speaker says, in Markdown: each act with its place and length, and in it every caption with the second
    in which it begins and the seconds that saying it may take. Acts have the numbers of `--narration`'s recordings."""
    parts = [f"# {title}\n"]
    for number, act in enumerate(script.acts, 1):
        start, end = minutes(_whole(act.start)), minutes(_whole(act.start + act.duration))
        parts.append(f"\n## {number}. {_name([act])} ({start}–{end}, {act.duration:.1f} s)\n")
        said = [f"- `{_tenths(one)}` {' '.join(one.text.split())}\n" for one in captions_of(script, act)]
        parts += ["\n", *said] if said else []
    return "".join(parts)


def captions_of(script: Script, act: Act) -> list[Caption]:
    """The captions that begin in an act."""
    return [one for one in script.captions if act.start <= one.start < act.start + act.duration]


def _tenths(caption: Caption) -> str:
    """The tenth of a second in which it begins, and how long it is there."""
    tenths = round(caption.start * 10)
    return f"{minutes(tenths // 10)}.{tenths % 10} +{caption.duration:.1f} s"


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 beside `path` and then puts it in its place. Raises `UserError`."""
    beside = path.with_name(f".{path.name}.partial")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UserError(f"{path} could not be written: {error.strerror}.", "Choose another place.") from error
