# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations that belong together, and how results flow from one operation to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .calls import is_plain, is_scores
from .values import Node, Value, makers

ACTIVATIONS = frozenset(("gelu", "relu", "silu", "tanh"))
NORMS = frozenset(("layer_norm", "rms_norm"))


@dataclass
class Group:
    """Operations that belong together, each with its role, in the order in which they ran."""

    kind: str
    name: str
    step: int
    parts: dict[int, tuple[str, Node]] = field(default_factory=dict)  # by the operation's place in the run

    def add(self, role: str, *nodes: Node | None) -> None:
        """Operations, where they are there and have no role yet."""
        for node in nodes:
            if node is not None and node.id is not None:
                self.parts.setdefault(node.id, (role, node))

    def named(self, role: str) -> Node | None:
        """The first operation with this role."""
        return next((node for _, (found, node) in sorted(self.parts.items()) if found == role), None)


class Flow:
    """The operations of a run, and who takes what they give."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.users: dict[int, list[Node]] = {}
        for number, node in enumerate(nodes):
            node.id = number
            for value, _ in node.inputs:
                for maker in makers(value):
                    if maker.step == node.step:
                        self.users.setdefault(id(maker), []).append(node)

    def after(self, node: Node, wanted: frozenset[str], through: frozenset[str]) -> Node | None:
        """The nearest operation of a kind that takes a result of this one, through some others."""
        waiting, seen = [node], set()
        while waiting:
            one = waiting.pop(0)
            for user in self.users.get(id(one), ()):
                if user.kind in wanted:
                    return user
                if (user.kind in through or user.name.endswith("convert")) and id(user) not in seen:
                    seen.add(id(user))
                    waiting.append(user)
        return None


def by_weight(node: Node) -> bool:
    """A multiply of an activation by something that is none."""
    if node.kind != "matmul" or is_scores(node) or node.left is None or node.right is None:
        return False
    return node.left.active or node.right.active


def sources_of(value: Value) -> tuple[list[Node], list[Node]]:
    """What a value came out of without passing a multiply, a norm or the like: the plain ones, and where they end."""
    inside: list[Node] = []
    ends: list[Node] = []
    waiting = [value]
    while waiting:
        for node in makers(waiting.pop()):
            if node in inside or node in ends:
                continue
            if is_plain(node) and node.kind not in ("topk", "sample"):
                inside.append(node)
                waiting += node.active_inputs()
            else:
                ends.append(node)
    return inside, ends
