# SPDX-License-Identifier: GPL-3.0-or-later
"""What was captured, on its way into the file: buffers as torch held them, views of them, operations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.trace import Operation, Stats, Tensor, TraceWriter
from ..core.trace_manifest import BufferSource
from .axes import Atom, Axes, fresh, leaves, names

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


@dataclass
class Value:
    """A torch tensor of the run, kept alive so that neither its identity nor its storage is used again.

    `maker` is the operation it is a result of, directly or through views; `slot` which result, where that operation
    (a split, a merge) waits for the form in which its result is used.
    """

    tensor: torch.Tensor
    axes: Axes
    id: int | None = None
    maker: Draft | None = None
    slot: int | None = None
    base: Value | None = None


@dataclass
class Draft:
    """An operation whose tensors and names may still be completed."""

    kind: str
    name: str
    module: str
    step: int
    inputs: list[int] = field(default_factory=list)
    outputs: list[int | None] = field(default_factory=list)
    pending: list[Value] = field(default_factory=list)
    left: int | None = None
    right: int | None = None
    bias: int | None = None
    out: int | None = None
    scale: float | None = None
    exact: bool | None = None
    max_error: float | None = None
    flops: int | None = None


@dataclass
class _Entry:
    """A registered tensor; its axes get their names when all is known."""

    name: str
    shape: tuple[int, ...]
    axes: Axes
    dtype: str
    parameter: str | None
    source: BufferSource
    stats: Stats


@dataclass
class _Buffer:
    name: str
    storage: torch.UntypedStorage
    data: NDArray[np.generic]


class Recorder:
    """Collects tensors and operations, and streams their storages to the writer as they come up."""

    def __init__(self, writer: TraceWriter, parameters: dict[str, torch.Tensor]) -> None:
        self.writer = writer
        self.step = 0
        self.matmuls = 0  # multiplies recorded so far
        self.operations: list[Draft] = []
        self.entries: list[_Entry] = []
        self.warnings: list[str] = []
        self._parameters = {id(tensor): name for name, tensor in parameters.items()}
        self._values: dict[int, Value] = {}
        self._kept: dict[int, Value] = {}  # parameters: they stay from step to step
        self._transposed: dict[int, Value] = {}
        self._buffers: dict[tuple[int, int, torch.dtype], _Buffer] = {}
        self._data: dict[str, NDArray[np.generic]] = {}  # the buffers of this step and of the parameters, by name
        self._taken: set[str] = set()

    def begin(self, step: int, ids: torch.Tensor) -> None:
        """A new forward pass of token ids [B, T]: what the last one made is let go."""
        self.step = step
        self._values.clear()
        kept = {value.tensor.untyped_storage().data_ptr() for value in self._kept.values()}
        self._buffers = {key: buffer for key, buffer in self._buffers.items() if key[0] in kept}
        self._data = {buffer.name: buffer.data for buffer in self._buffers.values()}
        axes = ((Atom(ids.shape[0], "batch"),), (Atom(ids.shape[1], "token"),))
        self.use(self.put(Value(ids, axes)), "ids")

    def known(self, tensor: torch.Tensor) -> bool:
        """Whether it is a result or an input of this pass."""
        return id(tensor) in self._values

    def value(self, tensor: torch.Tensor) -> Value:
        """What is known of a tensor; something new where it never came up."""
        values = self._kept if id(tensor) in self._parameters else self._values
        if id(tensor) not in values:
            values[id(tensor)] = Value(tensor, fresh(tensor.shape))
        return values[id(tensor)]

    def put(self, value: Value) -> Value:
        """Remembers what is known of a tensor."""
        self._values[id(value.tensor)] = value
        return value

    def view(self, value: Value, tensor: torch.Tensor, axes: Axes) -> Value:
        """Remembers a view of a value: it has the same maker, and waits with it."""
        return self.put(Value(tensor, axes, maker=value.maker, slot=value.slot, base=value.base or value))

    def transposed(self, value: Value) -> Value:
        """The transposed view of a matrix; of a parameter always the same one."""
        source = value.tensor
        if self.parameter(value) is None:
            return self.view(value, source.t(), value.axes[::-1])
        if id(source) not in self._transposed:
            self._transposed[id(source)] = Value(source.t(), value.axes[::-1], base=value)
        return self._transposed[id(source)]

    def parameter(self, value: Value) -> str | None:
        """The name of the parameter that this is, whole or as a view."""
        source = value.base or value
        return self._parameters.get(id(source.tensor))

    def operation(self, kind: str, name: str, module: str) -> Draft:
        """Appends an operation; a name that this step has already gets a number."""
        draft = Draft(kind, self._unique(f"step{self.step}:{name}").split(":", 1)[1], module, self.step)
        self.operations.append(draft)
        self.matmuls += kind == "matmul"
        return draft

    def use(self, value: Value, name: str) -> int:
        """The id of an operand, registered now if it was not: a parameter under its own name, the waiting result of
        a split or merge as that result, anything else under `name`."""
        if value.id is None:
            maker, slot, parameter = value.maker, value.slot, self.parameter(value)
            waits = maker is not None and slot is not None and maker.outputs[slot] is None
            if waits and maker is not None and maker.kind == "merge":
                name = maker.name
            value.id = self._register(value, parameter or f"step{self.step}.{name}", parameter)
            if waits and maker is not None and slot is not None:
                maker.outputs[slot] = value.id
        return value.id

    def made(self, draft: Draft, tensor: torch.Tensor, axes: Axes, suffix: str = "") -> Value:
        """Registers a result of an operation."""
        value = self.put(Value(tensor, axes, maker=draft))
        value.id = self._register(value, f"step{self.step}.{draft.name}{suffix}", None)
        draft.outputs.append(value.id)
        self._look_for_trouble(draft, self.entries[value.id].stats)
        return value

    def array(self, key: int) -> NDArray[np.float32]:
        """The numbers of a registered tensor of this step, from the very bytes that were written."""
        entry = self.entries[key]
        return _view(self._data[entry.source.buffer], entry)

    def finished(self) -> tuple[tuple[Tensor, ...], tuple[Operation, ...]]:
        """Everything as the file says it, named as far as names became known."""
        for draft in self.operations:
            self._settle(draft)
        tensors = tuple(
            Tensor(i, e.name, e.shape, tuple(map(names, e.axes)), e.dtype, e.parameter, e.source, e.stats)
            for i, e in enumerate(self.entries)
        )
        return tensors, tuple(self._operation(i, draft, tensors) for i, draft in enumerate(self.operations))

    def settle(self) -> None:
        """Results that nothing used are registered as they are; to be called at the end of every step."""
        for draft in self.operations:
            if draft.step == self.step:
                for slot, value in enumerate(draft.pending):
                    if draft.outputs[slot] is None:
                        self.use(value, f"{draft.name}.{slot}")

    def _settle(self, draft: Draft) -> None:
        """A multiply back into the channels contracts neurons, where nothing else is known of what it contracts."""
        if draft.kind != "matmul" or draft.left is None or draft.out is None:
            return
        contracted = leaves(self.entries[draft.left].axes[-1])
        if names(self.entries[draft.out].axes[-1]) == ("channel",) and len(contracted) == 1:
            contracted[0].call("neuron")

    def _operation(self, index: int, draft: Draft, tensors: Sequence[Tensor]) -> Operation:
        contracted = None
        if draft.left is not None:
            contracted = " ".join(tensors[draft.left].axes[-1])
        return Operation(
            id=index,
            kind=draft.kind,
            name=draft.name,
            module=draft.module,
            layer=layer_of(draft.module),
            step=draft.step,
            inputs=tuple(draft.inputs),
            outputs=tuple(output for output in draft.outputs if output is not None),
            left=draft.left,
            right=draft.right,
            bias=draft.bias,
            out=draft.out,
            scale=draft.scale,
            contracted=contracted,
            exact=draft.exact,
            max_error=draft.max_error,
            flops=draft.flops,
        )

    def _register(self, value: Value, name: str, parameter: str | None) -> int:
        tensor = value.tensor
        buffer = self._buffer(tensor)
        dtype = DTYPES[tensor.dtype]
        source = BufferSource(buffer.name, tensor.storage_offset(), tuple(tensor.stride()))
        zero = Stats(0, 0, 0, 0, 0, 0, 0)
        entry = _Entry(self._unique(name), tuple(tensor.shape), value.axes, dtype, parameter, source, zero)
        entry.stats = summarise(_view(buffer.data, entry))
        self.entries.append(entry)
        return len(self.entries) - 1

    def _buffer(self, tensor: torch.Tensor) -> _Buffer:
        """The whole storage of a tensor, written once; again where it was written over since."""
        storage = tensor.untyped_storage()
        key = (storage.data_ptr(), tensor._version, tensor.dtype)
        if key not in self._buffers:
            count = storage.nbytes() // tensor.element_size()
            flat = tensor.detach().as_strided((count,), (1,), 0).cpu()
            data = (flat.view(torch.int16) if flat.dtype == torch.bfloat16 else flat).numpy().copy()
            name = self.writer.add(data, DTYPES[tensor.dtype])
            self._buffers[key] = _Buffer(name, storage, data)
            self._data[name] = data
        return self._buffers[key]

    def _unique(self, name: str) -> str:
        found, number = name, 1
        while found in self._taken:
            number += 1
            found = f"{name}.{number}"
        self._taken.add(found)
        return found

    def _look_for_trouble(self, draft: Draft, stats: Stats) -> None:
        """Says which operation was the first with numbers that are none; a mask has its infinities on purpose."""
        if not self.warnings and (stats.nan or (stats.inf and draft.kind != "mask")):
            what = f"{stats.nan} values that are not numbers" if stats.nan else f"{stats.inf} infinite values"
            self.warnings.append(f"{draft.name} has {what} in step {draft.step}; all after it may be wrong.")


def _view(data: NDArray[np.generic], entry: _Entry) -> NDArray[np.float32]:
    strides = [stride * data.itemsize for stride in entry.source.strides]
    view = np.lib.stride_tricks.as_strided(data[entry.source.offset :], entry.shape, strides, writeable=False)
    if entry.dtype == "BF16":  # the upper half of a float32
        return (view.astype(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return view.astype(np.float32)


def summarise(values: NDArray[np.float32]) -> Stats:
    """Of the finite values, and how many are not."""
    finite = np.isfinite(values)
    kept = values[finite].astype(np.float64)
    nan = int(np.isnan(values).sum())
    inf = int(values.size - kept.size - nan)
    if kept.size == 0:
        return Stats(0.0, 0.0, 0.0, 0.0, 0.0, nan, inf)
    low, high = float(kept.min()), float(kept.max())
    return Stats(low, high, max(abs(low), abs(high)), float(kept.mean()), float(kept.std()), nan, inf)


def relative_error(found: NDArray[np.float32], wanted: NDArray[np.float64]) -> float:
    """The largest difference over the largest value wanted; NaN where not the same values are finite."""
    finite = np.isfinite(wanted)
    if not np.array_equal(finite, np.isfinite(found)):
        return float("nan")
    if not np.array_equal(found[~finite], wanted[~finite], equal_nan=True):
        return float("nan")
    if not finite.any():
        return 0.0
    difference = np.abs(found[finite] - wanted[finite]).max()
    return float(difference / max(np.abs(wanted[finite]).max(), np.finfo(np.float32).tiny))


def layer_of(path: str) -> int | None:
    """The number in a module path, as in transformer.h.2.attn; None where it is in no numbered layer."""
    found = re.search(r"(?:^|\.)(\d+)(?:\.|$)", path)
    return int(found[1]) if found else None
