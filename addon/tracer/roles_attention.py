# SPDX-License-Identifier: GPL-3.0-or-later
"""Attention among the operations of a run: scores, softmax, mixture, and where queries, keys and values come from."""

from __future__ import annotations

from .calls import is_plain, is_scores, traced_to
from .groups import NORMS, Flow, Group
from .values import Node, Value, makers

MOVES = frozenset(("merge", "split", "concat"))


def find_attention(flow: Flow) -> list[Group]:
    """A group for each softmax of scores that values are then mixed by."""
    found = []
    for softmax in flow.nodes:
        scores = None
        if softmax.kind == "softmax":
            scores = traced_to(softmax.inputs[0][0], is_scores, is_plain)
        mix = None if scores is None else _mix(flow, softmax)
        if scores is None or mix is None:
            continue
        group = Group("attention", scores.module, softmax.step)
        group.add("scores", scores)
        group.add("mix", mix)
        group.add("softmax", softmax)
        for node in _between(softmax.inputs[0][0], scores):
            group.add({"scale": "scale", "mask": "mask"}.get(node.kind, "step"), node)
        assert scores.left is not None and scores.right is not None and mix.right is not None
        for role, value in (("query", scores.left), ("key", scores.right), ("value", mix.right)):
            _add_projection(group, role, value)
        merge = flow.after(mix, frozenset(("merge",)), frozenset())
        group.add("merge", merge)
        group.add("output", flow.after(merge or mix, frozenset(("matmul",)), MOVES | {"mul"}))
        found.append(group)
    return found


def _mix(flow: Flow, softmax: Node) -> Node | None:
    """The multiply that mixes values by this softmax."""
    for node in flow.nodes[softmax.id or 0 :]:
        if node.step != softmax.step:
            return None
        if (
            is_scores(node)
            and node.left is not None
            and traced_to(node.left, lambda n: n is softmax, is_plain) is softmax
        ):
            return node
    return None


def _between(value: Value, end: Node) -> list[Node]:
    """The operations from one to a value, both left out of the way that leads elsewhere."""
    found: list[Node] = []
    waiting = [value]
    while waiting:
        for node in makers(waiting.pop()):
            if node is not end and is_plain(node) and node not in found:
                found.append(node)
                waiting += node.active_inputs()
    return found


def _add_projection(group: Group, role: str, value: Value) -> None:
    """The multiply by weights that queries, keys or values came out of in this step, and what was done to it since."""
    waiting, seen = [value], set()
    while waiting:
        for node in makers(waiting.pop()):
            if id(node) in seen or node.step != group.step:
                continue
            seen.add(id(node))
            if node.kind == "matmul":
                group.add(role, node)
            elif node.kind in NORMS and not node.module.startswith(group.name):
                continue
            elif node.kind in ("rotary", *NORMS):
                group.add(f"{role} {node.kind.replace('_', ' ')}", node)
                waiting += node.active_inputs()
            elif node.kind != "embedding":
                if node.kind == "split":
                    group.add(role, node)
                waiting += node.active_inputs()
