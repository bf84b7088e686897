# SPDX-License-Identifier: GPL-3.0-or-later
"""bench.py measures what it says, and keeps the numbers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from scripts.bench import Measure, best


def test_the_best_of_several_runs_counts() -> None:
    lengths = iter([0.05, 0.01, 0.05])
    measure = best("nap", lambda: time.sleep(next(lengths)), 3)
    assert 0.01 <= measure.seconds < 0.05


def test_a_ratio_names_what_it_is_to() -> None:
    assert Measure("a", 3.0).over(Measure("b", 1.5)) == Measure("a", 3.0, 2.0, "b")


def test_numbers_are_shown_and_kept(root: Path, tmp_path: Path) -> None:
    trace, kept = root / "tests" / "data" / "CBABBC.trace.safetensors", tmp_path / "bench.json"
    command = [sys.executable, str(root / "scripts" / "bench.py"), "layout", "--trace", str(trace), "--runs", "1"]
    result = subprocess.run([*command, "--json", str(kept)], capture_output=True, text=True, check=True)
    names = [measure["name"] for measure in json.loads(kept.read_text())["measures"]["layout"]]
    assert names == ["layout", "story", "story of 45 s"] and all(name in result.stdout for name in names)


def test_a_trace_that_is_not_there_is_a_sentence(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(root / "scripts" / "bench.py"), "layout", "--trace", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith("Error: ") and "Traceback" not in result.stderr
