# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer's process, against a child that is slow, stubborn, silent, loud, lying or dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.messages import Message, ProgressMessage, ResultMessage, WarningMessage
from forward_pass.process.job import TracerJob
from forward_pass.process.options import TraceOptions
from forward_pass.process.request import TraceRequest
from forward_pass.process.trace_prompt import estimate_prompt, trace_prompt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")

Start = Callable[..., TracerJob]


@pytest.fixture
def start(pretend: Path, python_with_torch: Path, model: Path, tmp_path: Path) -> Start:
    def start_job(prompt: str, grace: float = 10.0) -> TracerJob:
        request = TraceRequest(prompt, model, tmp_path / "out.trace", "cpu", python_with_torch)
        return TracerJob(request, package=pretend, grace=grace)

    return start_job


def finish(job: TracerJob, timeout: float = 30.0) -> list[Message]:
    """Everything said until the end."""
    said: list[Message] = []
    until = time.monotonic() + timeout
    while job.state == "running" and time.monotonic() < until:
        said += job.wait(0.1)
    assert job.state != "running", f"still running after {timeout} s; its log: {job.log}"
    return said


def first_word(job: TracerJob) -> str:
    """Waits for the first progress line and returns its text."""
    until = time.monotonic() + 30.0
    while time.monotonic() < until:
        for message in job.wait(0.1):
            assert isinstance(message, ProgressMessage)
            return message.text
    raise AssertionError(f"nothing was said: {job.log}")


