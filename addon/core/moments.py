# SPDX-License-Identifier: GPL-3.0-or-later
"""When to take the still of an act: the camera rests, a caption tells what is seen, and what the act makes is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .story_types import Story

EVERY = 0.1  # seconds between two moments that are looked at
EDGE = 0.15  # seconds: captions fade at their ends


class _Window(Protocol):
    @property
    def start(self) -> float: ...
    @property
    def duration(self) -> float: ...


def best_moments(story: Story) -> tuple[float, ...]:
    """One moment for each act, in story seconds, inside of it."""
    found = []
    for act in story.acts:
        edge = min(EDGE, act.duration / 4)
        count = max(2, round((act.duration - 2 * edge) / EVERY) + 1)
        times = np.linspace(act.start + edge, act.start + act.duration - edge, count)
        score = _score(story, times, act.start)
        found.append(float(times[len(times) - 1 - int(np.argmax(score[::-1]))]))  # of the best ones the last
    return tuple(found)


def _score(story: Story, times: NDArray[np.float64], since: float) -> NDArray[np.float64]:
    """How good a still each of some moments is, in points; `since` is when the act begins."""
    moving = np.zeros(len(times), bool)
    for shot in (shot for shot in story.shots if shot.within is None):
        moving |= (times >= shot.start) & (times < shot.start + shot.move)
    new = [fill for fill in story.fills if since <= fill.start < times[-1]]
    ends = np.sort([fill.start + fill.duration for fill in new])
    done = np.searchsorted(ends, times, side="right") / max(len(ends), 1)
    return (
        4.0 * ~moving
        + 3.0 * _during(story.captions, times, EDGE)
        + 2.0 * _during(story.formulas, times)
        + 1.0 * _during(story.shapes, times)
        + 1.0 * _during(story.uses, times)
        + 2.0 * done
    )


def _during(windows: Sequence[_Window], times: NDArray[np.float64], edge: float = 0.0) -> NDArray[np.bool_]:
    """Whether any of the windows is open, at least `edge` from its ends, at each of the times."""
    there = np.zeros(len(times), bool)
    for window in windows:
        there |= (times >= window.start + edge) & (times <= window.start + window.duration - edge)
    return there
