# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the environment that `environment` planned: followed, cancelled, and gone on with where it was broken off."""

from __future__ import annotations

import atexit
import re
import shutil
import subprocess
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import IO, Literal

from ..core.errors import UserError
from .child import OWN_GROUP, signal_group, wait_for_group
from .environment import Plan, Step, environment_of_commands, read_mark, size, write_mark
from .python import PythonInfo, try_python

State = Literal["running", "done", "failed", "cancelled"]
MOST_LINES = 500  # of the log in memory; the file has all of them
LONGEST_LINE = 4000  # bytes
LONGEST_LOG = 50_000_000  # bytes of the file, against a command that floods
FETCHED = re.compile(r"\s*Download(ing|ed) (\S+)(?: \(([\d.]+)\s?(k|K|M|G)i?B\))?")
INSTALLING = re.compile(r"Installing collected packages|Prepared \d+ packages?")  # all is there: pip, uv
FETCHING = 0.8  # of the time that packages take, the rest is unpacking
UNITS = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
AGAIN = "Press Set Up again, and it goes on where it stopped."
REASONS = (  # what a command says, what that means, and what to do, where that is not to press again
    (
        re.compile(r"ensurepip|No module named venv", re.I),
        "This Python cannot make environments.",
        "Install uv, or your system's package for venv (such as python3-venv), or choose a Python that has torch.",
    ),
    (re.compile(r"No space left|not enough space|disk full", re.I), "The disk is full.", ""),
    (
        re.compile(r"resolution|resolve host|dns|connect|timed out|network|unreachable|certificate", re.I),
        "The packages cannot be reached.",
        "",
    ),
)


