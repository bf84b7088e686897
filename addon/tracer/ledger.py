# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down of a run: every tensor that an operation takes or gives, by name, with its place and numbers."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from ..core.trace import Stats, Tensor
from ..core.trace_manifest import (
    BufferSource,
    ConcatSource,
    Cut,
    ExternalSource,
    Map,
    Operation,
    Part,
    PooledSource,
    Source,
)
from .axes import UNKNOWN, Axes, Axis, names
from .choices import Crop
from .clerk import Clerk
from .layers import layer_of
from .measure import NOTHING, TOLERANCE, recompute, span_of, summarise, together
from .pooling import MOST, block_of, is_large, pool
from .store import DTYPES, Store, dtype_of
from .values import Node, Value
from .weights import Place, Weights

COMPACT = 4  # a storage so many times larger than what is wanted of it is not written whole
MASKED = ("mask", "concat", "merge", "split", "scatter", "scatter_", "index_fill", "fill")  # infinite on purpose
AT_TOP = ("ids", "positions")  # what belongs to no module
LAST = "last row"  # among the views of a value
LOGITS = 1 << 20  # elements up to which the scores of the whole vocabulary are kept for every token


@dataclass
class Entry:
    """A registered tensor; its axes get their names when all is known."""

    name: str
    shape: tuple[int, ...]
    axes: Axes
    dtype: str
    parameter: str | None
    source: Source
    stats: Stats
    aliases: list[str] = field(default_factory=list)
    maps: tuple[Map, ...] = ()
    crops: tuple[Cut, ...] = ()


@dataclass(frozen=True)
class Keeping:
    """What is kept of the tensors: crops that were asked for, the storages (by the first name that each gets) that
    only a map is kept of and how many rows or columns a map has, and whether every element is recomputed."""

    crops: tuple[Crop, ...] = ()
    pooled: frozenset[str] = frozenset()
    most: int = MOST
    whole: bool = False


