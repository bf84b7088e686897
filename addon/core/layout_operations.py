# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks take part in each operation of a trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .layout_anatomy import Anatomy
from .layout_types import Block, Operation
from .trace import Trace
from .trace_manifest import BufferSource, ConcatSource, Tensor
from .trace_manifest import Operation as TraceOperation


def draw_operations(trace: Trace, anatomy: Anatomy, blocks: Iterable[Block]) -> tuple[Operation, ...]:
    """Every operation of the trace, in its order, with the blocks that take part."""
    finder = _Finder(trace, anatomy, tuple(blocks))
    return tuple(finder.draw(operation) for operation in trace.operations)


class _Finder:
    """Finds blocks by the ids of tensors and operations."""

    def __init__(self, trace: Trace, anatomy: Anatomy, blocks: tuple[Block, ...]) -> None:
        self.trace = trace
        self.of_tensor: dict[int, list[Block]] = defaultdict(list)
        self.of_buffer: dict[tuple[int, str], list[Block]] = defaultdict(list)
        self.made: dict[int, list[Block]] = defaultdict(list)
        self.of_part: dict[tuple[int | None, str], list[Block]] = defaultdict(list)
        self.joins = anatomy.joins
        self.scaled: dict[int, int] = {}  # what a plain factor gives -> what it takes in
        self.scaled_buffers: dict[str, int] = {}  # the same, by the buffer that it lies in
        for block in blocks:
            tensor = trace.tensor(block.tensor)
            self.of_tensor[tensor.id].append(block)
            for leaf in _leaves(trace, tensor):
                self.of_buffer[block.step, leaf].append(block)
            self.of_part[block.layer, block.part].append(block)
            if block.kind != "weight":
                self.made[block.operation].append(block)
        for operation in trace.operations:
            if operation.kind == "scale":
                self.scaled.update(dict.fromkeys(operation.outputs, operation.inputs[0]))
                source = trace.tensor(operation.outputs[0]).source
                if isinstance(source, BufferSource):
                    self.scaled_buffers[source.buffer] = operation.inputs[0]

    def blocks(self, tensor: int, step: int) -> list[Block]:
        """The blocks that show a tensor, or others that show the same numbers, or those before a plain factor."""
        if tensor in self.joins:
            return [block for block in self.of_part[self.joins[tensor]] if block.step == step]
        if tensor in self.of_tensor:
            return self.of_tensor[tensor]
        source = self.trace.tensor(tensor).source
        if isinstance(source, BufferSource) and self.of_buffer.get((step, source.buffer)):
            return self.of_buffer[step, source.buffer]
        if tensor in self.scaled:
            return self.blocks(self.scaled[tensor], step)
        if isinstance(source, ConcatSource):
            return self.blocks(source.concat[-1], step)
        if isinstance(source, BufferSource) and source.buffer in self.scaled_buffers:
            return self.blocks(self.scaled_buffers[source.buffer], step)
        return []

    def draw(self, operation: TraceOperation) -> Operation:
        left, right, bias = operation.inputs, _given(None), _given(None)
        if operation.kind == "matmul":
            left, right, bias = _given(operation.left), _given(operation.right), _given(operation.bias)
        step = operation.step
        taken = _once(block for tensor in left for block in self.blocks(tensor, step))
        made = self.made[operation.id]
        if not made and operation.kind not in ("scale", "sample"):
            made = _once(block for tensor in operation.outputs for block in self.blocks(tensor, step))
            made = [block for block in made if block not in taken] or made
        if made:
            taken = _nearest(taken, made[0])
        return Operation(
            operation=operation.id,
            kind=operation.kind,
            step=step,
            layer=operation.layer,
            left=_keys(block for block in taken if block not in made),
            right=_keys(self.until(step, right)),
            out=_keys(made),
            collection=(*made, *taken)[0].collection[:2] if made or taken else (),
            bias=_keys(block for tensor in bias for block in self.blocks(tensor, step)),
        )

    def until(self, step: int, tensors: tuple[int, ...]) -> list[Block]:
        """The blocks of these tensors; of those that grow token by token, the ones of earlier steps too."""
        found = []
        for block in (block for tensor in tensors for block in self.blocks(tensor, step)):
            earlier = self.of_part[block.layer, block.part]
            found += [b for b in earlier if b.head == block.head and b.step <= step]
        return _once(found)


def _leaves(trace: Trace, tensor: Tensor) -> set[str]:
    """The buffers in which a tensor's numbers lie."""
    if isinstance(tensor.source, ConcatSource):
        return {leaf for one in tensor.source.concat for leaf in _leaves(trace, trace.tensor(one))}
    return {tensor.source.buffer} if isinstance(tensor.source, BufferSource) else set()


def _once(blocks: Iterable[Block]) -> list[Block]:
    return list({block.key: block for block in blocks}.values())


def _nearest(blocks: list[Block], made: Block) -> list[Block]:
    """Of blocks that show the same numbers, as a norm does that two branches read, the one in the section of `made`."""
    found: dict[tuple[object, ...], Block] = {}
    for block in blocks:
        same = (block.tensor, block.index, block.rows, block.columns)
        other = found.get(same)
        if other is None or _together(block, made) > _together(other, made):
            found[same] = block
    return list(found.values())


def _together(a: Block, b: Block) -> int:
    """How many collections two blocks are in together."""
    pairs = zip(a.collection, b.collection, strict=False)
    return next((i for i, (one, other) in enumerate(pairs) if one != other), min(len(a.collection), len(b.collection)))


def _given(tensor: int | None) -> tuple[int, ...]:
    return () if tensor is None else (tensor,)


def _keys(blocks: Iterable[Block]) -> tuple[str, ...]:
    return tuple(block.key for block in blocks)
