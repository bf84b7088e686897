# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs told together: one clock, the same chapter at the same time in both, and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .compare_captions import Pair, Spoken
from .differences import Difference, strongest_head
from .layout import lay_out
from .layout_beside import move_layout
from .layout_types import Block, Bounds, Label, Layout, Vector
from .pull_back import frame_height
from .shots import pose_of
from .story import tell
from .story_types import Act, Caption, Fill, Legend, Shot, Story
from .timeline import reading_time
from .trace import Trace
from .values import Values
from .warp import warp
from .wording import quoted, shortened
from .words.sides import COMPARE, Sentences

ROOM = 0.45  # between the fences of the one run and of the other above them, in heights of a fence
APART = 0.10  # between two models side by side, in widths of the wider
USUAL = 75.0  # seconds
NAME = 16  # characters of a prompt in a name
NAMED = (
    "residual_0", "norm", "q", "k", "scores", "masked", "pattern", "mix", "merged", "residual_attention", "mlp_norm",
    "hidden", "gelu", "residual_mlp", "final_norm", "logits", "probabilities",
)  # fmt: skip
HEADROOM = 1.4  # of the way up to the second run
LEAST_MARK = 1.5  # seconds that an outline is there
OUTLINE = 0.022  # of the picture's height that an outline is wide and high at least
NAME_SIZE = 0.17  # of a run's name over a fence, in the fence's height


@dataclass(frozen=True)
class Mark:
    """A cell that is outlined in both runs while a caption speaks of it: the four corners of it in each, and how wide
    the outline is at least, in units, to be seen in the shot of that time."""

    start: float
    duration: float
    corners: tuple[tuple[Vector, ...], tuple[Vector, ...]]
    least: float


@dataclass(frozen=True)
class Side:
    """One of the two runs: what it is called, its layout where it stands (its keys begin with its number), and what
    happens in it on the common clock."""

    name: str
    trace: Trace
    layout: Layout
    fills: Story
    values: Values


@dataclass(frozen=True)
class ComparePlan:
    """A film of two runs. `story` has what is told of both: acts, captions, shots; that of each side when its blocks
    fill. `stacked` is whether the second stands above the first and shares its weights."""

    sides: tuple[Side, Side]
    story: Story
    marks: tuple[Mark, ...]
    stacked: bool
    aspect: float


class SharedEnds(Values):
    """The numbers of one of two runs, with the colours' ends of both: what is brighter is more."""

    def __init__(self, trace: Trace, layout: Layout, other: Values, stem: str) -> None:
        super().__init__(trace, layout)
        self._other, self._stem = other, stem

    def ends(self, key: str) -> tuple[float, float]:
        """The wider of both runs' ends."""
        low, high = super().ends(key)
        twin = key.removeprefix(self._stem)
        if twin in self._other.blocks:
            other = self._other.ends(twin)
            low, high = min(low, other[0]), max(high, other[1])
        return low, high


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
    traces = (first, second)
    layouts = (lay_out(first, aspect), lay_out(second, aspect))
    values = (Values(first, layouts[0]), Values(second, layouts[1]))
    stacked = _same_places(*layouts) and _same_weights(*values)
    names = _names(traces)
    head = strongest_head(*values)
    focus = None if head is None else head.block
    # In a stack every block of the one has its twin in the other: what is told of the first is true of both.
    apart = layouts[:1] if stacked else layouts
    stories = [
        tell(trace, layout, focus=_place(layout, focus), language=language)
        for trace, layout in zip(traces, apart, strict=False)
    ]
    told = (stories[0], stories[-1])
    pairs = common_acts(told[0].acts, told[1].acts)
    say = Sentences(COMPARE, language)
    pair = Pair(traces, layouts, values, names, stacked, say)
    captions = [pair.captions(acts[0], told[0]) if i else pair.overview() for i, acts in enumerate(pairs)]
    pace = (seconds or USUAL) / max(one.duration for one in told)
    needs = [[max(reading_time(one.text), (durations or {}).get(one.text, 0.0)) for one in many] for many in captions]
    clocks = _clocks(pairs, (told[0].duration, told[1].duration), needs, pace)
    warped = [warp(story, [(act[side], new) for act, new in clocks]) for side, story in enumerate(told)]
    moves = _moves(layouts, stacked)
    sides = tuple(
        _side(i, traces[i], layouts[i], replace(layouts[i], name=names[i]), warped[i], moves[i], values[1 - i], stacked)
        for i in range(2)
    )
    shots = _shots(warped, moves, pairs, stacked)
    starts = [new for _act, new in clocks]
    story = Story(
        duration=starts[-1],
        acts=tuple(Act(pair[0].name, a, b - a) for pair, a, b in zip(pairs, starts, starts[1:], strict=False)),
        captions=_timed(captions, needs, starts),
        formulas=(),
        shots=shots,
        fills=(),
        uses=(),
        legends=_legends(warped[0].legends, values),
        shapes=warped[0].shapes if stacked else (),
        title=(f"{names[0]}  |  {names[1]}", _subtitle(layouts, say), 0.2, 2.8),
    )
    marks = tuple(
        _mark(caption, one.cell, sides, _seen_height(shots, caption, aspect))
        for caption, one in zip(story.captions, (one for many in captions for one in many), strict=True)
        if one.cell is not None
    )
    return ComparePlan((sides[0], sides[1]), story, marks, stacked, aspect)


