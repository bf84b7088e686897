# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the numbers of a trace are right, found out from the file alone: what an operation gave is computed again
from what it was given, and as many multiplies are there as reached a kernel.

What cannot be computed again, because only a map was kept or a model's file is gone, is counted and named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from . import trace_recompute as recompute
from .errors import UserError
from .trace import Operation, Tensor, Trace
from .trace_check import broadcast
from .trace_manifest import BufferSource

TOLERANCE = {"F64": 1e-5, "F32": 1e-5, "BF16": 2e-3, "F16": 2e-3}
"""Relative error up to which a result counts as right (trace format, version 1); 0 for whole numbers."""
SUM_TOLERANCE = 4  # times the above: how far the sum of a softmax may be from one
ELEMENTWISE = ("add", "mul", "scale")
MADE = frozenset(("channel", "neuron", "value_dim", "vocab"))  # numbers of a token along these, an operation made
MOST_NAMED = 12  # of a check, in the lines for people


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that could not be looked at: `says` stands after the name."""

    step: int
    name: str
    says: str


@dataclass(frozen=True)
class Check:
    """What came of one sort of check: how many were looked at, with what largest relative error (None where there is
    no such number), and what was found wrong or could not be looked at."""

    title: str
    checked: int
    worst: float | None
    wrong: tuple[Finding, ...]
    unchecked: tuple[Finding, ...]


@dataclass(frozen=True)
class Verification:
    """The result of all checks."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not any(check.wrong for check in self.checks)

    @property
    def complete(self) -> bool:
        """Whether there was nothing that could not be looked at."""
        return not any(check.unchecked for check in self.checks)

    def lines(self) -> list[str]:
        """The result for people, a line each."""
        return [line for check in self.checks for line in _lines(check)] + [self._last_line()]

    def _last_line(self) -> str:
        wrong = sum(len(check.wrong) for check in self.checks)
        unchecked = sum(len(check.unchecked) for check in self.checks)
        said = f"{wrong} wrong" if wrong else "Nothing is wrong"
        return f"{said}; {unchecked} could not be checked." if unchecked else f"{said}."


def _lines(check: Check) -> Iterator[str]:
    worst = "" if check.worst is None else f", largest relative error {check.worst:.1e}"
    yield f"{check.title:<36} {check.checked:>6} checked, {len(check.wrong)} wrong{worst}"
    for word, findings in (("WRONG", check.wrong), ("not checked", check.unchecked)):
        for finding in findings[:MOST_NAMED]:
            yield f"  {word}: step {finding.step} {finding.name}: {finding.says}"
        if len(findings) > MOST_NAMED:
            yield f"  {word}: and {len(findings) - MOST_NAMED} more"


def verify(trace: Trace, progress: Callable[[int, int], None] = lambda done, total: None) -> Verification:
    """Checks everything that can be checked from the file; `progress` gets how many operations are done, of how many.

    Raises UserError only where a number does not fit into memory.
    """
    kinds = {"matmul": "multiplies", "embedding": "embeddings", "softmax": "softmaxes"}
    kinds |= dict.fromkeys(ELEMENTWISE, "sums, products, scales")
    titles = dict.fromkeys(kinds.values())
    sheets = {title: _Sheet(title) for title in titles}
    missing = _Missing(trace)
    for number, operation in enumerate(trace.operations):
        if operation.kind in kinds:
            _operation(trace, operation, sheets[kinds[operation.kind]], missing)
        progress(number + 1, len(trace.operations))
    checks = tuple(sheet.done() for sheet in sheets.values())
    return Verification((*checks, _witness(trace), _flow(trace), _axes(trace)))


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
        sheet.error(operation, recompute.elementwise(trace, operation), tolerance)


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
    if operation.kind in ("add", "mul"):
        return len(shapes) >= 2 and broadcast(shapes) == out
    if operation.kind == "embedding":
        return len(shapes) == 2 and any(
            len(table) == 2 and out == (*ids, table[1]) for ids, table in (shapes, shapes[::-1])
        )
    return True


def _witness(trace: Trace) -> Check:
    """As many multiplies in the file as reached a kernel, and as the tracer says it captured."""
    inside = [part.kind for operation in trace.operations for part in operation.parts]
    there = [*(operation.kind for operation in trace.operations), *inside].count("matmul")
    said = trace.witness
    wrong: tuple[Finding, ...] = ()
    if not there == said.captured == said.aten_matmuls:
        says = f"{said.aten_matmuls} were run, {said.captured} captured, and {there} are in the file"
        wrong = (Finding(len(trace.steps) - 1, "all multiplies", says),)
    return Check("multiplies witnessed", said.aten_matmuls, None, wrong, ())


def _flow(trace: Trace) -> Check:
    """Every activation that an operation takes in was made by an earlier one, or is a view or a piece of what one
    made. (Ids, positions, masks and tables of angles come from outside.)"""
    made: set[int | str] = set()
    wrong: list[Finding] = []
    checked = 0
    for operation in trace.operations:
        for leaf in (leaf for key in operation.inputs for leaf in trace.leaves(key) if _is_made(leaf)):
            checked += 1
            if operation.rows is None and not made & {leaf.id, _buffer(leaf)}:
                wrong.append(Finding(operation.step, operation.name, f"nothing made its input {leaf.name}"))
        for key in (*operation.outputs, *(key for part in operation.parts for key in part.outputs)):
            made |= {one for leaf in trace.leaves(key) for one in (leaf.id, _buffer(leaf))}
    return Check("inputs made by an operation", checked, None, tuple(wrong), ())


def _is_made(tensor: Tensor) -> bool:
    atoms = {atom for axis in tensor.axes for atom in axis}
    return tensor.parameter is None and tensor.dtype in TOLERANCE and "token" in atoms and bool(atoms & MADE)


def _buffer(tensor: Tensor) -> int | str:
    return tensor.source.buffer if isinstance(tensor.source, BufferSource) else tensor.id


def _axes(trace: Trace) -> Check:
    """What a multiply contracts has one name on both sides, and it is the one that the operation gives."""
    wrong: list[Finding] = []
    checked = 0
    for operation in trace.operations:
        if operation.left is None or operation.right is None:
            continue
        ours, theirs = trace.tensor(operation.left).axes[-1], trace.tensor(operation.right).axes[-2]
        if any(atom.startswith(("?", "~")) for atom in (*ours, *theirs)):
            continue
        checked += 1
        names = {operation.contracted, " ".join(ours), " ".join(theirs)}
        if len(names) != 1:
            says = f"one dimension is called {' and '.join(sorted(repr(name) for name in names))}"
            wrong.append(Finding(operation.step, operation.name, says))
    return Check("names of what is contracted", checked, None, tuple(wrong), ())
