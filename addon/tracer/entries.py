# SPDX-License-Identifier: GPL-3.0-or-later
"""The tensors that are registered of a run, each under a name of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..core.trace import Stats, Tensor
from ..core.trace_manifest import Cut, Map, Source
from .axes import UNKNOWN, Axes, Axis, names


@dataclass
class Entry:
    """A registered tensor; its axes get their names when all is known."""

    name: str
    shape: tuple[int, ...]
    axes: Axes
    dtype: str
    parameter: str | None
    source: Source
    stats: Stats
    aliases: list[str] = field(default_factory=list)
    maps: tuple[Map, ...] = ()
    crops: tuple[Cut, ...] = ()


class Entries:
    """Registered tensors by their ids, which count from 0 in the order in which they are added."""

    def __init__(self) -> None:
        self._all: list[Entry] = []
        self._taken: dict[str, int] = {}

    def __getitem__(self, key: int) -> Entry:
        return self._all[key]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all)

    def add(self, entry: Entry) -> int:
        """The id that the entry has from now on."""
        self._all.append(entry)
        return len(self._all) - 1

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        number = self._taken.get(name, 0) + 1
        self._taken[name] = number
        if number == 1:
            return name
        return self.unique(f"{name}.{number}") if f"{name}.{number}" in self._taken else self._claim(f"{name}.{number}")

    def _claim(self, name: str) -> str:
        self._taken[name] = 1
        return name

    def tensors(self) -> tuple[Tensor, ...]:
        """Everything as the file says it, named as far as names became known."""
        self._carry_names()
        known: dict[tuple[int, ...], tuple[str, ...]] = {}  # most axes are the same few

        def named(axis: Axis, n: int) -> tuple[str, ...]:
            if not axis:
                return ("token",) if n == 1 else (UNKNOWN,)
            key = tuple(id(atom) for atom in axis)
            if key not in known:
                known[key] = names(axis)
            return known[key]

        def said(i: int, e: Entry) -> Tensor:
            axes = tuple(named(axis, n) for axis, n in zip(e.axes, e.shape, strict=True))
            aliases = tuple(e.aliases)
            return Tensor(i, e.name, e.shape, axes, e.dtype, e.parameter, e.source, e.stats, aliases, e.maps, e.crops)

        return tuple(said(i, entry) for i, entry in enumerate(self._all))

    def _carry_names(self) -> None:
        """A later step, where a single token leaves axes of one step that tell little, has the axes of the first."""
        first = {e.name[len("step0.") :]: e for e in self._all if e.name.startswith("step0.")}
        for entry in self._all:
            step = re.match(r"step[1-9]\d*\.", entry.name)
            model = first.get(entry.name[step.end() :]) if step else None
            if model is None or len(model.axes) != len(entry.axes):
                continue
            entry.axes = tuple(
                mine if "?" not in names(mine) and names(mine)[0][0] != "~" else theirs
                for mine, theirs in zip(entry.axes, model.axes, strict=True)
            )
