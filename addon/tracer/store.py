# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the bytes of tensors go: into the trace file as they come, or, for an estimate, only onto a count."""

from __future__ import annotations

from typing import Protocol

import torch

from ..core.trace import TraceWriter
from .clerk import Clerk

DTYPES = {
    torch.float32: "F32",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


class Store(Protocol):
    """Takes the elements of a tensor [n] and names the buffer that they became."""

    def add(self, flat: torch.Tensor) -> str:
        """The name of the new buffer."""
        ...


class FileStore:
    """Into the trace file, by the clerk."""

    def __init__(self, writer: TraceWriter, clerk: Clerk) -> None:
        self._writer = writer
        self._clerk = clerk
        self._buffers = 0

    def add(self, flat: torch.Tensor) -> str:
        """Has the elements written as they are. Raises UserError where the disk refused earlier ones."""
        self._buffers += 1
        self._clerk.do(lambda: self._write(flat), flat)
        return f"b{self._buffers - 1}"

    def _write(self, flat: torch.Tensor) -> None:
        data = flat.detach().cpu()
        self._writer.add((data.view(torch.int16) if data.dtype == torch.bfloat16 else data).numpy(), dtype_of(flat))


class CountingStore:
    """Nowhere: counts the bytes that there would be."""

    def __init__(self) -> None:
        self.bytes = 0
        self.buffers = 0

    def add(self, flat: torch.Tensor) -> str:
        """Counts the elements."""
        self.bytes += flat.numel() * flat.element_size()
        self.buffers += 1
        return f"b{self.buffers - 1}"


def dtype_of(tensor: torch.Tensor) -> str:
    """The number type as safetensors names it."""
    return DTYPES[tensor.dtype]
