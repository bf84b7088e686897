# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the numbers of a trace are right, found out from the file alone: what an operation gave is computed again
from what it was given, and as many multiplies are there as reached a kernel.

What cannot be computed again, because only a map was kept or a model's file is gone, is counted and named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from . import trace_recompute as recompute
from .errors import UserError
from .trace import Operation, Tensor, Trace
from .trace_check import broadcast
from .trace_consistency import consistency
from .trace_findings import Check, Finding, Verification

TOLERANCE = {"F64": 1e-5, "F32": 1e-5, "BF16": 2e-3, "F16": 2e-3}
"""Relative error up to which a result counts as right (trace format, version 1); 0 for whole numbers."""
ELEMENTWISE = ("add", "mul", "scale")
SUM_TOLERANCE = 4  # times the above: how far the sum of a softmax may be from one


def verify(trace: Trace, progress: Callable[[int, int], None] = lambda done, total: None) -> Verification:
    """Checks everything that can be checked from the file; `progress` gets how many operations are done, of how many.

    Raises UserError only where a number does not fit into memory.
    """
    kinds = {"matmul": "multiplies", "embedding": "embeddings", "softmax": "softmaxes"}
    kinds |= {"mask": "masks", **dict.fromkeys(ELEMENTWISE, "sums, products, scales")}
    titles = dict.fromkeys(kinds.values())
    sheets = {title: _Sheet(title) for title in titles}
    missing = _Missing(trace)
    for number, operation in enumerate(trace.operations):
        if operation.kind in kinds:
            _operation(trace, operation, sheets[kinds[operation.kind]], missing)
        progress(number + 1, len(trace.operations))
    checks = tuple(sheet.done() for sheet in sheets.values())
    return Verification((*checks, *consistency(trace)))


class _Sheet:
    """Notes of one sort of check."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.checked = 0
        self.worst: float | None = None
        self.wrong: list[Finding] = []
        self.unchecked: list[Finding] = []

    def error(self, operation: Operation, error: float, tolerance: float, what: str = "relative error") -> None:
        """Notes the error of an operation: wrong where it is beyond the tolerance, or not a number."""
        if not error <= tolerance:
            says = "not the same values are finite" if math.isnan(error) else f"{what} {error:.1e}, at most {tolerance}"
            self.wrong.append(Finding(operation.step, operation.name, says))
        if not math.isnan(error):
            self.worst = max(self.worst or 0.0, error)

    def done(self) -> Check:
        """All that was noted."""
        return Check(self.title, self.checked, self.worst, tuple(self.wrong), tuple(self.unchecked))


class _Missing:
    """Which tensors have no numbers to read, and why."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._why: dict[int, str | None] = {}

    def why(self, keys: Iterable[int]) -> str | None:
        """Why the numbers of one of these cannot be had; None where all can."""
        reasons = (self._leaf(leaf) for key in keys for leaf in self._trace.leaves(key))
        return next((reason for reason in reasons if reason is not None), None)

    def _leaf(self, leaf: Tensor) -> str | None:
        if leaf.id not in self._why:
            self._why[leaf.id] = None
            try:
                self._trace.piece(leaf.id, tuple((0, 0) for _ in leaf.shape))
            except UserError as error:
                self._why[leaf.id] = error.message.rstrip(".")
        return self._why[leaf.id]


def _operation(trace: Trace, operation: Operation, sheet: _Sheet, missing: _Missing) -> None:
    """One operation computed again, or noted as one that cannot be."""
    keys = [*operation.inputs, *operation.outputs[:1]]
    if operation.kind == "matmul":
        keys += [key for key in (operation.left, operation.right, operation.bias, operation.out) if key is not None]
    why = missing.why(keys)
    if why is None and operation.kind == "matmul" and operation.exact is False:
        why = "the tracer says that it is not exact"
    if why is None and not operation.outputs:
        why = "no result of it was kept"
    if why is None and not _fits(trace, operation):
        sheet.wrong.append(Finding(operation.step, operation.name, "its result does not have the shape it should"))
    elif why is not None:
        sheet.unchecked.append(Finding(operation.step, operation.name, why))
    else:
        sheet.checked += 1
        _recompute(trace, operation, sheet)


def _recompute(trace: Trace, operation: Operation, sheet: _Sheet) -> None:
    tolerance = TOLERANCE.get(trace.tensor(operation.outputs[0]).dtype, 0.0)
    if operation.kind == "matmul":
        assert operation.out is not None
        tolerance = TOLERANCE.get(trace.tensor(operation.out).dtype, 0.0)
        sheet.error(operation, recompute.multiply(trace, operation), tolerance)
    elif operation.kind == "softmax":
        error, away = recompute.softmax(trace, operation, softmax_axis(trace, operation))
        sheet.error(operation, error, tolerance)
        sheet.error(operation, away, SUM_TOLERANCE * tolerance, "the sum of a row is away from one by")
    elif operation.kind == "embedding":
        wrong = recompute.embedding(trace, operation)
        if wrong:
            sheet.wrong.append(Finding(operation.step, operation.name, f"{wrong} rows are not those of the table"))
    else:
        again = recompute.masked if operation.kind == "mask" else recompute.elementwise
        sheet.error(operation, again(trace, operation), tolerance)


def softmax_axis(trace: Trace, operation: Operation) -> int:
    """The dimension that a softmax is over: the one that its other results (maximum, sum) have only one of; the last
    one where there is no other result."""
    shape = trace.tensor(operation.outputs[0]).shape
    for key in operation.outputs[1:]:
        reduced = trace.tensor(key).shape
        if len(reduced) == len(shape):
            found = [i for i, (n, m) in enumerate(zip(shape, reduced, strict=True)) if n != m]
            return found[0] if len(found) == 1 else len(shape) - 1
    return len(shape) - 1


def _fits(trace: Trace, operation: Operation) -> bool:
    """Whether the shapes are such as the operation makes them; those of multiplies were checked on opening."""
    shapes = [trace.tensor(key).shape for key in operation.inputs]
    out = trace.tensor(operation.outputs[0]).shape
    if operation.kind in ("softmax", "scale"):
        return len(out) > 0 and shapes[:1] == [out]
    if operation.kind == "mask":
        return len(shapes) >= 1 and broadcast(shapes) in (out, shapes[0]) and broadcast((*shapes, out)) == out
    if operation.kind in ("add", "mul"):
        return len(shapes) >= 2 and broadcast(shapes) == out
    if operation.kind == "embedding":
        return len(shapes) == 2 and any(
            len(table) == 2 and out == (*ids, table[1]) for ids, table in (shapes, shapes[::-1])
        )
    return True
