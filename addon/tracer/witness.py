# SPDX-License-Identifier: GPL-3.0-or-later
"""The witness under the capture: sees what reaches the kernels, so that no multiply is lost in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# Where each has (bias, left, right); bias None where it has none.
MULTIPLIES: dict[str, tuple[int | None, int, int]] = {
    "mm": (None, 0, 1),
    "bmm": (None, 0, 1),
    "addmm": (0, 1, 2),
    "baddbmm": (0, 1, 2),
}
OTHER_MULTIPLIES = {"mv", "addmv", "dot", "vdot", "addbmm", "linear", "matmul"}  # counted; captured by the call above


@dataclass(frozen=True)
class Multiply:
    """One multiply as a kernel got it."""

    name: str
    operands: tuple[Any, ...]
    options: dict[str, Any]
    out: torch.Tensor


@dataclass
class Seen:
    """What one call came down to. `norm` holds the mean and reciprocal deviation of a layer norm."""

    multiplies: list[Multiply] = field(default_factory=list)
    norm: tuple[torch.Tensor, ...] = ()


class AtenWitness(TorchDispatchMode):
    """Counts multiplies, and gives each to the call it happened in, or to `stray` where there is none."""

    def __init__(self, stray: Callable[[Multiply], None]) -> None:
        super().__init__()
        self.count = 0
        self._stray = stray
        self._open: Seen | None = None

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
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in MULTIPLIES or name in OTHER_MULTIPLIES:
            self.count += 1
            multiply = Multiply(name, args, dict(kwargs or {}), result)
            if self._open is None:
                self._stray(multiply)
            else:
                self._open.multiplies.append(multiply)
        elif name == "native_layer_norm" and self._open is not None:
            self._open.norm = result[1:]
        return result
