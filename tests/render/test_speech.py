# SPDX-License-Identifier: GPL-3.0-or-later
"""A voice of the user's choice: what it is asked, and a story that waits for it."""

from __future__ import annotations

import shutil
import sys
import wave
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.layout import lay_out
from forward_pass.core.story import Story, tell
from forward_pass.core.trace import Trace
from forward_pass.render.speech import BREATH, Voice, length_of, spoken, tell_aloud

# Speaks silence: a tenth of a second for each letter.
PROGRAM = """
import sys, wave
text = sys.argv[2] if len(sys.argv) > 2 else sys.stdin.read()
with wave.open(sys.argv[1], "wb") as sound:
    sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(8000)
    sound.writeframes(bytes(1600 * len(text)))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "my voice.py"
    path.write_text(PROGRAM)
    return path


def test_a_command_is_given_the_text_as_it_is(program: Path, tmp_path: Path) -> None:
    voice = Voice(f"'{sys.executable}' '{program}' {{file}} {{text}}", tmp_path / "said")
    text = "'C'; rm -rf $HOME `x` {file} \"A\""
    assert voice.speak(text) == pytest.approx(0.1 * len(text))
    aside = Voice(f"'{sys.executable}' '{program}' {{file}}", tmp_path / "said")
    assert aside.speak("A word.") == pytest.approx(0.7)
    program.unlink()
    assert voice.speak(text) == pytest.approx(0.1 * len(text))  # said once


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("", "has no {file}"),
        ("espeak-ng {text}", "has no {file}"),
        ("say '{file}", "cannot be read"),
        ("no-such-voice {file}", "'no-such-voice' cannot be run"),
        (f"'{sys.executable}' -c 'raise SystemExit(\"no voice today\")' {{file}}", "failed: no voice today"),
        (f"'{sys.executable}' -c pass {{file}}", "failed: it wrote no file"),
        (f"'{sys.executable}' -c 'import sys; open(sys.argv[1], \"w\").write(\"x\")' {{file}}", "is no WAV"),
    ],
)
def test_a_voice_that_does_not_speak_is_a_sentence(tmp_path: Path, command: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        Voice(command, tmp_path / "said").speak("A word.")
    assert caught.value.hint


def test_the_length_is_that_of_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(1000)
        sound.writeframes(bytes(4 * 250))
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = (0x7FFFFFF0).to_bytes(4, "little")  # as programs write it that do not know it yet
    path.write_bytes(data)
    assert length_of(path) == pytest.approx(0.25)


def test_the_pace_follows_the_voice(root: Path, program: Path, tmp_path: Path) -> None:
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    layout = lay_out(trace)
    voice = Voice(f"'{sys.executable}' '{program}' {{file}} {{text}}", tmp_path / "said")
    heard: list[float] = []

    def told(durations: dict[str, float]) -> Story:
        return tell(trace, layout, preset="overview", off=["embedding"], durations=durations)

    story = tell_aloud(told, voice, lambda done, text: heard.append(done))
    assert story.duration > told({}).duration and heard and max(heard) < 1
    sounds = list(spoken(story, voice))
    assert len(sounds) == len(story.captions)
    ends = [caption.start for caption in story.captions[1:]] + [story.duration]
    for (path, start), caption, end in zip(sounds, story.captions, ends, strict=True):
        assert start == caption.start and length_of(path) == pytest.approx(0.1 * len(caption.text))
        assert start + length_of(path) + BREATH <= end + 0.11  # nobody is interrupted


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_speaks(tmp_path: Path) -> None:
    voice = Voice("espeak-ng -v en -w {file} {text}", tmp_path)
    assert 0.5 < voice.speak("The whole model.") < voice.speak("The whole model. Each cell is one true number.") < 8
