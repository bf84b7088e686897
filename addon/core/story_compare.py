# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs told together: one clock, the same chapter at the same time in both, and where they differ. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .compare_captions import Pair
from .compare_clock import clocks_of, common_acts, timed
from .compare_marks import Mark, marks_of
from .compare_sides import Side, can_stack, moves_of, side_of
from .differences import strongest_head
from .layout import lay_out
from .layout_types import Block, Bounds, Layout, Vector
from .layout_words import in_words
from .story import tell
from .story_types import Act, Legend, Shot, Story
from .timeline import reading_time
from .trace import Trace
from .values import Values
from .warp import warp
from .wording import quoted, shortened
from .words import catalog
from .words.sides import COMPARE, Sentences

USUAL = 75.0  # seconds
NAME = 16  # characters of a prompt in a name
FAR = 3.0  # of how large the subjects are: so far apart they are looked at in turn
LEAST_LOOKS = 3.0  # seconds that two looks take
CUT = 0.04  # seconds from the one to the other: nothing on the long way is worth a look
HEADROOM = 1.4  # of the way up to the second run


@dataclass(frozen=True)
class ComparePlan:
    """A film of two runs. `story` has what is told of both: acts, captions, shots; that of each side when its blocks
    fill. `stacked` is whether the second stands above the first and shares its weights."""

    sides: tuple[Side, Side]
    story: Story
    marks: tuple[Mark, ...]
    stacked: bool
    aspect: float


def tell_compare(
    first: Trace,
    second: Trace,
    *,
    seconds: float | None = None,
    aspect: float = 16 / 9,
    language: str = "en",
    durations: Mapping[str, float] | None = None,
) -> ComparePlan:
    """The film of two runs. Of one model on prompts of one length, the second run stands above the first and shares
    its weights; other runs stand side by side, at one scale. `seconds` is about how long it is to be,
    `durations` are the least seconds of captions, by their text. Raises UserError for a language that there is not."""
    pair = _pair((first, second), aspect, language)
    told = _told(pair, language)
    chapters = common_acts(told[0].acts, told[1].acts)
    said = [pair.captions(acts[0], told[0]) if i else pair.overview() for i, acts in enumerate(chapters)]
    needs = [[max(reading_time(one.text), (durations or {}).get(one.text, 0.0)) for one in many] for many in said]
    pace = (seconds or USUAL) / max(one.duration for one in told)
    clocks = clocks_of(chapters, (told[0].duration, told[1].duration), needs, pace)
    one, other = (warp(story, [(act[side], new) for act, new in clocks]) for side, story in enumerate(told))
    moves = moves_of(pair.layouts, pair.stacked)
    sides = side_of(pair, 0, one, moves[0]), side_of(pair, 1, other, moves[1])
    starts = [new for _act, new in clocks]
    story = Story(
        duration=starts[-1],
        acts=tuple(Act(both[0].name, a, b - a) for both, a, b in zip(chapters, starts, starts[1:], strict=False)),
        captions=timed(said, needs, starts),
        formulas=(),
        shots=_shots((one, other), moves, pair.stacked),
        fills=(),
        uses=(),
        legends=_legends(one.legends, pair.values),
        shapes=one.shapes if pair.stacked else (),
        title=(f"{pair.names[0]}  |  {pair.names[1]}", _subtitle(pair), 0.2, 2.8),
        language=language,
    )
    return ComparePlan(sides, story, marks_of(story, said, sides, aspect), pair.stacked, aspect)


def _pair(traces: tuple[Trace, Trace], aspect: float, language: str) -> Pair:
    """Both runs, laid out."""
    first, second = traces
    words, say = catalog(language), Sentences(COMPARE, language)
    layouts = in_words(lay_out(first, aspect), words), in_words(lay_out(second, aspect), words)
    values = Values(first, layouts[0]), Values(second, layouts[1])
    return Pair(traces, layouts, values, _names(traces), can_stack(layouts, values), say)


def _told(pair: Pair, language: str) -> tuple[Story, Story]:
    """Each run told by itself, in the head in which they differ most. In a stack every block of the one has its twin in
    the other: what is told of the first is true of both."""
    head = strongest_head(*pair.values)
    focus = None if head is None else head.block
    apart = pair.layouts[:1] if pair.stacked else pair.layouts
    stories = [
        tell(trace, layout, focus=_place(layout, focus), language=language)
        for trace, layout in zip(pair.traces, apart, strict=False)
    ]
    return stories[0], stories[-1]


