# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of models that are compared by size: counts, ratios and lengths in a language."""

from __future__ import annotations

import math

from .scale_standings import Standing, layers_of
from .words.sides import SCALE, Sentences

FIELD = 105.0  # metres: how long a football field is
ENGLISH = Sentences(SCALE, "en")


def caption_of(standing: Standing, first: Standing, say: Sentences) -> str:
    """What is said of a model, beside the smallest of all."""
    layout = standing.layout
    experts = standing.model.config.get("num_local_experts")
    return say.say(
        "first" if standing is first else "experts" if experts else "next",
        name=standing.model.name,
        parameters=layout.parameters,
        layers=layers_of(layout),
        times=times(layout.parameters / first.layout.parameters, say),
        first=first.model.name,
        experts=experts,
        chosen=standing.model.config.get("num_experts_per_tok", 2),
    )


def caption_of_all(first: Standing, last: Standing, say: Sentences) -> str:
    """What is said while all are in sight, of the smallest and the largest."""
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
