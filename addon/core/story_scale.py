# SPDX-License-Identifier: GPL-3.0-or-later
"""How large models are: from configs to places at one scale, a camera that pulls back, signs and captions. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .errors import UserError
from .known_models import USUAL, KnownModel, find_known
from .layout_config import lay_out_config, parameters_of
from .layout_types import Bounds, Label, Layout, Ribbon, Vector, text_width
from .pull_back import frame_height, pull_back, seen_at
from .shots import Key, pose_of
from .story_types import Act, Caption, Formula, Shot, Story
from .timeline import reading_time
from .words.sides import SCALE, Sentences

TOKENS = 8  # of the text that activations are drawn for
MOST_MODELS = 12
APART = 0.12  # between two models, in widths of the smaller one
LETTERS = 0.044  # height of a capital of a model's name, in widths of the model
SLAB = 0.0045  # how thick a model's slabs are, in its widths: thickness is no axis
VIEW = (-9.0, 60.0)  # azimuth and lens of the shot of a model
WHOLE_VIEW = (-20.0, 60.0)  # and of all together
ELEVATIONS = tuple(range(42, 27, -1))  # degrees: the first from which the subject fills the frame from side to side
NARROWEST = 0.55  # of the picture: for how much of its width a model is folded, as others stand beside it
BELOW = 0.17
FULL = 0.86  # of the frame's width: what fills it from side to side
APPEAR = 0.12  # share of the move to a model after which it appears
LEAST_MOVE, MOST_MOVE = 1.6, 5.0
FIELD = 105.0  # metres: how long a football field is
TITLE = 3.2  # seconds
REST = 3.4  # seconds at least between two moves

ENGLISH = Sentences(SCALE, "en")
# What the line at the top says a hue stands for, by its moment.
KEY = (("queries", "feature"), ("output", "head"), ("mlp", "neuron"), ("words", "token"))


@dataclass(frozen=True)
class Standing:
    """A model where it stands: its layout in coordinates of its own, which begin at `at` in the scene."""

    model: KnownModel
    layout: Layout
    at: Vector
    box: Bounds  # in the scene, without its name
    titles: tuple[Label, ...]  # before it on the floor, in the scene
    ruler: Ribbon  # as long as one row of the residual stream, in the scene
    thickness: float

    @property
    def width(self) -> float:
        return self.box.high[0] - self.box.low[0]

    @property
    def foot(self) -> Vector:
        """Where its sign stands: at its front left corner."""
        return self.box.low[0], self.box.low[1], 0.0

    def corners(self) -> tuple[Vector, ...]:
        """What a camera has to see of it: the model and its name."""
        words = (corner for label in self.titles for corner in label.extent().corners())
        return (*self.box.corners(), *words)


@dataclass(frozen=True)
class Sign:
    """A small sign on a pole at a model's corner, for when its name on the floor is too small: it keeps its size on
    screen. `rises` are (second, height of the pole in frame heights)."""

    name: str
    count: str
    foot: Vector
    start: float
    end: float
    rises: tuple[tuple[float, float], ...]
    size: float  # of its letters, in frame heights


@dataclass(frozen=True)
class ScalePlan:
    """A whole film: the models, what is said when, where the camera is and which signs stand. Each model is `seen`
    from a second on until another."""

    standings: tuple[Standing, ...]
    story: Story
    keys: tuple[Key, ...]
    signs: tuple[Sign, ...]
    seen: tuple[tuple[float, float], ...]
    aspect: float


def tell_scale(
    models: Iterable[str] = USUAL,
    *,
    seconds: float | None = None,
    aspect: float = 16 / 9,
    language: str = "en",
    durations: Mapping[str, float] | None = None,
) -> ScalePlan:
    """The film of some models, from the smallest to the largest and back.

    `models` are keys of `known_models.KNOWN` or paths of config.json; `seconds` about how long it is to be (captions
    keep the time to be read), `aspect` width over height of the picture, `durations` the least seconds of captions, by
    their text. Raises UserError for a model that there is
    not, for fewer than two and for more than a dozen, and for a language that there is not.
    """
    say = Sentences(SCALE, language)
    known = [find_known(word) for word in dict.fromkeys(models)]
    if not 2 <= len(known) <= MOST_MODELS:
        raise UserError(
            f"A comparison of sizes needs 2 to {MOST_MODELS} models, not {len(known)}.",
            "Write their names with commas between them, for example nano-sort,gpt2,gpt-3.",
            2,
        )
    standings = line_up(known, aspect, say)
    pace = 1.0
    story = _story(standings, pace, aspect, say, durations or {})
    if seconds is not None:
        # Twice: what is read keeps its time, so that the rest has to give more.
        for _ in range(2):
            pace = max(0.3, pace * seconds / story.duration)
            story = _story(standings, pace, aspect, say, durations or {})
    keys = pull_back(story.shots, story.duration, aspect)
    back = story.shots[-1]
    ends = [story.duration + 1.0, *[back.start + back.move] * (len(standings) - 1)]
    starts = [-1.0, *(shot.start + APPEAR * shot.move for shot in story.shots[1 : len(standings)])]
    seen = tuple(zip(starts, ends, strict=True))
    return ScalePlan(standings, story, keys, _signs(standings, story, keys, aspect), seen, aspect)


def line_up(models: Sequence[KnownModel], aspect: float = 16 / 9, say: Sentences = ENGLISH) -> tuple[Standing, ...]:
    """Where models stand, the smallest first: their fronts on one line, from left to right; in a picture that is
    higher than wide one behind the other. A step along an axis is as long in each as in the others."""
    ordered = sorted(models, key=lambda model: parameters_of(model.config))
    standings: list[Standing] = []
    at = 0.0
    for model in ordered:
        fold = aspect if aspect < 1 else aspect * _share(standings, model)
        layout = lay_out_config(model.config, model.name, tokens=TOKENS, aspect=fold)
        box = _box(layout)
        width, depth = box.high[0] - box.low[0], box.high[1] - box.low[1]
        front = 0.0 if aspect >= 1 else at + _titles_depth(width)
        left = at if aspect >= 1 else 0.0
        move = (left - box.low[0], front - box.low[1], 0.0)
        standings.append(_stand(model, layout, move, say))
        at += (width + APART * width) if aspect >= 1 else _titles_depth(width) + depth + 0.05 * depth
    return tuple(standings)


def _share(before: Sequence[Standing], model: KnownModel) -> float:
    """About which share of the picture's width is left for a model beside those before it."""
    if not before:
        return 1.0
    last = before[-1]
    width = last.width * math.sqrt(parameters_of(model.config) / last.layout.parameters)
    return max(NARROWEST, width / (width + last.box.high[0]))


