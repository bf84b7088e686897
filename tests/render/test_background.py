# SPDX-License-Identifier: GPL-3.0-or-later
"""A production in another Blender, as the one that follows it sees it: whatever the other does, it never waits, and
nothing is left."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.render import blender
from forward_pass.render.background import produce_in_background
from forward_pass.render.presets import Quality
from forward_pass.render.production import Production, Step

pytestmark = pytest.mark.blender

TINY = Quality("tiny", size=(64, 64), fps=24, samples=1)
# What each fake child knows: its job, and how to say something.
BEGIN = """
import json, os, signal, sys, time
from pathlib import Path
job = json.loads(sys.stdin.readline())
def say(**words):
    print(json.dumps(words), flush=True)
def made():
    Path(job["out"]).write_text(job["saved"]["scene"])
    say(type="result", path=job["out"])
"""


@pytest.fixture
def scene() -> Iterator[Any]:
    scene = bpy.data.scenes.new("told")
    yield scene
    bpy.data.scenes.remove(scene)


class Followed:
    """A production by a fake child, and what was heard of it."""

    def __init__(self, scene: Any, folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(blender, "command", lambda module: [sys.executable, "-c", BEGIN + code])
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self.out = folder / "a.mp4"
        production = Production(scene, TINY, self.out, folder)
        self.work: Generator[None, None, None] = produce_in_background(production, self.steps.append, self.notes.append)

    def finish(self) -> None:
        for _ in self.work:
            time.sleep(0.005)


@pytest.fixture
def follow(scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes one of a child's code; nothing of it may lie in the folder of temporary files in the end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield lambda code: Followed(scene, tmp_path, code, monkeypatch)
    assert list(temporary.iterdir()) == []


def test_what_the_child_says_is_heard(follow: Any) -> None:
    work = follow(
        """
print("Blender 5.2.2, half a line", end="", flush=True)
print()
print("a warning", file=sys.stderr, flush=True)
say(type="step", stage="frames", done=1, total=2)
while not Path(job["out"]).with_name("go").exists():
    time.sleep(0.01)
say(type="step", stage="video", done=2, total=2)
made()
"""
    )
    while not work.steps:
        next(work.work)
    assert work.steps[-1] == Step("frames", 1, 2)
    work.out.with_name("go").touch()
    work.finish()
    assert work.out.read_text() == "told"
    assert set(work.notes) == {"Blender 5.2.2, half a line", "a warning"}


@pytest.mark.parametrize("code", ["time.sleep(60)", "os.close(1); os.close(2); time.sleep(60)"])
def test_one_that_is_silent_can_be_ended(follow: Any, code: str) -> None:
    work = follow(f"Path(job['out']).with_name('pid').write_text(str(os.getpid()))\n{code}")
    told = work.out.with_name("pid")
    while not told.exists() or not told.read_text():
        next(work.work)
    for _ in range(50):  # closed pipes are no end
        next(work.work)
    work.work.close()
    assert not is_running(int(told.read_text())) and work.steps == []


def test_what_a_child_has_started_ends_with_it(follow: Any) -> None:
    work = follow(
        """
import subprocess
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
Path(job["out"]).with_name("pid").write_text(f"{other.pid}.")
time.sleep(60)
"""
    )
    told = work.out.with_name("pid")
    while not told.exists() or not told.read_text().endswith("."):
        next(work.work)
    work.work.close()
    until = time.monotonic() + 10  # it was told to end, but is not ours to wait for
    while is_running(int(told.read_text()[:-1])) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(int(told.read_text()[:-1]))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "print('out of memory', file=sys.stderr, flush=True); os.kill(os.getpid(), signal.SIGKILL)",
            r"ended by SIGKILL\. .*said: out of memory",
        ),
        ("sys.exit(3)", r"ended with status 3"),
        ("say(type='error', message='It rains.', hint='Wait.', code=1); sys.exit(1)", r"^It rains\. Wait\.$"),
        ("say(type='result', path=job['out'])", r"has not left .*a\.mp4"),
        ("say(type='step', stage='frames', done=9, total=3); say(type='result')", r"ended with status 0"),
    ],
)
def test_one_that_dies_or_lies_is_a_sentence(follow: Any, code: str, message: str) -> None:
    work = follow(code)
    with pytest.raises(UserError, match=message):
        work.finish()
    assert work.steps == []


def test_one_that_floods_gets_through(follow: Any) -> None:
    work = follow(
        """
sys.stdout.write("x" * 3_000_000 + "\\n")
for i in range(5000):
    say(type="step", stage="frames", done=i, total=5000)
made()
"""
    )
    work.finish()
    assert work.out.exists() and all(len(note) <= 1 << 20 for note in work.notes)


def test_the_real_child_ends_with_its_parent_and_takes_its_scratch_away(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    code = "import time\nfrom forward_pass.render.child import serve\nserve(lambda job, say: time.sleep(60))"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        assert child.stdin is not None
        child.stdin.write(f"{json.dumps({'scratch': str(scratch)})}\n".encode())
        child.stdin.close()
        assert child.wait(30) == 130
    assert not scratch.exists()


def test_the_real_child_says_what_went_wrong(tmp_path: Path) -> None:
    code = "from forward_pass.render.child import serve\nserve(lambda job, say: print('chatter') or 1 / 0)"
    pipes: Any = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", code], text=True, **pipes) as child:
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None
        child.stdin.write("{}\n")
        child.stdin.flush()  # and not closed: then it would end
        said, chatter = child.stdout.read(), child.stderr.read()
    assert json.loads(said)["message"] == "The process that renders failed: ZeroDivisionError: division by zero."
    assert child.returncode == 1 and "chatter" in chatter and "Traceback" in chatter


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False