def _names(traces: Sequence[Trace]) -> tuple[str, str]:
    """What each run is called: by its prompt, or by its model where the prompts are one."""
    prompts = [shortened(trace.prompt or "", NAME).strip() or f"run {i + 1}" for i, trace in enumerate(traces)]
    prompts = [prompt if prompt.isalnum() else quoted(prompt) for prompt in prompts]
    if traces[0].prompt == traces[1].prompt:
        models = [Path(trace.model.name).name for trace in traces]
        prompts = models if models[0] != models[1] else [f"{prompts[0]} ({i + 1})" for i in range(2)]
    return prompts[0], prompts[1]


def _same_places(a: Layout, b: Layout) -> bool:
    return [(x.key, x.origin, x.shape) for x in a.blocks] == [(x.key, x.origin, x.shape) for x in b.blocks]


def _same_weights(a: Values, b: Values) -> bool:
    keys = [key for key, block in a.blocks.items() if block.kind == "weight"]
    return all(np.array_equal(a.matrix(key), b.matrix(key), equal_nan=True) for key in keys)


def _place(layout: Layout, head: Block | None) -> tuple[int, int] | None:
    """The layer and the head of a block, where the layout has such a head."""
    if head is None or head.layer is None or head.head is None:
        return None
    there = any((b.part, b.layer, b.head) == (head.part, head.layer, head.head) for b in layout.blocks)
    return (head.layer, head.head) if there else None


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


