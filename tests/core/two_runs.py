# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the built-in models by NumPy alone, in this process: what takes two of them to test."""

from __future__ import annotations

from pathlib import Path

from forward_pass.core.trace import Trace
from forward_pass.process.models import assets_folder
from forward_pass.tracer.__main__ import _arguments
from forward_pass.tracer.plain.run import run
from forward_pass.tracer.request import read_request


def run_of(prompt: str, path: Path, model: str = "nano-sort", steps: int | None = None) -> Trace:
    """The trace of a built-in model on a prompt, written to `path`."""
    assets = assets_folder()
    assert assets is not None
    words = ["--model", str(assets / "models" / model), "--out", str(path), f"--prompt={prompt}"]
    request = read_request(_arguments([*words, *([] if steps is None else [f"--steps={steps}"])]))
    run(request, lambda _message: None)
    return Trace.open(path)
