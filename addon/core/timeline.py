# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a story: beats laid one after another, each long enough to be read; what happens in them is collected."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .axis_colors import name_and_size
from .story_types import Act, Arrival, Caption, Fill, Formula, Legend, Products, Pulse, Shot, Story, Told, Use
from .subjects import Subjects
from .values import Values

READING = 15.0  # characters a second
LEAST_CAPTION = 1.6
REST = 0.35  # after an action, so that it can be taken in
MOVE = 1.25  # seconds of a camera move; a hurried story takes less, but at least LEAST_MOVE of it
LEAST_MOVE = 0.75
QUICKEST = 0.6  # seconds that a move in the midst of an action takes at least
OPENING = 0.7  # seconds to look at what a story opens with in the midst of the model
AT_ONCE = 1e-6  # seconds that two windows of one time share
PRODUCT = "product"  # the angle from which a multiply is told
AWAY, LEAST_CLOSE_UP = 1.1, 0.8  # seconds of the way back from a close-up, and that there have to be before it
CLOSE = 0.8  # of the size of the whole: what a close-up shows at most
CLOSER, SLOWEST = 0.75, 5.0  # of these: how long the way there takes, and the seconds that it takes at most
AFTERGLOW = 1.2  # how long a result keeps its colours after its last use

Window = tuple[float, float]  # start and end, in story seconds

# What a shot looks like: azimuth and elevation in degrees, lens in mm, share of the picture left free below.
ANGLES = {
    "opening": (-34.0, 22.0, 50.0, 0.24),
    "model": (-4.0, 29.0, 85.0, 0.15),
    "section": (-8.0, 44.0, 60.0, 0.16),
    "sum": (-8.0, 36.0, 60.0, 0.24),
    "attention": (-20.0, 40.0, 60.0, 0.16),
    "multiply": (-42.0, 37.0, 60.0, 0.24),
    "product": (-40.0, 36.0, 60.0, 0.24),
    "head": (-44.0, 36.0, 60.0, 0.24),
    "softmax": (-12.0, 40.0, 50.0, 0.24),
    "share": (-12.0, 28.0, 60.0, 0.24),
    "deep": (-34.0, 38.0, 60.0, 0.24),
    "table": (-12.0, 38.0, 60.0, 0.16),
    "output": (-28.0, 37.0, 60.0, 0.25),
    "odds": (-14.0, 22.0, 60.0, 0.25),
}


