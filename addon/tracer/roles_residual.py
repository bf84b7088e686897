# SPDX-License-Identifier: GPL-3.0-or-later
"""Sums of the residual stream among the operations of a run."""

from __future__ import annotations

from .axes import call as name_axis
from .calls import traced_to
from .groups import Flow, Group
from .layers import layer_of
from .values import Node, Value, makers


def find_residuals(flow: Flow) -> list[Group]:
    """Sums of the stream, which reaches back to the embedding without a multiply, and of what a branch adds to it."""
    found = []
    stream: dict[int, bool] = {}

    def flows(value: Value) -> bool:
        return any(stream.get(id(node), False) for node in makers(value))

    for node in flow.nodes:
        ways = [flows(value) for value, _ in node.inputs if value.active]
        begins = node.kind == "matmul" and layer_of(node.module) is None and any(ways)  # an embedding made wider
        plain = node.kind not in ("matmul", "softmax", "topk")
        stream[id(node)] = node.kind == "embedding" or begins or (plain and any(ways))
        if node.kind == "add" and sorted(ways) == [False, True]:
            group = Group("residual", node.name, node.step)
            group.add("sum", node)
            name_axis(node.out.axes[-1], "channel")  # what the stream is made of
            found.append(group)
    return found


def branch_of(node: Node) -> tuple[int, int]:
    """Of a residual's sum, the ids of the stream that goes in and of what is added to it."""
    (first, second), (a, b) = node.input_ids[:2], (value for value, _ in node.inputs[:2])
    return (first, second) if _reaches_embedding(a) else (second, first) if _reaches_embedding(b) else (first, second)


def _reaches_embedding(value: Value) -> bool:
    wanted = traced_to(value, lambda n: n.kind == "embedding", lambda n: n.kind not in ("matmul", "softmax"))
    return wanted is not None
