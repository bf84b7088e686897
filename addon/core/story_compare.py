# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs told together: one clock, the same chapter at the same time in both, and where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .differences import Difference, largest, root_mean_square, strongest_head
from .layout import lay_out
from .layout_beside import move_layout
from .layout_types import Block, Bounds, Label, Layout, Vector
from .story import tell
from .story_types import Act, Caption, Fill, Legend, Shot, Story
from .timeline import reading_time
from .trace import Trace
from .values import Values
from .warp import warp
from .wording import shortened, shown, vocabulary_of

ROOM = 0.45  # between the fences of the one run and of the other above them, in heights of a fence
APART = 0.10  # between two models side by side, in widths of the wider
USUAL = 75.0  # seconds
LIKELY = 3  # odds that a caption tells
NAME = 16  # characters of a prompt in a name
NAMED = (
    "residual_0", "norm", "q", "k", "scores", "masked", "pattern", "mix", "merged", "residual_attention", "mlp_norm",
    "hidden", "gelu", "residual_mlp", "final_norm", "logits", "probabilities",
)  # fmt: skip
HEADROOM = 1.4  # of the way up to the second run
NAME_SIZE = 0.17  # of a run's name over a fence, in the fence's height

CAPTIONS = {
    "overview above": "One model, two prompts: {first} below, {second} above. They share their weights, drawn once.",
    "overview beside": "Side by side, at one scale: {first} on the left, {second} on the right.",
    "tokens": "{count} of {tokens} tokens differ: {pairs}. Equal tokens in equal places begin with equal numbers.",
    "equal": "Here the two runs are still equal, to the last digit.",
    "generic": "{label}: they differ most at token {token}, {column}: {a:.2f} {here}, {b:.2f} {there}.",
    "pattern": "Layer {layer}, head {head}: token {token} gives token {seen} weight {a:.2f} {here}, {b:.2f} {there}.",
    "layers": "How far apart the streams are after each layer, root mean square: {steps}.",
    "odds": "Odds of the next token {here}: {first}. And {there}: {second}.",
    "again": "{first} goes on with {answer}, {second} with {other}.",
    "part": "The odds differ most for new token {step}: {first} {here}, {second} {there}.",
    "alone": "What the one does not have, the other does: this chapter has no cell that both have.",
}
# What a column of a block is called, by its innermost axis.
COLUMNS = {
    "channel": "channel", "neuron": "neuron", "key_token": "key token", "vocab": "word", "key_dim": "feature",
    "value_dim": "feature",
}  # fmt: skip
PLACES = {True: ("below", "above"), False: ("left", "right")}
SUBTITLE = "{model}: {parameters:,} parameters, two runs on one clock"


@dataclass(frozen=True)
class Spoken:
    """A caption, and the cell that it speaks of where it does."""

    text: str
    cell: Difference | None = None


@dataclass(frozen=True)
class Mark:
    """A cell that is outlined in both runs while a caption speaks of it: the four corners of it in each."""

    start: float
    duration: float
    corners: tuple[tuple[Vector, ...], tuple[Vector, ...]]


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


def tell_compare(first: Trace, second: Trace, *, seconds: float | None = None, aspect: float = 16 / 9) -> ComparePlan:
    """The film of two runs. Of one model on prompts of one length, the second run stands above the first and shares
    its weights; other runs stand side by side, at one scale. `seconds` is about how long it is to be."""
    traces = (first, second)
    layouts = (lay_out(first, aspect), lay_out(second, aspect))
    values = (Values(first, layouts[0]), Values(second, layouts[1]))
    stacked = _same_places(*layouts) and _same_weights(*values)
    names = _names(traces)
    head = strongest_head(*values)
    focus = None if head is None or head.block.layer is None or head.block.head is None else head.block
    told = tuple(
        tell(trace, layout, seconds or USUAL, focus=None if focus is None or not _has(layout, focus) else _place(focus))
        for trace, layout in zip(traces, layouts, strict=True)
    )
    if stacked:
        told = (told[0], told[0])
    pairs = common_acts(told[0].acts, told[1].acts)
    captions = [_captions(i, pair, told, traces, layouts, values, names, stacked) for i, pair in enumerate(pairs)]
    clocks = _clocks(pairs, captions)
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
        captions=_timed(captions, starts),
        formulas=(),
        shots=shots,
        fills=(),
        uses=(),
        legends=_legends(warped[0].legends, values),
        shapes=warped[0].shapes if stacked else (),
        title=(f"{names[0]}  |  {names[1]}", _subtitle(layouts), 0.2, 2.8),
    )
    marks = tuple(
        _mark(caption, one.cell, sides)
        for caption, one in zip(story.captions, (one for many in captions for one in many), strict=True)
        if one.cell is not None
    )
    return ComparePlan((sides[0], sides[1]), story, marks, stacked, aspect)


