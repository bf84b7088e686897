# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the router of a layer and the experts that ran: each an MLP that takes in the rows of its own tokens."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from .layout_mlp import read_hidden
from .layout_parts import SHARED_EXPERT
from .layout_seen import NORMS, Section, Seen, see_linear, see_norm
from .trace_manifest import Operation

_NUMBER = re.compile(r"\[(\d+)\]$|\.experts\.(\d+)\.")


def read_experts(section: Section) -> None:
    """Adds the parts of a router and of the experts, where the layer has them: keys of an expert's parts end with its
    number, as in "e_up#3"."""
    flow, parts = section.flow, section.parts
    choice = next((o for o in section.operations if o.kind == "topk"), None)
    way = None if choice is None else section.back(choice.inputs[0], choice.id)
    if choice is None or not way or section.stream is None or way[-1].left is None:
        return
    router = way[-1]
    operand = flow.leaf(router.left or 0)
    rows, channels = flow.trace.tensor(section.stream).shape[-2:]
    if operand.shape[-2:] != (rows, channels):
        return
    found = _experts(section, router, operand.id)
    if not found:
        return
    see_linear(parts, "router", router)
    parts["router"] = Seen(router.out or 0, router.id)
    softmax = next((o for o in way if o.kind == "softmax"), None)
    if softmax is not None:
        parts["router_share"] = Seen(softmax.outputs[0], softmax.id)
    parts["chosen"] = Seen(choice.outputs[0], choice.id)
    norm = flow.maker(operand.id, router.id)
    if norm is not None and norm.kind in NORMS and section.inside(norm):
        see_norm(flow, parts, "mlp_norm", "mlp_norm", norm)
    else:
        parts["mlp_norm"] = Seen(operand.id, (norm or router).id, label="residual")
    section.joins[operand.id] = "mlp_norm"
    section.used.add(router.id)
    for number, expert in found.items():
        parts.update({f"{part}#{number}": seen for part, seen in expert.items()})


def see_sum(section: Section, branch: int, before: int) -> None:
    """What the experts gave, added up: the last thing before it joins the stream."""
    made = section.flow.maker(branch, before)
    if "router" in section.parts and made is not None and "mlp_out" not in section.parts:
        section.parts["mlp_out"] = Seen(made.outputs[0], made.id, label="experts out")


def _experts(section: Section, router: Operation, operand: int) -> dict[int, dict[str, Seen]]:
    """The parts of every expert, by its number."""
    found: dict[int, dict[str, Seen]] = {}
    ups: set[int] = set()
    for down in section.operations:
        if not section.projects(down) or down.id in section.used or down.left is None or down.id == router.id:
            continue
        way = section.back(down.left, down.id)
        hidden: dict[str, Seen] = {}
        joins = dict(section.joins)
        read = read_hidden(section, hidden, way) if way else None
        section.joins = joins  # several experts have a part of one name
        if read is None or read[0][0].left is None or down.id in ups:
            continue
        tokens = _tokens(section, read[0][0].left, operand)
        if tokens is None:
            continue
        ups |= {one.id for one in read[0]}
        section.used |= {down.id, *(one.id for one in read[0])}
        name = section.flow.trace.tensor(down.right or 0).name
        match = _NUMBER.search(name)
        number = int(match.group(1) or match.group(2)) if match else SHARED_EXPERT + len(found)
        see_linear(hidden, "down", down)
        given = read[0][0].left
        gather = section.flow.maker(given, read[0][0].id)
        own = gather is not None and section.inside(gather) and gather.kind not in NORMS
        hidden["in"] = Seen(given, gather.id if own and gather else read[0][0].id)
        hidden["out"] = Seen(down.out or 0, down.id)
        found[number] = {
            _name(part): seen if part.startswith(("w_", "b_")) else replace(seen, tokens=tokens)
            for part, seen in hidden.items()
        }
    return found


def _name(part: str) -> str:
    """The name of an expert's part."""
    return f"{part[:2]}e_{part[2:]}" if part.startswith(("w_", "b_")) else f"e_{part}"


def _tokens(section: Section, given: int, operand: int) -> tuple[int, ...] | None:
    """Which tokens' rows an expert takes in; None where they are not rows of what the router sees."""
    flow = section.flow
    taken, rows = flow.matrices(flow.trace.tensor(given)), flow.matrices(flow.trace.tensor(operand))
    if taken is None or rows is None or len(taken) != 1 or len(rows) != 1 or taken.shape[2] != rows.shape[2]:
        return None
    tokens = []
    for row in taken[0]:
        same = np.flatnonzero(np.isclose(rows[0], row, rtol=1e-5, atol=1e-7).all(axis=1))
        fresh = [int(i) for i in same if int(i) not in tokens]
        if not fresh:
            return None
        tokens.append(fresh[0])
    return tuple(tokens)
