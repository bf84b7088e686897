# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C while Blender is at work.

Python's own handler runs only when a call into C returns, and a render is one such call; an exception raised inside
one of Blender's callbacks is lost. So a thread listens as well: it ends the program where the ordinary way out takes
too long, or at the second Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """By a signal; `code` is the exit status that says so: 130 for Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


class Guard:
    """`grace` is how many seconds the ordinary way out may take; change it as the work goes on."""

    def __init__(self, grace: float) -> None:
        self.grace = grace


@contextlib.contextmanager
def interruptible(give_up: Callable[[], None], grace: float = 1.0) -> Iterator[Guard]:
    """Turns signals into `Interrupted`, and where that does not lead out within the grace ends the process.

    `give_up` takes away what is half done; it is called in another thread just before the process is ended hard.
    """
    guard = Guard(grace)
    left = threading.Event()
    listener, waker = socket.socketpair()
    waker.setblocking(False)  # as set_wakeup_fd wants it

    def watch() -> None:
        number = _next(listener, None)
        if number is None or left.wait(0):
            return
        again = _next(listener, guard.grace)  # None: the grace is over, or the other end was closed
        if not left.is_set():
            give_up()
            os._exit(128 + (again or number))

    def raise_it(number: int, _: FrameType | None) -> None:
        raise Interrupted(number)

    watcher = threading.Thread(target=watch, name="interrupt", daemon=True)
    before = {number: signal.signal(number, raise_it) for number in SIGNALS}
    descriptor = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    watcher.start()
    try:
        yield guard
    finally:
        left.set()
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        waker.close()
        watcher.join()
        listener.close()


def _next(listener: socket.socket, timeout: float | None) -> int | None:
    """The number of the next of our signals; None after `timeout` seconds, or when nothing more can come."""
    listener.settimeout(timeout)
    with contextlib.suppress(TimeoutError):
        while data := listener.recv(1):
            if data[0] in SIGNALS:  # SIGCHLD and others arrive here too where they have a handler
                return data[0]
    return None
