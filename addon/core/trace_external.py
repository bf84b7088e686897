# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights by reference: tensors of a trace that lie in the checkpoint's own safetensors file, opened when needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace_file import ITEM_SIZE, MOST_HEADER, Entry, map_bytes, parse_entry, parse_json
from .trace_manifest import ExternalSource, ManifestError, Tensor, reach

FLOATS = frozenset(("BF16", "F16", "F32", "F64"))  # a tracer may have cast one to another

Checkpoint = tuple[dict[str, Any], NDArray[np.uint8]]  # the header, and the bytes behind it


class Checkpoints:
    """The checkpoints that a trace refers to, each opened once."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace
        self._open: dict[Path, Checkpoint] = {}

    def find(self, external: str) -> Path | None:
        """The file that is meant: where it was, or one of the same name beside the trace; None where neither is."""
        beside = self._trace.parent / re.split(r"[/\\]", external)[-1]
        places = [Path(external)] if Path(external).is_absolute() else []
        return next((place for place in (*places, beside) if place.is_file()), None)

    def entry(self, tensor: Tensor, source: ExternalSource) -> Entry:
        """The bytes that a tensor is a view of.

        Raises UserError where the file is gone or damaged, has no such key, or one that the tensor cannot be of.
        """
        path = self.find(source.external)
        if path is None:
            raise UserError(
                f"The trace {self._trace.name} does not hold the numbers of {tensor.name}, "
                f"and the model file {source.external}, which does, is not there.",
                "Put that file beside the trace, or trace the prompt again.",
            )
        try:
            if path not in self._open:
                self._open[path] = _open(path)
            return _entry(tensor, source, *self._open[path], path)
        except ManifestError as error:
            raise UserError(
                f"The model file {path} is damaged: {error}.", "Get the model again, then trace the prompt again."
            ) from None


def _open(path: Path) -> Checkpoint:
    """A safetensors file, its numbers mapped and not yet read; raises ManifestError for one that is none."""
    try:
        content = map_bytes(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"The model file {path} cannot be opened: {reason}.", "Check the file.") from None
    return parse_checkpoint(content)


def parse_checkpoint(content: NDArray[np.uint8]) -> Checkpoint:
    """The header of a safetensors file and the bytes behind it, from all its bytes [n].

    Raises ManifestError where they are none. Source: the format description of the safetensors project.
    """
    length = int.from_bytes(content[:8].tobytes(), "little")
    if len(content) < 8 or length > min(MOST_HEADER, len(content) - 8):
        raise ManifestError("it is cut off, or no safetensors file")
    return parse_json(content[8 : 8 + length].tobytes(), "its header"), content[8 + length :]


def _entry(
    tensor: Tensor, source: ExternalSource, header: dict[str, Any], data: NDArray[np.uint8], path: Path
) -> Entry:
    other = "It is not the model that was traced: put that one there, or trace the prompt again."
    if source.key not in header:
        raise UserError(f"The model file {path} has no {source.key}, which {tensor.name} is.", other)
    stored = header[source.key]
    dtype = stored.get("dtype") if isinstance(stored, dict) else None
    known = isinstance(dtype, str) and dtype in ITEM_SIZE
    if (dtype != tensor.dtype and not {dtype, tensor.dtype} <= FLOATS) or not known:
        raise UserError(f"{source.key} in the model file {path} is {dtype}, and {tensor.name} {tensor.dtype}.", other)
    dtype, elements, begin, end = parse_entry(source.key, stored)
    if end > len(data):
        raise ManifestError("its end is missing")
    if source.offset + reach(tensor.shape, source.strides) > elements:
        raise UserError(f"{source.key} in the model file {path} is smaller than {tensor.name}.", other)
    return Entry(dtype, elements, data[begin:end])
