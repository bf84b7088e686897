# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is made of while it is captured: values (tensors and what is known of them) and nodes (operations)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from .axes import Axes


@dataclass(eq=False, repr=False)
class Value:
    """A torch tensor of the run. Its identity is that of the torch tensor for as long as `handle` keeps that alive.

    `node` is the operation it is a result of, directly or through views, and `slot` which result, where that
    operation (a split, a merge) waits for the form in which its result is used. `base` is what it is a view of, in the
    last end; `of` what it was made from directly.
    `active` tells activations from what depends on positions only, such as the tables of a rotary embedding.
    `joined` says that it is nothing but other values, one behind the other along an axis.
    """

    tensor: torch.Tensor | None
    axes: Axes
    node: Node | None = None
    slot: int | None = None
    base: Value | None = None
    of: Value | None = None
    id: int | None = None
    active: bool = False
    parameter: str | None = None
    joined: tuple[tuple[Value, ...], int] | None = None
    version: int = 0
    shape: tuple[int, ...] = ()
    handle: torch.Tensor | None = None
    stays: bool = False  # a piece of a cache: later steps make views of it
    views: dict[object, Value] = field(default_factory=dict)  # those that only the trace has, made once

    def __post_init__(self) -> None:
        if self.tensor is not None:
            self.handle = self.tensor
            self.shape = tuple(self.tensor.shape)
            self.version = version_of(self.tensor)

    @property
    def root(self) -> Value:
        """The value that owns the storage."""
        return self if self.base is None else self.base

    def held(self) -> torch.Tensor:
        """The tensor; to be asked for only while it is still needed."""
        assert self.tensor is not None, "a value that was let go"
        return self.tensor

    def let_go(self) -> None:
        """Forgets the tensor, not what is known of it."""
        if not self.stays:
            self.tensor = self.handle = None


@dataclass(eq=False, repr=False)
class Node:
    """An operation. `inputs` and `outputs` go with the last part of the name they get where they have none yet."""

    kind: str
    name: str
    module: str
    step: int
    inputs: list[tuple[Value, str]] = field(default_factory=list)
    outputs: list[tuple[Value, str]] = field(default_factory=list)
    left: Value | None = None
    right: Value | None = None
    bias: Value | None = None
    scale: float | None = None
    call: str = ""  # the torch function that it was
    seconds: float = 0.0
    parts: list[Node] = field(default_factory=list)
    waits: bool = False  # for the form in which its results are used
    exact: bool | None = None
    max_error: float | None = None
    checked: int | None = None
    flops: int | None = None
    rows: tuple[int, int] | None = None
    of_rows: int | None = None
    frame: int = -1  # the call of a module that it happened in
    id: int | None = None
    input_ids: tuple[int, ...] = ()
    output_ids: list[int | None] = field(default_factory=list)

    @property
    def out(self) -> Value:
        """The first result."""
        return self.outputs[0][0]

    def active_inputs(self) -> Iterator[Value]:
        """What goes in and is an activation."""
        return (value for value, _ in self.inputs if value.active)


def makers(value: Value) -> tuple[Node, ...]:
    """The operations that a value came out of: several where it was joined from earlier steps."""
    if value.node is None and value.joined is not None:
        return tuple(node for part in value.joined[0] for node in makers(part))
    return () if value.node is None else (value.node,)


def version_of(tensor: torch.Tensor) -> int:
    """How often its storage was written over; 0 where torch does not count."""
    return 0 if tensor.is_inference() else tensor._version


def shares(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether the two are views of one storage."""
    return a.untyped_storage()._cdata == b.untyped_storage()._cdata
