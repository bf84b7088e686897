# SPDX-License-Identifier: GPL-3.0-or-later
"""What a video says and when: captions, acts, and the best moment of each act. A scene carries it as text, so that a
saved one is rendered with its captions and chapters where there is neither the trace nor the add-on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .moments import best_moments
from .story_types import Act, Caption, Story

SEEN = 0.2  # seconds that a caption must be there, or half as long as its part of the story


@dataclass(frozen=True)
class Script:
    """All times in seconds from the beginning; `moments` has one for each act, in which a still shows it best."""

    duration: float
    captions: tuple[Caption, ...] = ()
    acts: tuple[Act, ...] = ()
    moments: tuple[float, ...] = ()

    def retimed(self, times: NDArray[np.float64], fps: float) -> Script:
        """The script of a stretch of frames, with its times counted from the stretch's first.

        `times` [frames + 1] is the time of this script at the beginning of each frame and at the end of the last, and
        never falls. What lies outside of it is left out, what reaches beyond an end is cut. A caption of an act that is
        left out shrinks with it until nobody can see it, and goes.
        """
        count = len(times) - 1

        def to(second: float) -> float:
            # The first place where the clock has come so far: what begins while it stands still begins with that.
            i = int(np.searchsorted(times, second))
            if i in (0, count + 1):
                return min(i, count) / fps
            return (i - 1 + float((second - times[i - 1]) / (times[i] - times[i - 1]))) / fps

        def window(start: float, duration: float) -> tuple[float, float]:
            return to(start), to(start + duration) - to(start)

        def inside(start: float, duration: float) -> float:
            return float(min(start + duration, times[-1]) - max(start, times[0]))

        captions = [(window(c.start, c.duration), inside(c.start, c.duration), c.text) for c in self.captions]
        acts = [(window(act.start, act.duration), act.name, moment) for act, moment in self.told()]
        kept = [(place, name, moment) for place, name, moment in acts if place[1] > 0]
        return Script(
            count / fps,
            tuple(
                Caption(*place, text)
                for place, long, text in captions
                if place[1] > 0 and place[1] >= min(SEEN, 0.5 * long)
            ),
            tuple(Act(name, *place) for place, name, _ in kept),
            tuple(min(max(to(moment), place[0]), place[0] + place[1]) for place, _, moment in kept),
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
