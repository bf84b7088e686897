# SPDX-License-Identifier: GPL-3.0-or-later
"""What several operations are together, in a lecturer's words: attention, MLP, router and experts, residual sums.

Found by how results flow from one operation to the next, not by the names of modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..core.trace_manifest import Composite
from .axes import call as name_axis
from .axes import leaves, names
from .calls import is_plain, is_scores, traced_to
from .layers import layer_of, shared_path
from .values import Node, Value, makers

ACTIVATIONS = frozenset(("gelu", "relu", "silu", "tanh"))
NORMS = frozenset(("layer_norm", "rms_norm"))
MOVES = frozenset(("merge", "split", "concat"))
CURVES = frozenset(("sigmoid", "softplus", "clamp", "elu", "leaky_relu", "hardswish", "mish", "prelu", "relu6"))


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


def find_groups(nodes: Sequence[Node]) -> list[Group]:
    """All groups of a run; on the way axes get the names that only this tells."""
    flow = Flow(nodes)
    residuals = _residuals(flow)
    attention = _attentions(flow)
    taken = {key for group in attention for key in group.parts}
    routers, experts = _routed(flow)
    taken |= {key for group in (*routers, *experts) for key in group.parts}
    mlps = _mlps(flow, taken)
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


def by_weight(node: Node) -> bool:
    """A multiply of an activation by something that is none."""
    return node.kind == "matmul" and not is_scores(node) and bool(node.left and (node.left.active or node.right.active))  # type: ignore[union-attr]


def _attentions(flow: Flow) -> list[Group]:
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
        for node in between(softmax.inputs[0][0], scores):
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


def between(value: Value, end: Node) -> list[Node]:
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


def _mlps(flow: Flow, taken: set[int]) -> list[Group]:
    found = []
    for down in flow.nodes:
        if not by_weight(down) or down.id in taken or down.left is None:
            continue
        inside, sources = _back(down.left)
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


def _back(value: Value) -> tuple[list[Node], list[Node]]:
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


def _routed(flow: Flow) -> tuple[list[Group], list[Group]]:
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


def _name_neurons(nodes: Sequence[Node], experts: Iterable[Group]) -> None:
    """A multiply back into the channels contracts neurons, where nothing else is known of what it contracts."""
    for group in experts:
        for role, node in group.parts.values():
            if role == "multiply" and node.left is not None and _back(node.left)[1] and node.left.active:
                inside = _back(node.left)[0]
                if any(one.kind in ACTIVATIONS or one.call == "sigmoid" for one in inside):
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


def _residuals(flow: Flow) -> list[Group]:
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
