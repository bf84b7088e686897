# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending a child process with all that it started, on every system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Any

POSIX = sys.platform != "win32"
# For Popen: a process group of its own, so that the terminal's Ctrl-C goes to the parent alone.
OWN_GROUP: dict[str, Any] = {
    "start_new_session": POSIX,
    "creationflags": 0 if POSIX else 0x08000200,  # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP
}


def wait_for_group(process: subprocess.Popen[bytes]) -> int:
    """Waits for the child and ends what it started; returns its exit status."""
    if sys.platform != "win32" and hasattr(os, "waitid"):
        # Not reaped yet, so its process group still carries its number and no other process can have it.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        signal_group(process, firm=True)
    return process.wait()


def signal_group(process: subprocess.Popen[bytes], firm: bool) -> None:
    """Ends the child's whole process group: SIGTERM, or with `firm` SIGKILL."""
    if process.returncode is not None:
        return
    if sys.platform == "win32":
        process.kill() if firm else process.terminate()
        return
    with suppress(ProcessLookupError, PermissionError):  # gone already (macOS says it the second way)
        os.killpg(process.pid, signal.SIGKILL if firm else signal.SIGTERM)
