# SPDX-License-Identifier: GPL-3.0-or-later
"""What the trainings of the built-in models share: how weights begin, what decays, how a model is kept.

The recipe is minGPT's (see `model`), on one thread, so that sums have one order and the same seed gives the same
weights on the same kind of machine.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..core.errors import UserError
from .checkpoint import WEIGHTS
from .model import GPT

DECAY = 0.1  # of the weights of linear layers
LONGEST_STEP = 1.0  # the norm of a gradient, at most


def start(seed: int) -> None:
    """From here on, chance and sums are the same every time."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)


def initialise(model: GPT) -> None:
    """As minGPT: normal 0.02, the projections into the residual stream scaled down by the number of them."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
        elif parameter.dim() == 2:
            scale = (2 * model.config.n_layer) ** -0.5 if name.endswith("c_proj.weight") else 1.0
            torch.nn.init.normal_(parameter, std=0.02 * scale)


def optimiser(model: GPT, rate: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    """AdamW that decays the matrices of the linear layers only."""
    linear = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    decayed = [parameter for name, parameter in model.named_parameters() if name in linear]
    others = [parameter for name, parameter in model.named_parameters() if name not in linear]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=betas)


def descend(model: GPT, update: torch.optim.AdamW, loss: torch.Tensor) -> None:
    """One step of the optimiser down the gradient of a loss []."""
    update.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST_STEP)
    update.step()


def prepare(folder: Path) -> None:
    """Finds out before the training whether its result can be kept. Raises UserError where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    if not os.access(folder, os.W_OK):
        raise UserError(f"The model cannot be written to {folder}.", "Choose another folder with -o.")


def save(model: GPT, folder: Path, facts: Mapping[str, object] | None = None) -> None:
    """Writes config.json, with `facts` about the training in it, and the weights; each beside, then moved into place.

    Raises UserError where they cannot be written.
    """
    words = json.dumps({**asdict(model.config), **(facts or {})}, indent=2, ensure_ascii=False) + "\n"
    weights = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    written = folder / f"{WEIGHTS}.part", folder / "config.json.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(weights, written[0], metadata={"format": "pt"})
        written[1].write_text(words, encoding="utf-8")
        for path in written:
            os.replace(path, path.with_suffix(""))
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        for path in written:
            path.unlink(missing_ok=True)


def finished(work: Callable[[], None]) -> int:
    """Does the work of a command and returns its exit status; what a person can mend is said on stderr."""
    try:
        work()
    except UserError as error:
        print(f"Error: {error.message}", *filter(None, [error.hint]), sep="\n", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130
    return 0


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"The model cannot be written to {folder}: {error.strerror}.", "Choose another folder with -o.")
