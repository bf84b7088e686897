# SPDX-License-Identifier: GPL-3.0-or-later
"""What several operations are together, in a lecturer's words: attention, MLP, router and experts, residual sums.

Found by how results flow from one operation to the next, not by the names of modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.trace_manifest import Composite
from .axes import call as name_axis
from .axes import leaves, names
from .groups import ACTIVATIONS, Flow, Group, sources_of
from .layers import layer_of
from .roles_attention import find_attention
from .roles_experts import find_experts
from .roles_mlp import find_mlps
from .roles_residual import find_residuals
from .values import Node


def find_groups(nodes: Sequence[Node]) -> list[Group]:
    """All groups of a run; on the way axes get the names that only this tells."""
    flow = Flow(nodes)
    residuals = find_residuals(flow)
    attention = find_attention(flow)
    taken = {key for group in attention for key in group.parts}
    routers, experts = find_experts(flow)
    taken |= {key for group in (*routers, *experts) for key in group.parts}
    mlps = find_mlps(flow, taken)
    _name_neurons(nodes, experts)
    groups = [*attention, *routers, *experts, *mlps, *residuals]
    return sorted(groups, key=lambda group: min(group.parts))


def find_composites(groups: Iterable[Group]) -> tuple[Composite, ...]:
    """The groups as the file says them; what comes into one from outside, and what of it is used outside."""
    return tuple(_composite(group) for group in groups)


def _composite(group: Group) -> Composite:
    parts = [(role, node) for _, (role, node) in sorted(group.parts.items())]
    made = {key for _, node in parts for key in node.output_ids if key is not None}
    taken = [key for _, node in parts for key in node.input_ids]
    last = [key for key in parts[-1][1].output_ids if key is not None]
    inputs = tuple(dict.fromkeys(key for key in taken if key not in made))
    ids = tuple((role, node.id or 0) for role, node in parts)
    return Composite(group.kind, group.name, group.name, layer_of(group.name), group.step, ids, inputs, tuple(last))


def _name_neurons(nodes: Sequence[Node], experts: Iterable[Group]) -> None:
    """A multiply back into the channels contracts neurons, where nothing else is known of what it contracts."""
    for group in experts:
        for role, node in group.parts.values():
            if role != "multiply" or node.left is None or not node.left.active:
                continue
            inside, ends = sources_of(node.left)
            if ends and any(one.kind in ACTIVATIONS or one.call == "sigmoid" for one in inside):
                name_axis(node.left.axes[-1], "neuron")
    for node in nodes:
        if node.kind != "matmul" or node.left is None:
            continue
        contracted = leaves(node.left.axes[-1])
        if len(contracted) != 1:
            continue
        if names(node.out.axes[-1]) == ("channel",):
            contracted[0].call("neuron")
        elif names(node.out.axes[-1]) == ("vocab",):
            contracted[0].call("channel")
