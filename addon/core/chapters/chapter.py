# SPDX-License-Identifier: GPL-3.0-or-later
"""What a chapter is: whether a run has it, and how it tells itself slowly, at once, or unseen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..story_teller import Teller
from ..timeline import Window

Look = tuple[str | Sequence[str], str]  # a place or the keys of blocks, and a kind of angle


def nothing(_teller: Teller, _window: Window) -> None:
    """A chapter in which no block gets its values."""


@dataclass(frozen=True)
class Chapter:
    """A chapter of a story, by its `name`. `title` is the act's; `worked` tells it slowly, with its own beats; `run`
    gives its blocks their values in one window, without a word. Told at once it is one beat of `seconds` with the
    caption of `moment` and the picture that `look` chooses, in which it runs. Right after the chapter that it `joins`
    it is part of that one's act."""

    name: str
    applies: Callable[[Teller], bool]
    title: Callable[[Teller], str]
    worked: Callable[[Teller], None]
    run: Callable[[Teller, Window], None]
    look: Callable[[Teller], Look]
    moment: Callable[[Teller], str]
    seconds: float = 1.8
    joins: str = ""

    def passes(self, teller: Teller) -> None:
        """Told at once."""
        window = teller.line.beat(self.seconds, teller.say(self.moment(teller)), self.look(teller))
        self.run(teller, window)
