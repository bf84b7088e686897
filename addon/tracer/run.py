# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the tracer, from a checked request to a trace file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from ..core.errors import UserError
from ..core.messages import Message, ProgressMessage, ResultMessage
from .device import choose_device
from .forecast import forecast
from .generate import trace
from .memory import free, is_out_of_memory
from .prompt import prompt_ids
from .request import Request
from .subject import load
from .summary import summary

Say = Callable[[Message], None]


def run(request: Request, say: Say) -> ResultMessage:
    """Makes the trace and returns what there is to say about it; on the CPU where a GPU's memory does not suffice.
    Where an estimate is asked for, tells that instead.

    Raises UserError where the device is not there, the model cannot be loaded, or the file cannot be written.
    """
    if request.estimate:
        return forecast(request, say)
    device = choose_device(request.device)
    result = _attempt(request, device, (), say)
    if result is None and device.type != "cpu":
        free(device)
        warning = f"The memory of the {device.type} device does not suffice; this ran on the CPU."
        say(ProgressMessage("load", 0.0, warning))
        result = _attempt(request, torch.device("cpu"), (warning,), say)
    if result is None:
        hint = "Give a shorter prompt, fewer tokens or a smaller model, or keep less with --max-bytes."
        remedies = ("half",) if request.dtype in ("auto", "float32") else ()
        raise UserError("There is not enough memory for this.", hint, remedies=remedies)
    return result


def _attempt(request: Request, device: torch.device, warnings: tuple[str, ...], say: Say) -> ResultMessage | None:
    """One try on one device; None where its memory does not suffice, with nothing left of it."""
    try:
        return _run_on(request, device, warnings, say)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    return None


def _run_on(request: Request, device: torch.device, warnings: tuple[str, ...], say: Say) -> ResultMessage:
    say(ProgressMessage("load", 0.2, f"Loading the model for {device.type}"))
    subject = load(request, device, say)
    subject = dataclasses.replace(subject, warnings=warnings + subject.warnings)
    choices = request.choices(subject.kind)
    ids = prompt_ids(request, subject, choices.steps)
    say(ProgressMessage("load", 1.0, f"{subject.name} on {device.type}"))
    manifest = trace(subject, ids, choices, request.out, say=say)
    return ResultMessage(str(request.out), summary(manifest, len(ids), request.out))
