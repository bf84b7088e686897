# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers among the operations of a run, and the experts that they ask."""

from __future__ import annotations

from .calls import is_plain, traced_to
from .groups import Flow, Group, by_weight
from .layers import shared_path
from .values import Node


def find_experts(flow: Flow) -> tuple[list[Group], list[Group]]:
    """Routers, known by the largest few that they choose of the experts, and the experts that are then asked."""
    routers: list[Group] = []
    experts: list[Group] = []
    for choice in flow.nodes:
        if choice.kind != "topk" or not choice.module:
            continue
        scores = traced_to(choice.inputs[0][0], by_weight, lambda n: is_plain(n) or n.kind == "softmax")
        if scores is None or any(scores.id in group.parts for group in routers):
            continue
        router = Group("router", scores.module if scores.module != choice.module else choice.module, choice.step)
        router.add("scores", scores)
        router.add("choice", choice)
        home = _home(flow, scores, choice)
        asked = Group("experts", home, choice.step)
        for node in flow.nodes[(scores.id or 0) + 1 :]:
            if node.step != choice.step or not _inside(node.module, home):
                break
            if (node.id is not None and node.id < (choice.id or 0)) or _inside(node.module, router.name):
                router.add("softmax" if node.kind == "softmax" else "weights", node)
            elif node.id != choice.id:
                asked.add("multiply" if node.kind == "matmul" else node.kind, node)
        routers.append(router)
        if any(role == "multiply" for role, _ in asked.parts.values()):
            asked.name = shared_path(n.module for role, n in asked.parts.values() if role == "multiply") or home
            experts.append(asked)
    return routers, experts


def _home(flow: Flow, scores: Node, choice: Node) -> str:
    """The module that router and experts share: that of the first multiply after the choice, as far as they agree."""
    for node in flow.nodes[(choice.id or 0) + 1 :]:
        if node.kind == "matmul" and node.step == choice.step:
            return shared_path((scores.module, node.module))
    return scores.module


def _inside(module: str, home: str) -> bool:
    return module == home or module.startswith(f"{home}.")
