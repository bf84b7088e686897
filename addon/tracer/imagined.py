# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to what a model asks of tensors that have no numbers: which experts a token goes to, whether any is masked.

Every expert gets its equal share of the tokens, which is what a trained router comes near to; of a few tokens each
choice is of an expert of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

CHOICES = ("nonzero", "argwhere")
TRUTHS = ("__bool__", "__contains__")
NUMBERS = ("item", "__int__", "__index__", "__float__", "tolist", *TRUTHS)


class Imagined(TorchFunctionMode):
    """While it is entered, questions to tensors on "meta" that need their numbers are answered by a guess."""

    def __init__(self) -> None:
        super().__init__()
        self._experts = 1
        self._autocast: Any = torch.autocast

    def __enter__(self) -> Imagined:
        def autocast(device_type: str, *args: Any, **options: Any) -> Any:
            return self._autocast("cpu" if device_type == "meta" else device_type, *args, **options)

        torch.autocast = autocast  # torch has none for "meta"
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.autocast = self._autocast
        self._choices = sys.maxsize  # of experts by tokens, which a model writes out as ones and zeros

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Answers itself, or lets the call happen."""
        options = kwargs or {}
        name = getattr(func, "__name__", "")
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) and args[0].is_meta else None
        if tensor is not None and name == "one_hot":
            self._choices = tensor.numel()
        if tensor is not None and name in CHOICES and not options:
            return self._chosen(tensor)
        if tensor is not None and name == "where" and len(args) == 1 and not options:
            return tuple(self._chosen(tensor).unbind(-1))
        if tensor is not None and name in NUMBERS:
            return [0] * tensor.numel() if name == "tolist" else False if name in TRUTHS else 0
        if tensor is not None and name == "__getitem__" and _is_mask(args[1]):
            return tensor[torch.zeros(self._share(args[1].numel()), dtype=torch.int64)]
        return func(*args, **options)

    def _chosen(self, where: torch.Tensor) -> torch.Tensor:
        """Places [n, dimensions]: of a list of experts those that are chosen, of anything else an equal share."""
        if where.dim() == 1 and where.numel() > 1:
            self._experts = min(where.numel(), self._choices)
            return torch.arange(self._experts, device="cpu").unsqueeze(-1)
        return torch.zeros(self._share(where.numel()), max(where.dim(), 1), dtype=torch.int64, device="meta")

    def _share(self, count: int) -> int:
        return max(1, round(count / self._experts))


def _is_mask(key: Any) -> bool:
    return isinstance(key, torch.Tensor) and key.dtype == torch.bool and key.is_meta
