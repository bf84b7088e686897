# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that the add-on and the processes that it starts say to each other: one JSON object a line.

Child to parent: progress, step, frame, warning, error, result. Parent to child: cancel. Lines are pure ASCII, so that
neither the encoding of a pipe nor a line break inside a text can break one.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args


@dataclass(frozen=True)
class ProgressMessage:
    """`stage` is one word ("load", "trace", "write"), `done` its share from 0 to 1, `text` a line for people."""

    type: ClassVar[str] = "progress"
    stage: str
    done: float
    text: str = ""


@dataclass(frozen=True)
class StepMessage:
    """`done` of `total` pictures are through a stage of a rendering ("frames", "video")."""

    type: ClassVar[str] = "step"
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class FrameMessage:
    """The picture of that number is complete; it took so many seconds."""

    type: ClassVar[str] = "frame"
    frame: int
    seconds: float


@dataclass(frozen=True)
class WarningMessage:
    """Something a person should know that does not stop the work."""

    type: ClassVar[str] = "warning"
    message: str


@dataclass(frozen=True)
class ErrorMessage:
    """The end of the work, as `UserError` has it: a sentence, a hint, the exit status, what could be done."""

    type: ClassVar[str] = "error"
    message: str
    hint: str = ""
    code: int = 1
    remedies: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ResultMessage:
    """The file is complete at `path`; `data` holds what there is to say about it (only what JSON can hold)."""

    type: ClassVar[str] = "result"
    path: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CancelMessage:
    """Stop, and leave nothing behind."""

    type: ClassVar[str] = "cancel"


Message = ProgressMessage | StepMessage | FrameMessage | WarningMessage | ErrorMessage | ResultMessage | CancelMessage

_CLASSES: dict[str, type[Any]] = {message.type: message for message in get_args(Message)}
_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}
_KINDS |= {"dict[str, Any]": (dict,), "list[str]": (list,)}


def encode(message: Message) -> str:
    """One line of JSON, without the line break at its end.

    Raises ValueError where the message holds a number that JSON cannot (NaN, infinity).
    """
    return json.dumps({"type": message.type, **dataclasses.asdict(message)}, allow_nan=False)


def decode(line: str) -> Message:
    """The message that `encode` wrote; keys that this version does not know are ignored.

    Raises ValueError with one sentence where the line is no message, or a value is missing or of the wrong kind.
    """
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"Not a message: {line.strip()[:200]!r}.") from None
    kind = words.get("type") if isinstance(words, dict) else None
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise ValueError(f"Not a message of a known type: {line.strip()[:200]!r}.")
    values = {f.name: words[f.name] for f in dataclasses.fields(_CLASSES[kind]) if f.name in words}
    _check(kind, values)
    return _CLASSES[kind](**values)


def _check(kind: str, values: dict[str, Any]) -> None:
    """Raises ValueError unless every value of a message of this kind is there and of the declared type."""
    for f in dataclasses.fields(_CLASSES[kind]):
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if f.name not in values:
            if required:
                raise ValueError(f"A message of type {kind} lacks {f.name!r}.")
            continue
        value = values[f.name]
        if isinstance(value, bool) or not isinstance(value, _KINDS[str(f.type)]):
            raise ValueError(f"In a message of type {kind}, {f.name!r} cannot be {value!r}.")
        if isinstance(value, list) and not all(isinstance(word, str) for word in value):
            raise ValueError(f"In a message of type {kind}, {f.name!r} must hold texts only.")
    done, most = values.get("done", 0.0), values.get("total", 1)
    if most < 1 or not (math.isfinite(done) and 0.0 <= done <= most):
        raise ValueError(f"In a message of type {kind}, 'done' must be from 0 to {max(most, 1)}, not {done!r}.")
