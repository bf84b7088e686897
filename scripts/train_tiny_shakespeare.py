# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the built-in model of English again: `python scripts/train_tiny_shakespeare.py --text FILE`, any text.

About 50 minutes on one core of a CPU. Without -o the built-in model is replaced.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts._training import run_training

if __name__ == "__main__":
    sys.exit(run_training("train_tiny_shakespeare", "tiny-shakespeare", sys.argv[1:]))
