# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in slices: a generator that yields where somebody else may have a turn, and returns what was made.

Building a scene in a window goes through these a few at a time, so that the window stays alive.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")
Slices = Generator[None, None, T]
Stage = tuple[str, float]  # what is being built, and the share done


def at_once(slices: Slices[T]) -> T:
    """What the slices make, without a pause."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            made: T = end.value
            return made


def told(stage: Stage, slices: Slices[T]) -> Generator[Stage, None, T]:
    """The slices, each of which says `stage`; returns what they make."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            made: T = end.value
            return made
        yield stage
