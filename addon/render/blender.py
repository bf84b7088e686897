# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting another Blender, without a window, that runs a module of this package, and ending it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]
NICE = 10  # how far a gentle process stands back behind the others, as POSIX counts it
BACKEND = "--gpu-backend"
CHILD = "FORWARD_PASS_CHILD"  # in the environment of what is started here


def start(
    module: str, job: dict[str, Any], *, threads: int = 0, log: bool = False, gentle: bool = False
) -> subprocess.Popen[str]:
    """Starts `module` ("render.worker") and hands it `job`: see `child`, which is its side.

    `threads` are those of a renderer that has no GPU, 0 for as many as it likes; with `log` what Blender says is read
    from its standard error, else nobody hears it; one that is `gentle` leaves the processor to others first. Its
    temporary files go to the folder `job["scratch"]`, where there is one. Raises `UserError`.
    """
    environment = {**os.environ, CHILD: "1"}
    if threads:
        environment.setdefault("LP_NUM_THREADS", str(threads))
    if "scratch" in job:
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), job["scratch"])
    if bpy.app.module:
        environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    try:
        process = subprocess.Popen(
            command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if log else subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            env=environment,
            **_apart(gentle),
        )
    except OSError as error:
        what = f"A Blender that renders cannot be started: {error.strerror or error}."
        raise UserError(what, "Is Blender still where it was?") from error
    if gentle and hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):  # it is gone already, and its end will be seen
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # likewise
        process.stdin.write(f"{json.dumps(job)}\n")
        process.stdin.flush()
    return process


def command(module: str) -> list[str]:
    """The module bpy is imported by this Python; a program is started once more.

    A program takes neither preferences nor add-ons along: scenes need none, EEVEE has nothing to choose there but the
    backend, which is handed on, and what others' add-ons do when a file is opened has no place in a rendering.
    """
    name = f"{PACKAGE.name}.{module}"
    if bpy.app.module:
        return [sys.executable, "-m", name]
    run = f"sys.path.append({str(PACKAGE.parent)!r}); runpy.run_module({name!r}, run_name='__main__')"
    options = ["--background", "--factory-startup", "--offline-mode", "--python-exit-code", "1", *_backend()]
    return [bpy.app.binary_path, *options, "--python-expr", f"import runpy, sys; {run}"]


def _backend() -> list[str]:
    """The one that this Blender draws with. One without a window has none before it renders: it hands on what it was
    started with."""
    if BACKEND in sys.argv:
        at = sys.argv.index(BACKEND)
        return sys.argv[at : at + 2]
    if bpy.app.background:
        return []
    import gpu

    return [BACKEND, gpu.platform.backend_type_get().lower()]


def _apart(gentle: bool) -> dict[str, Any]:
    """A session of its own, as Ctrl-C in a terminal is the parent's to handle. A child of ours shares its with those
    that it starts, so that all end at once."""
    if sys.platform == "win32":
        priority = subprocess.BELOW_NORMAL_PRIORITY_CLASS if gentle else 0
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP | priority}
    return {"start_new_session": CHILD not in os.environ}


def end(process: subprocess.Popen[str]) -> int:
    """Ends a process that `start` has started, with all that it started, and waits; returns its exit status."""
    if process.poll() is None:
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it leads no session
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
    status = process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):  # the pipe broke when it ended
            if stream is not None:
                stream.close()
    return status


def how_it_ended(status: int) -> str:
    """`was ended by SIGKILL` or `ended with status 1`."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
