# SPDX-License-Identifier: GPL-3.0-or-later
"""What a language has to say for every moment of a story: the form that `en.py` and its translations fill in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

BETWEEN = re.compile(r"(, | \+ | × |   )")  # names in one
NUMBER = re.compile(r"\d+(?:,\d{3})*")


@dataclass(frozen=True)
class Unit:
    """What a token is called, in the forms that sentences need."""

    one: str
    many: str
    each: str  # begins a sentence
    new: str  # begins a sentence
    next: str
    with_new: str
    for_each: str
    for_each_of: str  # with {count}


@dataclass(frozen=True)
class Catalog:
    """One language. `captions` has for each moment the full sentence and the brief one, `why` for some of them what the
    step is for; `acts` names chapters, `legends` what the colours show, `cards` what charts and formulas
    say, `labels` what the layout calls in English, with # for a number. Words in braces are filled in from the run."""

    language: str
    name: str
    captions: Mapping[str, tuple[str, str]]
    why: Mapping[str, str]
    acts: Mapping[str, str]
    legends: Mapping[str, str]
    cards: Mapping[str, str]
    labels: Mapping[str, str]
    units: Mapping[str, Unit]
    unseen: Mapping[str, str]  # tokens that leave no mark
    subtitle: str
    titles: tuple[str, str]  # of a run that sorts, and of one that goes on with a text
    thousands: str

    def count(self, number: int) -> str:
        """A whole number with its thousands set apart."""
        return f"{number:,}".replace(",", self.thousands)

    def label(self, text: str) -> str:
        """What the layout calls `text`, in this language; a list or a sum of names is one of each."""
        return "".join(self._word(part) for part in BETWEEN.split(text))

    def _word(self, text: str) -> str:
        numbers = NUMBER.findall(text)
        said = self.labels.get(NUMBER.sub("#", text))
        if said is None:
            return text
        for number in numbers:
            said = said.replace("#", number.replace(",", self.thousands), 1)
        return said


def fields(template: str) -> set[str]:
    """The names in the braces of a sentence. ValueError for braces that do not match."""
    return {name for _text, name, _spec, _conversion in Formatter().parse(template) if name is not None}
