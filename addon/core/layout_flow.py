# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tensors of a trace come from: a walk back through its operations, past views, copies and caches."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from math import prod

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace import Trace
from .trace_manifest import BufferSource, ConcatSource, Operation, Tensor

DEEPEST = 24  # operations between a result and the multiply that it comes from
VIEWS = frozenset({"split"})  # kinds that make no numbers of their own

MOST_COMPARED = 1 << 24  # numbers of a tensor that is looked for among others

Wanted = Callable[[Operation], bool]


class Flow:
    """The makers of all tensors."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._maker: dict[int, Operation] = {}
        self._writers: dict[str, list[int]] = defaultdict(list)  # ids of the operations that fill a buffer
        self._copies: dict[int, Operation | None] = {}
        self._in_layer: dict[tuple[int, int | None], list[Operation]] = defaultdict(list)
        self._operations = {operation.id: operation for operation in trace.operations}
        for operation in trace.operations:
            self._in_layer[operation.step, operation.layer].append(operation)
            if operation.kind in VIEWS:
                continue
            for output in operation.outputs:
                source = trace.tensor(output).source
                if isinstance(source, BufferSource):
                    self._writers[source.buffer].append(operation.id)
                if not isinstance(source, ConcatSource):
                    self._maker[output] = operation

    def leaf(self, tensor: int) -> Tensor:
        """The tensor itself, or the newest of those that are joined in it."""
        found = self.trace.tensor(tensor)
        while isinstance(found.source, ConcatSource):
            found = self.trace.tensor(found.source.concat[-1])
        return found

    def maker(self, tensor: int, before: int) -> Operation | None:
        """The operation that made a tensor's numbers, before the operation of this id."""
        leaf = self.leaf(tensor)
        found = self._maker.get(leaf.id)
        if found is not None and found.id < before:
            return found
        if isinstance(leaf.source, BufferSource):
            writers = self._writers[leaf.source.buffer]
            place = bisect_left(writers, before)
            if place:
                return self._operations[writers[place - 1]]
            if not writers and leaf.parameter is None:
                return self._alike(leaf, before)
        return None

    def _alike(self, tensor: Tensor, before: int) -> Operation | None:
        """The operation of the same layer whose result has the first matrix of a tensor among its columns: a copy of
        it, of which the trace does not say whose it is."""
        if tensor.id not in self._copies:
            self._copies[tensor.id] = self._look_for(tensor, before)
        return self._copies[tensor.id]

    def _look_for(self, tensor: Tensor, before: int) -> Operation | None:
        user = self._operations.get(before)
        matrix = None if user is None or len(tensor.shape) < 2 else self.matrices(tensor)
        if user is None or matrix is None:
            return None
        for operation in reversed(self._in_layer[user.step, user.layer]):
            if operation.id < before and operation.kind not in VIEWS:
                for output in operation.outputs:
                    given = self.matrices(self.trace.tensor(output))
                    if given is not None and any(_holds(given, one) for one in (matrix[0], matrix[0].T)):
                        return operation
        return None

    def matrices(self, tensor: Tensor) -> NDArray[np.float32] | None:
        """A tensor's matrices [n, rows, columns]; None where there are none or they are too large or not kept."""
        if len(tensor.shape) < 2 or not 0 < prod(tensor.shape) <= MOST_COMPARED:
            return None
        try:
            return self.trace.array(tensor.id).reshape(-1, *tensor.shape[-2:])
        except UserError:
            return None

    def is_weight(self, tensor: int | None) -> bool:
        """Whether a tensor is a parameter, or joined of such."""
        return tensor is not None and (
            self.trace.tensor(tensor).parameter is not None or self.leaf(tensor).parameter is not None
        )

    def back(self, tensor: int, before: int, wanted: Wanted, within: Wanted) -> list[Operation] | None:
        """The operations from a tensor's maker back to the nearest that is `wanted`, along the first way there is,
        through operations that are `within`; None where there is no way."""
        return self._back(tensor, before, wanted, within, DEEPEST, set())

    def _back(
        self, tensor: int, before: int, wanted: Wanted, within: Wanted, depth: int, seen: set[int]
    ) -> list[Operation] | None:
        operation = self.maker(tensor, before)
        if operation is None or depth == 0 or operation.id in seen or not within(operation):
            return None
        if wanted(operation):
            return [operation]
        seen.add(operation.id)
        if operation.kind == "matmul" and self.is_weight(operation.right):
            return None  # another projection: what is before it is not the same thing any more
        for given in operation.inputs:
            if not self.is_weight(given):
                found = self._back(given, operation.id, wanted, within, depth - 1, seen)
                if found is not None:
                    return [operation, *found]
        return None


def _holds(given: NDArray[np.float32], matrix: NDArray[np.float32]) -> bool:
    """Whether one of `given` [n, rows, columns] has the columns of `matrix` [rows, k] somewhere, side by side."""
    rows, k = matrix.shape
    if given.shape[1] != rows or given.shape[2] < k or not matrix.any():
        return False
    first = np.argwhere(np.isclose(given[:, 0, : given.shape[2] - k + 1], matrix[0, 0], rtol=1e-5, atol=0))
    return any(np.allclose(given[n, :, c : c + k], matrix, rtol=1e-5, atol=1e-7) for n, c in first)
