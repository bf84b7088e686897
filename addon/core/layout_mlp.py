# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what a layer adds to the residual stream, and the MLP that one of these sums comes from."""

from __future__ import annotations

from collections.abc import Callable

from .layout_seen import NORM_NAMES, NORMS, Section, Seen, columns_of, see_linear, see_norm
from .trace_manifest import Operation

ACTIVATIONS = {"gelu": "GELU", "relu": "ReLU", "silu": "SiLU", "tanh": "tanh"}


def read_mlp(section: Section, after: Callable[[Section, int, int], None] | None = None) -> None:
    """Adds the sums into the residual stream, the norms before them and the MLP; follows the stream to its end.
    `after` is called for each branch that is not the attention's, with its tensor and the sum that it goes into."""
    projected = section.parts.get("attention_out")
    attention = None if projected is None else projected.operation
    for add in section.operations:
        if add.kind != "add" or len(add.inputs) != 2 or section.stream is None:
            continue
        branches = [i for i in add.inputs if not section.is_stream(i, add.id)]
        if len(branches) != 1 or not _wide(section, add):
            continue
        branch = branches[0]
        from_attention = attention is not None and section.back(branch, add.id, attention) is not None
        down = _down(section, branch, add, attention)
        section.stream = add.outputs[0]
        if after is not None and not from_attention:
            after(section, branch, add.id)
        if down is not None and "w_down" not in section.parts:
            _see_mlp(section, down)
        routed = "router" in section.parts and not from_attention
        _see_sum(section, add, branch, from_attention, down is not None or routed)


def _wide(section: Section, add: Operation) -> bool:
    trace = section.flow.trace
    return trace.tensor(add.outputs[0]).shape[-1:] == trace.tensor(section.stream or 0).shape[-1:]


def _down(section: Section, branch: int, add: Operation, attention: int | None) -> Operation | None:
    """The last projection before a sum that is not the attention's."""
    way = section.flow.back(branch, add.id, lambda o: section.projects(o) and o.id not in section.used, section.inside)
    return None if way is None or way[-1].id == attention else way[-1]


def _see_sum(section: Section, add: Operation, branch: int, attention: bool, mlp: bool) -> None:
    """The stream after a sum, and what is between the branch's own result and the sum."""
    parts, flow = section.parts, section.flow
    name = "mlp" if mlp else "attention"
    if not (mlp or attention):
        return
    label = "residual + attention + MLP" if attention and mlp else None
    parts[f"residual_{name}"] = Seen(add.outputs[0], add.id, label=label)
    result = parts.get(f"{name}_out")
    if result is None:
        return
    if attention and mlp:
        both = flow.maker(branch, add.id)
        if both is not None and both.kind == "add":
            parts["branches"] = Seen(both.outputs[0], both.id)
        return
    way = section.back(branch, add.id, result.operation) or []
    norm = next((o for o in way if o.kind in NORMS), None)
    if norm is not None:
        see_norm(flow, parts, f"{name}_post", f"{name}_post", norm)


def _see_mlp(section: Section, down: Operation) -> None:
    """An MLP: up, an activation, and down; or gate and up, whose product goes down."""
    way = section.back(down.left, down.id)
    if not way or down.left is None:
        return
    parts, flow = section.parts, section.flow
    hidden: dict[str, Seen] = {}
    found = read_hidden(section, hidden, way)
    if found is None:
        return
    ups = found[0]
    operand = ups[0].left or 0
    if not _fits(section, operand, hidden, down):
        return
    norm = flow.maker(operand, ups[0].id)
    own = parts.get("norm")
    if norm is not None and norm.kind in NORMS and section.inside(norm) and not (own and own.operation == norm.id):
        see_norm(flow, hidden, "mlp_norm", "mlp_norm", norm)
    else:
        label = NORM_NAMES.get(norm.kind, "residual") if norm is not None else "residual"
        hidden["mlp_norm"] = Seen(operand, (norm or ups[0]).id, label=label)
    see_linear(hidden, "down", down)
    hidden["mlp_out"] = Seen(down.out or 0, down.id)
    section.used.update(one.id for one in (*ups, down))
    parts.update(hidden)