class EnvironmentJob:
    """The environment being made, from the moment this is. `poll()` is there to be called as other jobs' is; all
    that changes is written by the job's own thread. Raises `UserError` where the disk has no room for it."""

    def __init__(self, plan: Plan, grace: float = 4.0) -> None:
        self.state: State = "running"
        self.error: UserError | None = None
        self.info: PythonInfo | None = None  # of the environment, once it is ready
        self.done, self.text = 0.0, "Starting"
        self.plan = plan
        self._grace = grace
        self._log: deque[str] = deque(maxlen=MOST_LINES)
        self._written = 0
        self._fetching: dict[str, float] = {}  # what is being downloaded -> its bytes
        self._fetched = 0.0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled, self._over = threading.Event(), threading.Event()
        _check_room(plan)
        _running.add(self)
        threading.Thread(target=self._run, name="forward-pass-set-up", daemon=True).start()

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that the commands said."""
        return tuple(line for line in self._log if line)

    def cancel(self) -> None:
        """Stops the command at work, politely first. Returns at once; what is there stays for the next time."""
        with self._lock:
            self._cancelled.set()
            process = self._process
        if process is not None:
            threading.Thread(target=self._stop, args=(process,), daemon=True).start()

    def end(self, wait: float = 3.0) -> None:
        """Cancels, and returns once the command is gone."""
        if self.state != "running":
            return
        self.cancel()
        if not self._over.wait(wait) and self._process is not None:
            signal_group(self._process, firm=True)
            self._over.wait(wait)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        signal_group(process, firm=False)
        if not self._over.wait(self._grace):
            signal_group(process, firm=True)

    # What happens in the job's own thread.

    def _run(self) -> None:
        state: State = "done"
        try:
            self._make()
        except UserError as error:
            self.error, state = error, "failed"
        except Exception as error:  # a thread's exception reaches nobody: hand it over
            self.error, state = UserError(f"Setting up failed: {error!r}.", "Please report this as a bug."), "failed"
            self.error.__cause__ = error
        if self._cancelled.is_set() and state != "done":
            self.error, state = None, "cancelled"
        _running.discard(self)
        self._over.set()
        self.state = state

    def _make(self) -> None:
        folder, variant = self.plan.folder, self.plan.variant.name
        folder.parent.mkdir(parents=True, exist_ok=True)
        mark = read_mark(folder)
        done = list(mark.get("done", ())) if mark.get("variant") == variant else []
        with open(self.plan.log, "ab") as log:
            for step in self.plan.steps:
                if step.name not in done:
                    self._take(step, log, anew=not done)
                    done.append(step.name)
                    write_mark(folder, variant, done, ready=False)
                self.done = step.ends
            self.text = "Trying it"
            self.info = try_python(self.plan.python)
            self._note(f"{self.info}".encode(), log)
        write_mark(folder, variant, done, ready=True)
        self.done, self.text = 1.0, "Done"

    def _take(self, step: Step, log: IO[bytes], anew: bool) -> None:
        """Tries the step's commands in turn, each in an empty folder with `anew`: what an earlier time or a command
        that failed left there cannot be trusted. Raises `UserError` where none succeeds."""
        for command in step.commands:
            if anew:
                shutil.rmtree(self.plan.folder, ignore_errors=True)
            self.text = step.words
            self._log.append("")  # what this command says begins here
            if self._call(command, step, log) == 0:
                return
            if self._cancelled.is_set():
                raise UserError("Setting up was cancelled.", code=130)
        said = list(self._log)
        raise _failure(step, said[len(said) - said[::-1].index("") :] if "" in said else said)

    def _call(self, command: tuple[str, ...], step: Step, log: IO[bytes]) -> int:
        """Runs one command to its end; returns its exit status, 127 where it cannot be started."""
        self._note(f"$ {' '.join(command)}".encode(), log)
        with self._lock:
            if self._cancelled.is_set():
                return 130
            try:
                self._process = process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=environment_of_commands(),
                    cwd=self.plan.folder.parent,
                    **OWN_GROUP,
                )
            except OSError as error:
                self._note(f"{command[0]} cannot be started: {error.strerror or error}".encode(), log)
                return 127
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=(process.stdout, step, log), daemon=True)
        reader.start()
        status = wait_for_group(process)
        reader.join(timeout=5.0)
        process.stdout.close()
        return status

    def _read(self, stream: IO[bytes], step: Step, log: IO[bytes]) -> None:
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            self._listen(line.decode("utf-8", "replace"), step)
            self._note(line, log)

    def _listen(self, line: str, step: Step) -> None:
        """Takes note of what a line says of the progress."""
        fetched = FETCHED.match(line)
        if fetched is not None:
            begun, name = fetched[1] == "ing", fetched[2].rpartition("/")[2]
            one_by_one = name.endswith((".whl", ".gz", ".zip"))  # pip names files, uv packages
            for known in [*self._fetching] if one_by_one else [name]:
                self._fetched += 0.0 if begun and not one_by_one else self._fetching.pop(known, 0.0)
            if begun and fetched[3]:
                self._fetching[name] = float(fetched[3]) * UNITS[fetched[4]]
                self.text = f"Downloading {name.partition('-')[0]} ({fetched[3]} {fetched[4].upper()}B)"
            self._tell(step, FETCHING * min(self._fetched / self.plan.variant.download, 1.0))
        elif step.name == "packages" and INSTALLING.match(line):
            self.text = "Installing"
            self._tell(step, FETCHING)

    def _tell(self, step: Step, share: float) -> None:
        self.done = max(self.done, step.begins + share * (step.ends - step.begins))

    def _note(self, line: bytes, log: IO[bytes]) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            self._log.append(text)
        if self._written < LONGEST_LOG:
            self._written += log.write(line.rstrip(b"\r\n") + b"\n")
            log.flush()


def set_up(plan: Plan) -> PythonInfo:
    """For callers that can wait: makes the environment, and returns what it is. Raises `UserError`."""
    job = EnvironmentJob(plan)
    try:
        while job.state == "running":
            time.sleep(0.05)
    except BaseException:
        job.end()
        raise
    if job.info is None:
        raise job.error or UserError("Setting up was cancelled.", AGAIN, code=130)
    return job.info


def remove(folder: Path) -> None:
    """Takes the environment away. Raises `UserError` where something in it cannot be removed."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be removed: {error.strerror or error}.", "Close what uses it.") from error


def _check_room(plan: Plan) -> None:
    place = next(folder for folder in (plan.folder, *plan.folder.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < plan.variant.disk and not read_mark(plan.folder):
        what = f"The environment takes {size(plan.variant.disk)}, and {size(free)} are free there."
        raise UserError(what, "Make room, or point to a Python that has torch.", remedies=("python",))


def _failure(step: Step, said: list[str]) -> UserError:
    """Why a step failed, by what its last command said."""
    words = " ".join(said[-40:])
    last = next((line for line in reversed(said) if re.search(r"error|fail|cannot", line, re.I)), said[-1])
    what, hint = next(((what, hint) for pattern, what, hint in REASONS if pattern.search(words)), ("", ""))
    return UserError(
        f"{step.words} failed. {what}".strip(),
        hint or f"{last.strip()[:300]} {AGAIN}",
        remedies=("set_up", "python"),
    )


_running: weakref.WeakSet[EnvironmentJob] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for job in tuple(_running):
        job.end(wait=1.0)