class Timeline:
    """Collects a story. `pace` scales how long actions take; captions always get the time to be read, and those in
    `spoken` the seconds that saying them takes."""

    def __init__(
        self, subjects: Subjects, values: Values, pace: float = 1.0, spoken: Mapping[str, float] | None = None
    ) -> None:
        self.spoken = spoken or {}
        self._subjects = subjects
        self.values = values
        self.pace = pace
        self.now = 0.0
        self._acts: list[tuple[str, float]] = []
        self._captions: list[Caption] = []
        self._formulas: list[Formula] = []
        self._shots: list[Shot] = []
        self._fills: dict[str, Fill] = {}
        self._uses: dict[str, list[Use]] = defaultdict(list)
        self._legends: list[Legend] = []
        self._arrivals: list[Arrival] = []
        self._products: list[Products] = []
        self._shapes: list[Formula] = []
        self._pulses: list[Pulse] = []
        self._told: list[Told] = []
        self._title_end = 0.0
        self._rested = 0.0  # until when rests are taken

    def title(self, end: float) -> None:
        """The title card stands until then."""
        self._title_end = end

    def rest(self, seconds: float) -> Window:
        """The last stretch of the rest before what comes next; a story that has not begun begins with it."""
        self.now = self._rested = max(self.now, self._rested + seconds)
        return self.now - seconds, self.now

    def act(self, name: str) -> None:
        """Begin a chapter."""
        self._acts.append((name, self.now))

    def beat(
        self,
        action: float,
        caption: str | Sequence[str] = (),
        shot: tuple[str | Sequence[str], str] | None = None,
        flight: float = MOVE,
    ) -> Window:
        """The next stretch of time: the camera moves to `shot` (a named place of the layout or the keys of the
        blocks to see, and a kind of angle) for `flight` seconds, then the action runs for `action` seconds of pace,
        or as long as the captions take to be read one after another. Returns the window of the action."""
        start = self.now
        opens = not self._shots and start > 0
        if shot is None and not self._shots:
            shot = "model", "model"
        move = self._look(*shot, flight) if shot is not None else 0.0
        lead = OPENING if opens else move * 0.85
        length = max(move, lead) + action * self.pace + REST
        words = [one for one in ([caption] if isinstance(caption, str) else caption) if one]
        length = max(length, sum(map(self.time_of, words)))
        self.now = start + length
        self._read(words, start)
        return start + lead, self.now - REST

    def rounds(
        self, count: int, action: float, captions: Sequence[str], shot: tuple[str | Sequence[str], str]
    ) -> list[Window]:
        """A stretch of `count` equally long actions, one after another at even intervals, each `action` seconds of
        pace or longer, while captions are read that share the time of all. Returns the windows of the actions."""
        start = self.now
        lead = self._look(*shot) * 0.85
        reading = [self.time_of(caption) for caption in captions if caption]
        length = max(action * self.pace + REST, (sum(reading) - lead) / count)
        self.now = start + lead + count * length
        self._read([caption for caption in captions if caption], start)
        first = self.now - count * length
        return [(first + i * length, first + (i + 1) * length - REST) for i in range(count)]

    def told_rounds(
        self, action: float, captions: Sequence[Sequence[str]], shots: Sequence[tuple[str | Sequence[str], str]]
    ) -> list[Window]:
        """Equally long actions, one for each entry of `captions`, whose sentences are read during it, and of `shots`,
        to which the camera moves as it begins."""
        reading = max(sum(map(self.time_of, words)) for words in captions)
        start = self.now
        lead = self._look(*shots[0]) * 0.85
        length = max(action * self.pace + REST, reading)
        windows = []
        for i, words in enumerate(captions):
            begins = start + lead + i * length
            if i > 0 and shots[i] != shots[i - 1]:
                self._look(*shots[i])
            self.now = begins + length
            self._read(words, start if i == 0 else begins)
            windows.append((begins, self.now - REST))
        return windows

    def time_of(self, caption: str) -> float:
        """How long a caption must stay: to be read, and to be spoken where that is known."""
        return max(reading_time(caption), self.spoken.get(caption, 0.0))

    def _read(self, captions: Sequence[str], start: float) -> None:
        """Captions one after another share the time from `start` until now, each by the time that it takes to read."""
        stretch = (self.now - start) / (sum(map(self.time_of, captions)) or 1.0)
        for caption in captions:
            seconds = self.time_of(caption) * stretch
            self._captions.append(Caption(start + 0.1, seconds - 0.15, caption))
            start += seconds

    def _look(self, place: str | Sequence[str], angle: str, flight: float = MOVE) -> float:
        """The camera moves to a place, from now on; returns how long that takes."""
        move = flight * min(1.0, max(self.pace, LEAST_MOVE)) if self._shots else 0.0
        azimuth, elevation, lens, below = ANGLES[angle]
        name = place if isinstance(place, str) else ", ".join(place)
        if isinstance(place, str):
            shot = Shot(self.now, move, self._subjects.place(place), azimuth, elevation, lens, name, below)
        elif angle == PRODUCT:
            faces, walls = self._subjects.faces(place)
            subject = self._subjects.around(faces)
            shot = Shot(self.now, move, subject, azimuth, elevation, lens, name, below, faces=faces, walls=walls)
        else:
            shot = Shot(self.now, move, self._subjects.blocks(place), azimuth, elevation, lens, name, below)
        self._shots.append(shot)
        return move

    @property
    def shot_count(self) -> int:
        """How many shots there are so far."""
        return len(self._shots)

    def change_shots(self, first: int, change: Callable[[Shot], Shot]) -> None:
        """Change the shots from the `first` on, counted from 0."""
        self._shots[first:] = map(change, self._shots[first:])

    def close_up(
        self, window: Window, left: str, right: str, out: str, row: int | None = None, back: bool = True
    ) -> None:
        """While a multiply runs the camera comes close to where the operands and the result meet; at the end it goes
        `back` to where it was. `row` is the worked one."""
        whole = self._shots[-1]
        start = max(window[0], whole.start + whole.move)
        away = window[1] - AWAY * min(1.0, self.pace + 0.4) if back else window[1]
        if away - start < LEAST_CLOSE_UP:
            return
        subject = self._subjects.meeting(left, right, out, row)
        if math.dist(subject.low, subject.high) > CLOSE * math.dist(whole.subject.low, whole.subject.high):
            return
        move = min(CLOSER * (away - start), SLOWEST)
        name = f"{whole.name}, close"
        self._shots.append(replace(whole, start=start, move=move, subject=subject, name=name, within=whole.subject))
        if back:
            self._shots.append(replace(whole, start=away, move=window[1] - away))

    def turn_to(self, window: Window, look: tuple[str | Sequence[str], str]) -> None:
        """In the midst of an action the camera moves to what it leads to: within the window or, where that is too short
        for a look, from a little before it on."""
        rested = self._shots[-1].start + self._shots[-1].move
        now, self.now = self.now, max(rested, min(window[0], window[1] - QUICKEST))
        move = self._look(*look)
        self._shots[-1] = replace(self._shots[-1], move=min(move, window[1] - self.now))
        self.now = now

    def sees(self, place: str) -> bool:
        """Whether the camera looks at a place."""
        return bool(self._shots) and self._shots[-1].name == place

    def filled(self) -> frozenset[str]:
        """The blocks that have got their values so far."""
        return frozenset(self._fills)

    def there(self, keys: Sequence[str]) -> list[str]:
        """Those of some keys that a block of this layout has."""
        return [key for key in keys if key in self.values.blocks]

    def fill(
        self, keys: Sequence[str], window: Window, style: str = "row", focus: int | None = None, share: float = 0.0
    ) -> None:
        """Blocks get their values; keys of blocks that this model or this step does not have are passed over. Raises
        ValueError for a block that has got its values before."""
        start, end = window
        for key in self.there(keys):
            if key in self._fills:
                raise ValueError(f"{key} fills twice: at {self._fills[key].start:.2f} s and at {start:.2f} s")
            self._fills[key] = Fill(key, start, end - start, style, focus, share, end + AFTERGLOW)

    def use(self, keys: Sequence[str], window: Window, side: str, focus: int | None = None, share: float = 0.0) -> None:
        """Blocks are in play as operands."""
        start, end = window
        for key in self.there(keys):
            self._uses[key].append(Use(key, start, end - start, side, focus, share))

    def multiply(
        self,
        left: Sequence[str],
        right: Sequence[str],
        out: Sequence[str],
        window: Window,
        style: str = "row",
        focus: int | None = None,
        share: float = 0.0,
    ) -> None:
        """One multiply: the operands light up as the result fills."""
        self.use(left, window, "left", focus, share)
        self.use(right, window, "right", focus, share)
        self.fill(out, window, style, focus, share)

    def formula(self, window: Window, parts: Sequence[tuple[str, str]]) -> None:
        """Show a running formula."""
        self._formulas.append(Formula(window[0], window[1] - window[0], tuple(parts)))

    def products(self, window: Window, left: str, right: str, row: int) -> None:
        """Show the product plane of a worked row."""
        self._products.append(Products(window[0], window[1] - window[0], left, right, row))

    def shapes(self, window: Window, left: str, right: str, out: str) -> None:
        """Say what is multiplied: names, and dimensions in the colours of their axes. What is not in play stands back
        meanwhile."""
        self._told.append(Told(window[0], window[1] - window[0], left, right, out))
        parts: list[tuple[str, str]] = []
        for key, after in ((left, "⋅"), (right, "="), (out, "")):
            parts += name_and_size(self.values.blocks[key])
            if after:
                parts.append((after, "secondary"))
        self._shapes.append(Formula(window[0], window[1] - window[0], tuple(parts)))

    def legend(self, key: str, name: str, window: Window) -> None:
        """Say what the colours of a block mean; it stays until the next legend. The key of a block that this model does
        not have is passed over."""
        if not self.there([key]):
            return
        low, high = self.values.ends(key)
        self._legends.append(Legend(window[0], window[1] - window[0], name, low, high))

    def pulse(self, window: Window) -> None:
        """A light runs through the whole model."""
        self._pulses.append(Pulse(window[0], window[1] - window[0]))

    def arrive(self, token: int, at: float) -> None:
        """A token takes its place in the running text."""
        self._arrivals.append(Arrival(at, token))

    def story(self, title: str, subtitle: str) -> Story:
        """Everything collected, sorted, with windows that belong together joined."""
        ends = [*(start for _name, start in self._acts[1:]), self.now]
        acts = tuple(Act(name, start, end - start) for (name, start), end in zip(self._acts, ends, strict=True))
        uses = {key: _joined(sorted(many, key=lambda use: use.start)) for key, many in self._uses.items()}
        # A result keeps its colours until its first use is over; later uses light it up again.
        first = {key: many[0].start + many[0].duration + AFTERGLOW for key, many in uses.items()}
        fills = [
            replace(fill, relax=max(fill.relax, first.get(fill.block, fill.relax))) for fill in self._fills.values()
        ]
        return Story(
            duration=self.now,
            acts=acts,
            captions=tuple(self._captions),
            formulas=tuple(self._formulas),
            shots=tuple(self._shots),
            fills=tuple(sorted(fills, key=lambda fill: fill.start)),
            uses=tuple(sorted((u for many in uses.values() for u in many), key=lambda use: use.start)),
            legends=_without_gaps(self._legends, self.now),
            arrivals=tuple(sorted(self._arrivals, key=lambda arrival: arrival.start)),
            products=tuple(self._products),
            shapes=tuple(self._shapes),
            pulses=tuple(self._pulses),
            told=tuple(self._told),
            title=(title, subtitle, 0.0, self._title_end) if self._title_end > 0 else None,
        )


