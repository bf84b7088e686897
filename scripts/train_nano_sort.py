# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the built-in model again: `python scripts/train_nano_sort.py`, two minutes on one core of a CPU.

The training itself belongs to the tracer's room, where the model and torch are; this starts it there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assets" / "models" / "nano-sort"


def main() -> int:
    """Passes its arguments on (see --help); without -o the built-in model is replaced."""
    words = sys.argv[1:]
    if not {"-o", "--out"} & {word.split("=")[0] for word in words}:
        words += ["--out", str(FOLDER)]
    try:
        return subprocess.run([sys.executable, "-m", "forward_pass.tracer.train", *words], check=False).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