def is_alive(pid: int) -> bool:
    """Whether that process still runs (a zombie that nobody has reaped yet does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone_soon(pid: int, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_alive(pid)


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"model"}


def test_a_good_child_is_followed_to_its_result(start: Start, tmp_path: Path) -> None:
    job = start("ABC")
    said = finish(job)
    assert (job.state, job.result, job.error) == ("done", tmp_path / "out.trace", None)
    assert (tmp_path / "out.trace").read_text() == "trace of ABC"
    assert [type(message) for message in said] == [ProgressMessage, WarningMessage, ResultMessage]
    assert job.data["device"] == "cpu"
    assert job.log == ("This is only a pretence.",)
    assert files(tmp_path) == {"out.trace"}


def test_poll_never_blocks(start: Start) -> None:
    job = start("slow")
    began, slowest = time.monotonic(), 0.0
    while time.monotonic() - began < 1.0:
        before = time.monotonic()
        job.poll()
        slowest = max(slowest, time.monotonic() - before)
        time.sleep(0.01)
    job.end()
    assert slowest < 0.1


@needs_proc
def test_a_polite_cancel(start: Start, tmp_path: Path) -> None:
    job = start("slow")
    pid = int(first_word(job).split()[1])
    began = time.monotonic()
    job.cancel()
    job.cancel()
    said = finish(job)
    assert time.monotonic() - began < 5.0  # far below the grace: it was not killed, it went
    assert (job.state, job.result, job.error) == ("cancelled", None, None)
    assert "stopping politely" in [message.text for message in said if isinstance(message, ProgressMessage)]
    assert not is_alive(pid)
    assert files(tmp_path) == set()


@needs_proc
def test_a_child_that_ignores_cancel_and_sigterm_is_killed(start: Start, tmp_path: Path) -> None:
    job = start("stubborn", grace=0.4)
    pid = int(first_word(job).split()[1])
    job.cancel()
    finish(job, timeout=10.0)
    assert job.state == "cancelled"
    assert not is_alive(pid)
    assert files(tmp_path) == set()


def test_cancelled_before_it_began(start: Start, tmp_path: Path) -> None:
    job = start("slow")
    job.cancel()
    finish(job)
    assert job.state == "cancelled"
    assert files(tmp_path) == set()


@needs_proc
def test_what_the_child_started_ends_with_it(start: Start) -> None:
    job = start("children")
    texts = [message.text for message in finish(job) if isinstance(message, ProgressMessage)]
    assert job.state == "done"
    assert gone_soon(int(texts[1].split()[1]))


@pytest.mark.parametrize(
    ("prompt", "message", "hint", "code"),
    [
        ("signal", "The tracer was killed from outside by SIGKILL.", "run out of memory", 1),
        ("crash", "The tracer ended with status 1 and without a result.", "RuntimeError: a bug in the tracer", 1),
        ("error", "The prompt has a letter too many.", "Take it out.", 2),
        ("silent", "The tracer ended with status 0 and without a result.", "nothing in its log", 1),
        ("liar", "The tracer reported a trace that is not there.", "nothing in its log", 1),
    ],
)
def test_bad_ends(start: Start, tmp_path: Path, prompt: str, message: str, hint: str, code: int) -> None:
    (tmp_path / "out.trace").write_text("of yesterday")
    job = start(prompt)
    finish(job)
    assert job.state == "failed" and job.error is not None
    assert (job.error.message, job.error.code) == (message, code)
    assert hint in job.error.hint
    assert (tmp_path / "out.trace").read_text() == "of yesterday"
    assert files(tmp_path) == {"out.trace"}


@needs_proc
def test_killed_from_outside(start: Start, tmp_path: Path) -> None:
    job = start("slow")
    os.kill(int(first_word(job).split()[1]), signal.SIGTERM)
    finish(job)
    assert job.state == "failed" and job.error is not None
    assert job.error.message == "The tracer was killed from outside by SIGTERM."
    assert files(tmp_path) == set()


def test_garbage_is_logged_and_otherwise_ignored(start: Start) -> None:
    job = start("garbage")
    said = finish(job)
    assert job.state == "done"
    assert [type(message) for message in said] == [ProgressMessage, ResultMessage]
    assert {"Loading weights: 100%", "[1, 2", "noise on stderr", '{"type": "nonsense"}'} <= set(job.log)


def test_half_a_line_at_the_end(start: Start) -> None:
    job = start("half")
    finish(job)
    assert job.state == "done"
    assert job.log == ('{"type": "progress", "sta',)


def test_a_flood_is_bounded_when_nobody_polls(start: Start) -> None:
    job = start("flood")
    assert job._exited.wait(60.0)
    time.sleep(0.2)
    before = time.monotonic()
    said = job.poll()
    assert time.monotonic() - before < 0.2
    finish(job)
    assert job.state == "done"
    assert len(said) <= 1002
    assert len(job.log) == 500


def test_the_child_sees_a_clean_environment(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    finish(start("environment"))
    seen = json.loads((tmp_path / "out.trace").read_text())
    assert "PYTHONHOME" not in seen
    assert "/nowhere" not in seen["PYTHONPATH"]


@pytest.mark.parametrize("prompt", ["-x", "--help", "a b'\"$(x)", "Zeile\nzwei", "äöü → ∑", ""])
def test_any_text_reaches_the_child_as_it_is(start: Start, tmp_path: Path, prompt: str) -> None:
    finish(start(prompt))
    assert (tmp_path / "out.trace").read_text(encoding="utf-8") == f"trace of {prompt}"


def test_a_prompt_that_no_command_line_can_carry(start: Start) -> None:
    job = start("A\0B")
    finish(job)
    assert job.error is not None and job.error.message.startswith("The tracer cannot be started")


def test_unwritable_outputs_are_refused_at_once(pretend: Path, python_with_torch: Path, model: Path) -> None:
    missing = model / "missing" / "out.trace"
    with pytest.raises(UserError, match="cannot be written: No such file or directory"):
        TracerJob(TraceRequest("ABC", model, missing, python=python_with_torch), package=pretend)
    with pytest.raises(UserError, match="is a folder"):
        TracerJob(TraceRequest("ABC", model, model, python=python_with_torch), package=pretend)


def test_blocking(pretend: Path, python_with_torch: Path, model: Path, tmp_path: Path) -> None:
    said: list[Message] = []
    made = trace_prompt("ABC", model, tmp_path / "a", "cpu", python_with_torch, said.append, package=pretend)
    assert made == tmp_path / "a" and made.read_text() == "trace of ABC"
    assert isinstance(said[-1], ResultMessage)
    with pytest.raises(UserError, match="a letter too many") as caught:
        trace_prompt("error", model, tmp_path / "b", "cpu", python_with_torch, package=pretend)
    assert caught.value.code == 2
    assert files(tmp_path) == {"a"}


def test_options_reach_the_child(pretend: Path, python_with_torch: Path, model: Path, tmp_path: Path) -> None:
    out, options = tmp_path / "out.trace", TraceOptions(dtype="bfloat16", online=True, keep=("a[0:2]", "b"))
    words = ["--steps=3", "--dtype=bfloat16", "--online", "--keep=a[0:2]", "--keep=b"]
    for prompt in ("options", None):
        trace_prompt(prompt, model, out, "cpu", python_with_torch, steps=3, options=options, package=pretend)
        assert json.loads(out.read_text()) == words


def test_an_estimate_writes_nothing(pretend: Path, python_with_torch: Path, model: Path) -> None:
    earlier = set(Path(tempfile.gettempdir()).glob(".forward-pass-*"))
    said: list[Message] = []
    found = estimate_prompt("estimate", model, "cpu", python_with_torch, said.append, package=pretend)
    assert found == {"lines": ["a line", "another"], "bytes": 5} and isinstance(said[0], ProgressMessage)
    assert set(Path(tempfile.gettempdir()).glob(".forward-pass-*")) <= earlier
    with pytest.raises(UserError, match="a letter too many"):
        estimate_prompt("error", model, "cpu", python_with_torch, package=pretend)


@needs_proc
def test_an_interrupt_while_blocking_cancels_and_goes_on_upwards(
    pretend: Path, python_with_torch: Path, model: Path, tmp_path: Path
) -> None:
    pids: list[int] = []

    def interrupt(message: Message) -> None:
        assert isinstance(message, ProgressMessage)
        pids.append(int(message.text.split()[1]))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace_prompt("slow", model, tmp_path / "a", "cpu", python_with_torch, interrupt, package=pretend)
    assert not is_alive(pids[0])
    assert files(tmp_path) == set()


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_orphan_when_the_parent_ends(
    pretend: Path, python_with_torch: Path, model: Path, tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from forward_pass.process.trace_prompt import trace_prompt
        trace_prompt("slow", Path({str(model)!r}), Path({str(tmp_path / "out.trace")!r}), "cpu",
                     Path({str(python_with_torch)!r}), lambda m: print(m.text, flush=True),
                     package=Path({str(pretend)!r}))
        """)
    )
    search = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": search},
        start_new_session=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline().split()[1])
    assert is_alive(pid)
    parent.send_signal(how)
    parent.communicate(timeout=20)
    assert gone_soon(pid)
    if how == signal.SIGINT:
        assert files(tmp_path) == {"parent.py"}
