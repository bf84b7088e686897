# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of tensors: from the buffers of the trace, from a checkpoint's own file, joined where a tensor is made
of others. Only what is asked for is read, so a piece of a large tensor needs no more memory than itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace_external import Checkpoints
from .trace_file import AGAIN, Entry
from .trace_manifest import BufferSource, ConcatSource, ExternalSource, PooledSource, Tensor

NUMPY = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "BF16": "<u2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip

Span = tuple[int, int]  # first, and one after the last


class Numbers:
    """Reads the numbers of a trace's tensors; checkpoints stay open once they were needed."""

    def __init__(self, path: Path, tensors: Mapping[int, Tensor], entries: Mapping[str, Entry]) -> None:
        self._path = path
        self._tensors = tensors
        self._entries = entries
        self._checkpoints = Checkpoints(path)

    def read(self, tensor: Tensor, at: tuple[Span, ...]) -> NDArray[np.float32]:
        """The numbers of a tensor within a span of every dimension, read-only where they are the file's own.

        Raises UserError where they are nowhere, or do not fit into memory.
        """
        try:
            if not isinstance(tensor.source, ConcatSource):
                return self._leaf(tensor, at)
            joined = np.zeros([stop - start for start, stop in at], np.float32)
            for leaf, spans, place in self._leaves(tensor, at):
                sizes = [stop - start for start, stop in spans]
                target = tuple(slice(first, first + size) for first, size in zip(place, sizes, strict=True))
                joined[target] = self._leaf(leaf, spans)
            return joined
        except MemoryError:
            raise UserError(f"{tensor.name} is too large for this machine's memory.", AGAIN) from None

    def leaves(self, tensor: Tensor) -> Iterator[Tensor]:
        """The tensors that a tensor is made of in the end: itself, or all that are joined in it."""
        for leaf, _, _ in self._leaves(tensor, tuple((0, n) for n in tensor.shape)):
            yield leaf

    def _leaves(self, tensor: Tensor, at: tuple[Span, ...]) -> Iterator[tuple[Tensor, tuple[Span, ...], list[int]]]:
        """Which spans of which tensors are joined within `at`, and where they go.

        A cache of a long generation is joined of the one before it and so on, deeper than Python may recurse.
        """
        waiting = [(tensor, at, [0] * len(at))]
        while waiting:
            found, spans, place = waiting.pop()
            if any(start >= stop for start, stop in spans):
                continue
            if not isinstance(found.source, ConcatSource):
                yield found, spans, place
                continue
            axis, position = found.source.axis, 0
            for part in (self._tensors[key] for key in found.source.concat):
                start = max(spans[axis][0] - position, 0)
                stop = min(spans[axis][1] - position, part.shape[axis])
                inside = (*spans[:axis], (start, stop), *spans[axis + 1 :])
                shift = position + start - spans[axis][0]
                waiting.append((part, inside, [p + shift * (i == axis) for i, p in enumerate(place)]))
                position += part.shape[axis]

    def _leaf(self, tensor: Tensor, at: tuple[Span, ...]) -> NDArray[np.float32]:
        source = tensor.source
        if isinstance(source, BufferSource):
            entry = self._entries[source.buffer]
            return widened(_view(entry, tensor.shape, source.offset, source.strides, at), entry.dtype)
        if isinstance(source, ExternalSource):
            entry = self._checkpoints.entry(tensor, source)
            numbers = widened(_view(entry, tensor.shape, source.offset, source.strides, at), entry.dtype)
            return numbers if entry.dtype == tensor.dtype else rounded(numbers, tensor.dtype)
        assert isinstance(source, PooledSource), source
        raise UserError(
            f"The trace {self._path.name} does not hold the numbers of {tensor.name}: only a map of it was kept.",
            f"Trace the prompt again with --keep {tensor.name}.",
        )


def _view(
    entry: Entry, shape: tuple[int, ...], offset: int, strides: tuple[int, ...], at: tuple[Span, ...]
) -> NDArray[np.generic]:
    flat = entry.data.view(NUMPY[entry.dtype])[offset:]
    view = np.lib.stride_tricks.as_strided(flat, shape, [n * flat.itemsize for n in strides], writeable=False)
    return view[tuple(slice(start, stop) for start, stop in at)]


def widened(numbers: NDArray[np.generic], dtype: str) -> NDArray[np.float32]:
    """Numbers as they lie in a file, as float32; exact for every dtype that fits into one."""
    if dtype == "BF16":  # the upper half of a float32
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers.astype(np.float32, copy=False)


def rounded(numbers: NDArray[np.float32], dtype: str) -> NDArray[np.float32]:
    """Numbers as a cast to `dtype` leaves them: the nearest that it has, of two equally near the even one."""
    if dtype == "F16":
        with np.errstate(over="ignore"):  # beyond its range lies infinity
            return numbers.astype(np.float16).astype(np.float32)
    if dtype == "BF16":
        bits = np.ascontiguousarray(numbers).view(np.uint32)
        even = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        return np.where(np.isnan(numbers), np.float32(np.nan), even.astype(np.uint32).view(np.float32))
    return numbers
