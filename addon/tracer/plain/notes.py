# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted down of a run: tensors with their numbers, operations, and the modules that they happened in."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.trace import Module, Operation, Stats, Tensor, TraceWriter
from ...core.trace_manifest import BufferSource
from ..layers import layer_of

TOLERANCE = 1e-5  # relative error up to which a multiply in float32 counts as exact (trace format, version 1)
TYPES = {"f": "F32", "i": "I64"}  # by the kind of a NumPy type
Axes = tuple[tuple[str, ...], ...]
Numbers = NDArray[Any]  # float32 or int64


@dataclass(frozen=True)
class Kept:
    """An array of the run [...] and the id of its tensor."""

    array: Numbers
    id: int


class Notes:
    """Takes everything down in the order in which it happens. Raises UserError where the disk refuses."""

    def __init__(self, writer: TraceWriter) -> None:
        self.tensors: list[Tensor] = []
        self.operations: list[Operation] = []
        self.modules: list[Module] = []
        self.step = 0
        self._writer = writer
        self._buffers: dict[int, tuple[str, Numbers]] = {}  # by the address of the memory, which is kept
        self._parameters: dict[str, Kept] = {}

    def keep(
        self,
        name: str,
        array: Numbers,
        axes: Axes,
        alias: str | Sequence[str] = (),
        *,
        of: Numbers | None = None,
        parameter: str | None = None,
    ) -> Kept:
        """A tensor. `of` is the array that it is a view of; `alias` TransformerLens' name of it in the first step."""
        array = np.ascontiguousarray(array) if of is None else array
        whole = array if of is None else of
        buffer = self._buffer(whole)
        offset = (_address(array) - _address(whole)) // array.itemsize
        strides = _row_major(array.shape) if of is None else tuple(s // array.itemsize for s in array.strides)
        prefix = "" if parameter is not None else f"step{self.step}."
        aliases = (alias,) if isinstance(alias, str) else tuple(alias)
        later = f"step{self.step}." if self.step else ""
        self.tensors.append(
            Tensor(
                id=len(self.tensors),
                name=f"{prefix}{name}",
                shape=array.shape,
                axes=axes,
                dtype=TYPES[array.dtype.kind],
                parameter=parameter,
                source=BufferSource(buffer, offset, strides),
                stats=summarise(array),
                aliases=tuple(f"{later}{one}" for one in aliases),
            )
        )
        return Kept(array, len(self.tensors) - 1)

    def parameter(self, name: str, array: Numbers, axes: Axes, of: Numbers | None = None) -> Kept:
        """A weight, the same tensor however often it is used; `of` is what it is the transposed view of."""
        if name not in self._parameters:
            self._parameters[name] = self.keep(name, array, axes, of=of, parameter=name)
        return self._parameters[name]

    def note(
        self,
        kind: str,
        name: str,
        module: str,
        inputs: Sequence[Kept],
        outputs: Sequence[Kept],
        scale: float | None = None,
    ) -> None:
        """An operation."""
        self.operations.append(
            Operation(
                id=len(self.operations),
                kind=kind,
                name=name,
                module=module,
                layer=layer_of(module),
                step=self.step,
                inputs=tuple(one.id for one in inputs),
                outputs=tuple(one.id for one in outputs),
                scale=scale,
            )
        )

    def gives(self, operation: int, one: Kept) -> None:
        """One more result of an operation, which is kept only where it is used."""
        noted = self.operations[operation]
        self.operations[operation] = dataclasses.replace(noted, outputs=(*noted.outputs, one.id))

    def multiplied(self, name: str, module: str, left: Kept, right: Kept, bias: Kept | None, out: Kept) -> None:
        """A multiply, out [..., i, j] = left [..., i, k] @ right [..., k, j] + bias, computed again in float64."""
        inputs = (left, right) if bias is None else (left, right, bias)
        self.note("matmul", name, module, inputs, (out,), scale=1.0)
        wanted = left.array.astype(np.float64) @ right.array.astype(np.float64)
        wanted = wanted if bias is None else wanted + bias.array
        error = float(np.abs(out.array - wanted).max() / max(np.abs(wanted).max(), np.finfo(np.float32).tiny))
        self.operations[-1] = dataclasses.replace(
            self.operations[-1],
            left=left.id,
            right=right.id,
            bias=None if bias is None else bias.id,
            out=out.id,
            contracted=" ".join(self.tensors[left.id].axes[-1]),
            exact=error <= TOLERANCE,
            max_error=error,
            flops=2 * out.array.size * left.array.shape[-1],
        )

    @contextlib.contextmanager
    def module(self, path: str, class_name: str) -> Iterator[None]:
        """What is noted inside happened in this module; they are listed in the order in which they begin."""
        place, first = len(self.modules), len(self.operations)
        self.modules.append(Module(path, class_name, layer_of(path), (first, first), self.step))
        yield
        last = len(self.operations) - 1
        self.modules[place] = Module(path, class_name, layer_of(path), (first, last), self.step)

    def _buffer(self, array: Numbers) -> str:
        """The name of the buffer with all of an array's numbers, written once."""
        known = self._buffers.get(_address(array))
        if known is not None and known[1] is array:
            return known[0]
        name = self._writer.add(array, TYPES[array.dtype.kind])
        self._buffers[_address(array)] = name, array
        return name


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a contiguous array; NumPy says anything along an axis of one step."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def _address(array: Numbers) -> int:
    return int(array.__array_interface__["data"][0])


def summarise(array: Numbers) -> Stats:
    """Statistics of the finite values, in float64, and how many are not finite."""
    values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    nan, inf = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    if not finite.size:
        return Stats(0.0, 0.0, 0.0, 0.0, 0.0, nan, inf)
    low, high = float(finite.min()), float(finite.max())
    deviation = float(finite.std()) if low != high else 0.0
    return Stats(low, high, max(abs(low), abs(high)), math.fsum(finite.ravel()) / finite.size, deviation, nan, inf)
