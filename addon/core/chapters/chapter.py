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


def no_legend(_teller: Teller) -> None:
    """The colours show what they showed before."""


@dataclass(frozen=True)
class Chapter:
    """A chapter of a story, by its `name`. `act` is its act's, by its name in the
    catalogs; `worked` tells it slowly, with its own beats; `run`
    gives its blocks their values in one window, without a word. Told at once it is one beat of `seconds` with the
    caption of `moment` and the picture that `look` chooses, in which it runs. Right after the chapter that it `joins`
    it is part of that one's act. `legend` is a block and the name of what its colours show, for the same beat; with
    `passed` a chapter has beats of its own for that too."""

    name: str
    applies: Callable[[Teller], bool]
    act: Callable[[Teller], str]
    worked: Callable[[Teller], None]
    run: Callable[[Teller, Window], None]
    look: Callable[[Teller], Look]
    moment: Callable[[Teller], str]
    seconds: float = 1.8
    joins: str = ""
    legend: Callable[[Teller], tuple[str, str] | None] = no_legend
    passed: Callable[[Teller], None] | None = None

    def passes(self, teller: Teller) -> None:
        """Told at once."""
        if self.passed is not None:
            self.passed(teller)
            return
        window = teller.line.beat(self.seconds, teller.say(self.moment(teller)), self.look(teller))
        self.run(teller, window)
        shown = self.legend(teller)
        if shown is not None:
            teller.legend(*shown, window)