def read_hidden(section: Section, hidden: dict[str, Seen], way: list[Operation]) -> tuple[list[Operation], str] | None:
    """Adds the parts between what comes into an MLP and what goes down, which `way` leads back from; returns the
    multiplies that came up, and the kind of the activation."""
    gated = way[0].kind == "mul" and len(way[0].inputs) == 2
    found = _gated(section, hidden, way[0]) if gated else _plain(hidden, way)
    if found is not None:
        activated = hidden["gelu"]
        hidden["gelu"] = Seen(activated.tensor, activated.operation, label=ACTIVATIONS.get(found[1], "activation"))
    return found


def _fits(section: Section, operand: int, hidden: dict[str, Seen], down: Operation) -> bool:
    """Whether an MLP takes in all tokens' channels and gives them back: one expert's takes only its own tokens."""
    trace = section.flow.trace
    rows, channels = trace.tensor(section.stream or 0).shape[-2:]
    neurons = trace.tensor(hidden["gelu"].tensor).shape[-1]
    weights = [trace.tensor(down.right or 0).shape, trace.tensor(hidden["w_up"].tensor).shape]
    return (
        trace.tensor(operand).shape[-2:] == (rows, channels)
        and weights[0] == (neurons, channels)
        and weights[1][0] == channels
        and weights[1][1] % neurons == 0
    )


def _plain(hidden: dict[str, Seen], way: list[Operation]) -> tuple[list[Operation], str] | None:
    """Up and an activation: `way` leads from what goes down to what came up."""
    up = way[-1]
    if len(way) < 2 or up.out is None:
        return None
    see_linear(hidden, "up", up)
    hidden["hidden"] = Seen(up.out, up.id)
    hidden["gelu"] = Seen(way[0].outputs[0], way[0].id)
    return [up], next((o.kind for o in reversed(way) if o.kind in ACTIVATIONS), "other")


def _gated(section: Section, hidden: dict[str, Seen], product: Operation) -> tuple[list[Operation], str] | None:
    """Gate and up: the side of a product that goes through an activation is the gate."""
    ways = [section.back(i, product.id) for i in product.inputs]
    if not all(ways):
        return None
    sides = sorted(zip(ways, product.inputs, strict=True), key=lambda pair: -len(pair[0] or ()))
    (gate_way, _), (up_way, up_tensor) = sides
    if not gate_way or not up_way or len(gate_way) < 2:
        return None
    gate, up = gate_way[-1], up_way[-1]
    first = gate_way[-2]
    places: dict[str, tuple[int, ...]] = {"gate": (), "up": ()}
    if gate.id == up.id:
        halves = [_column(section, gate, first.inputs[0]), _column(section, gate, up_tensor)]
        if None in halves:
            return None
        section.joins.update({first.inputs[0]: "gate", up_tensor: "hidden"})
        places = {"gate": (halves[0] or 0,), "up": (halves[1] or 0,)}
    elif len(up_way) > 1:
        return None
    see_linear(hidden, "gate", gate, places["gate"])
    see_linear(hidden, "up", up, places["up"])
    hidden["gate"] = Seen(gate.out or 0, gate.id, places["gate"])
    hidden["hidden"] = Seen(up.out or 0, up.id, places["up"], label="up")
    hidden["gelu"] = Seen(gate_way[0].outputs[0], gate_way[0].id)
    hidden["product"] = Seen(product.outputs[0], product.id)
    kind = next((o.kind for o in gate_way if o.kind in ACTIVATIONS), "other")
    return ([gate] if gate.id == up.id else [gate, up]), kind


def _column(section: Section, projection: Operation, part: int) -> int | None:
    """Where one half of a fused projection begins in its columns."""
    row, half = section.numbers(projection.out or 0), section.numbers(part)
    columns = None if row is None or half is None or len(half) > 1 else columns_of(row[0], half)
    return None if columns is None else columns[0]
