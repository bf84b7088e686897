# SPDX-License-Identifier: GPL-3.0-or-later
"""What to leave out of a trace that must not be larger than so much.

The first layer is shown most closely, so it keeps its numbers longest; layers in the middle lose theirs first, and
keep maps of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import UserError
from .choices import Choices
from .estimate import Estimate, estimate_of, like, size
from .layers import layer_of
from .ledger import Keeping
from .pooling import MOST
from .subject import Subject

SIDES = (MOST, MOST // 4, MOST // 16)  # of maps, tried in this order


@dataclass(frozen=True)
class Plan:
    """Storages (by name) that only maps are kept of, how many rows and columns a map has at most, and what to say."""

    pooled: frozenset[str]
    most: int
    warning: str | None


def keeping_for(subject: Subject, tokens: int, choices: Choices) -> tuple[Keeping, tuple[str, ...]]:
    """What is kept of a run's tensors for a prompt of so many tokens, and what a person should know of it.

    Raises UserError where the trace cannot be as small as was asked for.
    """
    whole = choices.check == "full"
    if choices.max_bytes is None:
        return Keeping(choices.keep, whole=whole), ()
    found = estimate_of(like(subject), subject.kind, subject.vocabulary, tokens, choices)
    chosen = plan(found, choices.max_bytes)
    keeping = Keeping(choices.keep, chosen.pooled, chosen.most, whole)
    return keeping, () if chosen.warning is None else (chosen.warning,)


def plan(estimate: Estimate, most_bytes: int) -> Plan:
    """What to leave out. Raises UserError where even the smallest trace is too large."""
    if estimate.bytes <= most_bytes:
        return Plan(frozenset(), MOST, None)
    smallest = estimate.bytes
    for side in SIDES:
        pooled, total = _pooled(estimate, most_bytes, side)
        smallest = min(smallest, total)
        if total <= most_bytes:
            return Plan(frozenset(pooled), side, _said(pooled, estimate, most_bytes, side))
    hint = f"Allow at least {size(smallest)}, or give a shorter prompt or fewer tokens."
    raise UserError(f"This trace cannot be smaller than {size(smallest)}.", hint, 2)


def _pooled(estimate: Estimate, most_bytes: int, side: int) -> tuple[list[str], int]:
    """Names to leave out until the rest fits, and the bytes that are left then."""
    total, pooled = estimate.bytes, []
    last = max((found for one in estimate.storages if (found := layer_of(one)) is not None), default=0)
    for name in sorted(estimate.storages, key=lambda name: _worth(name, estimate.storages[name], last)):
        if total <= most_bytes:
            break
        saved = estimate.storages[name] - 2 * 4 * side * side
        if saved > 0:
            pooled.append(name)
            total -= saved
    return pooled, total


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
    return (
        f"To stay under {size(most_bytes)}, {len(pooled)} tensors{where} ({size(count)}) are kept only as maps of at most "
        f"{side} x {side}, such as {pooled[0]}."
    )
