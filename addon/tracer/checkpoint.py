# SPDX-License-Identifier: GPL-3.0-or-later
"""A model from its folder: config.json and model.safetensors, with the parameter names of `model`."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..core.errors import UserError
from .config import HINT, read_config
from .model import GPT

WEIGHTS = "model.safetensors"


def load(folder: Path, device: torch.device) -> GPT:
    """The model with its weights in float32, ready to run.

    A causal mask that minGPT saved with the weights (attn.bias) is left out: it is not a weight.
    Raises UserError where a file is missing or corrupt, or does not hold exactly this model's parameters.
    """
    config = read_config(folder)
    weights = _read(folder / WEIGHTS)
    weights = {name: value for name, value in weights.items() if not name.endswith(".attn.bias")}
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in GPT(config).state_dict().items()}
    for name, shape in wanted.items():
        if name not in weights:
            raise UserError(f"{WEIGHTS} of {folder} has no {name}.", HINT)
        found = tuple(weights[name].shape)
        if found != shape:
            raise UserError(f"{name} in {WEIGHTS} of {folder} has shape {found}; config.json asks for {shape}.", HINT)
    strangers = sorted(set(weights) - set(wanted))
    if strangers:
        raise UserError(f"{WEIGHTS} of {folder} has {strangers[0]}, which this kind of model has not.", HINT)
    model = GPT(config)
    model.load_state_dict(weights)
    return model.float().to(device).eval()


def _read(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise UserError(f"The model folder {path.parent} has no {path.name}.", HINT, 2)
    try:
        return load_file(path)
    except SafetensorError:
        raise UserError(
            f"{path} is corrupt: it cannot be read as safetensors.", "Get or train the model again."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.", HINT) from None
