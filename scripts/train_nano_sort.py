# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the built-in sorting model again: `python scripts/train_nano_sort.py`, two minutes on one core of a CPU."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts._training import run_training

if __name__ == "__main__":
    sys.exit(run_training("train_nano_sort", "nano-sort", sys.argv[1:]))
