# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tracer is asked for, checked before torch is even loaded."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from .config import Config, read_config


@dataclass(frozen=True)
class Request:
    """A prompt as token ids, the model, how many tokens to generate, on what, and where the trace goes."""

    config: Config
    ids: tuple[int, ...]
    steps: int
    model: Path
    out: Path
    device: str
    seed: int


def read_request(arguments: argparse.Namespace) -> Request:
    """The request of a command line. Raises UserError where the prompt, the model or the path will not do."""
    config = read_config(arguments.model)
    ids = tuple(config.encode(arguments.prompt))
    _check_out(arguments.out)
    steps = _steps(config, arguments.steps)
    return Request(config, ids, steps, arguments.model, arguments.out, arguments.device, arguments.seed)


def _steps(config: Config, wanted: int | None) -> int:
    most = config.block_size - config.prompt_length + 1
    steps = config.new_tokens if wanted is None else wanted
    if not 1 <= steps <= most:
        raise UserError(f"{config.name} cannot generate {steps} tokens.", f"Ask for 1 to {most}.", 2)
    return steps


def _check_out(path: Path) -> None:
    """Finds out before the work whether its result can be kept."""
    if path.is_dir():
        raise UserError(f"The trace cannot be written to {path}: it is a folder.", "Give the name of a file.", 2)
    if not path.parent.is_dir():
        raise UserError(f"The trace cannot be written to {path}: there is no such folder.", "Make the folder first.")
