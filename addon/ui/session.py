# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in this Blender and what it left to say: one job at a time, its error kept until it is dismissed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ..core.errors import UserError
from ..process.python import PythonInfo
from .progress import Progress


class Job(Protocol):
    """What a button starts: `generate.Generation` and `render_job.Rendering` are such."""

    progress: Progress
    error: UserError | None

    @property
    def state(self) -> str:
        """Where it is; `done` where it succeeded."""

    @property
    def running(self) -> bool:
        """Whether `poll` still has something to do."""

    @property
    def log(self) -> tuple[str, ...]:
        """What is worth keeping for a report."""

    def poll(self) -> None:
        """Goes on a little; raises nothing."""

    def cancel(self) -> None:
        """Stops at once and leaves nothing half done."""

    def end(self) -> None:
        """As `cancel`, but waits until it is over."""


class Session:
    """The state that the panel draws. Lives as long as the add-on is enabled; nothing of it is saved."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.error: UserError | None = None
        self.failed = ""  # the title of the job that it ended, where it ended one
        self.notice = ""  # what the last job made, in one line
        self.log: tuple[str, ...] = ()
        self.python = ""  # what the test in the preferences found, in a sentence
        self.found: PythonInfo | None = None  # and as it is, where it found one
        self.video: Path | None = None
        self.shown = False  # whether this Blender has shown a scene: it prepares the materials of the first for long

    @property
    def running(self) -> bool:
        """Whether a job is at work."""
        return self.job is not None and self.job.running

    def start(self, job: Job) -> None:
        """Makes `job` the one at work. Raises `UserError` where another is."""
        if self.running:
            job.end()
            raise UserError("Forward Pass is already at work.", "Wait until it is done, or cancel it.", code=2)
        self.job, self.error, self.notice, self.log = job, None, "", ()

    def poll(self) -> bool:
        """Lets the job go on a little; returns whether it still runs."""
        if self.job is None:
            return False
        if self.job.running:
            self.job.poll()
        if self.job.running:
            return True
        self.error, self.log = self.job.error, self.job.log
        return False

    def fail(self, error: UserError, doing: str = "") -> None:
        """Keeps an error for the panel, in the place of what an earlier job made; `doing` is the title of its job."""
        self.error, self.failed, self.notice = error, doing, ""

    def dismiss(self) -> None:
        """The error was read."""
        self.error = None

    def cancel(self) -> None:
        """Stops the job, without waiting."""
        if self.job is not None and self.job.running:
            self.job.cancel()

    def end(self) -> None:
        """Stops the job and waits: the file is closing, or the add-on is being disabled."""
        if self.job is not None and self.job.running:
            self.job.end()
        self.job = None


SESSION = Session()
