# SPDX-License-Identifier: GPL-3.0-or-later
"""MLPs among the operations of a run: multiplies by weights with a curve between them."""

from __future__ import annotations

from .axes import call as name_axis
from .calls import is_plain, traced_to
from .groups import ACTIVATIONS, Flow, Group, by_weight, sources_of
from .layers import shared_path
from .values import Node, makers

CURVES = frozenset(("sigmoid", "softplus", "clamp", "elu", "leaky_relu", "hardswish", "mish", "prelu", "relu6"))


def find_mlps(flow: Flow, taken: set[int]) -> list[Group]:
    """A group for each multiply by weights whose input is a curve of others; none of the operations in `taken`. On the
    way its inner axis becomes that of neurons."""
    found = []
    for down in flow.nodes:
        if not by_weight(down) or down.id in taken or down.left is None:
            continue
        inside, sources = sources_of(down.left)
        curves = [node for node in inside if _bends(node)]
        if not sources or not curves or not all(by_weight(node) for node in sources):
            continue
        products = [node for node in inside if node.kind == "mul" and len(list(node.active_inputs())) == 2]
        module = shared_path(node.module for node in (*sources, down))
        group = Group("gated_mlp" if products else "mlp", module, down.step)
        gates = [node for node in sources if products and any(_feeds(node, curve) for curve in curves)]
        for node in sources:
            fused = len(sources) == 1 and bool(products)
            group.add("gate and up" if fused else "gate" if node in gates and len(sources) > 1 else "up", node)
        for node in inside:
            group.add("activation" if node in curves else "product" if node in products else "step", node)
        group.add("down", down)
        name_axis(down.left.axes[-1], "neuron")
        found.append(group)
    return found


def _bends(node: Node) -> bool:
    """An activation: a curve that has a name, or what a module of its own does to each number."""
    return node.kind in ACTIVATIONS or node.call in CURVES or (node.kind == "other" and bool(node.parts))


def _feeds(source: Node, curve: Node) -> bool:
    return any(
        source in makers(value) or traced_to(value, lambda n: n is source, is_plain) for value in curve.active_inputs()
    )