def _names(traces: Sequence[Trace]) -> tuple[str, str]:
    """What each run is called: by its prompt, or by its model where the prompts are one."""
    prompts = [shortened(trace.prompt or "", NAME).strip() or f"run {i + 1}" for i, trace in enumerate(traces)]
    prompts = [prompt if prompt.isalnum() else quoted(prompt) for prompt in prompts]
    if traces[0].prompt == traces[1].prompt:
        models = [Path(trace.model.name).name for trace in traces]
        prompts = models if models[0] != models[1] else [f"{prompts[0]} ({i + 1})" for i in range(2)]
    return prompts[0], prompts[1]


def _place(layout: Layout, head: Block | None) -> tuple[int, int] | None:
    """The layer and the head of a block, where the layout has such a head."""
    if head is None or head.layer is None or head.head is None:
        return None
    there = any((b.part, b.layer, b.head) == (head.part, head.layer, head.head) for b in layout.blocks)
    return (head.layer, head.head) if there else None


def _shots(stories: Sequence[Story], moves: Sequence[Vector], stacked: bool) -> tuple[Shot, ...]:
    """The first story's shots, each with the second run's subject in it too, or after it where that is far away. There
    are no cards here to leave room for."""
    first = [replace(shot, aside=0.0) for shot in stories[0].shots]
    if stacked:
        # And room over both: the second line of running text needs some of it.
        x, y, z = moves[1]
        three = (*moves, (x, y, HEADROOM * z))
        return tuple(replace(shot, subject=_all([shot.subject] * 3, three)) for shot in first)
    shots: list[Shot] = []
    ends = [shot.start for shot in first[1:]] + [stories[0].duration]
    for shot, end in zip(first, ends, strict=True):
        twin = [other for other in stories[1].shots if other.start <= shot.start + shot.move + 0.5]
        subjects = shot.subject, (twin or stories[1].shots)[-1].subject
        both = _all(subjects, moves)
        if _across(both) < FAR * max(map(_across, subjects)) or end - shot.start < LEAST_LOOKS:
            shots.append(replace(shot, subject=both, azimuth=0.4 * shot.azimuth, elevation=max(shot.elevation, 40.0)))
            continue
        # Each in its turn: in one look both would be specks at the edges of an empty frame.
        shots += [
            replace(shot, start=start, move=CUT, subject=_all([subject], [by]))
            for start, subject, by in zip((shot.start, 0.5 * (shot.start + end)), subjects, moves, strict=True)
        ]
    return tuple(shots)


def _across(box: Bounds) -> float:
    """From one corner of a box on the floor to the other, in units."""
    return math.hypot(box.high[0] - box.low[0], box.high[1] - box.low[1])


def _all(subjects: Sequence[Bounds], moves: Sequence[Vector]) -> Bounds:
    """The box around several subjects, each moved, with the points of all."""
    points: list[Vector] = [
        (x + right, y + back, z + up)
        for subject, (right, back, up) in zip(subjects, moves, strict=True)
        for x, y, z in subject.corners()
    ]
    box = Bounds.around(points)
    return Bounds(box.low, box.high, tuple(dict.fromkeys(points)))


def _legends(legends: Sequence[Legend], values: Sequence[Values]) -> tuple[Legend, ...]:
    """The first run's legends with the ends of both: a legend is that of the blocks with its ends."""
    known = {values[0].ends(key): key for key in values[0].blocks if key in values[1].blocks}
    found = []
    for legend in legends:
        key = known.get((legend.low, legend.high))
        other = values[1].ends(key) if key is not None else (legend.low, legend.high)
        found.append(replace(legend, low=min(legend.low, other[0]), high=max(legend.high, other[1])))
    return tuple(found)


def _subtitle(pair: Pair) -> str:
    models = list(dict.fromkeys(layout.name for layout in pair.layouts))
    moment = "subtitle" if len(models) == 1 else "beside"
    told = pair.layouts[:1] if len(models) == 1 else pair.layouts
    return ", ".join(pair.say.say(moment, model=layout.name, parameters=layout.parameters) for layout in told)