def _names(traces: Sequence[Trace]) -> tuple[str, str]:
    """What each run is called: by its prompt, or by its model where the prompts are one."""
    prompts = [shortened(trace.prompt or "", NAME).strip() or f"run {i + 1}" for i, trace in enumerate(traces)]
    if traces[0].prompt == traces[1].prompt:
        models = [Path(trace.model.name).name for trace in traces]
        prompts = models if models[0] != models[1] else [f"{prompts[0]} ({i + 1})" for i in range(2)]
    return prompts[0], prompts[1]


def _same_places(a: Layout, b: Layout) -> bool:
    return [(x.key, x.origin, x.shape) for x in a.blocks] == [(x.key, x.origin, x.shape) for x in b.blocks]


def _same_weights(a: Values, b: Values) -> bool:
    keys = [key for key, block in a.blocks.items() if block.kind == "weight"]
    return all(np.array_equal(a.matrix(key), b.matrix(key), equal_nan=True) for key in keys)


def _has(layout: Layout, head: Block) -> bool:
    return any((b.part, b.layer, b.head) == (head.part, head.layer, head.head) for b in layout.blocks)


def _place(head: Block) -> tuple[int, int]:
    return head.layer or 0, head.head or 0


def common_acts(first: Sequence[Act], second: Sequence[Act]) -> list[tuple[Act, Act]]:
    """The chapters that both have, in order; what only one has belongs to the chapter before it."""
    pairs, at = [], 0
    for act in first:
        found = next((i for i in range(at, len(second)) if second[i].name == act.name), None)
        if found is not None:
            pairs.append((act, second[found]))
            at = found + 1
    if not pairs or pairs[0][0].start > 0 or pairs[0][1].start > 0:
        pairs.insert(0, (replace(first[0], duration=0.0), replace(second[0], duration=0.0)))
    return pairs


def _clocks(
    pairs: Sequence[tuple[Act, Act]], captions: Sequence[Sequence[Spoken]]
) -> list[tuple[tuple[float, float], float]]:
    """When each common chapter begins, in the first story, in the second and on the common clock; and when all end."""
    starts = [(a.start, b.start) for a, b in pairs]
    ends = [*starts[1:], (_end(pairs, 0), _end(pairs, 1))]
    clocks, now = [], 0.0
    for start, end, words in zip(starts, ends, captions, strict=True):
        clocks.append((start, now))
        reading = sum(reading_time(one.text) + 0.3 for one in words)
        now += max(end[0] - start[0], end[1] - start[1], reading)
    return [*clocks, (ends[-1], now)]


def _end(pairs: Sequence[tuple[Act, Act]], side: int) -> float:
    last = pairs[-1][side]
    return last.start + last.duration


def _timed(captions: Sequence[Sequence[Spoken]], starts: Sequence[float]) -> tuple[Caption, ...]:
    """The captions of each chapter share its time as they need it."""
    found = []
    for words, start, end in zip(captions, starts, starts[1:], strict=False):
        needs = [reading_time(one.text) for one in words]
        share = (end - start) / sum(needs)
        for one, need in zip(words, needs, strict=True):
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


def _mark(caption: Caption, cell: Difference, sides: Sequence[Side]) -> Mark:
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
    return Mark(caption.start, caption.duration, (corners[0], corners[1]))


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


def _subtitle(layouts: Sequence[Layout]) -> str:
    models = list(dict.fromkeys(layout.name for layout in layouts))
    if len(models) == 1:
        return SUBTITLE.format(model=models[0], parameters=layouts[0].parameters)
    return ", ".join(f"{layout.name}: {layout.parameters:,} parameters" for layout in layouts)


def _captions(
    number: int,
    pair: tuple[Act, Act],
    told: Sequence[Story],
    traces: Sequence[Trace],
    layouts: Sequence[Layout],
    values: tuple[Values, Values],
    names: tuple[str, str],
    stacked: bool,
) -> list[Spoken]:
    """What is said in a chapter: what fills in it decides."""
    here, there = PLACES[stacked]
    words = {"here": here, "there": there}
    if number == 0:
        moment = "overview above" if stacked else "overview beside"
        return [Spoken(CAPTIONS[moment].format(first=names[0], second=names[1]))]
    act = pair[0]
    filled = [fill.block for fill in told[0].fills if act.start <= fill.start < act.start + act.duration]
    blocks = [layouts[0].by_key[key] for key in filled]
    parts = {block.part for block in blocks if block.step == 0}
    if any(block.step for block in blocks):
        answers = ["".join(shown(token.text) for token in trace.generated_tokens) for trace in traces]
        again = CAPTIONS["again"].format(first=names[0], second=names[1], answer=answers[0], other=answers[1])
        return [Spoken(again), *_parting(traces, words)]
    special = _special(parts, blocks, traces, values, words)
    if special is not None:
        return [special]
    told_keys = [b.key for b in blocks if b.kind == "activation" and b.row_axis == ("token",)]
    # Of what the camera looks at last in this chapter, where that is anything.
    looks = [shot.subject for shot in told[0].shots if act.start <= shot.start < act.start + act.duration]
    seen = [key for key in told_keys if looks and _inside(layouts[0].by_key[key], looks[-1])]
    difference = largest(values[0], values[1], seen or told_keys)
    if difference is None:
        return [Spoken(CAPTIONS["alone"])]
    if difference.size == 0:
        return [Spoken(CAPTIONS["equal"])]
    return [_generic(difference, words)]


