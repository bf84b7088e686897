# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace and its layout -> the story: what a viewer sees and reads, when. A pure function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from .chapters import CHAPTERS, Chapter, check_chapters
from .errors import UserError
from .examples import choose_example
from .framing import with_room
from .layout_types import Layout
from .layout_words import in_words
from .presets import BRIEF, DEPTHS, FULL, LAYER, PASS, STORY, STRONGEST, USUAL, WORKED, Preset
from .presets import preset as find_preset
from .story_check import check
from .story_progress import progress_of
from .story_teller import Teller
from .story_types import Act, Arrival, Caption, Fill, Formula, Legend, Products, Progress, Pulse, Shot, Story, Use
from .trace import Trace
from .values import LOCAL, Values
from .view import Views, check_views, view_of
from .words import catalog, check_captions

__all__ = [
    "Act", "Arrival", "Caption", "Fill", "Formula", "Legend", "Products", "Progress", "Pulse", "Shot", "Story",
    "Use", "read_plan", "tell",
]  # fmt: skip

SLOWEST, FASTEST = 3.0, 0.4  # bounds of the pace
NONE: Mapping[str, str] = MappingProxyType({})
NO_VIEWS: Views = MappingProxyType({})
EXACT, MOST_TRIES = 0.005, 24  # seconds by which a story may be shorter than asked for, and stories told to get there
UNSEEN = 0.3  # seconds, out of a rest, in which what is not told gets its values


def tell(
    trace: Trace,
    layout: Layout,
    seconds: float | None = None,
    scale: str = LOCAL,
    *,
    preset: str = USUAL,
    off: Collection[str] = (),
    only: Collection[str] | None = None,
    focus: tuple[int, int] | None = None,
    language: str = "en",
    captions: Mapping[str, str] = NONE,
    durations: Mapping[str, float] | None = None,
    views: Views = NO_VIEWS,
) -> Story:
    """The story of a run, about `seconds` long where given: actions are stretched or shortened, and where even that
    is too long the captions are the brief ones. Captions always get the time to be read, so a story has a shortest
    length. `scale` is that of the colours, `local` or `global` as in `Values`: the legend prints its ends.

    `preset` is one of `presets.PRESETS` that makes a story. Of its chapters those in `off` are left out, and all but
    those in `only` where that is given, which may also name chapters that the preset does not have; what is left out
    is run unseen, so that every block has its values. `focus` is the layer and the head to work, from 0.
    `language` is that of the words, one of `words.CATALOGS`; `captions` are words of your own for some moments, as
    they are called in the catalogs, with "why " before it for what the moment's step is for.
    `durations` are the least seconds of captions, by their text: those that a voice takes. `views` say from where
    chapters are seen, by their names, and "" for all of them.
    Raises UserError (code 2) for what there is not.
    """
    chosen = find_preset(preset)
    if chosen.makes != STORY:
        raise UserError(f"The preset {preset!r} is not told on the model's layout.", "Choose another preset.", 2)
    plan = read_plan(chosen, off, only)
    words = catalog(language)
    layout = in_words(layout, words)
    values = Values(trace, layout, scale)
    example = choose_example(values, focus, anywhere=chosen.example == STRONGEST)

    check_captions(captions)
    check_views(views)
    tellers = {
        depth: Teller(trace, layout, values, example, depth, words, captions) for depth in {chosen.words, FULL, BRIEF}
    }

    def told(depth: str, pace: float) -> Story:
        return _told(tellers[depth], plan, pace, durations, views)

    story = _fitted(told, chosen, seconds, whole=not off and only is None)
    return with_room(replace(check(story), language=language, progress=progress_of(layout, story)), trace, layout)


