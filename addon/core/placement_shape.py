# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a placement depends on: the sizes of a model and the parts that each of its layers has."""

from __future__ import annotations

from dataclasses import dataclass, field

from .layout_parts import GPT2, PARTS
from .layout_types import Span


@dataclass(frozen=True)
class Plain:
    """A matrix that is drawn plainly, because it is no part of what is known. Where it is `standing` its rows are
    tokens, from the `first` drawn one on. `down` and `across` are its axes, where they are known. `rows` and `columns`
    count what is drawn, of the stretches `row_ranges` and `column_ranges` where that is not all."""

    name: str
    rows: int
    columns: int
    standing: bool
    first: int
    down: tuple[str, ...]
    across: tuple[str, ...]
    tensor: str
    index: tuple[int, ...]
    operation: int
    step: int
    kind: str
    row_ranges: tuple[Span, ...] = ()
    column_ranges: tuple[Span, ...] = ()


@dataclass(frozen=True)
class ExpertShape:
    """An expert that ran: its number, its name and how many neurons it has."""

    number: int
    name: str
    neurons: int


@dataclass(frozen=True)
class LayerShape:
    """The sizes of one layer. `groups` key and value heads serve `heads` query heads; `experts` are those that ran, of
    `routed` that there are, of which `chosen` work on a token."""

    heads: int
    groups: int
    key: int
    value: int
    neurons: int
    parts: frozenset[str] = GPT2
    rest: tuple[Plain, ...] = ()
    experts: tuple[ExpertShape, ...] = ()
    routed: int = 0
    chosen: int = 0
    merged: bool = False  # too many heads to be drawn one by one: the projections of all, and the cell of the first

    @property
    def shared(self) -> int:
        """How many query heads share one key and value head."""
        return self.heads // self.groups

    def has(self, *parts: str) -> bool:
        """Whether the layer has one of these parts."""
        return any(part in self.parts for part in parts)


@dataclass(frozen=True)
class ModelShape:
    """All numbers that the placement depends on. `steps` counts the tokens that each forward pass has seen, with
    those in its cache.

    Where `kinds` has a shape for each layer, `heads`, `head_dim` and `neurons` are the largest there are. `parts` are
    those outside of the layers, `names` what parts are called where that is not as usual, `drawn` the stretches of the
    text whose tokens are drawn, where these are not all.
    """

    layers: int
    heads: int
    channels: int
    head_dim: int
    neurons: int
    vocab: int
    context: int
    steps: tuple[int, ...]
    kinds: tuple[LayerShape, ...] = ()
    parts: frozenset[str] = GPT2
    names: tuple[tuple[str, str], ...] = ()
    rest: tuple[Plain, ...] = ()
    words: int = 0  # columns of the logits where they are not `vocab`
    embedded: int = 0  # columns of the token table where they are not `channels`
    read: int = 0  # columns of what the logits are made of where they are not `channels`
    drawn: tuple[Span, ...] = ()
    labels: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sizes = (self.layers, self.heads, self.channels, self.head_dim, self.neurons, self.vocab, self.context)
        if min(*sizes, *self.steps, len(self.steps)) < 1:
            raise ValueError(f"every size of a model is at least 1: {self}")
        if any(later <= earlier for earlier, later in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"every step needs more tokens than the one before it: {self.steps}")
        for kind in self.kinds:
            if min(kind.heads, kind.groups, kind.key, kind.value, kind.neurons) < 1 or kind.heads % kind.groups:
                raise ValueError(f"heads are shared evenly, and every size is at least 1: {kind}")
        if self.kinds and len(self.kinds) != self.layers:
            raise ValueError(f"{len(self.kinds)} shapes for {self.layers} layers")
        object.__setattr__(self, "labels", dict(self.names))

    @property
    def tokens(self) -> int:
        """Rows of every fence: the tokens of the longest step that are drawn."""
        return sum(last - first + 1 for first, last in self.stretches)

    @property
    def stretches(self) -> tuple[Span, ...]:
        """The first and the last (inclusive) of all tokens that are drawn one after another."""
        return self.drawn or ((0, self.steps[-1] - 1),)

    @property
    def outputs(self) -> int:
        """Columns of the logits."""
        return self.words or self.vocab

    def layer(self, layer: int) -> LayerShape:
        """The shape of a layer."""
        if self.kinds:
            return self.kinds[layer]
        return LayerShape(self.heads, self.heads, self.head_dim, self.head_dim, self.neurons)

    def has(self, *parts: str) -> bool:
        """Whether the model has one of these parts outside of its layers."""
        return any(part in self.parts for part in parts)

    def label(self, part: str) -> str:
        """What a part is called in this model."""
        return self.labels.get(part) or PARTS[part].label
