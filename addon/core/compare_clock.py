# SPDX-License-Identifier: GPL-3.0-or-later
"""One clock for two stories: a chapter that both have begins in both at once, and takes as long as its captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .compare_captions import Spoken
from .story_types import Act, Caption


def common_acts(first: Sequence[Act], second: Sequence[Act]) -> list[tuple[Act, Act]]:
    """The chapters that both have, in order; what only one has belongs to the chapter before it. Names may
    differ after a comma and after two words: until it is sorted, for each new letter; the next letter, the next one."""

    def stem(act: Act) -> list[str]:
        return act.name.partition(",")[0].split()[:2]

    pairs, at = [], 0
    for act in first:
        found = next((i for i in range(at, len(second)) if stem(second[i]) == stem(act)), None)
        if found is not None:
            pairs.append((act, second[found]))
            at = found + 1
    if not pairs or pairs[0][0].start > 0 or pairs[0][1].start > 0:
        pairs.insert(0, (replace(first[0], duration=0.0), replace(second[0], duration=0.0)))
    return pairs


def clocks_of(
    pairs: Sequence[tuple[Act, Act]],
    durations: tuple[float, float],
    needs: Sequence[Sequence[float]],
    pace: float,
) -> list[tuple[tuple[float, float], float]]:
    """When each common chapter begins, in the first story, in the second and on the common clock; and when all end.
    A chapter takes its time by `pace`, and as long as its captions need."""
    starts = [(a.start, b.start) for a, b in pairs]
    ends = [*starts[1:], durations]
    clocks, now = [], 0.0
    for start, end, seconds in zip(starts, ends, needs, strict=True):
        clocks.append((start, now))
        reading = sum(seconds) + 0.3 * len(seconds)
        now += max(pace * (end[0] - start[0]), pace * (end[1] - start[1]), reading)
    return [*clocks, (durations, now)]


def timed(
    captions: Sequence[Sequence[Spoken]], needs: Sequence[Sequence[float]], starts: Sequence[float]
) -> tuple[Caption, ...]:
    """The captions of each chapter share its time as they need it."""
    found = []
    for words, seconds, start, end in zip(captions, needs, starts, starts[1:], strict=False):
        share = (end - start) / sum(seconds)
        for one, need in zip(words, seconds, strict=True):
            found.append(Caption(start + 0.1, need * share - 0.2, one.text))
            start += need * share
    return tuple(found)
