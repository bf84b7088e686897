# SPDX-License-Identifier: GPL-3.0-or-later
"""The run as it is captured: which values there are now, and the operations that wait to be written.

Operations are not written one by one but at the end of a module, when what several of them are together (a norm, a
rotary embedding) is known. Until then their tensors are kept, and copied before anything writes over them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import torch

from .axes import Atom, Axes, fresh
from .ledger import Ledger
from .values import Node, Value, version_of


class Graph:
    """Values by torch tensor, and the operations of the module under way, which go to the ledger when it ends."""

    def __init__(self, parameters: dict[str, torch.Tensor], ledger: Ledger) -> None:
        self.step = 0
        self.frame = -1  # the call of a module under way
        self.ids: Value | None = None  # the token ids [B, T] of this pass
        self.pending: list[Node] = []
        self.done: list[Node] = []
        self.ledger = ledger
        self._required: list[tuple[Value, Node, str]] = []
        self._names = {id(tensor): name for name, tensor in reversed(parameters.items())}
        self._values: dict[int, Value] = {}
        self._kept: dict[int, Value] = {}  # parameters: they stay from step to step
        self._transposed: dict[int, Value] = {}
        self._written: dict[int, tuple[torch.UntypedStorage, Value]] = {}  # storages written over in this pass
        self._held: list[Value] = []  # written, but not let go yet
        self.matmuls = 0  # captured so far

    def begin(self, step: int, ids: torch.Tensor) -> Value:
        """A new forward pass of token ids [B, T]. Of the last one stays what somebody still holds: the cache."""
        self.step = step
        self._written.clear()
        self._let_go()
        axes = ((Atom(ids.shape[0], "batch"),), (Atom(ids.shape[1], "token"),))
        self.ids = self.put(Value(ids, axes))
        return self.ids

    def known(self, tensor: torch.Tensor) -> bool:
        """Whether it came up in this run: an input, a parameter, or something that was made of them."""
        return id(tensor) in self._values or id(tensor) in self._names or self._writer(tensor) is not None

    def _writer(self, tensor: torch.Tensor) -> Value | None:
        """The last result that was written over the storage of this tensor, through whatever view of it."""
        found = self._written.get(tensor.untyped_storage()._cdata) if self._written else None
        return None if found is None else found[1]

    def wrote_over(self, value: Value) -> None:
        """A result that was written over a storage: whatever looks at that sees it from now on."""
        storage = value.held().untyped_storage()
        self._written[storage._cdata] = storage, value

    def value(self, tensor: torch.Tensor) -> Value:
        """What is known of a tensor; something new where it never came up or was written over since."""
        key = id(tensor)
        name = self._names.get(key)
        values = self._values if name is None else self._kept
        found = values.get(key)
        if found is not None and (name is not None or found.version == version_of(tensor)):
            return found
        axes = fresh(tensor.shape) if found is None else found.axes
        last = self._writer(tensor) or found
        made = Value(tensor, axes, parameter=name)
        if last is not None:
            made.node, made.active = last.node, last.active
        values[key] = made
        return made

    def owner(self, tensor: torch.Tensor) -> Value | None:
        """A value that this is a view of."""
        storage = tensor.untyped_storage()._cdata
        values = (*self._values.values(), *self._kept.values())
        return next((v for v in values if v.tensor is not None and v.tensor.untyped_storage()._cdata == storage), None)

    def made_by(self, nodes: list[Node]) -> Iterator[Value]:
        """All values that are results of these operations or views of such."""
        inside = {id(node) for node in nodes}
        held = (value for node in self.pending for value, _ in node.inputs)
        return (value for value in (*self._values.values(), *held) if id(value.node) in inside)

    def views_of(self, root: Value) -> list[Value]:
        """All values that are views of one, as they came up."""
        return [value for value in self._values.values() if value.root is root]

    def real_view(self, of: Value) -> Value | None:
        """The last view of complex numbers as pairs of real ones that is as large as they are."""
        count = 2 * math.prod(of.shape)
        views = [v for v in self.views_of(of) if not v.held().is_complex() and math.prod(v.shape) == count]
        return views[-1] if views else None

    def put(self, value: Value) -> Value:
        """Remembers what is known of a tensor."""
        assert value.handle is not None
        self._values[id(value.handle)] = value
        return value

    def view(self, of: Value, tensor: torch.Tensor, axes: Axes) -> Value:
        """Remembers a view of a value: it has the same maker, and waits with it."""
        value = self.put(self.seen_as(of, tensor, axes))
        value.of = of
        return value

    def seen_as(self, of: Value, tensor: torch.Tensor, axes: Axes) -> Value:
        """A view of a value that only the trace has, not the model."""
        return Value(tensor, axes, of.node, of.slot, base=of.root, active=of.active, parameter=of.parameter)

    def require(self, value: Value, node: Node, role: str) -> None:
        """A value that is to be in the file too, named like an operand of this operation, though it takes no part."""
        self._required.append((value, node, role))

    def transposed(self, value: Value) -> Value:
        """The transposed view [n, m] of a matrix [m, n]; of a parameter always the same one."""
        if value.parameter is None or value.base is not None:
            return self.seen_as(value, value.held().t(), value.axes[::-1])
        key = id(value.handle)
        if key not in self._transposed:
            self._transposed[key] = self.seen_as(value, value.held().t(), value.axes[::-1])
        return self._transposed[key]

    def add(self, node: Node) -> Node:
        """Appends an operation."""
        node.frame = self.frame
        self.pending.append(node)
        self.matmuls += node.kind == "matmul"
        return node

    def freeze(self, tensor: torch.Tensor) -> None:
        """Copies what is about to be written over and is still to be written down."""
        storage = tensor.untyped_storage()._cdata
        if self.ledger.clerk.is_needed(storage):
            self.ledger.clerk.settle()
        copy: torch.Tensor | None = None
        for value in self._waiting():
            held = value.tensor
            if held is None or held.untyped_storage()._cdata != storage:
                continue
            if copy is None:
                copy = _flat(held).clone()
            value.tensor = copy.as_strided(held.shape, held.stride(), held.storage_offset())

    def _waiting(self) -> Iterator[Value]:
        """Values that are not in the file yet."""
        seen: set[int] = set()
        held = (value for node in self.pending for value, _ in (*node.inputs, *node.outputs))
        for value in (*self._values.values(), *held):
            if value.id is None and id(value) not in seen:
                seen.add(id(value))
                yield value

    def flush(self) -> None:
        """Writes what is pending and lets go of all that nobody can ask for any more."""
        nodes, self.pending = self.pending, []
        for node in nodes:
            self.ledger.write(node)
        for value, node, role in self._required:
            self.ledger.use(value, node, role)
        self._required.clear()
        self.ledger.settle(nodes)
        self.done += nodes
        self._held += [value for node in nodes for value, _ in (*node.inputs, *node.outputs)]
        self._let_go()

    def _let_go(self) -> None:
        for key, value in list(self._values.items()):
            if not _wanted(value):
                self._held.append(self._values.pop(key))
        live = {id(one) for value in self._values.values() for one in (value, value.root)}
        live |= {id(value) for node in self.pending for value, _ in (*node.inputs, *node.outputs)}
        dead = [value for value in self._held if id(value) not in live and value.parameter is None]
        self._held = [value for value in self._held if id(value) in live]
        for value in dead:
            value.let_go()


def _wanted(value: Value) -> bool:
    """Whether anybody but the value itself holds its torch tensor."""
    ours = 2 + (value.tensor is value.handle)  # one each, and the count's own
    return sys.getrefcount(value.handle) > ours


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    """The whole storage of a tensor as one dimension."""
    count = tensor.untyped_storage().nbytes() // tensor.element_size()
    return tensor.detach().as_strided((count,), (1,), 0)
