# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the numbers of a tensor are: in a buffer of the trace, in the model's own file, or kept as maps alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from ..core.trace import Stats
from ..core.trace_manifest import BufferSource, ConcatSource, Cut, ExternalSource, Map, PooledSource, Source
from .choices import Crop
from .entries import Entries, Entry
from .layers import layer_of
from .measure import summarise
from .pooling import MOST, block_of, is_large, pool
from .store import Store, dtype_of
from .values import Value
from .weights import Place, Weights

COMPACT = 4  # a storage so many times larger than what is wanted of it is not written whole


@dataclass(frozen=True)
class Keeping:
    """What is kept of the tensors: crops that were asked for, the storages (by the first name that each gets) that
    only a map is kept of and how many rows or columns a map has, and whether every element is recomputed."""

    crops: tuple[Crop, ...] = ()
    pooled: frozenset[str] = frozenset()
    most: int = MOST
    whole: bool = False


class Sources:
    """Writes numbers once, and says of each tensor where they are."""

    def __init__(self, entries: Entries, store: Store, weights: Weights, keeping: Keeping, embed: bool) -> None:
        """`embed` copies the weights into the trace; otherwise they stay in the checkpoint's file where it has them."""
        self.storages: dict[str, int] = {}  # first name of each storage that was written -> bytes, parameters apart
        self.found: set[str] = set()  # names of `keeping.crops` that there were
        self._entries = entries
        self._store = store
        self._weights = weights
        self._keeping = keeping
        self._embed = embed
        self._buffers: dict[int, tuple[Value, dict[object, str]]] = {}  # by the id of the root, which is kept
        self._pooled: dict[int, Value] = {}

    def of(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        """Where the numbers of a tensor of the run are, and maps where there is nothing else of them."""
        if id(value.root) in self._pooled or name in self._keeping.pooled:
            return self._pooled_source(value, name)
        return self._buffer(value, name), ()

    def of_parameter(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        """Where those of a parameter, or of a piece of it, are, and maps where they are too many to be drawn."""
        tensor = value.held()
        place = None if self._embed else self._weights.place(name)
        if place is None:
            return self._source_by_content(value, name)
        source = ExternalSource(str(place.file), place.key, tuple(tensor.stride()), tensor.storage_offset())
        if not is_large(value.shape):
            return source, ()
        return source, self._maps_of_parameter(tensor, name)

    def crops(self, entry: Entry, tensor: torch.Tensor) -> tuple[Cut, ...]:
        """The parts of a tensor that are to be kept in full resolution, written down."""
        found = []
        for crop in self._keeping.crops:
            tied = () if entry.parameter is None else self._weights.names_of(entry.parameter)
            if len(entry.shape) < 2 or not (_means(crop.name, entry) or crop.name in tied):
                continue
            self.found.add(crop.name)
            (r0, r1), (c0, c1) = (
                (0, n - 1) if span is None else (min(span[0], n - 1), min(span[1], n - 1))
                for span, n in zip((crop.rows, crop.columns), entry.shape[-2:], strict=True)
            )
            piece = tensor.detach()[..., r0 : r1 + 1, c0 : c1 + 1].contiguous()
            source = BufferSource(self._store.add(piece.reshape(-1)), 0, tuple(piece.stride()))
            name = self._entries.unique(f"{entry.name}[{r0}:{r1 + 1}, {c0}:{c1 + 1}]")
            axes = tuple(() for _ in piece.shape)
            kept = Entry(name, tuple(piece.shape), axes, dtype_of(piece), None, source, summarise(piece))
            found.append(Cut(self._entries.add(kept), (r0, r1), (c0, c1)))
        return tuple(found)

    def _source_by_content(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        """A piece of a parameter that the file has otherwise: one expert's matrix, or two that were put together."""
        tensor = value.held()
        turned = not tensor.is_contiguous()
        matrix = tensor.t() if turned and tensor.dim() == 2 else tensor
        places: tuple[Place, ...] = ()
        if tensor.dim() == 2 and matrix.is_contiguous() and not self._embed:
            places = self._weights.pieces(matrix.detach(), layer_of(name))
        if not places:
            return self._buffer(value, name), ()
        columns = matrix.shape[1]
        strides = (1, columns) if turned else (columns, 1)
        sources = [ExternalSource(str(place.file), place.key, strides) for place in places]
        maps = self._maps_of_parameter(tensor, name) if is_large(value.shape) else ()
        if len(sources) == 1:
            return sources[0], maps
        axis = 1 if turned else 0
        ids = []
        for number, (source, half) in enumerate(zip(sources, tensor.detach().chunk(2, axis), strict=True)):
            title = self._entries.unique(f"{name}[{place_of(self._weights.named[name], tensor)}].{number}")
            axes = tuple(() for _ in half.shape)
            entry = Entry(title, tuple(half.shape), axes, dtype_of(half), name, source, summarise(half))
            ids.append(self._entries.add(entry))
        return ConcatSource(tuple(ids), axis), maps

    def _maps_of_parameter(self, tensor: torch.Tensor, name: str) -> tuple[Map, ...]:
        whole = self._weights.named[name]
        most = self._keeping.most
        if tensor.numel() != whole.numel() or tensor.dim() != 2 or most != MOST:
            return self._map(_pooled_now(tensor, most), name, block_of(tensor.shape, most))
        maps, block = self._weights.maps(name), self._weights.block(name)
        if tensor.stride() != whole.stride():  # the transposed view
            maps, block = {how: (one.t(), stats) for how, (one, stats) in maps.items()}, block[::-1]
        return self._map(maps, name, block)

    def _map(self, maps: dict[str, tuple[torch.Tensor, Stats]], name: str, block: tuple[int, int]) -> tuple[Map, ...]:
        found = []
        for how, (values, stats) in maps.items():
            shape, strides = tuple(values.shape), tuple(values.stride())
            lying = values if values.is_contiguous() else values.t()  # the rows as they are in memory
            source = BufferSource(self._store.add(lying.reshape(-1)), 0, strides)
            axes = tuple(() for _ in shape)
            entry = Entry(self._entries.unique(f"{name}.{how}_map"), shape, axes, "F32", None, source, stats)
            found.append(Map(how, self._entries.add(entry), (*[1] * (values.dim() - 2), *block)))
        return tuple(found)

    def _pooled_source(self, value: Value, name: str) -> tuple[Source, tuple[Map, ...]]:
        """Only the maps, of this and of every other view of the same storage."""
        self._pooled[id(value.root)] = value.root
        self.storages.setdefault(name, 0)
        tensor = value.held() if len(value.shape) >= 2 else value.held().reshape(1, -1)
        block = block_of(tensor.shape, self._keeping.most)
        maps = self._map(_pooled_now(tensor, self._keeping.most), name, block)
        absmax = next(one for one in maps if one.how == "absmax")
        return PooledSource(absmax.tensor, "absmax", absmax.block), maps

    def _buffer(self, value: Value, name: str) -> BufferSource:
        """The whole storage of a tensor, written once; of a much larger storage only what is wanted."""
        tensor, root = value.held(), value.root
        _, buffers = self._buffers.setdefault(id(root), (root, {}))
        storage = tensor.untyped_storage()
        if tensor.dtype not in buffers:
            if storage.nbytes() > COMPACT * max(tensor.numel() * tensor.element_size(), 1024):
                return self._packed(value, name, buffers)
            count = storage.nbytes() // tensor.element_size()
            buffers[tensor.dtype] = self._add(tensor.detach().as_strided((count,), (1,), 0), value, name)
        return BufferSource(buffers[tensor.dtype], tensor.storage_offset(), tuple(tensor.stride()))

    def _packed(self, value: Value, name: str, buffers: dict[object, str]) -> BufferSource:
        """A tensor by itself, written once however often it is looked at, and in whatever shape."""
        tensor = value.held()
        packed = tensor.detach().contiguous()
        order = tensor.numel() if tensor.is_contiguous() else (tensor.shape, tensor.stride())
        key = (tensor.dtype, tensor.storage_offset(), order)
        if key not in buffers:
            buffers[key] = self._add(packed.reshape(-1), value, name)
        return BufferSource(buffers[key], 0, tuple(packed.stride()))

    def _add(self, flat: torch.Tensor, value: Value, name: str) -> str:
        if value.parameter is None:
            self.storages[name] = self.storages.get(name, 0) + flat.numel() * flat.element_size()
        return self._store.add(flat)


def _means(name: str, entry: Entry) -> bool:
    plain = re.sub(r"^step\d+\.", "", entry.name)
    return name in (entry.name, plain, entry.parameter)


def _pooled_now(tensor: torch.Tensor, most: int) -> dict[str, tuple[torch.Tensor, Stats]]:
    """The maps of a tensor with their statistics."""
    return {how: (one, summarise(one)) for how, one in pool(tensor, most).items()}


def place_of(whole: torch.Tensor, piece: torch.Tensor) -> str:
    """Which piece of a parameter this is: the first index, where it is one of several of the same size."""
    per = whole.stride(0)
    return str((piece.storage_offset() - whole.storage_offset()) // per) if per else str(piece.storage_offset())
