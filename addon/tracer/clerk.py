# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on tensors that nobody waits for, done beside the forward pass: writing them, their statistics, the checks.

Beside kernels on a GPU, or on cores of which they leave one free, this work costs little. Where the kernels take all
cores it holds them up for longer than it takes by itself: there it is done at once, by whoever brings it. Jobs are done
one after the other in the order in which they came.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType

import torch

MOST = 1 << 28  # bytes of tensors that may wait; beyond it whoever brings more waits too
Job = Callable[[], None]


def has_a_core_to_spare(model: torch.nn.Module) -> bool:
    """Whether the model's kernels leave one free on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return next(model.parameters()).device.type != "cpu" or torch.get_num_threads() < cores


class Clerk:
    """Does jobs in a thread of its own while it is entered; at once where it is not.

    A tensor that a job needs must not be written over before it is done: `is_needed` tells, `settle` waits. What goes
    wrong in a job is raised to whoever brings the next one or settles.
    """

    def __init__(self) -> None:
        self._jobs: deque[tuple[Job, tuple[torch.Tensor, ...], int]] = deque()
        self._waiting = 0  # bytes
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._ends = False

    def __enter__(self) -> Clerk:
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._change:
            self._ends = True
            self._jobs.clear()
            self._change.notify_all()
        assert self._thread is not None
        self._thread.join()
        self._thread = None

    def do(self, job: Job, *tensors: torch.Tensor) -> None:
        """Does a job that needs these tensors, now or soon. Raises what an earlier one raised."""
        if self._thread is None:
            job()
            return
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        with self._change:
            self._change.wait_for(lambda: self._waiting <= MOST or self._error is not None)
            self._raise()
            self._jobs.append((job, tensors, size))
            self._waiting += size
            self._change.notify_all()

    def is_needed(self, storage: int) -> bool:
        """Whether a job that is not done yet needs the storage with this identity."""
        with self._change:
            return any(one.untyped_storage()._cdata == storage for _, tensors, _ in self._jobs for one in tensors)

    def settle(self) -> None:
        """Waits until all is done. Raises what a job raised."""
        with self._change:
            self._change.wait_for(lambda: not self._jobs or self._error is not None or self._thread is None)
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        with torch.no_grad():
            while True:
                with self._change:
                    self._change.wait_for(lambda: bool(self._jobs) or self._ends)
                    if self._ends:
                        return
                    job, _, size = self._jobs[0]
                try:
                    job()
                except BaseException as error:
                    self._error = error
                with self._change:
                    if self._jobs:
                        self._jobs.popleft()
                    self._waiting -= size
                    self._change.notify_all()
