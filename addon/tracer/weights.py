# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of a model by reference: where each lies in the checkpoint's own file, and what it looks like from afar.

A parameter counts as found only where the file has exactly its numbers, so a model that was changed after loading, or
whose loading rearranged it, is never taken for its file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ..core.trace import Stats
from .layers import layer_of
from .measure import summarise
from .pooling import block_of, is_large, pool

ASSUMED = "model.safetensors"
BLOCK = 1 << 22  # elements compared at a time


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in a checkpoint."""

    file: Path
    key: str


class Weights:
    """The parameters of a model, the files they came from, and what was found out about them."""

    def __init__(self, model: torch.nn.Module, files: tuple[Path, ...], assumed: bool = False) -> None:
        """`assumed`: all are taken to be in a file, for a model that has no numbers to compare."""
        self._assumed = assumed
        self.named: dict[str, torch.Tensor] = dict(_tensors(model))
        self._keys, self._shapes = _keys(files)
        self._places: dict[str, Place | None] = {}
        self._maps: dict[str, dict[str, tuple[torch.Tensor, Stats]]] = {}
        self._stats: dict[str, Stats] = {}

    def prepare(self) -> None:
        """Finds all places, statistics and maps now: they depend on no prompt."""
        for name, tensor in self.named.items():
            self.place(name)
            self.stats(name)
            if is_large(tuple(tensor.shape)):
                self.maps(name)

    def names_of(self, name: str) -> tuple[str, ...]:
        """All names of a parameter: several where it is tied."""
        return tuple(other for other, tensor in self.named.items() if tensor is self.named[name])

    def place(self, name: str) -> Place | None:
        """Where the file has exactly this parameter; None where it does not."""
        if name not in self._places:
            self._places[name] = self._find(name)
        return self._places[name]

    def stats(self, name: str) -> Stats:
        """Statistics of the whole parameter."""
        if name not in self._stats:
            self._stats[name] = summarise(self.named[name].detach())
        return self._stats[name]

    def maps(self, name: str) -> dict[str, tuple[torch.Tensor, Stats]]:
        """The maps of a parameter [rows, columns], as it is stored, with their statistics."""
        if name not in self._maps:
            self._maps[name] = {how: (one, summarise(one)) for how, one in pool(self.named[name]).items()}
        return self._maps[name]

    def block(self, name: str) -> tuple[int, int]:
        """How many rows and columns of it one cell of its maps stands for."""
        return block_of(self.named[name].shape)

    def pieces(self, matrix: torch.Tensor, layer: int | None) -> tuple[Place, ...]:
        """Where the files have a matrix [rows, columns] that is no parameter by itself, such as one expert's, by what
        is in it: under one key of the same layer, or its upper and its lower half under two; nowhere is ()."""
        whole = self._piece(matrix, layer)
        if whole is not None:
            return (whole,)
        if matrix.shape[0] % 2:
            return ()
        halves = [self._piece(half, layer) for half in matrix.chunk(2)]
        return () if None in halves else tuple(half for half in halves if half is not None)

    def _piece(self, matrix: torch.Tensor, layer: int | None) -> Place | None:
        if layer is None:  # only the name of a layer tells which of several like ones it is
            return None
        shape = tuple(matrix.shape)
        for key, file in self._keys.items():
            if self._shapes[key] != shape or layer_of(key) != layer:
                continue
            with _opened(file) as opened:
                if opened is None or not _same(matrix[:1], opened.get_slice(key)[:1]):
                    continue
                if _same(matrix, opened.get_tensor(key)):
                    return Place(file, key)
        return None

    def _find(self, name: str) -> Place | None:
        if self._assumed:
            return Place(Path(ASSUMED), name)
        tensor = self.named[name]
        for key in self._candidates(name):
            file = self._keys[key]
            if self._shapes[key] != tuple(tensor.shape):
                continue
            with _opened(file) as opened:
                if opened is not None and _same(tensor, opened.get_tensor(key)):
                    return Place(file, key)
        return self._piece(tensor, layer_of(name)) if tensor.dim() == 2 else None

    def _candidates(self, name: str) -> Iterator[str]:
        """Keys of the checkpoint that may be this parameter: its own name first, then the same one below or without
        the name of the base model ("transformer.", "model.")."""
        if name in self._keys:
            yield name
        for key in self._keys:
            if key != name and (key.endswith(f".{name}") or name.endswith(f".{key}")):
                yield key


def _tensors(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters, and those buffers that are saved with them and look like weights: tables of positions."""
    yield from model.named_parameters(remove_duplicate=False)
    saved = model.state_dict(keep_vars=True)
    for name, tensor in model.named_buffers():
        if name in saved and tensor.is_floating_point() and tensor.dim() == 2:
            yield name, tensor


def _keys(files: tuple[Path, ...]) -> tuple[dict[str, Path], dict[str, tuple[int, ...]]]:
    """Which file has each key, and the shape that it has there."""
    found: dict[str, Path] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        with _opened(file) as opened:
            for key in () if opened is None else opened.keys():
                found[key] = file
                shapes[key] = tuple(opened.get_slice(key).get_shape())
    return found, shapes


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """The checkpoint, or None where it cannot be read any more: then its weights are copied like any other numbers."""
    try:
        with safe_open(str(file), framework="pt") as opened:
            yield opened
    except (OSError, SafetensorError):
        yield None


def _same(tensor: torch.Tensor, stored: torch.Tensor) -> bool:
    """Whether the file has exactly these numbers, in the type that they were loaded as."""
    if tensor.is_meta or (not stored.is_floating_point() and stored.dtype != tensor.dtype):
        return False
    mine, theirs = tensor.detach().reshape(-1), stored.reshape(-1)
    for begin in range(0, mine.numel(), BLOCK):
        part = theirs[begin : begin + BLOCK].to(device=mine.device, dtype=mine.dtype)
        if not torch.equal(mine[begin : begin + BLOCK], part):
            return False
    return True


def first_names(named: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Each parameter once, under the first name it has: tied ones share it."""
    seen: dict[int, str] = {}
    for name, tensor in named.items():
        seen.setdefault(id(tensor), name)
    return {name: named[name] for name in seen.values()}