class Ledger:
    """Registers tensors and completes operations, in the order in which they are written."""

    def __init__(
        self, store: Store, weights: Weights, vocabulary: int, keeping: Keeping, embed: bool, clerk: Clerk
    ) -> None:
        """`embed` copies the weights into the trace; otherwise they stay in the checkpoint's file where it has them."""
        self.entries: list[Entry] = []
        self.warnings: list[str] = []
        self.storages: dict[str, int] = {}  # first name of each storage that was written -> bytes, parameters apart
        self.found: set[str] = set()  # names of `keeping.crops` that there were
        self.clerk = clerk
        self._store = store
        self._weights = weights
        self._vocabulary = vocabulary
        self._keeping = keeping
        self._embed = embed
        self._taken: dict[str, int] = {}
        self._parameters: dict[tuple[object, ...], int] = {}  # registered views of parameters
        self._buffers: dict[int, tuple[Value, dict[object, str]]] = {}  # by the id of the root, which is kept
        self._pooled: dict[int, Value] = {}
        self._spans: dict[tuple[object, ...], tuple[Value, Entry]] = {}  # statistics by root (kept), type and place

    def write(self, node: Node) -> None:
        """Registers what an operation takes and gives, and recomputes it where it is a multiply."""
        self._last_rows(node)
        node.name = self._unique(f"step{node.step}:{node.name}").split(":", 1)[1]
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
            error, checked = recompute(left, right, bias, out, scale, self._keeping.whole)
            node.max_error, node.checked = error, checked if checked < out.numel() else None
            node.exact = kept and error <= TOLERANCE.get(out.dtype, 0.0)

        self.clerk.do(work, left, right, out, *(() if bias is None else (bias,)))

    def _register(self, value: Value, name: str) -> int:
        if value.parameter is not None:
            return self._parameter(value)
        if value.joined is not None:
            return self._joined(value, name)
        tensor = value.held()
        source, maps = self._source(value, name)
        entry = Entry(self._unique(name), value.shape, value.axes, dtype_of(tensor), None, source, NOTHING)
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
        entry = Entry(self._unique(name), value.shape, value.axes, found[0].dtype, None, source, NOTHING)

        def work() -> None:
            entry.stats = together([(one.stats, math.prod(one.shape)) for one in found])

        self.clerk.do(work)
        self.entries.append(entry)
        return len(self.entries) - 1

    def _enter(self, entry: Entry, tensor: torch.Tensor) -> int:
        entry.crops = self._crops(entry, tensor)
        self.entries.append(entry)
        return len(self.entries) - 1

    def _parameter(self, value: Value) -> int:
        """A parameter as a whole, transposed, or a piece of it such as one expert's."""
        tensor, name = value.held(), value.parameter
        assert name is not None
        key = (name, value.shape, tensor.stride(), tensor.storage_offset())
        if key not in self._parameters:
            whole = self._weights.named[name]
            source, maps = self._parameter_source(value, name)
            title = name if tensor.numel() == whole.numel() else f"{name}[{_place(whole, tensor)}]"
            stats = self._weights.stats(name) if tensor.numel() == whole.numel() else summarise(tensor)
            entry = Entry(self._unique(title), value.shape, value.axes, dtype_of(tensor), name, source, stats)
            entry.maps = maps
            self._parameters[key] = self._enter(entry, tensor)
        return self._parameters[key]

    def _parameter_source(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        tensor = value.held()
        place = None if self._embed else self._weights.place(name)
        if place is None:
            return self._source_by_content(value, name)
        source = ExternalSource(str(place.file), place.key, tuple(tensor.stride()), tensor.storage_offset())
        if not is_large(value.shape):
            return source, ()
        return source, self._maps_of_parameter(tensor, name)

    def _source_by_content(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        """A piece of a parameter that the file has otherwise: one expert's matrix, or two that were put together."""
        tensor = value.held()
        turned = not tensor.is_contiguous()
        matrix = tensor.t() if turned and tensor.dim() == 2 else tensor
        places: tuple[Place, ...] = ()
        if tensor.dim() == 2 and matrix.is_contiguous() and not self._embed:
            places = self._weights.pieces(matrix.detach(), layer_of(name))
        if not places:
            return self._buffer(value, name), ()
        columns = matrix.shape[1]
        strides = (1, columns) if turned else (columns, 1)
        sources = [ExternalSource(str(place.file), place.key, strides) for place in places]
        maps = self._maps_of_parameter(tensor, name) if is_large(value.shape) else ()
        if len(sources) == 1:
            return sources[0], maps
        axis = 1 if turned else 0
        ids = []
        for number, (source, half) in enumerate(zip(sources, tensor.detach().chunk(2, axis), strict=True)):
            title = self._unique(f"{name}[{_place(self._weights.named[name], tensor)}].{number}")
            self.entries.append(
                Entry(title, tuple(half.shape), value.axes, dtype_of(half), name, source, summarise(half))
            )
            self.entries[-1].axes = tuple(() for _ in half.shape)
            ids.append(len(self.entries) - 1)
        return ConcatSource(tuple(ids), axis), maps

    def _maps_of_parameter(self, tensor: torch.Tensor, name: str) -> tuple[Map, ...]:
        whole = self._weights.named[name]
        most = self._keeping.most
        if tensor.numel() != whole.numel() or tensor.dim() != 2 or most != MOST:
            return self._map(_pooled_now(tensor, most), name, block_of(tensor.shape, most))
        maps, block = self._weights.maps(name), self._weights.block(name)
        if tensor.stride() != whole.stride():  # the transposed view
            maps, block = {how: (one.t(), stats) for how, (one, stats) in maps.items()}, block[::-1]
        return self._map(maps, name, block)

    def _map(self, maps: dict[str, tuple[torch.Tensor, Stats]], name: str, block: tuple[int, int]) -> tuple[Map, ...]:
        found = []
        for how, (values, stats) in maps.items():
            shape, strides = tuple(values.shape), tuple(values.stride())
            lying = values if values.is_contiguous() else values.t()  # the rows as they are in memory
            source = BufferSource(self._store.add(lying.reshape(-1)), 0, strides)
            axes = tuple(() for _ in shape)
            self.entries.append(Entry(self._unique(f"{name}.{how}_map"), shape, axes, "F32", None, source, stats))
            found.append(Map(how, len(self.entries) - 1, (*[1] * (values.dim() - 2), *block)))
        return tuple(found)

    def _source(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        if id(value.root) in self._pooled or name in self._keeping.pooled:
            return self._pooled_source(value, name)
        return self._buffer(value, name), ()

    def _pooled_source(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        """Only the maps, of this and of every other view of the same storage."""
        self._pooled[id(value.root)] = value.root
        self.storages.setdefault(name, 0)
        tensor = value.held() if len(value.shape) >= 2 else value.held().reshape(1, -1)
        block = block_of(tensor.shape, self._keeping.most)
        maps = self._map(_pooled_now(tensor, self._keeping.most), name, block)
        absmax = next(one for one in maps if one.how == "absmax")
        return PooledSource(absmax.tensor, "absmax", absmax.block), maps

    def _buffer(self, value: Value, name: str) -> BufferSource:
        """The whole storage of a tensor, written once; of a much larger storage only what is wanted."""
        tensor, root = value.held(), value.root
        _, buffers = self._buffers.setdefault(id(root), (root, {}))
        storage = tensor.untyped_storage()
        if tensor.dtype not in buffers:
            if storage.nbytes() > COMPACT * max(tensor.numel() * tensor.element_size(), 1024):
                return self._packed(value, name, buffers)
            count = storage.nbytes() // tensor.element_size()
            buffers[tensor.dtype] = self._add(tensor.detach().as_strided((count,), (1,), 0), value, name)
        return BufferSource(buffers[tensor.dtype], tensor.storage_offset(), tuple(tensor.stride()))

    def _packed(self, value: Value, name: str, buffers: dict[object, str]) -> BufferSource:
        """A tensor by itself, written once however often it is looked at, and in whatever shape."""
        tensor = value.held()
        packed = tensor.detach().contiguous()
        order = tensor.numel() if tensor.is_contiguous() else (tensor.shape, tensor.stride())
        key = (tensor.dtype, tensor.storage_offset(), order)
        if key not in buffers:
            buffers[key] = self._add(packed.reshape(-1), value, name)
        return BufferSource(buffers[key], 0, tuple(packed.stride()))

    def _add(self, flat: torch.Tensor, value: Value, name: str) -> str:
        if value.parameter is None:
            self.storages[name] = self.storages.get(name, 0) + flat.numel() * flat.element_size()
        return self._store.add(flat)

    def _crops(self, entry: Entry, tensor: torch.Tensor) -> tuple[Cut, ...]:
        found = []
        for crop in self._keeping.crops:
            tied = () if entry.parameter is None else self._weights.names_of(entry.parameter)
            if len(entry.shape) < 2 or not (_means(crop.name, entry) or crop.name in tied):
                continue
            self.found.add(crop.name)
            (r0, r1), (c0, c1) = (
                (0, n - 1) if span is None else (min(span[0], n - 1), min(span[1], n - 1))
                for span, n in zip((crop.rows, crop.columns), entry.shape[-2:], strict=True)
            )
            piece = tensor.detach()[..., r0 : r1 + 1, c0 : c1 + 1].contiguous()
            source = BufferSource(self._store.add(piece.reshape(-1)), 0, tuple(piece.stride()))
            name = self._unique(f"{entry.name}[{r0}:{r1 + 1}, {c0}:{c1 + 1}]")
            self.entries.append(Entry(name, tuple(piece.shape), (), dtype_of(piece), None, source, summarise(piece)))
            self.entries[-1].axes = tuple(() for _ in piece.shape)
            found.append(Cut(len(self.entries) - 1, (r0, r1), (c0, c1)))
        return tuple(found)

    def _unique(self, name: str) -> str:
        number = self._taken.get(name, 0) + 1
        self._taken[name] = number
        if number == 1:
            return name
        return (
            self._unique(f"{name}.{number}") if f"{name}.{number}" in self._taken else self._claim(f"{name}.{number}")
        )

    def _claim(self, name: str) -> str:
        self._taken[name] = 1
        return name

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

    def tensors(self) -> tuple[Tensor, ...]:
        """Everything as the file says it, named as far as names became known."""
        self._carry_names()
        known: dict[tuple[int, ...], tuple[str, ...]] = {}  # most axes are the same few

        def named(axis: Axis, n: int) -> tuple[str, ...]:
            if not axis:
                return ("token",) if n == 1 else (UNKNOWN,)
            key = tuple(id(atom) for atom in axis)
            if key not in known:
                known[key] = names(axis)
            return known[key]

        def said(i: int, e: Entry) -> Tensor:
            axes = tuple(named(axis, n) for axis, n in zip(e.axes, e.shape, strict=True))
            aliases = tuple(e.aliases)
            return Tensor(i, e.name, e.shape, axes, e.dtype, e.parameter, e.source, e.stats, aliases, e.maps, e.crops)

        return tuple(said(i, entry) for i, entry in enumerate(self.entries))

    def _carry_names(self) -> None:
        """A later step, where a single token leaves axes of one step that tell little, has the axes of the first."""
        first = {e.name[len("step0.") :]: e for e in self.entries if e.name.startswith("step0.")}
        for entry in self.entries:
            step = re.match(r"step[1-9]\d*\.", entry.name)
            model = first.get(entry.name[step.end() :]) if step else None
            if model is None or len(model.axes) != len(entry.axes):
                continue
            entry.axes = tuple(
                mine if "?" not in names(mine) and names(mine)[0][0] != "~" else theirs
                for mine, theirs in zip(entry.axes, model.axes, strict=True)
            )


def operation(index: int, node: Node, tensors: Sequence[Tensor], layer: int | None) -> Operation:
    """An operation as the file says it."""
    plain = Operation(
        id=index,
        kind=node.kind,
        name=node.name,
        module=node.module,
        layer=layer,
        step=node.step,
        inputs=node.input_ids,
        outputs=tuple(key for key in node.output_ids if key is not None),
        scale=node.scale,
        parts=tuple(Part(part.kind, part.call or part.name, *_ids(part)) for part in node.parts),
        seconds=round(node.seconds, 6),
        rows=node.rows,
        of_rows=node.of_rows,
    )
    if node.kind != "matmul":
        return plain
    assert node.left is not None and node.right is not None
    return dataclasses.replace(
        plain,
        left=node.left.id,
        right=node.right.id,
        bias=None if node.bias is None else node.bias.id,
        out=node.out.id,
        contracted=" ".join(tensors[node.left.id or 0].axes[-1]),
        exact=node.exact,
        max_error=node.max_error,
        flops=node.flops,
        checked=node.checked,
    )


def _ids(part: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    inputs = tuple(value.id for value, _ in part.inputs if value.id is not None)
    return inputs, tuple(value.id for value, _ in part.outputs if value.id is not None)


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


def _means(name: str, entry: Entry) -> bool:
    plain = re.sub(r"^step\d+\.", "", entry.name)
    return name in (entry.name, plain, entry.parameter)


def _pooled_now(tensor: torch.Tensor, most: int) -> dict[str, tuple[torch.Tensor, Stats]]:
    """The maps of a tensor with their statistics."""
    return {how: (one, summarise(one)) for how, one in pool(tensor, most).items()}


def _place(whole: torch.Tensor, piece: torch.Tensor) -> str:
    """Which piece of a parameter this is: the first index, where it is one of several of the same size."""
    per = whole.stride(0)
    return str((piece.storage_offset() - whole.storage_offset()) // per) if per else str(piece.storage_offset())