def _box(layout: Layout) -> Bounds:
    """The box around the blocks alone: without the title that a layout leaves room for."""
    low, high = layout.bodies[:, 0].min(0), layout.bodies[:, 1].max(0)
    return Bounds((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))


def _titles_depth(width: float) -> float:
    return 5.2 * LETTERS * width


def _stand(model: KnownModel, layout: Layout, at: Vector, say: Sentences) -> Standing:
    box = _box(layout)
    low = (box.low[0] + at[0], box.low[1] + at[1], box.low[2])
    high = (box.high[0] + at[0], box.high[1] + at[1], box.high[2])
    width = high[0] - low[0]
    channels = _channels(layout)
    lines = (
        (model.name, 1.0, "text"),
        (say.say("parameters", count=layout.parameters), 0.62, "secondary"),
        # What the green ruler before it stands for comes first.
        (say.say("sizes", channels=channels, layers=_layers(layout)), 0.5, "channel"),
    )
    size = min(LETTERS * width, *(0.9 * width / text_width(words, share) for words, share, _hue in lines))
    titles, y = [], low[1] - 0.5 * size
    for words, share, hue in lines:
        y -= 1.5 * share * size
        titles.append(Label(words, (low[0], y, 0.0), share * size, "floor", "left", 0, hue))
    y -= 0.4 * size
    ruler = Ribbon(((low[0], y, 0.0), (low[0] + channels, y, 0.0)), 0.16 * size, "flow")
    thickness = max(0.6, SLAB * width)
    return Standing(model, layout, at, Bounds(low, high), tuple(titles), ruler, thickness)


