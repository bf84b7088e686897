# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a trace by its structure: which tensor is the queries of which layer, which sum is the residual stream.

Nothing here knows a model by name. An attention is a softmax between two multiplies of activations, its projections
are the multiplies that these come from, an MLP is what is between the residual stream and the last multiply before it
is added to. What is not found like this is no part, and is drawn plainly.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from .layout_attention import Heads, read_attention
from .layout_experts import read_experts, see_sum
from .layout_flow import Flow
from .layout_mlp import read_mlp
from .layout_seen import NORMS, Section, Seen, see_linear, see_norm
from .trace import Trace
from .trace_manifest import Operation

__all__ = ["Anatomy", "read_anatomy"]

END = 1 << 62  # after every operation


@dataclass(frozen=True)
class Anatomy:
    """What was found. `parts` are of a step and a layer (None outside of the layers), by part name."""

    parts: dict[tuple[int, int | None], dict[str, Seen]]
    heads: dict[int, Heads]  # of each layer with an attention
    layers: int
    joins: dict[int, tuple[int | None, str]] = field(default_factory=dict)  # views of a part: its layer and name


def read_anatomy(trace: Trace) -> Anatomy:
    """The parts of all steps and layers of a trace."""
    flow = Flow(trace)
    by_place: dict[tuple[int, int | None], list[Operation]] = defaultdict(list)
    for operation in trace.operations:
        by_place[operation.step, operation.layer].append(operation)
    layers = 1 + max((o.layer for o in trace.operations if o.layer is not None), default=-1)
    parts: dict[tuple[int, int | None], dict[str, Seen]] = {}
    heads: dict[int, Heads] = {}
    joins: dict[int, tuple[int | None, str]] = {}
    for step in trace.steps:
        outside = by_place[step.index, None]
        stream = _stream_start(flow, by_place, step.index, layers)
        found = _read_embedding(flow, outside, stream)
        parts[step.index, None] = found
        for layer in range(layers):
            section = Section(flow, by_place[step.index, layer], stream)
            attention = read_attention(section, heads.get(layer))
            if attention is not None:
                heads.setdefault(layer, attention)
            read_experts(section)
            read_mlp(section, see_sum)
            parts[step.index, layer] = section.parts
            joins.update((tensor, (layer, part)) for tensor, part in section.joins.items())
            stream = section.stream
        found.update(_read_output(flow, outside, step.logits))
    return Anatomy(parts, heads, layers, joins)


def _stream_start(
    flow: Flow, by_place: dict[tuple[int, int | None], list[Operation]], step: int, layers: int
) -> int | None:
    """The tensor that the first layer reads: what its first operation takes in."""
    for layer in range(layers):
        for operation in by_place[step, layer]:
            for given in operation.inputs:
                maker = flow.maker(given, operation.id)
                axes = flow.trace.tensor(given).axes
                if maker is not None and maker.layer is None and len(axes) > 1 and "channel" in axes[-1]:
                    return given
    return None


def _read_embedding(flow: Flow, operations: list[Operation], stream: int | None) -> dict[str, Seen]:
    """The tables and what was looked up in them, and what the stream begins with."""
    found: dict[str, Seen] = {}
    if stream is not None:
        start = flow.maker(stream, END)
        if start is not None:
            found["residual_0"] = Seen(start.outputs[0], start.id)
    looks = [o for o in operations if o.kind == "embedding"]
    for name, operation in zip(("token", "position"), looks, strict=False):
        table = next((i for i in operation.inputs if flow.is_weight(i)), None)
        if table is None or len(flow.trace.tensor(table).shape) != 2:
            continue
        if name == "position" and not _adds(flow, operation, found):
            continue
        found[f"{name}_table"] = Seen(table, operation.id)
        start_of = found.get("residual_0")
        if start_of is None or start_of.operation != operation.id:
            found[f"{name}_embedding"] = Seen(operation.outputs[0], operation.id)
    return found


def _adds(flow: Flow, look: Operation, found: dict[str, Seen]) -> bool:
    """Whether what was looked up is as wide as the stream, which it is to be added to."""
    start = found.get("residual_0")
    sizes = [flow.trace.tensor(tensor).shape[-1] for tensor in (look.outputs[0], *([start.tensor] if start else []))]
    return len(set(sizes)) == 1


def _read_output(flow: Flow, operations: list[Operation], logits: int) -> dict[str, Seen]:
    """The final norm, the scores of all words, and their softmax."""
    found: dict[str, Seen] = {}
    here = {o.id for o in operations}
    way = flow.back(
        logits,
        END,
        lambda o: o.kind == "matmul" and flow.is_weight(o.right),
        lambda o: o.id in here,
    )
    if way is None:
        return found
    head = way[-1]
    if head.left is None or head.right is None or head.out is None:
        return found
    found["logits"] = Seen(head.out, head.id)
    see_linear(found, "vocab", head)
    norm = flow.maker(head.left, head.id)
    if norm is not None and norm.kind in NORMS:
        see_norm(flow, found, "final", "final_norm", norm)
    else:
        found["final_norm"] = Seen(head.left, (norm or head).id, label="input")
    softmax = next((o for o in operations if o.kind == "softmax" and o.id > head.id), None)
    if softmax is not None:
        found["probabilities"] = Seen(softmax.outputs[0], softmax.id)
        for part, output in zip(("probability_max", "probability_sum"), softmax.outputs[1:], strict=False):
            found[part] = Seen(output, softmax.id)
    return found
