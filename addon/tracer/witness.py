# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness under the capture: sees what reaches the kernels, so that no multiply is lost in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Where each has (bias, left, right); bias None where it has none.
MULTIPLIES: dict[str, tuple[int | None, int, int]] = {
    "mm": (None, 0, 1),
    "bmm": (None, 0, 1),
    "addmm": (0, 1, 2),
    "baddbmm": (0, 1, 2),
    "mv": (None, 0, 1),
    "dot": (None, 0, 1),
    "vdot": (None, 0, 1),
    "addmv": (0, 1, 2),
    "linear": (2, 0, 1),
    "matmul": (None, 0, 1),
}
# Counted, each as so many multiplies as there are inside; what takes one is told that it was not captured.
SEALED = {
    "_sparse_mm": 1,
    "_sparse_addmm": 1,
    "addbmm": 1,
    "addr": 1,
    "_int_mm": 1,
    "_scaled_mm": 1,
    "_grouped_mm": 1,
    "_trilinear": 1,
}
SEALED |= dict.fromkeys(
    (
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_cudnn_attention",
        "_scaled_dot_product_fused_attention_overrideable",
    ),
    2,
)
SEALED |= dict.fromkeys(("_native_multi_head_attention", "_transformer_encoder_layer_fwd"), 4)
NORMS = ("native_layer_norm",)


@dataclass(frozen=True)
class Multiply:
    """One multiply as a kernel got it."""

    name: str
    operands: tuple[Any, ...]
    options: dict[str, Any]
    out: Any


@dataclass
class Seen:
    """What one call came down to. `norm` holds the mean and reciprocal deviation of a layer norm."""

    multiplies: list[Multiply] = field(default_factory=list)
    norm: tuple[torch.Tensor, ...] = ()


@lru_cache(maxsize=4096)
def _written(func: Any) -> tuple[tuple[int, str], ...]:
    """Which arguments a kernel writes over: position and name of each."""
    arguments = enumerate(func._schema.arguments)
    return tuple((i, one.name) for i, one in arguments if one.alias_info is not None and one.alias_info.is_write)


class AtenWitness(TorchDispatchMode):
    """Counts multiplies, and gives each to the call it happened in, or to `stray` where there is none.

    Before a kernel writes over a tensor, `freeze` is told.
    """

    def __init__(self, stray: Callable[[Multiply], None], freeze: Callable[[torch.Tensor], None]) -> None:
        super().__init__()
        self.count = 0
        self._stray = stray
        self._freeze = freeze
        self._open: Seen | None = None
        self.sleeps = False  # what reaches a kernel then is no part of the run

    def open(self) -> Seen:
        """A call begins; what comes until `close` belongs to it."""
        self._open = Seen()
        return self._open

    def close(self) -> None:
        """The call is over."""
        self._open = None

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Lets the kernel run, and looks at it."""
        options = kwargs or {}
        if self.sleeps:
            return func(*args, **options)
        name = func.overloadpacket.__name__.rstrip("_")
        operands = args
        for position, argument in _written(func):
            target = args[position] if position < len(args) else options.get(argument)
            if isinstance(target, torch.Tensor) and target.layout is torch.strided:
                self._freeze(target)
                if name in MULTIPLIES and position == 0:  # the bias of addmm_ is gone afterwards
                    operands = (target.clone(), *args[1:])
        result = func(*args, **options)
        if name in MULTIPLIES or name in SEALED:
            self._multiplied(Multiply(name, operands, dict(options), result))
        elif name in NORMS and self._open is not None:
            self._open.norm = result[1:]
        return result

    def _multiplied(self, multiply: Multiply) -> None:
        self.count += SEALED.get(multiply.name, 1)
        if self._open is None:
            self._stray(multiply)
        else:
            self._open.multiplies.append(multiply)