def _inside(block: Block, box: Bounds) -> bool:
    body = block.body()
    middle = [(low + high) / 2 for low, high in zip(body.low, body.high, strict=True)]
    return all(low - 1 <= at <= high + 1 for low, at, high in zip(box.low, middle, box.high, strict=True))


def _special(
    parts: set[str],
    blocks: Sequence[Block],
    traces: Sequence[Trace],
    values: tuple[Values, Values],
    words: dict[str, str],
) -> Spoken | None:
    """The caption of a chapter that has one of its own."""
    if "token_embedding" in parts:
        return Spoken(_tokens(traces))
    if "probabilities" in parts:
        first, second = (_odds(trace) for trace in traces)
        return Spoken(CAPTIONS["odds"].format(first=first, second=second, **words))
    layers = sorted({block.layer for block in blocks if block.part == "residual_mlp" and block.layer is not None})
    if len(layers) > 1:
        return Spoken(_drift(values))
    patterns = [block.key for block in blocks if block.part == "pattern" and "mix" not in parts]
    difference = largest(values[0], values[1], patterns)
    if difference is None or difference.size == 0:
        return None
    text = CAPTIONS["pattern"].format(
        layer=(difference.block.layer or 0) + 1,
        head=(difference.block.head or 0) + 1,
        token=difference.row + 1,
        seen=difference.column + 1,
        a=difference.first,
        b=difference.second,
        **words,
    )
    return Spoken(text, difference)


def _generic(difference: Difference, words: dict[str, str]) -> Spoken:
    label = difference.block.label.replace("_", " ")
    axis = difference.block.column_axis[-1] if difference.block.column_axis else ""
    text = CAPTIONS["generic"].format(
        label=label[:1].upper() + label[1:],
        token=difference.row + 1,
        column=f"{COLUMNS.get(axis, 'column')} {difference.column + 1}",
        a=difference.first,
        b=difference.second,
        **words,
    )
    return Spoken(text.replace("-", "−"), difference)


def _tokens(traces: Sequence[Trace]) -> str:
    """Which tokens of the prompts differ, the first few by their texts."""
    first, second = ([token.text for token in trace.prompt_tokens] for trace in traces)
    apart = [i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b]
    count = len(apart) + abs(len(first) - len(second))
    if not count:
        return CAPTIONS["equal"]
    pairs = ", ".join(f"{i + 1} is {shown(first[i])} or {shown(second[i])}" for i in apart[:2])
    return CAPTIONS["tokens"].format(count=count, tokens=max(len(first), len(second)), pairs=pairs or "one is longer")


def _odds(trace: Trace, step: int = 0) -> str:
    """The likeliest next tokens of a step with their shares."""
    row = _shares(trace).get(step)
    if row is None:
        return "not known"
    texts = vocabulary_of(trace)
    best = np.argsort(-row, kind="stable")[:LIKELY]
    return ", ".join(f"{shown(texts[i])} {100 * row[i]:.1f} %" for i in best)


def _shares(trace: Trace) -> dict[int, NDArray[np.float32]]:
    """The odds of the next token in each step, [vocabulary]."""
    found = {}
    for operation in trace.operations:
        if operation.kind == "softmax" and operation.layer is None:
            shares = trace.array(operation.outputs[0])
            found[operation.step] = shares.reshape(-1, shares.shape[-1])[-1]
    return found


def _parting(traces: Sequence[Trace], words: dict[str, str]) -> list[Spoken]:
    """The step whose odds differ most, where they do."""
    first, second = (_shares(trace) for trace in traces)
    steps = [step for step in first if step in second and first[step].shape == second[step].shape]
    if not steps:
        return []
    apart = {step: float(np.abs(first[step] - second[step]).sum()) for step in steps}
    step = max(steps, key=lambda one: apart[one])
    if apart[step] < 0.01:
        return []
    odds = [
        f"{shown(vocabulary_of(trace)[int(row[step].argmax())])} {100 * row[step].max():.1f} %"
        for trace, row in zip(traces, (first, second), strict=True)
    ]
    return [Spoken(CAPTIONS["part"].format(step=step + 1, first=odds[0], second=odds[1], **words))]


def _drift(values: tuple[Values, Values]) -> str:
    """How far apart the residual streams are after each layer."""
    blocks = values[0].blocks.values()
    keys = {b.layer: b.key for b in blocks if b.part == "residual_mlp" and b.step == 0 and b.layer is not None}
    apart = [(layer, root_mean_square(*values, key)) for layer, key in sorted(keys.items())]
    steps = [f"{size:.2f}" for _layer, size in apart if size is not None]
    return CAPTIONS["layers"].format(steps=", ".join(steps)) if steps else ""
