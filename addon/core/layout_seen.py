# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reading of a trace finds: a tensor for each part, and the operations of a section on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .layout_flow import Flow
from .trace_manifest import Operation

NORMS = frozenset({"layer_norm", "rms_norm"})
NORM_NAMES = {"layer_norm": "layer norm", "rms_norm": "RMS norm"}
ALIKE = 1e-4  # of the cosine of two rows that are the same numbers, turned by nothing and scaled


@dataclass(frozen=True)
class Seen:
    """What a part shows: a tensor and the operation that it belongs to. `columns` are the first column of each head,
    where heads are slices of its columns; otherwise a head is one of its matrices. `label` is its name in this model,
    where that is another one than usual. `tokens` are those of its rows, counted from this step's first, where they are
    not all.
    """

    tensor: int
    operation: int
    columns: tuple[int, ...] = ()
    label: str | None = None
    tokens: tuple[int, ...] = ()


@dataclass
class Section:
    """A layer of one step while it is read: its operations, and the residual stream as far as it was followed."""

    flow: Flow
    operations: list[Operation]
    stream: int | None
    parts: dict[str, Seen] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)  # projections that have a part already
    joins: dict[int, str] = field(default_factory=dict)  # tensors that are a part, seen in another way

    def __post_init__(self) -> None:
        self._ids = {operation.id for operation in self.operations}

    def inside(self, operation: Operation) -> bool:
        """Whether an operation is of this layer and step."""
        return operation.id in self._ids

    def projects(self, operation: Operation) -> bool:
        """Whether an operation multiplies by a weight."""
        return operation.kind == "matmul" and self.flow.is_weight(operation.right)

    def back(self, tensor: int | None, before: int, *targets: int) -> list[Operation] | None:
        """The way back from a tensor to one of these operations, or to the nearest projection."""
        if tensor is None:
            return None
        wanted = (lambda o: o.id in targets) if targets else self.projects
        return self.flow.back(tensor, before, wanted, self.inside)

    def is_stream(self, tensor: int, before: int) -> bool:
        """Whether a tensor is the residual stream, as it is or normed (in models that norm it after each sum)."""
        if self.stream is None:
            return False
        made, last = self.flow.maker(tensor, before), self.flow.maker(self.stream, before)
        if made is None or last is None:
            return False
        if made.id == last.id:
            return True
        return made.kind in NORMS and (of := self.flow.maker(made.inputs[0], made.id)) is not None and of.id == last.id

    def numbers(self, tensor: int, token: int = 0, across: bool = False) -> NDArray[np.float32] | None:
        """One token's row of every matrix [..., T, n] of a tensor as [matrices, n], or its column of [..., n, T] where
        tokens go `across`; None where the numbers were not kept."""
        shape = self.flow.trace.tensor(tensor).shape
        if len(shape) < 2 or shape[-1 if across else -2] <= token:
            return None
        one, n = (token, token + 1), shape[-2 if across else -1]
        last = ((0, n), one) if across else (one, (0, n))
        try:
            return self.flow.trace.piece(tensor, (*((0, size) for size in shape[:-2]), *last)).reshape(-1, n)
        except UserError:
            return None


def see_linear(parts: dict[str, Seen], name: str, operation: Operation, columns: tuple[int, ...] = ()) -> None:
    """The weight and the bias of a projection."""
    if operation.right is not None:
        parts[f"w_{name}"] = Seen(operation.right, operation.id, columns)
    if operation.bias is not None:
        parts[f"b_{name}"] = Seen(operation.bias, operation.id, columns)


def see_norm(flow: Flow, parts: dict[str, Seen], stem: str, whole: str, operation: Operation) -> None:
    """A norm with its statistics and its parameters: only the root of the mean square where there is no mean."""
    words = NORM_NAMES[operation.kind]
    parts[whole] = Seen(operation.outputs[0], operation.id, label="final norm" if stem == "final" else words)
    for output in operation.outputs[1:]:
        name = flow.trace.tensor(output).name
        if name.endswith(".rstd"):
            label = "1/std" if operation.kind == "layer_norm" else "1/rms"
            parts[f"{stem}_rstd"] = Seen(output, operation.id, label=label)
        elif name.endswith(".mean"):
            parts[f"{stem}_mean"] = Seen(output, operation.id)
    weights = [i for i in operation.inputs if flow.is_weight(i) and len(flow.trace.tensor(i).shape) == 1]
    for part, weight in zip((f"{stem}_gain", f"{stem}_shift"), weights, strict=False):
        parts[part] = Seen(weight, operation.id)


def columns_of(row: NDArray[np.float32], heads: NDArray[np.float32]) -> tuple[int, ...] | None:
    """Where each of `heads` [n, d] stands in a projection's `row` [W], up to a factor: the first of its columns, which
    are `d` or half of it apart from the next. None where one is not found."""
    n, d = heads.shape
    if len(row) < d or d == 0:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(row, d)[:: max(1, d // 2)]  # [places, d]
    size = np.linalg.norm(windows, axis=1)[:, None] * np.linalg.norm(heads, axis=1)[None]
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.nan_to_num(np.abs(windows @ heads.T) / size)  # [places, n]
    best = alike.argmax(axis=0)
    if (alike[best, np.arange(n)] < 1 - ALIKE).any():
        return None
    return tuple(int(i) * max(1, d // 2) for i in best)


def product(sizes: Sequence[int]) -> int:
    """All sizes multiplied."""
    result = 1
    for size in sizes:
        result *= size
    return result
