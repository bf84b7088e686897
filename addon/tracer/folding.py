# SPDX-License-Identifier: GPL-3.0-or-later
"""Several calls that are one operation to a lecturer: the inside of a norm or an activation that is a module of its
own, and a rotary embedding, wherever it is written.

Of what is inside only small results are kept, such as a norm's mean; the calls are listed as parts.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from .axes import Atom, unify_axis
from .calls import within
from .graph import Graph
from .values import Node, Value

SMALL = 8  # a result inside is kept where it is so many times smaller than the whole
MOVES = frozenset(("merge", "concat", "split"))


def fold_module(graph: Graph, start: int, path: str, output: object) -> None:
    """Makes one operation of all that the module at `path`, which has no children, did since `start`, if it is one: no
    multiply of matrices in it, and one result."""
    nodes = graph.pending[start:]
    plain = all(node.kind not in ("matmul", "softmax", "embedding", "topk", "sample") for node in nodes)
    if len(nodes) < 2 or not plain or not isinstance(output, torch.Tensor) or not graph.known(output):
        return
    result = graph.value(output)
    if result.node not in nodes:
        return
    kind = _kind_of(nodes)
    fold(graph, nodes, result, kind, path)


def _kind_of(nodes: list[Node]) -> str:
    """What calls like these are together: a norm divides by a root, an activation is known by its curve."""
    if len(nodes) == 1 or any(node.kind in ("layer_norm", "rms_norm") for node in nodes):
        return next((node.kind for node in nodes if node.kind in ("layer_norm", "rms_norm")), nodes[0].kind)
    calls = {node.call for node in nodes}
    if calls & {"rsqrt", "sqrt", "norm"} or ("pow" in calls and "mean" in calls):
        takes_mean_off = any(node.call in ("sub", "rsub") for node in nodes)
        return "layer_norm" if takes_mean_off else "rms_norm"
    if "erf" in calls or ("tanh" in calls and calls & {"pow", "mul"} and len(nodes) > 3):
        return "gelu"
    for kind in ("gelu", "silu", "relu"):
        if any(node.kind == kind for node in nodes):
            return kind
    if "sigmoid" in calls and "mul" in calls:
        scaled = any(node.kind == "scale" for node in nodes)
        return "gelu" if scaled else "silu"
    return "tanh" if "tanh" in calls else "other"


def fold(graph: Graph, nodes: list[Node], result: Value, kind: str, name: str) -> Node:
    """Puts one operation in the place of `nodes`, which it has as its parts."""
    inside = {id(value) for node in nodes for value, _ in node.outputs}
    module, step = nodes[0].module, graph.step
    whole = Node(kind, name, module, step, call=kind, seconds=sum(node.seconds for node in nodes), parts=list(nodes))
    last = name.rsplit(".", 1)[-1]
    for value, role in (pair for node in nodes for pair in node.inputs):
        if _inner(value, inside) or any(value is one for one, _ in whole.inputs):
            continue
        whole.inputs.append((value, f"{last}.input" if value.active else _role(value, role)))
    whole.inputs.sort(key=lambda pair: not pair[0].active)
    whole.outputs = [(result, "")]
    for node in nodes:
        for value, suffix in node.outputs:
            small = value.active and 0 < _count(value) * SMALL <= _count(result)
            if small and node.call in ("mean", "rsqrt", "var", "std", "sqrt", "norm", "sum"):
                whole.outputs.append((value, f".{_statistic(node.call, kind)}"))
            elif node.kind in ("layer_norm", "rms_norm") and suffix in (".mean", ".rstd"):
                whole.outputs.append((value, suffix))
    made = {id(value) for value, _ in whole.outputs}
    for node in nodes:
        graph.pending.remove(node)
        for value, _ in node.outputs:
            if id(value) in made:
                value.node, value.slot, value.base = whole, None, value.base
    for value in graph.made_by(nodes):
        value.node, value.slot = whole, None
    result.node = whole
    graph.add(whole)
    whole.frame = nodes[0].frame
    return whole


def _statistic(call: str, kind: str) -> str:
    if call == "rsqrt":
        return "rstd"
    return "mean_square" if call == "mean" and kind == "rms_norm" else call


def _inner(value: Value, inside: set[int]) -> bool:
    return id(value) in inside or id(value.root) in inside


def _role(value: Value, role: str) -> str:
    return role.rsplit(".", 1)[-1] if value.parameter is None else "weight"


def _count(value: Value) -> int:
    count = 1
    for n in value.shape:
        count *= n
    return count


def fold_rotary(graph: Graph) -> None:
    """Makes one operation of every rotation of pairs among what is pending: an activation and a rearrangement of it,
    each times a table that depends on positions only, added up."""
    for node in [node for node in graph.pending if node.kind == "mul"]:
        _fold_complex(graph, node)
    users = _users(graph.pending)
    for seed in [node for node in graph.pending if node.call in ("mul", "imul") and _table(node) is not None]:
        if seed not in graph.pending:
            continue
        region = _region(seed, graph.pending)
        tables = {id(_table(node)) for node in region if _table(node) is not None}
        if len(tables) < 2 or len(_sources(region)) != 1:
            continue
        region = _with_rest(region, users)
        ends = [node for node in region if not all(user in region for user in users.get(id(node), ()))]
        if len(ends) != 1 or len(ends[0].outputs) != 1:
            continue
        _fold_region(graph, [node for node in graph.pending if node in region], ends[0])


def _fold_complex(graph: Graph, node: Node) -> None:
    """A product of complex numbers is a rotation too: of pairs that are taken for real and imaginary parts."""
    tensor = node.out.tensor
    if tensor is None or not tensor.is_complex() or _table(node) is None:
        return
    table = _table(node)
    source = next(iter(node.active_inputs()))
    while source.of is not None and source.held().is_complex():
        source = source.of
    result = graph.real_view(node.out)
    if table is None or result is None or source.held().is_complex():
        return
    real = torch.view_as_real(table.held())
    whole = Node("rotary", within(node.module, "rotary"), node.module, graph.step, call="rotary", seconds=node.seconds)
    whole.parts = [node]
    whole.inputs = [(source, "rotary.input"), (Value(real, (*table.axes, (Atom(2),))), "rotary.table")]
    whole.outputs = [(result, "")]
    whole.frame = node.frame
    for value in graph.views_of(node.out):
        value.node = whole
    for mine, theirs in zip(result.axes, source.axes, strict=False):
        unify_axis(mine, theirs)
    graph.pending[graph.pending.index(node)] = whole


def _fold_region(graph: Graph, nodes: list[Node], end: Node) -> None:
    at = graph.pending.index(end)
    later = graph.pending[at + 1 :]
    result = end.out
    source = _whole(next(iter(_sources(set(nodes)).values())), result)
    whole = fold(graph, nodes, result, "rotary", within(end.module, "rotary"))
    graph.pending.remove(whole)
    graph.pending.insert(
        graph.pending.index(later[0]) if later and later[0] in graph.pending else len(graph.pending), whole
    )
    _name_tables(whole, source)
    whole.inputs = [(value, "rotary.input" if value.active else "rotary.table") for value, _ in whole.inputs]
    for mine, theirs in zip(result.axes, source.axes, strict=False):
        if len(result.axes) == len(source.axes):
            unify_axis(mine, theirs)


def _whole(source: Value, result: Value) -> Value:
    """What was rotated, before a part of it was taken for that."""
    while source.shape != result.shape and source.of is not None:
        source = source.of
    return source


def _name_tables(whole: Node, source: Value) -> None:
    for value, _ in whole.inputs:
        if not value.active and value.axes and source.axes and value.shape[-1:] == source.shape[-1:]:
            unify_axis(value.axes[-1], source.axes[-1])


def _users(nodes: list[Node]) -> dict[int, list[Node]]:
    """By the id of an operation, those that take a result of it."""
    users: dict[int, list[Node]] = {}
    for node in nodes:
        for maker in {id(value.node): value.node for value, _ in node.inputs if value.node is not None}.values():
            users.setdefault(id(maker), []).append(node)
    return users


def _table(node: Node) -> Value | None:
    """The table of positions that a product has at one side and an activation at the other."""
    if node.kind != "mul" or len(node.inputs) != 2:
        return None
    tables = [value for value, _ in node.inputs if not value.active and value.parameter is None]
    return tables[0] if len(tables) == 1 and len(tables[0].shape) >= 2 else None


def _moves(node: Node) -> bool:
    """A rearrangement: it changes nothing but the place, the sign or the type of numbers."""
    return node.kind in MOVES or node.call == "neg" or node.name.endswith("convert")


def _region(seed: Node, pending: list[Node]) -> set[Node]:
    """All products with tables, sums of them, and rearrangements before and after that hang together with this one."""
    nodes = [node for node in pending if node.module == seed.module]
    region, before = {seed}, 0
    while len(region) != before:
        before = len(region)
        for node in nodes:
            if node not in region and (_follows(node, region) or (_leads(node) and _feeds(node, region))):
                region.add(node)
    return region


def _follows(node: Node, region: set[Node]) -> bool:
    """A sum or a join of nothing but what is in the region or a product with a table itself."""
    made = _makers(node)
    sums = node.kind in ("add", "concat") or node.call == "sub"
    inside = [maker in region for maker in made]
    return sums and any(inside) and all(i or _spun(maker) for i, maker in zip(inside, made, strict=True))


def _spun(node: Node) -> bool:
    """A product with a table, or a sum or difference of such."""
    if node.kind == "add" or node.call == "sub":
        return all(map(_spun, _makers(node)))
    return _table(node) is not None


def _leads(node: Node) -> bool:
    return _spun(node) or _moves(node)


def _feeds(node: Node, region: set[Node]) -> bool:
    return any(node in _makers(later) for later in region)


def _makers(node: Node) -> list[Node]:
    return [value.node for value, _ in node.inputs if value.active and value.node is not None]


def _sources(region: Iterable[Node]) -> dict[int, Value]:
    """The activations that come from outside, by the id of their storage's owner."""
    region = set(region)
    outside: dict[int, Value] = {}
    for node in region:
        for value in node.active_inputs():
            if value.node not in region:
                outside.setdefault(id(value.root), value)
    return outside


def _with_rest(region: set[Node], users: dict[int, list[Node]]) -> set[Node]:
    """With the join that puts back the part of the activation that is not rotated."""
    (owner,) = _sources(region)
    for node in list(region):
        for user in users.get(id(node), ()):
            if user in region or user.kind != "concat":
                continue
            if all(value.node in region or id(value.root) == owner for value in user.active_inputs()):
                region.add(user)
    return region
