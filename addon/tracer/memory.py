# SPDX-License-Identifier: GPL-3.0-or-later
"""When the memory of a device does not suffice."""

from __future__ import annotations

import gc

import torch

# What the libraries of devices and the C++ of torch say, where they raise no error of their own for it.
SAID = ("out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether that is what an exception means."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in SAID)


def free(device: torch.device) -> None:
    """Gives back what nothing refers to any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