def _fitted(told: Callable[[str, float], Story], chosen: Preset, seconds: float | None, whole: bool) -> Story:
    """The story of the words and the pace with which it is nearest to its length: that which is asked for, or its own
    within what its preset takes. Where chapters are chosen by hand (not `whole`) their time is their own."""
    if seconds is None:
        natural = told(chosen.words, 1.0)
        seconds = min(max(natural.duration, chosen.seconds.shortest), chosen.seconds.longest)
        if not whole or seconds == natural.duration:
            return natural
    wordy: Story | None = None  # in more words at the fastest pace, and too long all the same
    for depth in DEPTHS[DEPTHS.index(chosen.words) :]:
        fastest = told(depth, FASTEST)
        if depth == BRIEF or fastest.duration <= seconds:
            break
        wordy = fastest
    if (
        wordy is not None
        and wordy.duration <= chosen.seconds.longest
        and wordy.duration - seconds < seconds - told(depth, SLOWEST).duration
    ):
        return wordy
    return _paced(lambda pace: told(depth, pace), seconds)


def _paced(told: Callable[[float], Story], seconds: float) -> Story:
    """The slowest story that is not longer than `seconds`, to EXACT; the fastest where all are."""
    best, slowest = told(FASTEST), told(SLOWEST)
    if best.duration > seconds or slowest.duration <= seconds:
        return best if best.duration > seconds else slowest
    low, high, longer = FASTEST, SLOWEST, slowest.duration
    for turn in range(MOST_TRIES):
        if seconds - best.duration < EXACT:
            break
        # A longer pace never makes a shorter story: along the chord, and every third time by halves.
        share = 0.5 if turn % 3 == 2 else (seconds - best.duration) / (longer - best.duration)
        pace = low + (high - low) * share
        story = told(pace)
        if story.duration > seconds:
            high, longer = pace, story.duration
        else:
            low, best = pace, story
    return best


def read_plan(chosen: Preset, off: Collection[str] = (), only: Collection[str] | None = None) -> dict[str, str]:
    """How each chapter is told that is, by name. Raises UserError (code 2) for a chapter that there is not."""
    check_chapters((*off, *(only or ())))
    plan = dict(chosen.chapters)
    if only is not None:
        plan = {name: plan.get(name, WORKED) for name in only}
    return {name: manner for name, manner in plan.items() if name not in off}


def _told(teller: Teller, plan: dict[str, str], pace: float, spoken: Mapping[str, float] | None, views: Views) -> Story:
    """Every chapter in the order of the forward pass: told as the plan says, or run unseen before the next one."""
    teller.begin(pace, spoken)
    last = ""
    waiting: list[Chapter] = []
    for chapter in _in_order(plan):
        if chapter.name not in plan:
            waiting.append(chapter)
            continue
        waiting = _run_unseen(teller, waiting)
        if not chapter.applies(teller):
            continue
        if not last or chapter.joins != last:
            teller.line.act(teller.act(chapter.act(teller)))
        last = chapter.name
        first = teller.line.shot_count
        (chapter.passes if plan[chapter.name] == PASS else chapter.worked)(teller)
        teller.line.change_shots(first, view_of(views, chapter.name).of)
    if not last:
        raise UserError("Of the chapters that are asked for, this run has none.", "Ask for others, or for all.", 2)
    _run_unseen(teller, waiting)
    return teller.line.story(*teller.title())


def _in_order(plan: dict[str, str]) -> Iterator[Chapter]:
    """The chapters; those of one layer not where that is told with all the others."""
    whole = "layers" in plan and not any(name in plan for name in LAYER)
    return (chapter for name, chapter in CHAPTERS.items() if not (whole and name in ("first-layers", *LAYER)))


def _run_unseen(teller: Teller, chapters: list[Chapter]) -> list[Chapter]:
    """What is not told gets its values in the rest before what is told next. Returns what is left: nothing."""
    if not chapters:
        return []
    start, end = teller.line.rest(UNSEEN)
    length = (end - start) / len(chapters)
    for i, chapter in enumerate(chapters):
        if chapter.applies(teller):
            chapter.run(teller, (start + i * length, start + (i + 1) * length))
    return []