def _layers(layout: Layout) -> int:
    return len({block.layer for block in layout.blocks if block.layer is not None})


def _channels(layout: Layout) -> int:
    return next(block.counts[1] for block in layout.blocks if block.part == "residual_0")


def _story(
    standings: tuple[Standing, ...], pace: float, aspect: float, say: Sentences, durations: Mapping[str, float]
) -> Story:
    """Acts, captions and shots: one of each for a model, then all of them, then the way back."""
    first, last = standings[0], standings[-1]
    acts: list[Act] = []
    captions: list[Caption] = []
    shots: list[Shot] = []
    now = 0.0

    def act(
        name: str,
        words: str,
        points: Iterable[Vector],
        before: Iterable[Vector],
        view: tuple[float, float] = VIEW,
    ) -> None:
        nonlocal now
        seen = tuple(points)
        move = _move_time(before, seen) * max(pace, 0.6) if shots else 0.0
        lead = 0.1 + 0.45 * move if shots else TITLE
        need = max(reading_time(words) * max(pace, 1.0), durations.get(words, 0.0))
        length = max(lead + need + 0.05, move + REST * pace)
        box = Bounds.around(seen)
        shots.append(_shot(now, move, Bounds(box.low, box.high, seen), view, name, aspect))
        captions.append(Caption(now + lead, length - lead - 0.05, words))
        acts.append(Act(name, now, length))
        now += length

    before: tuple[Vector, ...] = ()
    for i, standing in enumerate(standings):
        points = (*(corner for one in standings[:i] for corner in one.box.corners()), *standing.corners())
        act(standing.model.name, _caption(standing, first, say), points, before)
        before = points
    everything = tuple(corner for standing in standings for corner in standing.corners())
    act(say.say("act all"), _whole(first, last, say), everything, before, view=WHOLE_VIEW)
    act(say.say("act back", first=first.model.name), say.say("back"), first.corners(), everything)
    key = tuple((f"∎ {say.say(moment)}  ", hue) for moment, hue in KEY)
    return Story(
        duration=now,
        acts=tuple(acts),
        captions=tuple(captions),
        formulas=(),
        shots=tuple(shots),
        fills=(),
        uses=(),
        shapes=(Formula(TITLE, now - TITLE, (*key, (say.say("shapes"), "secondary"))),),
        title=(say.say("title", last=last.model.name), say.say("subtitle", count=len(standings)), 0.0, TITLE),
    )


def _shot(start: float, move: float, subject: Bounds, view: tuple[float, float], name: str, aspect: float) -> Shot:
    """From as high as leaves no room at the sides: from higher, what is deep would have to be further away."""
    azimuth, lens = view[0] * min(1.0, aspect), view[1]
    for elevation in ELEVATIONS:
        shot = Shot(start, move, subject, azimuth, float(elevation), lens, name, BELOW)
        x = seen_at(subject.corners(), pose_of(shot, aspect), aspect)[:, 0]
        if float(x.max() - x.min()) > FULL * aspect:
            break
    return shot


def _move_time(before: Iterable[Vector], after: Iterable[Vector]) -> float:
    """Longer for a larger change of scale, but less than in proportion to its logarithm."""
    a, b = (Bounds.around(points) for points in (before, after))
    ratio = abs(math.log((b.high[0] - b.low[0]) / (a.high[0] - a.low[0])))
    return min(MOST_MOVE, LEAST_MOVE + 0.75 * ratio)


def _caption(standing: Standing, first: Standing, say: Sentences) -> str:
    layout = standing.layout
    experts = standing.model.config.get("num_local_experts")
    return say.say(
        "first" if standing is first else "experts" if experts else "next",
        name=standing.model.name,
        parameters=layout.parameters,
        layers=_layers(layout),
        times=times(layout.parameters / first.layout.parameters, say),
        first=first.model.name,
        experts=experts,
        chosen=standing.model.config.get("num_experts_per_tok", 2),
    )


