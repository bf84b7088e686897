# SPDX-License-Identifier: GPL-3.0-or-later
"""A torch call as the capture sees it, and which rule makes an operation of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from .graph import Graph
from .values import Node, Value
from .witness import Seen


@dataclass
class Call:
    """One call: its arguments by position and by name, what came out, what it came down to, and the module that it
    happened in (`leaf`: one without children). `before` has what was known of its tensors when it began."""

    graph: Graph
    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    module: str
    leaf: bool
    given: list[torch.Tensor] = field(default_factory=list)  # the tensors that go in
    before: dict[int, Value] = field(default_factory=dict)
    result: Any = None
    seen: Seen = field(default_factory=Seen)
    seconds: float = 0.0

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument, however it was given."""
        return self.args[position] if len(self.args) > position else self.options.get(name, default)

    def value(self, tensor: torch.Tensor) -> Value:
        """What was known of a tensor when the call began."""
        return self.before.get(id(tensor)) or self.graph.value(tensor)

    def first(self) -> Value:
        """The first tensor."""
        return self.value(self.given[0])

    def values(self) -> list[Value]:
        """All tensors that go in."""
        return [self.value(tensor) for tensor in self.given]

    def called(self, name: str) -> str:
        """The name of what a module is there for: a leaf module's own path, else the path and what is done."""
        return self.module if self.leaf else self.within(name)

    def within(self, name: str) -> str:
        """The module's path one step further."""
        return within(self.module, name)

    def node(self, kind: str, name: str) -> Node:
        """A new operation of this call."""
        return self.graph.add(Node(kind, name, self.module, self.graph.step, call=self.name, seconds=self.seconds))


Rule = Callable[[Call], None]


def within(module: str, name: str) -> str:
    """A path one step further."""
    return f"{module}.{name}" if module else name


def last_name(path: str) -> str:
    """The last step of a path."""
    return path.rsplit(".", 1)[-1]


def tensors(words: Iterable[Any]) -> list[torch.Tensor]:
    """The tensors among arguments, however deep in lists and tuples."""
    found = []
    for word in words:
        if isinstance(word, torch.Tensor):
            found.append(word)
        elif isinstance(word, list | tuple):
            found += tensors(word)
    return found


def result(node: Node, call: Call, tensor: torch.Tensor, axes: Any, suffix: str = "") -> Value:
    """Remembers a tensor as a result of an operation."""
    active = any(value.active for value, _ in node.inputs)
    value = call.graph.put(Value(tensor, axes, node, active=active))
    node.outputs.append((value, suffix))
    return value


def traced_to(value: Value, wanted: Callable[[Node], bool], through: Callable[[Node], bool]) -> Node | None:
    """The nearest operation of a kind that a value came out of, through operations that leave its shape alone."""
    seen: set[int] = set()
    queue = [value]
    while queue:
        node = queue.pop(0).node
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if wanted(node):
            return node
        if through(node):
            queue += node.active_inputs()
    return None


def is_scores(node: Node) -> bool:
    """A multiply of two activations."""
    return (
        node.kind == "matmul" and node.left is not None and node.left.active and bool(node.right and node.right.active)
    )


def is_plain(node: Node) -> bool:
    """An operation on each number by itself, or one that only moves numbers."""
    return node.kind not in ("matmul", "embedding", "softmax", "layer_norm", "rms_norm")
