# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the tracer in a process of its own: started, followed, cancelled, and never left behind."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from ..core.errors import UserError
from ..core.messages import (
    CancelMessage,
    ErrorMessage,
    Message,
    ProgressMessage,
    ResultMessage,
    WarningMessage,
    decode,
    encode,
)
from .child import OWN_GROUP, signal_group, wait_for_group
from .models import find_model, is_built_in
from .outcome import Outcome, State, last_said, outcome_of
from .python import clean_environment, find_python, own_python
from .request import TraceRequest

PACKAGE = Path(__file__).resolve().parents[1]
LONGEST_LINE = 1 << 20  # bytes; a child that floods without a line break must not fill the memory
LONGEST_NOTE = 2000  # characters of a line that are kept in the log
MOST_NOTES = 500
MOST_WAITING = 1000  # messages; beyond them progress is dropped until somebody polls


class TracerJob:
    """A tracer at work, from the moment this is made.

    `poll()` never blocks; `state`, `result` and `error` change only inside it. The child writes into a hidden folder
    beside the target, and only a whole trace is moved into place, so nothing half-written is left however it ends.
    Raises `UserError` at once for a model or an output path that cannot serve.
    """

    def __init__(self, request: TraceRequest, *, package: Path = PACKAGE, grace: float = 4.0) -> None:
        self.state: State = "running"
        self.result: Path | None = None
        self.error: UserError | None = None
        self.data: dict[str, Any] = {}  # what the tracer told beside the path
        self._model = find_model(request.model, request.options.online)
        self._request = request
        self._package = package
        self._grace = grace
        self._out = Path(os.path.abspath(request.out.expanduser()))
        self._stage = _stage_beside(self._out)
        self._queue: SimpleQueue[Message | Outcome] = SimpleQueue()
        self._log: deque[str] = deque(maxlen=MOST_NOTES)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = threading.Event()
        self._exited = threading.Event()
        _running.add(self)
        threading.Thread(target=self._run, name="forward-pass-tracer", daemon=True).start()

    # What the one who started it may do.

    def poll(self) -> tuple[Message, ...]:
        """What was said since the last call, oldest first; may be empty. Never blocks."""
        said = []
        for _ in range(2 * MOST_WAITING):  # an upper bound on the time that one call takes
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            message = self._take(item)
            if message is not None:
                said.append(message)
        return tuple(said)

    def wait(self, timeout: float) -> tuple[Message, ...]:
        """As `poll`, but waits up to `timeout` seconds for something to be said."""
        try:
            first = self._take(self._queue.get(timeout=timeout))
        except Empty:
            return ()
        return (() if first is None else (first,)) + self.poll()

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines of what the child said besides its messages."""
        return tuple(self._log)

    @property
    def pid(self) -> int | None:
        """The child's process id; None before it was started."""
        return None if self._process is None else self._process.pid

    def cancel(self) -> None:
        """Asks the child to stop, and makes it stop where it does not. Returns at once."""
        with self._lock:
            first, process = not self._cancelled.is_set(), self._process
            self._cancelled.set()
        if first and process is not None:
            threading.Thread(target=self._stop, args=(process,), name="forward-pass-cancel", daemon=True).start()

    def end(self, wait: float = 1.0) -> None:
        """For a parent that leaves: cancels, and after `wait` seconds kills. Blocks until the child is gone."""
        if self.state != "running":
            return
        self.cancel()
        if self._process is not None and not self._exited.wait(wait):
            signal_group(self._process, firm=True)
            self._exited.wait(wait)
        shutil.rmtree(self._stage, ignore_errors=True)

    def _take(self, item: Message | Outcome) -> Message | None:
        if not isinstance(item, Outcome):
            return item
        self.state, self.error, self.data = item.state, item.error, item.data
        self.result = self._out if item.state == "done" and not self._request.estimate else None
        return None

    # What happens in the job's own threads.

    def _run(self) -> None:
        try:
            end = self._follow()
        except UserError as error:
            end = Outcome("failed", error)
        except Exception as error:  # a thread's exception reaches nobody: hand it over as it is
            failure = UserError(f"The tracer could not be run: {error!r}.", "Please report this as a bug.")
            failure.__cause__ = error
            end = Outcome("failed", failure)
        finally:
            self._exited.set()
            _running.discard(self)
            shutil.rmtree(self._stage, ignore_errors=True)
        late = self._cancelled.is_set() and end.state != "done"
        self._queue.put(Outcome("cancelled") if late else end)

    def _follow(self) -> Outcome:
        """Starts the child, reads it to its end, and judges what it left."""
        process = self._start(self._python())
        if process is None:
            return Outcome("cancelled")
        assert process.stdout is not None and process.stderr is not None
        judged: list[ErrorMessage | ResultMessage] = []
        readers = [
            threading.Thread(target=self._read_messages, args=(process.stdout, judged), daemon=True),
            threading.Thread(target=self._read_log, args=(process.stderr,), daemon=True),
        ]
        for reader in readers:
            reader.start()
        status = wait_for_group(process)
        self._exited.set()
        for reader in readers:
            reader.join(timeout=5.0)
        for stream in (process.stdin, process.stdout, process.stderr):
            _close(stream)
        if self._cancelled.is_set():
            return Outcome("cancelled")
        outcome = outcome_of(status, judged, self._log)
        return outcome if outcome.state != "done" or self._request.estimate else self._moved(outcome)

    def _python(self) -> Path:
        """The Python to run with; for a built-in model, which needs no torch, the one that runs now where no other is
        found."""
        try:
            return find_python(self._request.python)
        except UserError:
            own = None if self._request.python else own_python()
            if own is None or not is_built_in(self._model):
                raise
            return own

    def _start(self, python: Path) -> subprocess.Popen[bytes] | None:
        """The child, or None where the job was cancelled before it began."""
        words = self._request.words(self._model, self._stage / self._out.name)
        command = [str(python), "-m", f"{self._package.name}.tracer", *words]
        environment = clean_environment() | {"PYTHONPATH": str(self._package.parent), "PYTHONUNBUFFERED": "1"}
        with self._lock:
            if self._cancelled.is_set():
                return None
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    cwd=self._package.parent,
                    **OWN_GROUP,
                )
            except (OSError, ValueError) as error:
                hint = "Choose another Python, or a prompt without control characters."
                raise UserError(f"The tracer cannot be started: {error}.", hint) from error
        return self._process

    def _read_messages(self, stream: IO[bytes], judged: list[ErrorMessage | ResultMessage]) -> None:
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            try:
                message = decode(line.decode("utf-8", "replace"))
            except ValueError:  # a library that prints; worth keeping, not worth failing
                self._note(line)
                continue
            if isinstance(message, ErrorMessage | ResultMessage):
                judged.append(message)
            elif isinstance(message, WarningMessage):
                self._note(message.message.encode())
            if not isinstance(message, ProgressMessage | WarningMessage) or self._queue.qsize() < MOST_WAITING:
                self._queue.put(message)

    def _read_log(self, stream: IO[bytes]) -> None:
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            self._note(line)

    def _note(self, line: bytes) -> None:
        text = line[:LONGEST_NOTE].decode("utf-8", "replace").strip()
        if text:
            self._log.append(text)

    def _moved(self, outcome: Outcome) -> Outcome:
        """A trace that was written goes to its place, where it was promised."""
        made = self._stage / self._out.name
        if not made.is_file():
            return Outcome("failed", UserError("The tracer reported a trace that is not there.", last_said(self._log)))
        try:
            os.replace(made, self._out)
        except OSError as error:
            return Outcome("failed", _unwritable(self._out, error))
        return outcome

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        """Politely, then firmly, then with force."""
        with suppress(OSError, ValueError):  # it is gone, or closed its input: the signals below will do
            assert process.stdin is not None
            process.stdin.write(f"{encode(CancelMessage())}\n".encode())
            process.stdin.flush()
        for firm, grace in ((False, self._grace), (True, self._grace / 2)):
            if self._exited.wait(grace):
                return
            signal_group(process, firm)


def _stage_beside(out: Path) -> Path:
    """An empty hidden folder on the file system of `out`. Raises `UserError` where nothing can be written there."""
    if out.is_dir():
        raise UserError(f"{out} is a folder.", "Give the name of a file to write.", code=2)
    try:
        return Path(tempfile.mkdtemp(prefix=".forward-pass-", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> UserError:
    return UserError(f"{out} cannot be written: {error.strerror or error}.", "Choose another place for the trace.")


def _close(stream: IO[bytes] | None) -> None:
    with suppress(OSError):  # the pipe broke when the child ended
        if stream is not None:
            stream.close()


_running: weakref.WeakSet[TracerJob] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for job in tuple(_running):
        job.end(wait=0.5)
