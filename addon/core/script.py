# SPDX-License-Identifier: GPL-3.0-or-later
"""What a video says and when: captions, acts, and the best moment of each act. A scene carries it as text, so that a
saved one is rendered with its captions and chapters where there is neither the trace nor the add-on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .moments import best_moments
from .story_types import Act, Caption, Story

SEEN = 0.2  # seconds that a caption must be there, or half as long as its part of the story

EDGE = 1e-4  # seconds by which the moment of an act is within it


@dataclass(frozen=True)
class Script:
    """All times in seconds from the beginning; `moments` has one for each act, in which a still shows it best."""

    duration: float
    captions: tuple[Caption, ...] = ()
    acts: tuple[Act, ...] = ()
    moments: tuple[float, ...] = ()

    def played(self, runs: Sequence[NDArray[np.float64]], fps: float, slack: float = 0.0) -> Script:
        """The script of frames that are played, where the clock jumps between `runs` of them: see `retimed`."""
        parts = [self.retimed(times, fps, slack) for times in runs]
        begins = np.cumsum([0.0, *(part.duration for part in parts)]).tolist()
        placed = list(zip(begins, parts, strict=False))
        return Script(
            begins[-1],
            tuple(replace(one, start=begin + one.start) for begin, part in placed for one in part.captions),
            tuple(replace(act, start=begin + act.start) for begin, part in placed for act in part.acts),
            tuple(begin + moment for begin, part in placed for moment in part.moments),
        )

    def retimed(self, times: NDArray[np.float64], fps: float, slack: float = 0.0) -> Script:
        """The script of a stretch of frames, with its times counted from the stretch's first.

        `times` [frames + 1] is the time of this script at the beginning of each frame and at the end of the last, and
        never falls. What lies outside of it is left out, what reaches beyond an end is cut. What is there for less
        than `slack` seconds is left out too, and acts begin and end with the stretch where they do but for as much:
        a frame is not when something happens. A caption of a part that goes by too fast to be seen goes.
        """
        count = len(times) - 1

        def to(second: float) -> float:
            # The first place where the clock has come so far: what begins while it stands still begins with that.
            i = int(np.searchsorted(times, second))
            if i in (0, count + 1):
                return min(i, count) / fps
            return (i - 1 + float((second - times[i - 1]) / (times[i] - times[i - 1]))) / fps

        def window(start: float, end: float) -> tuple[float, float]:
            return to(start), to(end) - to(start)

        def of_act(act: Act) -> tuple[float, float]:
            start, end = act.start, act.start + act.duration
            early, late = abs(start - times[0]) <= slack, abs(end - times[-1]) <= slack
            return window(-np.inf if early else start, np.inf if late else end)

        def inside(one: Caption | Act) -> float:
            return float(min(one.start + one.duration, times[-1]) - max(one.start, times[0]))

        there = [one for one in self.captions if inside(one) >= min(slack, 0.5 * one.duration)]
        captions = [(window(c.start, c.start + c.duration), inside(c), c.text) for c in there]
        acts = [
            (of_act(act), act.name, moment)
            for act, moment in self.told()
            if inside(act) >= min(slack, 0.5 * act.duration)
        ]
        kept = [(place, name, moment) for place, name, moment in acts if place[1] > 0]
        return Script(
            count / fps,
            tuple(
                Caption(*place, text)
                for place, long, text in captions
                if place[1] > 0 and place[1] >= min(SEEN, 0.5 * long)
            ),
            tuple(Act(name, *place) for place, name, _ in kept),
            # Not at the very end: the frame that begins there may be of another act.
            tuple(max(min(to(moment), place[0] + place[1] - EDGE), place[0]) for place, _, moment in kept),
        )

    def told(self) -> list[tuple[Act, float]]:
        """Each act with its moment; where nobody chose one, late in the act."""
        moments = self.moments or [act.start + 0.8 * act.duration for act in self.acts]
        return list(zip(self.acts, moments, strict=True))


def script_of(story: Story) -> Script:
    """The script of a whole story."""
    return Script(story.duration, story.captions, story.acts, best_moments(story))


def write_script(script: Script) -> str:
    """As JSON, a line for each caption and act."""
    lines = {
        "captions": [[one.start, one.duration, one.text] for one in script.captions],
        "acts": [[act.start, act.duration, act.name, moment] for act, moment in script.told()],
    }
    parts = [f'"duration": {json.dumps(_short(script.duration))}']
    for name, rows in lines.items():
        body = ",\n ".join(json.dumps([_short(value) for value in row], ensure_ascii=False) for row in rows)
        parts.append(f'"{name}": [\n {body}]')
    return "{" + ",\n".join(parts) + "}\n"


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def read_script(text: str) -> Script:
    """What `write_script` wrote. Raises `UserError` for anything else."""
    try:
        said = json.loads(text)
        return Script(
            float(said["duration"]),
            tuple(Caption(float(start), float(length), str(words)) for start, length, words in said["captions"]),
            tuple(Act(str(name), float(start), float(length)) for start, length, name, _ in said["acts"]),
            tuple(float(row[3]) for row in said["acts"]),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError("The scene's captions cannot be read.", "Generate the scene anew.") from error
