# SPDX-License-Identifier: GPL-3.0-or-later
"""The ear of the tracer process: a cancel, or the end of stdin, interrupts the work wherever it is."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from typing import NoReturn

from ..core.messages import CancelMessage, decode

STDIN = 0


def listen() -> None:
    """Starts listening in a thread; KeyboardInterrupt is raised in the main thread when it is time to stop."""
    threading.Thread(target=_listen, name="listen", daemon=True).start()


def _listen() -> None:
    # Bytes straight from the descriptor: a thread that waits inside sys.stdin would hold its lock at exit.
    waiting = b""
    while True:
        try:
            read = os.read(STDIN, 4096)
        except OSError:
            read = b""
        *lines, waiting = (waiting + read).split(b"\n")
        if not read or any(map(_is_cancel, lines)):
            _interrupt()
            return


def _interrupt() -> None:
    """SIGINT to the main thread: where there are real signals one that also wakes it from waiting."""
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _is_cancel(line: bytes) -> bool:
    try:
        return isinstance(decode(line.decode("utf-8", "replace")), CancelMessage)
    except ValueError:
        return False


def raise_interrupt(*_: object) -> NoReturn:
    """A signal handler: as Ctrl-C."""
    raise KeyboardInterrupt
