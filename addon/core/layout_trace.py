# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layout needs of a trace: the shape of its model, the tensors of its parts, the blocks of its operations.

Which tensors an operation takes and gives is read from the trace; names only tell which operation is which.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from .errors import UserError
from .layout_blocks import Shown
from .layout_parts import DRAWN_AS, PARTS, Part
from .layout_types import Block, Operation
from .placement import ModelShape
from .trace import Trace
from .trace_manifest import Operation as TraceOperation
from .trace_manifest import Tensor

OTHER_MODEL = "Only models built like GPT-2 can be laid out so far."
_IN_LAYER = re.compile(r"^.*?\.(\d+)\.(.+)$")


def local_name(operation: TraceOperation) -> str:
    """The name of an operation within its layer: "attn.scores"; the whole name outside of the layers."""
    found = None if operation.layer is None else _IN_LAYER.match(operation.name)
    return found.group(2) if found else operation.name


class TraceSource:
    """Finds the tensors of parts in a trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._operations = {(o.step, o.layer, local_name(o)): o for o in trace.operations}

    def operation(self, step: int, layer: int | None, name: str) -> TraceOperation:
        """The operation of this local name; UserError where there is none."""
        found = self._operations.get((step, layer, name))
        if found is None:
            place = "" if layer is None else f" in layer {layer}"
            raise UserError(f"The trace has no operation {name!r}{place} of step {step}.", OTHER_MODEL)
        return found

    def tensor(self, part: Part, step: int, layer: int | None) -> Tensor | None:
        """The tensor that a part shows in this step; None where the operation goes without."""
        name, slot = part.tensor_of
        operation = self.operation(step, layer, name)
        which, _, number = slot.partition(" ")
        found: int | None
        if which == "table":
            tables = [i for i in operation.inputs if self.trace.tensor(i).parameter is not None]
            found = tables[0] if tables else None
        elif which in ("in", "out"):
            given = operation.inputs if which == "in" else operation.outputs
            found = given[int(number)] if int(number) < len(given) else None
        else:
            found = {"left": operation.left, "right": operation.right, "bias": operation.bias}[which]
        return None if found is None else self.trace.tensor(found)

    def find(self, part: Part, step: int, layer: int | None, head: int | None) -> Shown | None:
        """What the part shows in this step; None where the model has no such thing."""
        tensor = self.tensor(part, step, layer)
        if tensor is None:
            return None
        name = part.tensor_of[0]
        index = [0] * max(0, len(tensor.shape) - 2)
        if head is not None and name != "attn.c_attn":  # there heads are slices of the columns
            index[-1] = head
        makers = part.made_by or (name,)
        ran = [maker for maker in makers if (step, layer, maker) in self._operations]
        return Shown(tensor.name, tuple(index), self.operation(step, layer, (ran or makers)[0]).id)


def shape_of(trace: Trace) -> ModelShape:
    """The shape of a trace's model; UserError where it is of a kind that cannot be laid out."""
    source = TraceSource(trace)
    layers = 1 + max((o.layer for o in trace.operations if o.layer is not None), default=-1)
    if layers == 0:
        raise UserError("The trace has no layers.", OTHER_MODEL)
    if any(step.past for step in trace.steps):
        raise UserError("The trace was made with a cache of keys and values.", "Such runs cannot be laid out yet.")

    def last(name: str, layer: int | None = None) -> tuple[int, ...]:
        tensor = source.tensor(PARTS[name], 0, layer)
        if tensor is None or len(tensor.shape) < 2:
            raise UserError(f"The trace has no matrix for {PARTS[name].label!r}.", OTHER_MODEL)
        return tensor.shape

    channels = last("token_table")[-1]
    keys = last("k_flat", 0)  # [1, H, d, T]
    if len(keys) < 3:
        raise UserError("The trace's keys are not split into heads.", OTHER_MODEL)
    residuals = [source.tensor(PARTS["residual_0"], step.index, None) for step in trace.steps]
    try:
        return ModelShape(
            layers=layers,
            heads=keys[-3],
            channels=channels,
            head_dim=keys[-2],
            neurons=last("w_up", 0)[-1],
            vocab=last("token_table")[-2],
            context=last("position_table")[-2],
            steps=tuple(tensor.shape[-2] for tensor in residuals if tensor is not None),
        )
    except ValueError as error:
        raise UserError(f"The trace's shapes do not fit each other: {error}.", OTHER_MODEL) from error


def check_cells(blocks: Iterable[Block], trace: Trace) -> None:
    """UserError where a block would show numbers that its tensor does not have."""
    for block in blocks:
        shape = (1, 1, *trace.tensor(block.tensor).shape)
        rows, columns = shape[-2:]
        lead = shape[2:-2]
        inside = all(0 <= at < size for at, size in zip(block.index, lead, strict=True))
        if block.rows[1] >= rows or block.columns[1] >= columns or not inside:
            raise UserError(f"The tensor {block.tensor} is smaller than its place in the layout.", OTHER_MODEL)


def draw_operations(trace: Trace, blocks: Iterable[Block]) -> tuple[Operation, ...]:
    """Every operation of the trace, in its order, with the blocks that take part."""
    finder = _Finder(trace, tuple(blocks))
    return tuple(finder.draw(operation) for operation in trace.operations)


class _Finder:
    """Finds blocks by the ids of tensors and operations."""

    def __init__(self, trace: Trace, blocks: tuple[Block, ...]) -> None:
        self.of_tensor: dict[int, list[Block]] = defaultdict(list)
        self.made: dict[int, list[Block]] = defaultdict(list)
        self.of_part: dict[tuple[int | None, str], list[Block]] = defaultdict(list)
        for block in blocks:
            self.of_tensor[trace.tensor(block.tensor).id].append(block)
            self.of_part[block.layer, block.part].append(block)
            if block.kind != "weight":
                self.made[block.operation].append(block)
        for operation in trace.operations:
            for number, output in enumerate(operation.outputs):
                part = DRAWN_AS.get((local_name(operation), number))
                if part is not None:
                    same = self.of_part[operation.layer, part]
                    self.of_tensor[output] = [block for block in same if block.step == operation.step]

    def draw(self, operation: TraceOperation) -> Operation:
        left, right, bias = operation.inputs, _given(None), _given(None)
        if operation.kind == "matmul":
            left, right, bias = _given(operation.left), _given(operation.right), _given(operation.bias)
        taken = [block for tensor in left for block in self.of_tensor[tensor]]
        made = self.made[operation.id]
        around = (*made, *taken)
        return Operation(
            operation=operation.id,
            kind=operation.kind,
            step=operation.step,
            layer=operation.layer,
            left=_keys(taken),
            right=_keys(self.until(operation.step, right)),
            out=_keys(made),
            collection=around[0].collection[:2] if around else (),
            bias=_keys(block for tensor in bias for block in self.of_tensor[tensor]),
        )

    def until(self, step: int, tensors: tuple[int, ...]) -> list[Block]:
        """The blocks of these tensors; of those that grow token by token, the ones of earlier steps too."""
        found = []
        for block in (block for tensor in tensors for block in self.of_tensor[tensor]):
            earlier = self.of_part[block.layer, block.part]
            found += [b for b in earlier if b.head == block.head and b.step <= step]
        return found


def _given(tensor: int | None) -> tuple[int, ...]:
    return () if tensor is None else (tensor,)


def _keys(blocks: Iterable[Block]) -> tuple[str, ...]:
    return tuple(block.key for block in blocks)
