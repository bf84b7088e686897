# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands for uv: `fake_uv.py MODE JOURNAL PYTHON venv|pip ...`. Makes a link to PYTHON as the environment's, notes
each call in JOURNAL, and installs as MODE says."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

mode, journal, python, command, *words = sys.argv[1:]
with open(journal, "a") as file:
    file.write(f"{command}\n")
if mode == "bare":
    (Path(words[-1]) / "bin").mkdir(parents=True)
    print("The virtual environment was not created successfully because ensurepip is not available.")
    sys.exit(1)
if command == "venv":
    program = Path(words[-1]) / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(python)
    sys.exit(0)
print("Downloading torch (183.0MiB)", flush=True)
if mode == "slow":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(f"child {child.pid}", flush=True)
    time.sleep(60)
if mode == "flood":
    for _ in range(20):
        sys.stdout.write("x" * 100_000)
    print(flush=True)
    for i in range(3000):
        print("line", i)
if mode in ("offline", "full"):
    print("error: dns error: failed to lookup" if mode == "offline" else "error: No space left on device")
    sys.exit(2)
print(" Downloaded torch", flush=True)
print("Prepared 3 packages in 2ms", flush=True)
if mode == "installing":
    time.sleep(60)