def _whole(first: Standing, last: Standing, say: Sentences) -> str:
    ratio = first.width / last.width
    return say.say(
        "all" if ratio < 0.1 else "few",
        last=last.model.name,
        first=first.model.name,
        times=times(last.layout.parameters / first.layout.parameters, say),
        small=_length(FIELD * ratio, say),
    )


def times(ratio: float, say: Sentences = ENGLISH) -> str:
    """A ratio in four digits that count, or one after the point where it is small: 2,037,000; 9.6."""
    if ratio < 100:
        return say.number(ratio, 1 if f"{ratio:.1f}"[-1] != "0" else 0)
    unit = 10 ** max(0, int(math.log10(ratio)) - 3)
    return say.number(round(ratio / unit) * unit)


def _length(metres: float, say: Sentences) -> str:
    if metres >= 1:
        return f"{say.number(metres)} m"
    return f"{say.number(metres * 100)} cm" if metres >= 0.01 else f"{say.number(metres * 1000, 1)} mm"


def short_count(count: int) -> str:
    """A number of parameters in three digits: 85.7 K, 124 M, 1.56 B."""
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= unit:
            value = count / unit
            return f"{value:.{max(0, 2 - int(math.log10(value)))}f} {name}"
    return str(count)


LEGIBLE = 0.017  # share of the frame's height under which a name on the floor is replaced by a sign
SIGN = 0.042  # size of a sign's letters, in frame heights or, in a picture higher than wide, in its widths
LOWEST = 1.05  # of a pole, in sizes
LINE, LETTER = 1.1, 0.48  # height of a sign and about the width of a letter, in sizes


def _signs(standings: tuple[Standing, ...], story: Story, keys: tuple[Key, ...], aspect: float) -> tuple[Sign, ...]:
    """A sign for each model from the first shot on in which its own name is too small, as high as none other is hit."""
    size = SIGN * min(1.0, aspect)
    arrivals = [next(k for k in keys if k.second >= shot.start + shot.move - 1e-6) for shot in story.shots]
    rises: list[list[tuple[float, float]]] = [[] for _ in standings]
    starts: list[float | None] = [None] * len(standings)
    for shot, key in zip(story.shots, arrivals, strict=True):
        taken: list[tuple[float, float, float]] = []
        if shot is story.shots[-1]:
            break
        # From the largest to the smallest: poles of the small ones grow at the side of all others.
        for i in reversed(range(len(standings))):
            x, y, depth = seen_at([standings[i].foot], key, aspect)[0].tolist()
            letters = standings[i].titles[0].size * math.sin(math.radians(key.elevation))
            if letters / frame_height(key, depth, aspect) > LEGIBLE or shot.start + 1e-6 < _own(story, i):
                continue
            if starts[i] is None:
                starts[i] = shot.start + 0.55 * shot.move
            width = LETTER * size * len(f"{standings[i].model.name}  {short_count(standings[i].layout.parameters)}")
            rise = LOWEST * size
            while any(a < x + width and x < b and abs(at - y - rise) < LINE * size for a, b, at in taken):
                rise += 0.25 * size
            taken.append((x - 0.01, x + width, y + rise))
            rises[i] += [(shot.start + shot.move, rise), (_end(story, shot), rise)]
    back = story.shots[-1]
    found = []
    for standing, start, heights in zip(standings, starts, rises, strict=True):
        if start is not None:
            count = short_count(standing.layout.parameters)
            end = back.start + 0.5 * back.move
            found.append(Sign(standing.model.name, count, standing.foot, start, end, tuple(heights), size))
    return tuple(found)


def _end(story: Story, shot: Shot) -> float:
    """When the camera leaves a shot."""
    return next((later.start for later in story.shots if later.start > shot.start), story.duration)


def _own(story: Story, i: int) -> float:
    """When the camera leaves a model's own shot."""
    return story.shots[i + 1].start
