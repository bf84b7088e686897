# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the tracer, from a checked request to a trace file."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch

from ..core.errors import UserError
from ..core.messages import Message, ProgressMessage, ResultMessage
from ..core.trace import Manifest
from .checkpoint import load
from .device import choose_device
from .generate import trace
from .request import Request


def run(request: Request, say: Callable[[Message], None]) -> ResultMessage:
    """Makes the trace and returns what there is to say about it.

    Raises UserError where the device is not there, the model cannot be loaded, or the file cannot be written.
    """
    device = choose_device(request.device)
    name = request.config.name
    say(ProgressMessage("load", 0.5, f"Loading {name} on {device.type}"))
    try:
        model = load(request.model, device)
        say(ProgressMessage("load", 1.0, f"{name} on {device.type}"))
        manifest = trace(model, request.ids, request.steps, request.out, seed=request.seed, source=name, say=say)
    except torch.OutOfMemoryError:
        raise UserError(f"There is not enough memory on {device.type}.", "Choose the device cpu.") from None
    return ResultMessage(str(request.out), summary(manifest, request.out))


def summary(manifest: Manifest, path: Path) -> dict[str, object]:
    """What a person wants to know about a trace; `max_error` is None where a multiply could not be checked."""
    errors = [one.max_error for one in manifest.operations if one.max_error is not None]
    worst = max((math.inf if math.isnan(error) else error for error in errors), default=0.0)
    return {
        "prompt": manifest.prompt,
        "generated": "".join(token.text for token in manifest.tokens[len(manifest.prompt) :]),
        "operations": len(manifest.operations),
        "multiplies": len(errors),
        "max_error": worst if math.isfinite(worst) else None,
        "bytes": path.stat().st_size,
        "seconds": manifest.run.seconds,
        "device": manifest.run.device,
    }
