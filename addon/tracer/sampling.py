# SPDX-License-Identifier: GPL-3.0-or-later
"""How the next token is chosen from the logits: the likeliest, or drawn after temperature, top-k and top-p.

Temperature is that of Ackley, Hinton and Sejnowski (1985), top-k of Fan et al. (2018), top-p ("nucleus") of Holtzman
et al. (2020); their order and their edge cases are those of transformers' `generate()`, so that the same logits keep
the same tokens there and here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

MOST_SEED = (1 << 63) - 1  # what torch takes


@dataclass(frozen=True)
class Sampling:
    """`temperature` 0 is greedy: the likeliest token, whatever the rest says. `top_k` and `top_p` None keep all.

    Raises UserError (code 2) for a number that cannot be.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            hint = "Write 0 for the likeliest token each time, or for example 0.8."
            raise UserError(f"A temperature of {self.temperature:g} cannot be.", hint, 2)
        if self.top_k is not None and self.top_k < 1:
            raise UserError(f"Top-k cannot keep {self.top_k} tokens.", "Write 1 or more, for example 50.", 2)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            hint = "Write a number above 0, at most 1, for example 0.9."
            raise UserError(f"Top-p cannot keep a share of {self.top_p:g}.", hint, 2)
        if not 0 <= self.seed <= MOST_SEED:
            raise UserError(f"The seed {self.seed} cannot be.", f"Write a whole number from 0 to {MOST_SEED}.", 2)

    @property
    def is_greedy(self) -> bool:
        """Whether chance has no part in it."""
        return self.temperature == 0


GREEDY = Sampling()


def filtered(logits: Tensor, sampling: Sampling) -> Tensor:
    """The logits [V] that the next token is drawn from, by their softmax; -inf for tokens that are out.

    Give them in float32, as `generate()` does, whatever the model's number type. Greedy leaves them as they are. At
    least one token stays, and tokens as likely as the k-th stay with it.
    """
    if sampling.is_greedy:
        return logits
    if sampling.temperature != 1:
        logits = logits / sampling.temperature  # [V]
    if sampling.top_k is not None:
        least = logits.topk(min(sampling.top_k, logits.shape[-1])).values[-1]  # []
        logits = logits.masked_fill(logits < least, -math.inf)  # [V]
    if sampling.top_p is not None and sampling.top_p < 1:
        logits = _within_top_p(logits, sampling.top_p)
    return logits


def _within_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Without the least likely tokens that together have at most 1 - top_p; the likeliest always stays. [V] -> [V]."""
    ascending, order = logits.sort()  # [V] each
    tail = ascending.softmax(-1).cumsum(-1)  # [V]
    out = tail <= 1 - top_p  # [V]
    out[-1] = False
    return logits.masked_fill(out.scatter(0, order, out), -math.inf)
