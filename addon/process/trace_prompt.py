# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer for callers that can wait: scripts and tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.messages import Message
from .job import PACKAGE, TracerJob
from .options import DEFAULTS, TraceOptions
from .request import TraceRequest

Listener = Callable[[Message], None]


def trace_prompt(
    prompt: str | None,
    model: str | Path,
    out: Path,
    device: str = "auto",
    python: Path | None = None,
    on_message: Listener | None = None,
    *,
    steps: int | None = None,
    options: TraceOptions = DEFAULTS,
    package: Path = PACKAGE,
) -> Path:
    """Runs `model` (a name or a folder) on `prompt` in a process of its own and returns the trace's path.

    `steps` is how many tokens to generate, None what suits the model. `on_message` is told what the tracer says, as it
    says it. Whatever interrupts this (Ctrl-C, an exception in `on_message`) cancels the child, waits until it is gone
    and goes on upwards. Raises `UserError`.
    """
    request = TraceRequest(prompt, model, Path(out), device, python, steps, options)
    job = _finished(TracerJob(request, package=package), on_message)
    if job.result is None:
        raise UserError("The trace was cancelled.", code=130)
    return job.result


def estimate_prompt(
    prompt: str | None,
    model: str | Path,
    device: str = "auto",
    python: Path | None = None,
    on_message: Listener | None = None,
    *,
    steps: int | None = None,
    options: TraceOptions = DEFAULTS,
    package: Path = PACKAGE,
) -> dict[str, Any]:
    """What such a trace would take, from the model's config alone: `lines` for people, and the numbers in them.

    Otherwise as `trace_prompt`; nothing is written.
    """
    nowhere = Path(tempfile.gettempdir()) / "estimate.trace.safetensors"
    request = TraceRequest(prompt, model, nowhere, device, python, steps, options, estimate=True)
    job = _finished(TracerJob(request, package=package), on_message)
    if job.state != "done":
        raise UserError("The estimate was cancelled.", code=130)
    return job.data


def _finished(job: TracerJob, on_message: Listener | None) -> TracerJob:
    """The job after its end, followed meanwhile. Raises what went wrong in it."""
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
    return job
