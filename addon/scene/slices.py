# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in slices: a generator that yields where somebody else may have a turn, and returns what was made.

Building a scene in a window goes through these a few at a time, so that the window stays alive.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
Slices = Generator[None, None, T]
Stage = tuple[str, float]  # what is being built, and the share done
Told = Generator[Stage, None, T]
TURN = 0.0005  # seconds that a thread goes on before the window gets its turn, for which Python takes 0.005
WAIT = 0.005  # seconds that one slice waits for a thread


def at_once(slices: Slices[T]) -> T:
    """What the slices make, without a pause."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            made: T = end.value
            return made


def told(stage: Stage, slices: Slices[T]) -> Told[T]:
    """The slices, each of which says `stage`; returns what they make."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            made: T = end.value
            return made
        yield stage


def aside(work: Callable[[], T]) -> Slices[T]:
    """What `work` makes, in a thread: for pure data, however long it takes. Raises what `work` raises."""
    made: list[T] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            made.append(work())
        except Exception as error:  # a thread's exception reaches nobody: hand it over
            failed.append(error)

    thread = threading.Thread(target=run, name="forward-pass-aside", daemon=True)
    with taking_turns():
        thread.start()
        while thread.is_alive():
            thread.join(WAIT)
            yield
    if failed:
        raise failed[0]
    return made[0]


@contextmanager
def taking_turns() -> Iterator[None]:
    """Meanwhile threads give way to each other often: the window asks for a turn some dozen times in each of its
    pictures."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
