# SPDX-License-Identifier: GPL-3.0-or-later
"""A multiply of a head whose right operand lies down before it: one row of it slowly, then all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..story_teller import Teller
from ..timeline import PRODUCT, Window
from .chapter import Look


@dataclass(frozen=True)
class Multiply:
    """`blocks` are the keys of its left operand, its right one and its result; `moment` and `legend` are names of the
    catalog. The right operand is `laid` in that style. All of it takes `seconds` of pace; in that `share` of them the
    worked token's row fills number by number, about `every` so many of which a formula works out."""

    blocks: Callable[[Teller], tuple[str, str, str]]
    moment: str
    legend: str
    laid: str
    seconds: float
    share: float
    every: int

    def look(self, teller: Teller) -> Look:
        """What is seen of it."""
        return list(self.blocks(teller)), PRODUCT

    def worked(self, teller: Teller) -> None:
        """Told slowly."""
        line, token = teller.line, teller.example.token
        left, right, out = self.blocks(teller)
        a, b = line.beat(self.seconds, teller.say(self.moment), self.look(teller))
        line.fill([right], (a - 0.6, a), self.laid)
        teller.legend(out, self.legend, (a, b))
        line.multiply([left], [right], [out], (a, b), "dot", token, self.share)
        slowly = (a, a + (b - a) * self.share)
        line.products(slowly, left, right, token)
        line.close_up((a, b), left, right, out, token)
        line.shapes((a, b), left, right, out)
        teller.worked_formulas(slowly, left, right, out, token, "", every=self.every)

    def run(self, teller: Teller, window: Window) -> None:
        """In one window, without a word."""
        left, right, out = self.blocks(teller)
        first, second = teller.split(window, (0.25, 0.75))
        teller.line.fill([right], first, self.laid)
        teller.line.multiply([left], [right], [out], second)
