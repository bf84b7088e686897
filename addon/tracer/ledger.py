# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down of a run: every tensor that an operation takes or gives, by name, with its place and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..core.trace_manifest import ConcatSource, PooledSource
from .axes import Axes
from .clerk import Clerk
from .entries import Entries, Entry
from .measure import NOTHING, TOLERANCE, recompute, span_of, summarise, together
from .sources import Keeping, Sources, place_of
from .store import DTYPES, Store, dtype_of
from .values import Node, Value
from .weights import Weights

MASKED = ("mask", "concat", "merge", "split", "scatter", "scatter_", "index_fill", "fill")  # infinite on purpose
AT_TOP = ("ids", "positions")  # what belongs to no module
LAST = "last row"  # among the views of a value
LOGITS = 1 << 20  # elements up to which the scores of the whole vocabulary are kept for every token


class Ledger:
    """Registers tensors and completes operations, in the order in which they are written."""

    def __init__(
        self, store: Store, weights: Weights, vocabulary: int, keeping: Keeping, embed: bool, clerk: Clerk
    ) -> None:
        """`keeping` and `embed` are those of `Sources`; `vocabulary` is the number of tokens that there are."""
        self.entries = Entries()
        self.sources = Sources(self.entries, store, weights, keeping, embed)
        self.warnings: list[str] = []
        self.clerk = clerk
        self._weights = weights
        self._vocabulary = vocabulary
        self._whole = keeping.whole
        self._parameters: dict[tuple[object, ...], int] = {}  # registered views of parameters
        self._spans: dict[tuple[object, ...], tuple[Value, Entry]] = {}  # statistics by root (kept), type and place

    def write(self, node: Node) -> None:
        """Registers what an operation takes and gives, and recomputes it where it is a multiply."""
        self._last_rows(node)
        node.name = self.entries.unique(f"step{node.step}:{node.name}").split(":", 1)[1]
        node.input_ids = tuple(self.use(value, node, role) for value, role in node.inputs if _kept(value))
        node.output_ids = [
            self._result(node, value, suffix) if _kept(value) and not node.waits else None
            for value, suffix in node.outputs
        ]
        if node.kind == "matmul":
            self._check(node)

    def use(self, value: Value, node: Node, role: str) -> int:
        """The id of an operand, registered now if it was not: a parameter under its own name, the waiting result of
        a split or merge as that result, anything else after its role."""
        if value.id is None:
            maker, slot = value.node, value.slot
            name = f"{node.module}.{role}" if node.module and role not in AT_TOP else role
            waits = maker is not None and slot is not None and maker.output_ids and maker.output_ids[slot] is None
            if waits and maker is not None and maker.kind == "merge":
                name = maker.name
            value.id = self._register(value, f"step{node.step}.{name}")
            if waits and maker is not None and slot is not None:
                maker.output_ids[slot] = value.id
        return value.id

    def settle(self, nodes: Sequence[Node]) -> None:
        """Registers as they are the results that nothing used."""
        for node in nodes:
            for slot, (value, _) in enumerate(node.outputs):
                if node.output_ids[slot] is None and value.tensor is not None and _kept(value):
                    node.output_ids[slot] = value.id = self._register(value, f"step{node.step}.{node.name}.{slot}")

    def keep(self, tensor: torch.Tensor, name: str, axes: Axes) -> int:
        """Registers a tensor that is no part of the run itself."""
        return self._register(Value(tensor, axes), name)

    def _result(self, node: Node, value: Value, suffix: str) -> int:
        if value.id is None:
            value.id = self._register(value, f"step{node.step}.{node.name}{suffix}")
        return value.id

    def _last_rows(self, node: Node) -> None:
        """The scores of a large vocabulary are kept for the last token only: operands and results become their last
        rows [..., 1, V], of which everything that is said about them is as true."""
        shape = node.outputs[0][0].shape if node.outputs else ()
        if len(shape) < 2 or shape[-1] != self._vocabulary or shape[-2] == 1 or math.prod(shape) <= LOGITS:
            return
        rows = shape[-2]
        node.rows, node.of_rows = (rows - 1, rows - 1), rows

        def last(value: Value) -> Value:
            return _last_row(value) if len(value.shape) >= 2 and value.shape[-2] == rows else value

        node.inputs = [(value if value is node.right else last(value), role) for value, role in node.inputs]
        node.outputs = [(last(value), suffix) for value, suffix in node.outputs]
        node.left = None if node.left is None else node.inputs[0][0]

    def _check(self, node: Node) -> None:
        """Has a multiply recomputed."""
        assert node.left is not None and node.right is not None and node.scale is not None
        left, right, out, scale = node.left.held(), node.right.held(), node.out.held(), node.scale
        bias = None if node.bias is None else node.bias.held()
        keys = (*node.input_ids, *(key for key in node.output_ids if key is not None))
        kept = not any(isinstance(self.entries[key].source, PooledSource) for key in keys)
        node.flops = 2 * out.numel() * left.shape[-1]

        def work() -> None:
            error, checked = recompute(left, right, bias, out, scale, self._whole)
            node.max_error, node.checked = error, checked if checked < out.numel() else None
            node.exact = kept and error <= TOLERANCE.get(out.dtype, 0.0)

        self.clerk.do(work, left, right, out, *(() if bias is None else (bias,)))

    def _register(self, value: Value, name: str) -> int:
        if value.parameter is not None:
            return self._parameter(value)
        if value.joined is not None:
            return self._joined(value, name)
        tensor = value.held()
        source, maps = self.sources.of(value, name)
        entry = Entry(self.entries.unique(name), value.shape, value.axes, dtype_of(tensor), None, source, NOTHING)
        entry.maps = maps
        self._summarise(entry, tensor, value.root)
        return self._enter(entry, tensor)

    def _summarise(self, entry: Entry, tensor: torch.Tensor, root: Value) -> None:
        """Has the statistics made; of another view of just the same numbers they are the same."""
        span, first = span_of(tensor), None
        if span is not None:
            first = self._spans.setdefault((id(root), tensor.dtype, *span), (root, entry))[1]

        def work() -> None:
            entry.stats = summarise(tensor) if first is None or first is entry else first.stats

        self.clerk.do(work, tensor)

    def _joined(self, value: Value, name: str) -> int:
        """A tensor that is nothing but others: those are registered, and said to be its parts."""
        assert value.joined is not None
        parts, axis = value.joined
        several = len({id(part) for part in parts}) > 1
        for number, part in enumerate(dict.fromkeys(parts)):
            if part.id is None:
                part.id = self._register(part, f"{name}.{number}" if several else name)
        ids = tuple(part.id for part in parts if part.id is not None)
        if len(ids) == 1:
            self.entries[ids[0]].axes = value.axes
            return ids[0]
        found = [self.entries[key] for key in ids]
        source = ConcatSource(ids, axis)
        entry = Entry(self.entries.unique(name), value.shape, value.axes, found[0].dtype, None, source, NOTHING)

        def work() -> None:
            entry.stats = together([(one.stats, math.prod(one.shape)) for one in found])

        self.clerk.do(work)
        return self.entries.add(entry)

    def _enter(self, entry: Entry, tensor: torch.Tensor) -> int:
        entry.crops = self.sources.crops(entry, tensor)
        return self.entries.add(entry)

    def _parameter(self, value: Value) -> int:
        """A parameter as a whole, transposed, or a piece of it such as one expert's."""
        tensor, name = value.held(), value.parameter
        assert name is not None
        key = (name, value.shape, tensor.stride(), tensor.storage_offset())
        if key not in self._parameters:
            whole = self._weights.named[name]
            source, maps = self.sources.of_parameter(value, name)
            title = name if tensor.numel() == whole.numel() else f"{name}[{place_of(whole, tensor)}]"
            stats = self._weights.stats(name) if tensor.numel() == whole.numel() else summarise(tensor)
            entry = Entry(self.entries.unique(title), value.shape, value.axes, dtype_of(tensor), name, source, stats)
            entry.maps = maps
            self._parameters[key] = self._enter(entry, tensor)
        return self._parameters[key]

    def look_for_trouble(self, nodes: Sequence[Node]) -> None:
        """Says which operation was the first with numbers that are none. A mask has its infinities on purpose, and
        what is masked away stays infinite until a softmax."""
        for node in nodes:
            for key in node.output_ids:
                stats = NOTHING if key is None else self.entries[key].stats
                if not stats.nan and (not stats.inf or node.kind in MASKED or node.call in MASKED):
                    continue
                what = f"{stats.nan} values that are not numbers" if stats.nan else f"{stats.inf} infinite values"
                self.warnings.append(f"{node.name} has {what} in step {node.step}; all after it may be wrong.")
                return


def _kept(value: Value) -> bool:
    """Whether the format has this number type; complex numbers are seen only inside a rotary embedding."""
    return value.id is not None or value.joined is not None or value.held().dtype in DTYPES


def _last_row(value: Value) -> Value:
    """The last row of a value; the same one for the operation that gives it and for those that take it."""
    known = value.views.get(LAST)
    if known is None or known.tensor is None:
        axes = (*value.axes[:-2], value.axes[-2][:0], value.axes[-1])
        row = Value(value.held()[..., -1:, :], axes, base=value.root, active=value.active, node=value.node)
        row.id = None if known is None else known.id
        value.views[LAST] = row
    return value.views[LAST]
