# SPDX-License-Identifier: GPL-3.0-or-later
"""The film of how large models are: what is said and where the camera is, from the smallest model to the largest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .errors import UserError
from .known_models import USUAL, find_known
from .layout_types import Bounds, Vector
from .pull_back import pull_back, seen_at
from .scale_signs import Sign, signs_of
from .scale_standings import Standing, line_up
from .scale_words import caption_of, caption_of_all
from .shots import Key, pose_of
from .story_types import Act, Caption, Formula, Shot, Story
from .timeline import reading_time
from .words.sides import SCALE, Sentences

MOST_MODELS = 12
VIEW = (-9.0, 60.0)  # azimuth in degrees and lens in mm of the shot of a model
WHOLE_VIEW = (-20.0, 60.0)  # and of all together
ELEVATIONS = tuple(range(42, 27, -1))  # degrees: the first from which the subject fills the frame from side to side
BELOW = 0.17  # share of the picture that is left free below
FULL = 0.86  # of the frame's width: what fills it from side to side
APPEAR = 0.12  # share of the move to a model after which it appears
LEAST_MOVE, MOST_MOVE = 1.6, 5.0  # seconds
TITLE = 3.2  # seconds
REST = 3.4  # seconds at least between two moves

# What the line at the top says a hue stands for, by its moment.
KEY = (("queries", "feature"), ("output", "head"), ("mlp", "neuron"), ("words", "token"))


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
    their text. Raises UserError for a model that there is not, for fewer than two and for more than a dozen, and for a
    language that there is not.
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
    return ScalePlan(standings, story, keys, signs_of(standings, story, keys, aspect), seen, aspect)


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
        act(standing.model.name, caption_of(standing, first, say), points, before)
        before = points
    everything = tuple(corner for standing in standings for corner in standing.corners())
    act(say.say("act all"), caption_of_all(first, last, say), everything, before, view=WHOLE_VIEW)
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
