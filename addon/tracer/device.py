# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device to run on."""

from __future__ import annotations

import torch

from ..core.errors import UserError


def choose_device(wanted: str) -> torch.device:
    """The device of this name; for "auto" the best there is: cuda, mps, cpu.

    Raises UserError where this machine, or this torch, does not have it.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, there in found.items() if there))
    if wanted not in found:
        raise UserError(f'There is no device "{wanted}".', "Choose auto, cuda, mps or cpu.", 2)
    if not found[wanted]:
        there = ", ".join(name for name, is_there in found.items() if is_there)
        raise UserError(
            f'This torch finds no device "{wanted}" here.', f"Choose auto, or one that is there: {there}.", 1, ("cpu",)
        )
    return torch.device(wanted)