def reading_time(text: str) -> float:
    """How long a caption must stay, in seconds."""
    return max(LEAST_CAPTION, len(text) / READING + 0.4)


def _joined(uses: list[Use]) -> tuple[Use, ...]:
    """Uses of one block at once, as by heads that share keys, and those that follow each other closely become one: a
    material knows a first window and later, evenly spaced ones. The focus stays on its row until the last focused use
    is over."""
    joined: list[Use] = []
    for use in uses:
        last = joined[-1] if joined else None
        gap = math.inf if last is None else use.start - (last.start + last.duration)
        if last is None or gap > 4.0 or (last.focus is None and gap > -AT_ONCE):
            joined.append(use)
            continue
        start, end = last.start, max(last.start + last.duration, use.start + use.duration)
        focused = use.start + use.duration * use.share if use.focus is not None else start + last.duration * last.share
        focus = use.focus if last.focus is None else last.focus
        joined[-1] = replace(last, duration=end - start, focus=focus, share=(focused - start) / (end - start))
    return tuple(joined)


def _without_gaps(legends: list[Legend], end: float) -> tuple[Legend, ...]:
    """Each legend stays until the next."""
    starts = [*(legend.start for legend in legends[1:]), end][: len(legends)]
    return tuple(
        replace(legend, duration=max(start - legend.start, 0.01)) for legend, start in zip(legends, starts, strict=True)
    )
