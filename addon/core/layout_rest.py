# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace has beyond the known parts: plain blocks in tidy rows, so that no operation is without geometry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import prod

import numpy as np

from .elision import clip, drawn_index, drawn_tokens
from .layout_anatomy import Anatomy
from .layout_parts import PITCH
from .layout_trace import unravel
from .layout_types import Block, Span, Vector
from .placement_shape import Plain
from .trace import Trace
from .trace_manifest import BufferSource, ConcatSource, Operation, Tensor

TOKENS = (("token",), ("key_token",))
MOST_MATRICES = 16  # of a stack that are drawn one by one; of a larger one the first is, and the name says so


class _Covered:
    """Which tensors are drawn as parts."""

    def __init__(self, trace: Trace, anatomy: Anatomy) -> None:
        self.trace = trace
        self.ids: set[int] = set()
        self.buffers: set[str] = set()
        for parts in anatomy.parts.values():
            for seen in parts.values():
                self.add(seen.tensor)

    def add(self, tensor: int) -> None:
        self.ids.add(tensor)
        source = self.trace.tensor(tensor).source
        if isinstance(source, BufferSource):
            self.buffers.add(source.buffer)
        elif isinstance(source, ConcatSource):
            for one in source.concat:
                self.add(one)

    def has(self, tensor: int) -> bool:
        source = self.trace.tensor(tensor).source
        if isinstance(source, ConcatSource):
            return tensor in self.ids or self.has(source.concat[-1])
        return tensor in self.ids or (isinstance(source, BufferSource) and source.buffer in self.buffers)

    def draws(self, operation: Operation) -> bool:
        """Whether an operation's result is drawn, or is nothing but what it takes in."""
        if any(self.has(output) for output in operation.outputs) or operation.kind == "sample":
            return True
        return operation.kind == "scale" and self.has(operation.inputs[0])


def find_rest(trace: Trace, anatomy: Anatomy, steps: Sequence[int]) -> dict[int | None, tuple[Plain, ...]]:
    """What is drawn plainly, of every layer and outside of them: results of operations that are no part, and the
    weights that nothing else shows. `steps` are the tokens that each step has seen."""
    covered = _Covered(trace, anatomy)
    drawn = drawn_tokens(steps)
    found: dict[int | None, list[Plain]] = defaultdict(list)
    for operation in trace.operations:
        if not covered.draws(operation):
            for output in operation.outputs:
                if not covered.has(output):
                    covered.add(output)
                    tensor = trace.tensor(output)
                    found[operation.layer] += _plains(tensor, operation, "activation", steps[operation.step], drawn)
            if operation.kind == "scale":
                covered.add(operation.outputs[0])
        for given in operation.inputs:
            tensor = trace.tensor(given)
            if tensor.parameter is not None and not covered.has(given):
                covered.add(given)
                found[operation.layer] += _plains(tensor, operation, "weight", 0, ())
    return {layer: tuple(plains) for layer, plains in found.items()}


def _plains(tensor: Tensor, operation: Operation, kind: str, total: int, drawn: tuple[Span, ...]) -> Iterator[Plain]:
    """A tensor's matrices, each as a plain block; of `total` tokens only those `drawn`, where these are not all."""
    if 0 in tensor.shape:
        return
    rows, columns = (1, 1, *tensor.shape)[-2:]
    lead = tensor.shape[:-2]
    count = prod(lead)
    axes = [(), (), *tensor.axes][-2:]
    down, across = (tuple(atom for atom in axis if atom in PITCH)[-1:] for axis in axes)
    standing = down == ("token",) and rows <= total
    first = total - rows if standing else 0
    row_ranges, column_ranges = (
        clip(drawn, total - count, count) if axis in TOKENS and count <= total else ()
        for axis, count in ((down, rows), (across, columns))
    )
    if row_ranges and standing:
        first = int(drawn_index(drawn, np.array([first + row_ranges[0][0]]))[0])
    name = operation.kind if operation.kind != "other" else operation.name.rsplit(".", 1)[-1]
    if operation.kind == "other" and name.isdigit():
        name = operation.name.rsplit(".", 2)[-2]
    if kind == "weight":
        name = (tensor.parameter or tensor.name).rsplit(".", 1)[-1]
    for matrix in range(count if count <= MOST_MATRICES else 1):
        yield Plain(
            name=f"{name}, 1 of {count}" if count > MOST_MATRICES else name,
            rows=_count(row_ranges) or rows,
            columns=_count(column_ranges) or columns,
            standing=standing,
            first=first,
            down=down,
            across=across,
            tensor=tensor.name,
            index=unravel(matrix, lead),
            operation=operation.id,
            step=operation.step,
            kind=kind,
            row_ranges=row_ranges,
            column_ranges=column_ranges,
        )


def _count(spans: tuple[Span, ...]) -> int:
    return sum(last - first + 1 for first, last in spans)


def draw_rest(places: Iterable[tuple[int | None, Plain, Vector]], height: float) -> Iterator[Block]:
    """The plain blocks at their places: those whose rows are tokens stand, each row at its token's height."""
    for number, (layer, plain, (x, y, z)) in enumerate(places):
        down, across = pitch(plain.down), pitch(plain.across)
        place = "output" if layer is None else f"layer {layer}"
        origin = (x, y, height - down * plain.first) if plain.standing else (x, y, z)
        yield Block(
            key=".".join(
                word
                for word in (f"s{plain.step}", None if layer is None else f"l{layer}", f"rest{number}")
                if word is not None
            ),
            tensor=plain.tensor,
            index=plain.index,
            rows=(0, plain.rows - 1),
            columns=(0, plain.columns - 1),
            role="other" if plain.kind == "weight" else "out",
            kind=plain.kind,
            operation=plain.operation,
            step=plain.step,
            layer=layer,
            head=None,
            part="rest",
            label=plain.name,
            origin=origin,
            row_step=(0.0, 0.0, -down) if plain.standing else (0.0, down, 0.0),
            column_step=(across, 0.0, 0.0),
            row_axis=plain.down,
            column_axis=plain.across,
            collection=(place,) if layer is None else (place, f"{place} / rest"),
            row_ranges=plain.row_ranges,
            column_ranges=plain.column_ranges,
        )


def pitch(axis: tuple[str, ...]) -> float:
    """Units a step along an axis that may be unknown."""
    return PITCH[axis[-1]] if axis else 1.0
