# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace as a tree: modules as they were called, in them what a lecturer would name, in it the operations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from forward_pass.core.trace import Composite, Module, Operation, Trace
from scripts._trace_text import axes, dimensions, error, plain, result

INDENT = "  "


@dataclass
class Node:
    """A call of a module (None: the step as a whole), and the calls and composites directly in it."""

    module: Module | None
    first: int
    last: int
    children: list[Node] = field(default_factory=list)
    composites: list[Composite] = field(default_factory=list)

    def holds(self, first: int, last: int) -> bool:
        """Whether the operations from first to last are in it."""
        return self.first <= first and last <= self.last


def tree(trace: Trace, steps: list[int]) -> list[str]:
    """The lines of the trees of these steps."""
    return [line for step in steps for line in _step(trace, step)]


def _step(trace: Trace, step: int) -> Iterator[str]:
    ids = [operation.id for operation in trace.operations if operation.step == step]
    if not ids:
        return
    said = trace.steps[step]
    yield f"step {step}: tokens {said.tokens[0]} to {said.tokens[1]}" + (f", {said.past} cached" if said.past else "")
    yield from _lines(trace, _root(trace, step, min(ids), max(ids)), "", 1)


def _root(trace: Trace, step: int, first: int, last: int) -> Node:
    """The calls of a step, each in the innermost one that holds it; a composite in the one that holds all its parts."""
    root = Node(None, first, last)
    for module in trace.modules:
        if module.step == step:
            _innermost(root, *module.operations).children.append(Node(module, *module.operations))
    for composite in trace.composites:
        ids = [operation for _, operation in composite.parts]
        if composite.step == step and ids:
            _innermost(root, min(ids), max(ids)).composites.append(composite)
    return root


def _innermost(node: Node, first: int, last: int) -> Node:
    inside = next((child for child in reversed(node.children) if child.holds(first, last)), None)
    return node if inside is None else _innermost(inside, first, last)


def _lines(trace: Trace, node: Node, path: str, depth: int) -> Iterator[str]:
    """What is in a call, in the order in which it ran. An operation of a composite stands in it, and so does a call of
    a module of which all operations are in the composite."""
    inside = {id(composite): _calls_in(composite, node) for composite in node.composites}
    taken = {id(child) for calls in inside.values() for child in calls}
    below = {i for child in node.children for i in range(child.first, child.last + 1)}
    named = {i for composite in node.composites for _, i in composite.parts}
    own = [i for i in range(node.first, node.last + 1) if i not in below and i not in named]
    entries: list[tuple[int, Node | Composite | Operation]] = [
        *((min(i for _, i in composite.parts), composite) for composite in node.composites),
        *((child.first, child) for child in node.children if id(child) not in taken),
        *((i, trace.operations[i]) for i in own),
    ]
    for _, entry in sorted(entries, key=lambda entry: entry[0]):
        if isinstance(entry, Operation):
            yield INDENT * depth + _operation(trace, entry)
        elif isinstance(entry, Node):
            yield from _call(trace, entry, path, depth, "")
        else:
            yield from _composite(trace, entry, inside[id(entry)], path, depth)


def _calls_in(composite: Composite, node: Node) -> list[Node]:
    """The calls directly in a call that belong to a composite with all that they do."""
    ids = {i for _, i in composite.parts}
    return [child for child in node.children if ids.issuperset(range(child.first, child.last + 1))]


def _call(trace: Trace, node: Node, path: str, depth: int, role: str) -> Iterator[str]:
    assert node.module is not None
    name = node.module.path.removeprefix(f"{path}.") if path else node.module.path
    yield INDENT * depth + role + plain(f"{name or 'the model'}  {node.module.class_name}")
    yield from _lines(trace, node, node.module.path, depth + 1)


def _composite(trace: Trace, composite: Composite, calls: list[Node], path: str, depth: int) -> Iterator[str]:
    yield INDENT * depth + f"[{plain(composite.kind)}] {plain(composite.name)}"
    width = max(len(role) for role, _ in composite.parts)
    shown: set[int] = set()
    for role, i in composite.parts:
        call = next((call for call in calls if call.holds(i, i)), None)
        called = f"{plain(role):<{width}}  "
        if call is None:
            yield INDENT * (depth + 1) + called + _operation(trace, trace.operations[i])
        elif id(call) not in shown:
            shown.add(id(call))
            yield from _call(trace, call, path, depth + 1, called)


def _operation(trace: Trace, operation: Operation) -> str:
    made = result(trace, operation)
    said = "" if made is None else f"  {axes(made)}  {dimensions(made.shape)}"
    inside = ", ".join(part.name.rsplit(".", 1)[-1] for part in operation.parts)
    checked = f"  error {error(operation)}" if error(operation) else ""
    name = re.sub(r".*\.(?=[^.]*[^.\d])", "", operation.name)  # the last word, with the number after it if there is one
    called = "" if name == operation.kind else f" {plain(name)}"
    return f"#{operation.id} {operation.kind}{called}{said}{checked}" + (f"  of {plain(inside)}" if inside else "")
