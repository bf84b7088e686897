# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer for callers that can wait: scripts and tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.errors import UserError
from ..core.messages import Message
from .job import PACKAGE, TraceRequest, TracerJob


def trace_prompt(
    prompt: str,
    model: str | Path,
    out: Path,
    device: str = "auto",
    python: Path | None = None,
    on_message: Callable[[Message], None] | None = None,
    *,
    package: Path = PACKAGE,
) -> Path:
    """Runs `model` (a built-in name or a folder) on `prompt` in a process of its own and returns the trace's path.

    `on_message` is told what the tracer says, as it says it. Whatever interrupts this (Ctrl-C, an exception in
    `on_message`) cancels the child, waits until it is gone and goes on upwards. Raises `UserError`.
    """
    job = TracerJob(TraceRequest(prompt, model, Path(out), device, python), package=package)
    try:
        while job.state == "running":
            for message in job.wait(timeout=0.2):
                if on_message is not None:
                    on_message(message)
    except BaseException:
        job.end(wait=3.0)
        raise
    if job.error is not None:
        raise job.error
    if job.result is None:
        raise UserError("The trace was cancelled.", code=130)
    return job.result
