# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the tracer is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .options import DEFAULTS, TraceOptions


@dataclass(frozen=True)
class TraceRequest:
    """What to trace: the prompt (None where the options give its token ids), a model's name or folder, the file to
    write, the device (auto, cuda, mps, cpu), the Python to run with (None: `find_python`), how many tokens to generate
    (None: until a built-in model is done, one for others), and the rest. `estimate` asks what it would take instead:
    the answer is in the job's `data`, and nothing is written."""

    prompt: str | None
    model: str | Path
    out: Path
    device: str = "auto"
    python: Path | None = None
    steps: int | None = None
    options: TraceOptions = DEFAULTS
    estimate: bool = False

    def words(self, model: str, out: Path) -> list[str]:
        """The tracer's command line after its name, with the model as it was found and the file to write."""
        words = ["--model", model, "--out", str(out), "--device", self.device]
        words += [] if self.prompt is None else [f"--prompt={self.prompt}"]
        words += [] if self.steps is None else [f"--steps={self.steps}"]
        return [*words, *self.options.words(), *(["--estimate"] if self.estimate else [])]
