# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a training in the tracer's room, where the model and torch are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODELS = Path(__file__).resolve().parents[1] / "assets" / "models"


def run_training(module: str, name: str, words: list[str]) -> int:
    """Passes `words` on to a module of the tracer; without -o the built-in model `name` is replaced."""
    if not {"-o", "--out"} & {word.split("=")[0] for word in words}:
        words = [*words, "--out", str(MODELS / name)]
    try:
        return subprocess.run([sys.executable, "-m", f"forward_pass.tracer.{module}", *words], check=False).returncode
    except KeyboardInterrupt:
        return 130
