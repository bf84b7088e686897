# SPDX-License-Identifier: GPL-3.0-or-later
"""The real tracer, in a process of its own, on the built-in model."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.messages import Message, ProgressMessage
from forward_pass.core.trace import Trace
from forward_pass.process.job import PACKAGE, TracerJob
from forward_pass.process.models import built_in_models
from forward_pass.process.request import TraceRequest
from forward_pass.process.trace_prompt import trace_prompt

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed in this Python"),
    pytest.mark.skipif("nano-sort" not in built_in_models(), reason="the built-in model is not there"),
]


def test_a_prompt_becomes_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[Message] = []
    made = trace_prompt("CBABBC", "nano-sort", Path("a.trace.safetensors"), "cpu", Path(sys.executable), said.append)
    trace = Trace.open(made)
    assert [token.text for token in trace.tokens] == list("CBABBC" + "ABBBCC")
    progress = [message for message in said if isinstance(message, ProgressMessage)]
    assert list(dict.fromkeys(message.stage for message in progress)) == ["load", "trace", "write"]
    for stage in ("load", "trace", "write"):
        shares = [message.done for message in progress if message.stage == stage]
        assert shares == sorted(shares)
    assert [path.name for path in tmp_path.iterdir()] == ["a.trace.safetensors"]


def test_under_another_name_in_another_place(tmp_path: Path) -> None:
    package = tmp_path / "extensions" / "an_extension"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    out = tmp_path / "b.trace.safetensors"
    made = trace_prompt("AABBCC", "nano-sort", out, "cpu", Path(sys.executable), package=package)
    assert Trace.open(made).tokens[-1].text == "C"


def test_a_wrong_prompt_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="D") as caught:
        trace_prompt("CBABBD", "nano-sort", tmp_path / "c.trace.safetensors", "cpu", Path(sys.executable))
    assert caught.value.code == 2
    assert list(tmp_path.iterdir()) == []


def test_cancelled_while_it_works(tmp_path: Path) -> None:
    out = tmp_path / "d.trace.safetensors"
    job = TracerJob(TraceRequest("CBABBC", "nano-sort", out, "cpu", Path(sys.executable)), grace=20.0)
    while not job.wait(0.1) and job.state == "running":
        pass
    began = time.monotonic()
    job.cancel()
    while job.state == "running":
        job.wait(0.1)
    assert job.state == "cancelled"
    assert time.monotonic() - began < 15.0  # it went by itself, before the grace was over
    assert list(tmp_path.iterdir()) == []
