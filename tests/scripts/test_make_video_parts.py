# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that make_video.py stands on: files put in place together, bars, and Ctrl-C while C code runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from scripts._outputs import Outputs
from scripts._terminal import Stage, Terminal, duration


def test_files_appear_together_or_not_at_all(tmp_path: Path) -> None:
    old = tmp_path / "a.mp4"
    old.write_text("old")
    outputs = Outputs()
    first, second = outputs.stage(old), outputs.stage(tmp_path / "new" / "deep" / "b.srt")
    assert first.name == "a.mp4" and outputs.scratch("frames").is_dir()
    first.write_text("first")
    second.write_text("second")
    assert old.read_text() == "old" and not (tmp_path / "new" / "deep" / "b.srt").exists()
    outputs.publish()
    outputs.discard()
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} == {
        "a.mp4", "new", "new/deep", "new/deep/b.srt",
    }  # fmt: skip
    assert old.read_text() == "first"


def test_a_folder_takes_the_place_of_an_earlier_one_of_its_kind_only(tmp_path: Path) -> None:
    talk = tmp_path / "talk"
    talk.mkdir()
    (talk / "01 Overview.png").write_text("old")
    outputs = Outputs()
    staged = outputs.stage(talk, folder=True)
    staged.mkdir()
    (staged / "01 Tokens.png").write_text("new")
    assert [path.name for path in talk.iterdir()] == ["01 Overview.png"]
    outputs.publish()
    assert list(tmp_path.rglob("*")) == [talk, talk / "01 Tokens.png"]
    (talk / "thesis.docx").touch()
    with pytest.raises(UserError, match=r"thesis\.docx") as caught:
        Outputs().stage(talk, folder=True)
    assert caught.value.code == 2


def test_what_is_given_up_leaves_no_trace(tmp_path: Path) -> None:
    keep = tmp_path / "keep.mp4"
    keep.write_text("old")
    outputs = Outputs()
    outputs.stage(keep).write_text("half")
    outputs.stage(tmp_path / "new" / "deep" / "b.srt").write_text("half")
    (outputs.scratch("frames") / "frame.png").touch()
    outputs.discard()
    assert list(tmp_path.rglob("*")) == [keep] and keep.read_text() == "old"


def test_places_that_cannot_serve_are_refused_before_any_work(tmp_path: Path) -> None:
    outputs = Outputs()
    (tmp_path / "file").touch()
    outputs.stage(tmp_path / "a.mp4")
    for target, sentence in (
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "a.mp4", r"a\.mp4 cannot be written: "),
        (tmp_path / "b" / ".." / "a.mp4", "Two of the files"),
        (tmp_path / ("n" * 300) / "a.mp4", "cannot be written: "),
        (tmp_path / f"{'n' * 250}.mp4", "cannot be written: "),
    ):
        with pytest.raises(UserError, match=sentence) as caught:
            outputs.stage(target)
        assert caught.value.hint
    outputs.discard()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (3725, "1 h 02 min")],
)
def test_times_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(0.1, 50), st.integers(2, 20))
def test_the_time_left_follows_an_even_pace(step: float, count: int) -> None:
    clock = iter(range(1000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: next(clock) * step)
        stage = Stage(Terminal(), "frames")
        assert stage.left() is None
        for done in range(1, count):
            stage.update(done / count)
            assert stage.left() == pytest.approx((count - done) * step)
        stage.update(1.0)
    assert stage.left() is None


PROGRAM = """
import hashlib, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from scripts._interrupt import Interrupted, interruptible

def give_up():
    print("gave up", flush=True)

try:
    with interruptible(give_up, grace=0.5):
        print("ready", flush=True)
        {work}
except Interrupted as error:
    print("ordinary way", flush=True)
    sys.exit(error.code)
"""
# One call into C, without the interpreter's lock, that takes longer than the test: as a render does.
IN_C = "hashlib.pbkdf2_hmac('sha256', b'x', b'y', 2_000_000_000)"


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent so on Windows")
@pytest.mark.parametrize(
    ("work", "number", "said"),
    [
        ("time.sleep(60)", signal.SIGINT, "ordinary way"),
        ("time.sleep(60)", signal.SIGTERM, "ordinary way"),
        (IN_C, signal.SIGINT, "gave up"),
        (IN_C, signal.SIGTERM, "gave up"),
    ],
)
def test_a_signal_ends_the_work_wherever_it_is(root: Path, work: str, number: signal.Signals, said: str) -> None:
    program = PROGRAM.format(root=str(root), work=work)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(0.2)  # into the call
        process.send_signal(number)
        sent = time.monotonic()
        rest = process.stdout.read()
        assert process.wait(10) == 128 + number
    assert rest == f"{said}\n" and time.monotonic() - sent < 5


def test_afterwards_signals_are_as_they_were() -> None:
    from scripts._interrupt import interruptible

    before = signal.getsignal(signal.SIGINT)
    with interruptible(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