def _clocks(
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


def _timed(
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


def _moves(layouts: Sequence[Layout], stacked: bool) -> tuple[Vector, Vector]:
    """How far each run stands from its own place."""
    boxes = [layout.bounds["model"] for layout in layouts]
    if stacked:
        tall = layouts[0].bodies[:, 1, 2].max()
        return (0.0, 0.0, 0.0), (0.0, 0.0, float(tall * (1 + ROOM)))
    gap = APART * max(box.high[0] - box.low[0] for box in boxes)
    return (0.0, 0.0, 0.0), (boxes[0].high[0] + gap - boxes[1].low[0], 0.0, 0.0)


def _side(
    number: int,
    trace: Trace,
    plain: Layout,
    layout: Layout,
    story: Story,
    by: Vector,
    other: Values,
    stacked: bool,
) -> Side:
    """One run in its place; the one above without weights, names and floor."""
    stem = f"{number + 1}."
    moved = move_layout(layout, number + 1, by)
    if stacked:
        names = _run_names(moved, layout.name)
        if number == 0:
            moved = replace(moved, labels=(*moved.labels, *names))
        else:
            moved = replace(_without_weights(moved), labels=names, plates=(), ribbons=())
    there = moved.by_key

    def mine(things: Iterable[Fill]) -> tuple[Fill, ...]:
        return tuple(replace(t, block=stem + t.block) for t in things if stem + t.block in there)

    uses = tuple(replace(use, block=stem + use.block) for use in story.uses if stem + use.block in there)
    fills = replace(story, fills=mine(story.fills), uses=uses, products=(), formulas=(), captions=(), legends=())
    return Side(layout.name, trace, moved, fills, SharedEnds(trace, moved, other, stem))


def _without_weights(layout: Layout) -> Layout:
    blocks = tuple(block for block in layout.blocks if block.kind != "weight")
    there = {block.key for block in blocks}

    def kept(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(key for key in keys if key in there)

    operations = tuple(
        replace(one, left=kept(one.left), right=kept(one.right), out=kept(one.out), bias=kept(one.bias))
        for one in layout.operations
    )
    return replace(layout, blocks=blocks, operations=operations)


def _run_names(layout: Layout, name: str) -> tuple[Label, ...]:
    """The name of a run over its fences: which of the two it is, wherever the camera is."""
    labels = []
    for block in layout.blocks:
        if block.part not in NAMED or block.step:
            continue
        box = block.body()
        tall = box.high[2] - box.low[2]
        stands = tall > 1.0
        size = NAME_SIZE * (tall if stands else box.high[1] - box.low[1])
        place = (box.low[0], box.low[1], box.high[2] + 0.3 * size) if stands else (box.low[0], box.high[1], box.high[2])
        labels.append(Label(name, place, size, "front", "left", 2, "token", block.layer))
    return tuple(labels)


def _seen_height(shots: Sequence[Shot], caption: Caption, aspect: float) -> float:
    """How many units the picture is high in the shot that a caption ends in."""
    shot = [one for one in shots if one.start <= caption.start + 0.8 * caption.duration][-1]
    pose = pose_of(shot, aspect)
    return frame_height(pose, pose.distance, aspect)


def _mark(caption: Caption, cell: Difference, sides: Sequence[Side], height: float) -> Mark:
    """The outline of a cell in both runs, a little before their faces."""
    corners = []
    for number, side in enumerate(sides):
        block = side.layout.by_key[f"{number + 1}.{cell.block.key}"]
        origin, down, across, normal = (
            np.array(v) for v in (block.origin, block.row_step, block.column_step, block.normal)
        )
        ends = ((0, 0), (0, 1), (1, 1), (1, 0))
        places = [origin + (cell.row + r) * down + (cell.column + c) * across + 0.15 * normal for r, c in ends]
        corners.append(tuple((float(x), float(y), float(z)) for x, y, z in places))
    # From when the numbers are there, where that leaves the outline some time.
    key, end = f"1.{cell.block.key}", caption.start + caption.duration
    filled = max((f.start + f.duration for f in sides[0].fills.fills if f.block == key), default=caption.start)
    start = min(max(caption.start, filled), max(caption.start, end - LEAST_MARK))
    return Mark(start, end - start, (corners[0], corners[1]), OUTLINE * height)


def _shots(
    stories: Sequence[Story], moves: Sequence[Vector], pairs: Sequence[tuple[Act, Act]], stacked: bool
) -> tuple[Shot, ...]:
    """The first story's shots, each with the second run's subject in it too."""
    if stacked:
        # And room over both: the second line of running text needs some of it.
        x, y, z = moves[1]
        three = (*moves, (x, y, HEADROOM * z))
        return tuple(replace(shot, subject=_all([shot.subject] * 3, three)) for shot in stories[0].shots)
    shots = []
    for shot in stories[0].shots:
        twin = [other for other in stories[1].shots if other.start <= shot.start + shot.move + 0.5]
        subject = _all((shot.subject, (twin or stories[1].shots)[-1].subject), moves)
        shots.append(replace(shot, subject=subject, azimuth=0.4 * shot.azimuth, elevation=max(shot.elevation, 40.0)))
    return tuple(shots)


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


def _subtitle(layouts: Sequence[Layout], say: Sentences) -> str:
    models = list(dict.fromkeys(layout.name for layout in layouts))
    moment = "subtitle" if len(models) == 1 else "beside"
    told = layouts[:1] if len(models) == 1 else layouts
    return ", ".join(say.say(moment, model=layout.name, parameters=layout.parameters) for layout in told)
