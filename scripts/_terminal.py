# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts show while they work: a progress bar per stage on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator

WIDTH = 24  # characters of a bar
REDRAW = 0.1  # seconds between two pictures of a bar
QUIETEST = 5.0  # seconds between two plain lines of a stage
RECENT = 30  # updates that the time left is reckoned from


def duration(seconds: float) -> str:
    """Seconds as people say them: "0.4 s", "12 s", "3 min 05 s", "1 h 02 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


class Stage:
    """One stage of the work, shown as it goes on."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        self.summary = ""  # what to say of it when it is done
        self._terminal = terminal
        self._shown = float("-inf")
        # (time, share done): the last of them, so that a slow first step does not spoil the guess for ever
        self._recent: deque[tuple[float, float]] = deque([(self.started, 0.0)], maxlen=RECENT)

    def update(self, done: float, text: str = "") -> None:
        """`done` is the share from 0 to 1, `text` what is being done."""
        now = time.monotonic()
        done = min(max(done, 0.0), 1.0)
        self._recent.append((now, done))
        if now - self._shown < (REDRAW if self._terminal.live else QUIETEST) and self._shown > 0:
            return
        self._shown = now
        left = self.left()
        words = [text] if text else []
        if left is not None:
            words.append(f"{duration(left)} left")
        self._terminal.show(self.name, done, ", ".join(words))

    def left(self) -> float | None:
        """Seconds that the rest will take at the pace of late; None where there is nothing to tell it from."""
        (then, before), (now, done) = self._recent[0], self._recent[-1]
        if done <= before or done >= 1.0:
            return None
        return (1.0 - done) * (now - then) / (done - before)


class Terminal:
    """Standard error as it was when this was made, whatever is done to the stream later on (a render is silenced)."""

    def __init__(self) -> None:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        self._stream = os.fdopen(os.dup(2), "w", encoding=encoding, errors="replace")
        self.live = self._stream.isatty()
        self.seconds: dict[str, float] = {}  # stage -> how long it took
        self._drawn = False

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Shows a stage from its beginning to its end, and keeps how long it took."""
        stage = Stage(self, name)
        stage.update(0.0)
        yield stage
        self.seconds[name] = time.monotonic() - stage.started
        self.say(f"{name:<7} {duration(self.seconds[name]):>12}  {stage.summary}".rstrip())

    def show(self, name: str, done: float, text: str) -> None:
        """A picture of a bar over the one before, or a line."""
        if not self.live:
            if done > 0:
                self.say(f"{name:<7} {done:12.0%}  {text}".rstrip())
            return
        full = round(done * WIDTH)
        line = f"{name:<7} {'#' * full}{'.' * (WIDTH - full)} {done:4.0%}  {text}"
        room = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{line[:room]}")
        self._drawn = True

    def say(self, text: str) -> None:
        """A line of its own."""
        self._write(("\r\x1b[K" if self._drawn else "") + text + "\n")
        self._drawn = False

    def error(self, message: str, hint: str = "") -> None:
        """What went wrong, in the words of a `UserError`."""
        self.say(f"Error: {message}")
        if hint:
            self.say(hint)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more; the work goes on
            self._stream.write(text)
            self._stream.flush()
