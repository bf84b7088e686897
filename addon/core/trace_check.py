# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a trace holds together: every reference leads somewhere, every view stays inside its buffer, and every
multiply has shapes that can be multiplied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from .trace_manifest import (
    BufferSource,
    ConcatSource,
    Cut,
    ExternalSource,
    Manifest,
    ManifestError,
    Map,
    Operation,
    PooledSource,
    Step,
    Tensor,
    reach,
)

MOST_ELEMENTS = 1 << 36  # of one tensor; a view of stride 0 can claim any size


def check(manifest: Manifest, buffers: Mapping[str, tuple[str, int]]) -> None:
    """Raises ManifestError at the first thing that does not fit; `buffers` maps a name to dtype and element count."""
    tensors: dict[int, Tensor] = {}
    for tensor in manifest.tensors:
        if tensor.id in tensors:
            raise ManifestError(f"two tensors have the id {tensor.id}")
        _check_tensor(tensor, tensors, buffers)
        tensors[tensor.id] = tensor
    _check_names(manifest)
    _check_operations(manifest, tensors)
    _check_composites(manifest, tensors)
    _check_sequence(manifest, tensors)
    if manifest.also is not None and (manifest.also in ("", ".", "..") or set(manifest.also) & set("/\\")):
        raise ManifestError(f"the name of the trace to compare with, {manifest.also[:40]!r}, is not that of a file")


def _check_names(manifest: Manifest) -> None:
    owners = {tensor.name: tensor.id for tensor in manifest.tensors}
    if len(owners) != len(manifest.tensors):
        raise ManifestError("two tensors have the same name")
    for tensor in manifest.tensors:
        for alias in tensor.aliases:
            if owners.setdefault(alias, tensor.id) != tensor.id:
                raise ManifestError(f"two tensors have the name {alias!r}")


def _check_tensor(tensor: Tensor, earlier: Mapping[int, Tensor], buffers: Mapping[str, tuple[str, int]]) -> None:
    if math.prod(tensor.shape) > MOST_ELEMENTS:
        raise ManifestError(f"tensor {tensor.name!r} is too large")
    source = tensor.source
    if isinstance(source, BufferSource):
        _check_view(tensor, source, buffers)
    elif isinstance(source, ConcatSource):
        _check_concat(tensor, [_known(part, earlier, tensor.name) for part in source.concat], source.axis)
    elif isinstance(source, PooledSource):
        _known(source.pooled, earlier, tensor.name)
    elif isinstance(source, ExternalSource):
        _check_strides(tensor, source.strides)
    for one in tensor.maps:
        _check_map(tensor, one, _known(one.tensor, earlier, tensor.name))
    for cut in tensor.crops:
        _check_cut(tensor, cut, _known(cut.tensor, earlier, tensor.name))


