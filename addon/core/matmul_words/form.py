# SPDX-License-Identifier: GPL-3.0-or-later
"""What a language has to say for every moment of the film of one multiply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..matmul_operands import Axis
from ..wording import quoted


@dataclass(frozen=True)
class MultiplyWords:
    """One language. `captions` has for each moment sentences by what is multiplied ("" for all that is not named), each
    full and brief; `nouns` what one step of an axis is called, and many; the rest are parts of sentences."""

    titles: Mapping[str, str]
    subtitle: str
    layer: str
    head: str
    acts: Mapping[str, str]
    captions: Mapping[str, Mapping[str, tuple[str, str]]]
    nouns: Mapping[str, tuple[str, str]]
    some: str  # of an axis that is cut
    sum: str
    so_far: str
    before_bias: str
    thousands: str

    def count(self, number: int) -> str:
        """A whole number with its thousands set apart."""
        return f"{number:,}".replace(",", self.thousands)

    def one(self, axis: Axis) -> str:
        """What a step of an axis is."""
        return self.nouns[axis.noun][0]

    def many(self, axis: Axis) -> str:
        """What its steps are; the singular where there is one only."""
        return self.nouns[axis.noun][axis.whole != 1]

    def brace(self, axis: Axis) -> str:
        """What is written at an axis' brace: "6 tokens", "32 of 192 neurons"."""
        whole, many = self.count(axis.whole), self.many(axis)
        return (
            f"{whole} {many}"
            if axis.count == axis.whole
            else self.some.format(count=axis.count, whole=whole, many=many)
        )

    def step(self, axis: Axis, step: int) -> str:
        """A shown step in a sentence: "token 5, 'B'," or "feature 3"."""
        said = f"{self.one(axis)} {axis.first + step + 1}"
        return f"{said}, {quoted(axis.texts[step])}," if axis.texts else said

    def sentence(self, moment: str, part: str, brief: bool, **values: object) -> str:
        """The caption of a moment with its numbers filled in; KeyError for a moment that there is not."""
        kinds = self.captions[moment]
        text = kinds.get(part, kinds[""])[brief].format(**values)
        return text[0].upper() + text[1:]
