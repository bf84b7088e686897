# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions spoken by a command of the user's choice, each to a WAV of its own whose length the pace then follows."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..core.story import Story

HINT = 'For example: --speak "espeak-ng -w {file} {text}". Without {text} it is given on standard input.'
LONGEST = 120  # seconds that a command may take for one caption
BREATH = 0.35  # seconds of silence after a caption, before the next one may begin
ROUNDS = 4  # a story that is told by the lengths of its captions may choose others, which have to be spoken too


@dataclass
class Voice:
    """A command with the places {text} and {file} in its arguments; what it has spoken lies in `folder`. No shell
    reads the command, so a text cannot be taken for more than a text. Raises `UserError` (code 2) for no command."""

    command: str
    folder: Path
    files: dict[str, Path] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._parts = shlex.split(self.command)
        except ValueError as error:
            raise UserError(f"The command to speak cannot be read: {error}.", HINT, 2) from error
        if not self._parts or not any("{file}" in part for part in self._parts):
            raise UserError("The command to speak has no {file} to write to.", HINT, 2)

    def speak(self, text: str) -> float:
        """Speaks a text, if it has not yet; returns the seconds that it takes. Raises `UserError`."""
        if text not in self.seconds:
            path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.wav"
            self._run(text, path)
            self.files[text], self.seconds[text] = path, length_of(path)
        return self.seconds[text]

    def _run(self, text: str, path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [part.replace("{file}", str(path)).replace("{text}", text) for part in self._parts]
        told = None if any("{text}" in part for part in self._parts) else text
        try:
            done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=LONGEST, check=False)
        except OSError as error:
            raise UserError(
                f"The command {command[0]!r} cannot be run: {error.strerror}.", "Is it installed?"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise UserError(f"The command {command[0]!r} took more than {LONGEST} s.", "Try it by hand.") from error
        if done.returncode or not path.is_file():
            said = (done.stderr or done.stdout).strip().splitlines() or ["it wrote no file"]
            raise UserError(f"The command {command[0]!r} failed: {said[-1].rstrip('.')}.", "Try it by hand.")


def length_of(path: Path) -> float:
    """The seconds of a WAV. Raises `UserError`."""
    try:
        with wave.open(str(path)) as sound:
            # A program that writes to a pipe does not know the length beforehand and says the longest there is.
            frames = len(sound.readframes(sound.getnframes())) / (sound.getsampwidth() * sound.getnchannels())
            return frames / sound.getframerate()
    except (wave.Error, EOFError, OSError, ZeroDivisionError) as error:
        raise UserError(f"What was spoken is no WAV: {error or 'it is empty'}.", HINT) from error


def tell_aloud(tell: Callable[[dict[str, float]], Story], voice: Voice, follow: Callable[[float, str], None]) -> Story:
    """A story whose captions are there for as long as the voice takes to say them, and a breath more.

    `tell` tells it, given the least seconds of each caption; `follow` hears the share that is done, and of what.
    Raises `UserError`.
    """
    least: dict[str, float] = {}
    story = tell(least)
    for _ in range(ROUNDS):
        new = [text for text in dict.fromkeys(one.text for one in story.captions) if text not in least]
        if not new:
            break
        for done, text in enumerate(new):
            follow(done / len(new), f"caption {done + 1} of {len(new)}")
            least[text] = voice.speak(text) + BREATH
        story = tell(least)
    return story


def spoken(story: Story, voice: Voice) -> Iterable[tuple[Path, float]]:
    """The files of what is said, each with the second at which its caption begins."""
    return [(voice.files[one.text], one.start) for one in story.captions if one.text in voice.files]
