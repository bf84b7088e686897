# SPDX-License-Identifier: GPL-3.0-or-later
"""What to leave out of a trace that must not be larger than so much.

The first layer is shown most closely, so it keeps its numbers longest; layers in the middle lose theirs first, and
keep maps of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ..core.errors import UserError
from .choices import Choices
from .estimate import Estimate, estimate_of, like, size
from .layers import layer_of
from .pooling import MOST
from .sources import Keeping
from .subject import Subject

SIDES = (MOST, MOST // 4, MOST // 16)  # of maps, tried in this order


MARGIN = 64  # a part of the limit that is left free: real masks and routes differ a little from imagined ones
HOOK = "hook_"  # in every name of TransformerLens
VIEWS, SAID = 3, 1200  # maps of one storage are made for about so many views of it, and take bytes to describe
TRIES = 7  # views of what is left out need maps of their own, which only a look tells


def keeping_for(subject: Subject, tokens: int, choices: Choices) -> tuple[Keeping, tuple[str, ...]]:
    """What is kept of a run's tensors for a prompt of so many tokens, and what a person should know of it.

    Raises UserError where the trace cannot be as small as was asked for.
    """
    everything = Keeping(choices.keep, whole=choices.check == "full")
    by_alias = any(HOOK in crop.name for crop in choices.keep)
    if choices.max_bytes is None and not by_alias:
        return everything, ()
    model = like(subject)

    def measure(keeping: Keeping) -> Estimate:
        return estimate_of(model, subject.kind, subject.vocabulary, tokens, choices, keeping)

    if by_alias:  # names that are known only when all is; what they mean is found out before
        known = measure(Keeping()).aliases
        crops = tuple(dataclasses.replace(crop, name=_own(crop.name, known)) for crop in choices.keep)
        everything = dataclasses.replace(everything, crops=crops)
    if choices.max_bytes is None:
        return everything, ()
    return plan(measure, everything, choices.max_bytes)


def _own(name: str, known: dict[str, str]) -> str:
    """The tensor's own name for an alias: of every step, where the alias is of none."""
    if name in known:
        return known[name].removeprefix("step0.")
    return known.get(name.removeprefix("step0."), name)


def plan(
    measure: Callable[[Keeping], Estimate], everything: Keeping, most_bytes: int
) -> tuple[Keeping, tuple[str, ...]]:
    """What to keep so that what `measure` tells is at most `most_bytes`, and what to say about what is left out.

    Raises UserError where even the smallest trace is too large.
    """
    whole = measure(everything)
    smallest, room = whole.bytes, most_bytes - most_bytes // MARGIN
    if whole.bytes <= room:
        return everything, ()
    for side in SIDES:
        aim = room
        for again in range(TRIES):
            names = _least(whole, aim, side)
            if not names:
                break
            keeping = dataclasses.replace(everything, pooled=frozenset(names), most=side)
            found = measure(keeping).bytes
            smallest = min(smallest, found)
            if found <= room:
                return keeping, (_said(names, whole, most_bytes, side),)
            if len(names) == len(whole.storages):
                break
            aim -= int(1.2 * 2**again * (found - room))
    hint = f"Allow at least {size(smallest)}, or give a shorter prompt or fewer tokens."
    raise UserError(f"This trace cannot be smaller than {size(smallest)}.", hint, 2)


def _least(estimate: Estimate, aim: int, side: int) -> list[str]:
    """Names of the storages to leave out, those that are missed least first, until the rest should fit."""
    total, names = estimate.bytes, []
    last = max((found for one in estimate.storages if (found := layer_of(one)) is not None), default=0)
    for name in sorted(estimate.storages, key=lambda name: _worth(name, estimate.storages[name], last)):
        if total <= aim:
            break
        saved = estimate.storages[name] - VIEWS * (2 * 4 * side * side + SAID)
        if saved > 0:
            names.append(name)
            total -= saved
    return names


def _worth(name: str, count: int, last: int) -> tuple[int, int, int]:
    """The least first: layers in the middle, then the last, then what is in none, then the first; large ones first."""
    layer = layer_of(name)
    if layer is None:
        return 2, 0, -count
    place = 3 if layer == 0 else 1 if layer == last else 0
    return place, abs(2 * layer - last), -count


def _said(pooled: list[str], estimate: Estimate, most_bytes: int, side: int) -> str:
    count = sum(estimate.storages[name] for name in pooled)
    layers = sorted({layer for name in pooled if (layer := layer_of(name)) is not None})
    where = "" if not layers else f", in layer {layers[0]}" if len(layers) == 1 else f", in {len(layers)} layers"
    what = f"{len(pooled)} tensors{where} ({size(count)})"
    how = f"only as maps of at most {side} x {side}, such as {pooled[0]}"
    return f"To stay under {size(most_bytes)}, {what} are kept {how}."
