# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layout needs of a trace: the shape of its model, and the matrices that its parts show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from math import prod

from .elision import drawn_tokens, drawn_words
from .errors import UserError
from .layout_anatomy import Anatomy
from .layout_blocks import Shown
from .layout_parts import SHARED_EXPERT, Part
from .layout_seen import Seen
from .layout_types import Block
from .placement_shape import ExpertShape, LayerShape, ModelShape, Plain
from .trace import Trace

OTHER_MODEL = "It may be of a kind of model that cannot be laid out."


class TraceSource:
    """Finds the matrices of parts in a trace."""

    def __init__(self, trace: Trace, anatomy: Anatomy, shape: ModelShape) -> None:
        self.trace = trace
        self.anatomy = anatomy
        self.shape = shape

    def find(self, part: Part, step: int, layer: int | None, head: int | None) -> Shown | None:
        """What the part shows in this step; None where the model has no such thing."""
        name = f"{part.name}#{head}" if part.section == "expert" else part.name
        if part.kind == "weight":  # an expert may be at work in a later step only
            step = next((s for s in range(len(self.shape.steps)) if name in self.anatomy.parts[s, layer]), step)
        seen = self.anatomy.parts[step, layer].get(name)
        if seen is None:
            return None
        tensor = self.trace.tensor(seen.tensor)
        lead = tensor.shape[:-2]
        rows, columns = (1, 1, *tensor.shape)[-2:]
        column = 0
        matrix = 0
        heads = 1 if layer is None else self.shape.layer(layer).heads
        if seen.columns:
            column = seen.columns[(head or 0) * len(seen.columns) // heads if part.section == "head" else 0]
        elif head is not None and part.section == "head":
            matrix = head * prod(lead) // heads
        return Shown(
            tensor.name,
            unravel(matrix, lead),
            seen.operation,
            column,
            (rows, columns),
            seen.label,
            seen.tokens,
            self._given(step),
        )

    def _given(self, step: int) -> int:
        """The tokens that a step was given."""
        return self.shape.steps[step] - self.trace.steps[step].past


def unravel(matrix: int, lead: tuple[int, ...]) -> tuple[int, ...]:
    """The index of one of the matrices of a tensor, counted over its dimensions before the last two."""
    index: list[int] = []
    for size in reversed(lead):
        index.insert(0, matrix % size)
        matrix //= size
    return tuple(index)


def shape_of(trace: Trace, anatomy: Anatomy, rest: dict[int | None, tuple[Plain, ...]]) -> ModelShape:
    """The shape of a trace's model. `rest` are what it has beyond the known parts, of every layer and outside.

    Raises UserError where there is nothing to lay out.
    """
    if anatomy.layers == 0:
        raise UserError("The trace has no layers.", OTHER_MODEL)
    has: dict[int | None, dict[str, Seen]] = defaultdict(dict)  # the parts of all steps, as in the first that has them
    for (_step, layer), parts in sorted(anatomy.parts.items(), key=lambda item: item[0][0]):
        for name, seen in parts.items():
            has[layer].setdefault(name, seen)

    def width(layer: int | None, name: str, other: int) -> int:
        seen = has[layer].get(name)
        return other if seen is None else trace.tensor(seen.tensor).shape[-1]

    outside = has[None]
    channels = width(None, "residual_0", width(None, "token_table", width(None, "final_norm", 1)))
    kinds = tuple(_layer(trace, anatomy, layer, has[layer], rest.get(layer, ())) for layer in range(anatomy.layers))
    table = outside.get("token_table")
    context = outside.get("position_table")
    words, steps = width(None, "logits", 1), seen_by(trace, anatomy)
    vocab = words if table is None else trace.tensor(table.tensor).shape[-2]
    embedded, read = width(None, "token_embedding", channels), width(None, "final_norm", channels)
    try:
        return ModelShape(
            layers=anatomy.layers,
            heads=max(kind.heads for kind in kinds),
            channels=channels,
            head_dim=max(kind.key for kind in kinds),
            neurons=max(kind.neurons for kind in kinds),
            vocab=drawn_words(vocab),
            context=1 if context is None else trace.tensor(context.tensor).shape[-2],
            steps=steps,
            kinds=kinds,
            parts=frozenset(outside),
            names=_names(has),
            rest=rest.get(None, ()),
            words=drawn_words(words) if words != vocab else 0,
            embedded=embedded if embedded != channels else 0,
            read=read if read != channels else 0,
            drawn=drawn_tokens(steps),
        )
    except ValueError as error:
        raise UserError(f"The trace's shapes do not fit each other: {error}.", OTHER_MODEL) from error


def _layer(trace: Trace, anatomy: Anatomy, layer: int, has: dict[str, Seen], rest: tuple[Plain, ...]) -> LayerShape:
    heads = anatomy.heads.get(layer)
    neurons = has.get("gelu")

    def width(name: str) -> int:
        return trace.tensor(has[name].tensor).shape[-1] if name in has else 0

    return LayerShape(
        heads=heads.count if heads else 1,
        groups=heads.groups if heads else 1,
        key=heads.key if heads else 1,
        value=heads.value if heads else 1,
        neurons=1 if neurons is None else trace.tensor(neurons.tensor).shape[-1],
        parts=frozenset(name.partition("#")[0] for name in has),
        rest=rest,
        experts=_experts(trace, has),
        routed=width("router"),
        chosen=width("chosen"),
    )


def _experts(trace: Trace, has: dict[str, Seen]) -> tuple[ExpertShape, ...]:
    """The experts that ran in any step, by their numbers."""
    found = []
    for name, seen in has.items():
        part, _, number = name.partition("#")
        if part == "e_gelu":
            called = f"expert {number}" if int(number) < SHARED_EXPERT else "shared expert"
            found.append(ExpertShape(int(number), called, trace.tensor(seen.tensor).shape[-1]))
    return tuple(sorted(found, key=lambda expert: expert.number))


def seen_by(trace: Trace, anatomy: Anatomy) -> tuple[int, ...]:
    """The tokens that each step has seen: those in its cache and those that it was given."""
    seen = []
    for step in trace.steps:
        start = anatomy.parts[step.index, None].get("residual_0")
        given = step.tokens[1] + 1 - step.tokens[0]
        if start is not None and len(trace.tensor(start.tensor).shape) > 1:
            given = trace.tensor(start.tensor).shape[-2]
        seen.append(step.past + given)
    return tuple(seen)


def _names(has: dict[int | None, dict[str, Seen]]) -> tuple[tuple[str, str], ...]:
    """What parts are called in this model: the first name that one has in a layer."""
    names: dict[str, str] = {}
    for parts in has.values():
        for name, seen in parts.items():
            if seen.label is not None:
                names.setdefault(name.partition("#")[0], seen.label)
    return tuple(sorted(names.items()))


def check_cells(blocks: Iterable[Block], trace: Trace) -> None:
    """UserError where a block would show numbers that its tensor does not have."""
    for block in blocks:
        shape = (1, 1, *trace.tensor(block.tensor).shape)
        rows, columns = shape[-2:]
        lead = shape[2:-2]
        inside = len(lead) == len(block.index) and all(0 <= i < n for i, n in zip(block.index, lead, strict=True))
        if block.rows[1] >= rows or block.columns[1] >= columns or not inside:
            raise UserError(f"The tensor {block.tensor} is smaller than its place in the layout.", OTHER_MODEL)