def _check_map(tensor: Tensor, one: Map, found: Tensor) -> None:
    """One value for each block; the last block of a dimension may be a part of one. A vector counts as one row."""
    shape = (1, *tensor.shape) if len(tensor.shape) == 1 and len(one.block) == 2 else tensor.shape
    fits = len(one.block) == len(shape) and min(one.block, default=1) > 0
    if not fits or found.shape != tuple(-(-n // size) for n, size in zip(shape, one.block, strict=True)):
        raise ManifestError(f"the map {found.name!r} is not one of {tensor.name!r}")


def _check_cut(tensor: Tensor, cut: Cut, found: Tensor) -> None:
    fits = len(tensor.shape) >= 2
    for (first, last), n in zip((cut.rows, cut.columns), tensor.shape[-2:], strict=False):
        fits = fits and first <= last < n
    size = cut.rows[1] - cut.rows[0] + 1, cut.columns[1] - cut.columns[0] + 1
    if not fits or found.shape != (*tensor.shape[:-2], *size):
        raise ManifestError(f"the crop {found.name!r} is not one of {tensor.name!r}")


def _check_view(tensor: Tensor, source: BufferSource, buffers: Mapping[str, tuple[str, int]]) -> None:
    if source.buffer not in buffers:
        raise ManifestError(f"tensor {tensor.name!r} lies in {source.buffer!r}, which is not there")
    dtype, elements = buffers[source.buffer]
    if dtype != tensor.dtype:
        raise ManifestError(f"tensor {tensor.name!r} is {tensor.dtype} in a buffer of {dtype}")
    _check_strides(tensor, source.strides)
    if source.offset + reach(tensor.shape, source.strides) > elements:
        raise ManifestError(f"tensor {tensor.name!r} reaches beyond its buffer")


def _check_strides(tensor: Tensor, strides: tuple[int, ...]) -> None:
    if len(strides) != len(tensor.shape):
        raise ManifestError(f"tensor {tensor.name!r} has {len(tensor.shape)} dimensions and {len(strides)} strides")


def _check_concat(tensor: Tensor, parts: list[Tensor], axis: int) -> None:
    def without(shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[:axis] + shape[axis + 1 :]

    fits = axis < len(tensor.shape) and len(parts) > 0
    fits = fits and all(len(part.shape) == len(tensor.shape) for part in parts)
    fits = fits and all(without(part.shape) == without(tensor.shape) for part in parts)
    if not fits or sum(part.shape[axis] for part in parts) != tensor.shape[axis]:
        raise ManifestError(f"tensor {tensor.name!r} is not made of its parts")


def _known(key: int, tensors: Mapping[int, Tensor], who: str) -> Tensor:
    if key not in tensors:
        raise ManifestError(f"{who!r} names tensor {key}, which is not there")
    return tensors[key]


def _check_operations(manifest: Manifest, tensors: Mapping[int, Tensor]) -> None:
    for index, operation in enumerate(manifest.operations):
        if operation.id != index:
            raise ManifestError(f"operation {index} has the id {operation.id}")
        inside = [key for part in operation.parts for key in (*part.inputs, *part.outputs)]
        for key in (*operation.inputs, *operation.outputs, *inside):
            _known(key, tensors, operation.name)
        _check_rows(operation, tensors)
        if operation.kind == "matmul":
            _check_matmul(operation, tensors)
    if len({(operation.step, operation.name) for operation in manifest.operations}) != len(manifest.operations):
        raise ManifestError("two operations of one step have the same name")
    for module in manifest.modules:
        _check_range(module.operations, len(manifest.operations), f"module {module.path!r}")


def _check_rows(operation: Operation, tensors: Mapping[int, Tensor]) -> None:
    if operation.rows is None:
        return
    _check_range(operation.rows, operation.of_rows or 0, operation.name)
    if operation.out is not None:
        shape = _known(operation.out, tensors, operation.name).shape
        if len(shape) < 2 or shape[-2] != operation.rows[1] - operation.rows[0] + 1:
            raise ManifestError(f"{operation.name!r} does not have the rows it says")


def _check_matmul(operation: Operation, tensors: Mapping[int, Tensor]) -> None:
    """[..., i, k] @ [..., k, j] + [j] -> [..., i, j]."""
    keys = (operation.left, operation.right, operation.out, operation.bias)
    shapes = [_known(key, tensors, operation.name).shape for key in keys if key is not None]
    left, right, out = shapes[:3]
    fits = min(len(left), len(right), len(out)) >= 2 and left[-1] == right[-2]
    fits = fits and out[-2:] == (left[-2], right[-1]) and broadcast((left[:-2], right[:-2])) == out[:-2]
    if not fits or any(broadcast((bias, out)) != out for bias in shapes[3:]):
        raise ManifestError(f"the multiply {operation.name!r} has shapes that do not fit")


def broadcast(shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...] | None:
    """What the shapes become together, or None where they do not go together."""
    result: list[int] = []
    for shape in shapes:
        result = [1] * (len(shape) - len(result)) + result
        start = len(result) - len(shape)
        for axis, n in enumerate(shape, start):
            if n != 1 and result[axis] not in (1, n):
                return None
            result[axis] = n if result[axis] == 1 else result[axis]
    return tuple(result)


def _check_composites(manifest: Manifest, tensors: Mapping[int, Tensor]) -> None:
    for composite in manifest.composites:
        for _, index in composite.parts:
            if index >= len(manifest.operations):
                raise ManifestError(f"{composite.name!r} names operation {index}, which is not there")
        for key in (*composite.inputs, *composite.outputs):
            _known(key, tensors, composite.name)


def _check_sequence(manifest: Manifest, tensors: Mapping[int, Tensor]) -> None:
    for index, step in enumerate(manifest.steps):
        if step.index != index:
            raise ManifestError(f"step {index} has the index {step.index}")
        _check_range(step.tokens, len(manifest.tokens), f"step {index}")
        _known(step.logits, tensors, f"step {index}")
        _check_top(step, tensors)
    sequences = manifest.tokens, manifest.operations, manifest.modules, manifest.composites
    used = {one.step for ones in sequences for one in ones}
    if max(used, default=0) >= max(1, len(manifest.steps)):
        raise ManifestError("something belongs to a step that is not there")


def _check_top(step: Step, tensors: Mapping[int, Tensor]) -> None:
    keys = [key for key in (step.top_values, step.top_ids) if key is not None]
    shapes = [_known(key, tensors, f"step {step.index}").shape for key in keys]
    if shapes and (len(shapes) != 2 or shapes[0] != shapes[1] or len(shapes[0]) != 2):
        raise ManifestError(f"the largest logits of step {step.index} are no values with an id each")


def _check_range(pair: tuple[int, int], length: int, who: str) -> None:
    if not pair[0] <= pair[1] < length:
        raise ManifestError(f"{who} has the range {pair[0]} to {pair[1]} out of {length}")
