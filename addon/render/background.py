# SPDX-License-Identifier: GPL-3.0-or-later
"""A production made by another Blender, from a copy of the scene as it is now: this one stays free meanwhile."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from ..core.errors import UserError
from ..core.messages import ErrorMessage, ResultMessage, StepMessage, decode
from .blender import end, how_it_ended, start
from .production import Follow, Production, Step
from .saved import save_copy

LONGEST_LINE = 1 << 20  # characters; a child that floods without a line break must not fill the memory
Note = Callable[[str], None]


def produce_in_background(production: Production, follow: Follow, note: Note) -> Generator[None, None, None]:
    """Makes it. Never waits: yields at once, for as long as the other Blender is at work.

    `follow` hears how far it is, `note` each line that Blender says besides. How it is rendered is that process's to
    choose: `workers` and `batch` are not looked at. Closing this ends it; pictures that are complete stay. Raises
    `UserError`.
    """
    with tempfile.TemporaryDirectory(prefix="forward_pass_", ignore_cleanup_errors=True) as scratch:
        job = {
            "saved": asdict(save_copy(production.scene, Path(scratch) / "scene.blend")),
            "quality": asdict(production.quality),
            "out": str(production.out.resolve()),
            "frames": str(production.frames.resolve()),
            "first": production.first,
            "last": production.last,
            "resume": production.resume,
            "scratch": scratch,
        }
        process = start("render.producer", job, log=True, gentle=True)
        try:
            heard = _Heard(process, note)
            while heard.listening or process.poll() is None:
                if heard.step is not None:
                    follow(heard.step)
                yield
            heard.judge(process.wait(), production.out)
        finally:
            end(process)


class _Heard:
    """What a child has said so far, by two threads that read it. Of its steps only the last counts."""

    def __init__(self, process: subprocess.Popen[str], note: Note) -> None:
        assert process.stdout is not None and process.stderr is not None
        self.step: Step | None = None
        self._end: ErrorMessage | ResultMessage | None = None
        self._last = "Blender said nothing."
        self._note = note
        self._readers = [
            threading.Thread(target=self._read, args=(stream, take), daemon=True)
            for stream, take in ((process.stdout, self._hear), (process.stderr, self._keep))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def listening(self) -> bool:
        """Whether more may come."""
        return any(reader.is_alive() for reader in self._readers)

    def judge(self, status: int, out: Path) -> None:
        """Raises `UserError` unless the child, which ended with that status, has made `out`."""
        if isinstance(self._end, ErrorMessage):
            raise UserError(self._end.message, self._end.hint, self._end.code, self._end.remedies)
        last = f"The last that it said: {self._last}"
        if self._end is None:
            memory = "The machine may have run out of memory. " if status < 0 else ""
            raise UserError(f"The Blender that renders {how_it_ended(status)}.", memory + last)
        if not out.exists():
            raise UserError(f"The Blender that renders has not left {out}.", last)

    def _read(self, stream: IO[str], take: Callable[[str], None]) -> None:
        with suppress(ValueError):  # closed, as the child was ended
            for line in iter(lambda: stream.readline(LONGEST_LINE), ""):
                if line.strip():
                    take(line.strip())

    def _hear(self, line: str) -> None:
        try:
            message = decode(line)
        except ValueError:  # Blender, before the child has standard output for itself
            self._keep(line)
            return
        if isinstance(message, StepMessage):
            self.step = Step(message.stage, message.done, message.total)
        elif isinstance(message, ErrorMessage | ResultMessage):
            self._end = message

    def _keep(self, line: str) -> None:
        self._last = line[-200:]
        self._note(line)
