# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of a tracer, from how its process ended and what it had said."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.errors import UserError
from ..core.messages import ErrorMessage, ResultMessage

State = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True)
class Outcome:
    """The state that a job ends in, the error where it failed, and what the tracer told of its result."""

    state: State
    error: UserError | None = None
    data: dict[str, Any] = field(default_factory=dict)


def outcome_of(status: int, judged: Sequence[ErrorMessage | ResultMessage], log: Sequence[str]) -> Outcome:
    """What became of a child that nobody cancelled, with exit `status` (negative: a signal): its first error counts,
    then its result. `log` are the last lines that it said besides."""
    errors = [message for message in judged if isinstance(message, ErrorMessage)]
    if errors:
        first = errors[0]
        return Outcome("failed", UserError(first.message, first.hint, first.code, first.remedies))
    results = [message for message in judged if isinstance(message, ResultMessage)]
    if not results:
        return Outcome("failed", _no_result(status, last_said(log)))
    return Outcome("done", data=results[-1].data)


def last_said(log: Sequence[str]) -> str:
    """The end of a log, as a hint."""
    return f"The last that it said: {log[-1]}" if log else "It left nothing in its log."


def _no_result(status: int, last: str) -> UserError:
    """The error for a child that ended before it gave a result."""
    if status >= 0:
        return UserError(f"The tracer ended with status {status} and without a result.", last)
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    memory = "The machine may have run out of memory: try a shorter prompt. " if name == "SIGKILL" else ""
    remedies = ("half",) if name == "SIGKILL" else ()
    return UserError(f"The tracer was killed from outside by {name}.", memory + last, remedies=remedies)
