# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a trace holds together: every reference leads somewhere, every view stays inside its buffer, and every
multiply has shapes that can be multiplied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from .trace_manifest import BufferSource, ConcatSource, Manifest, ManifestError, Operation, PooledSource, Tensor

MOST_ELEMENTS = 1 << 36  # of one tensor; a view of stride 0 can claim any size


def check(manifest: Manifest, buffers: Mapping[str, tuple[str, int]]) -> None:
    """Raises ManifestError at the first thing that does not fit; `buffers` maps a name to dtype and element count."""
    tensors: dict[int, Tensor] = {}
    for tensor in manifest.tensors:
        if tensor.id in tensors:
            raise ManifestError(f"two tensors have the id {tensor.id}")
        _check_tensor(tensor, tensors, buffers)
        tensors[tensor.id] = tensor
    if len({tensor.name for tensor in manifest.tensors}) != len(tensors):
        raise ManifestError("two tensors have the same name")
    _check_operations(manifest, tensors)
    _check_sequence(manifest, tensors)


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


def _check_view(tensor: Tensor, source: BufferSource, buffers: Mapping[str, tuple[str, int]]) -> None:
    if source.buffer not in buffers:
        raise ManifestError(f"tensor {tensor.name!r} lies in {source.buffer!r}, which is not there")
    dtype, elements = buffers[source.buffer]
    if dtype != tensor.dtype:
        raise ManifestError(f"tensor {tensor.name!r} is {tensor.dtype} in a buffer of {dtype}")
    if len(source.strides) != len(tensor.shape):
        raise ManifestError(
            f"tensor {tensor.name!r} has {len(tensor.shape)} dimensions and {len(source.strides)} strides"
        )
    empty = 0 in tensor.shape
    reach = 0 if empty else 1 + sum((n - 1) * stride for n, stride in zip(tensor.shape, source.strides, strict=True))
    if source.offset + reach > elements:
        raise ManifestError(f"tensor {tensor.name!r} reaches beyond its buffer")


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
        for key in (*operation.inputs, *operation.outputs):
            _known(key, tensors, operation.name)
        if operation.kind == "matmul":
            _check_matmul(operation, tensors)
    if len({(operation.step, operation.name) for operation in manifest.operations}) != len(manifest.operations):
        raise ManifestError("two operations of one step have the same name")
    for module in manifest.modules:
        _check_range(module.operations, len(manifest.operations), f"module {module.path!r}")


def _check_matmul(operation: Operation, tensors: Mapping[int, Tensor]) -> None:
    """[..., i, k] @ [..., k, j] + [j] -> [..., i, j]."""
    keys = (operation.left, operation.right, operation.out, operation.bias)
    shapes = [_known(key, tensors, operation.name).shape for key in keys if key is not None]
    left, right, out = shapes[:3]
    fits = min(len(left), len(right), len(out)) >= 2 and left[-1] == right[-2]
    fits = fits and out[-2:] == (left[-2], right[-1]) and _broadcast((left[:-2], right[:-2])) == out[:-2]
    if not fits or any(_broadcast((bias, out)) != out for bias in shapes[3:]):
        raise ManifestError(f"the multiply {operation.name!r} has shapes that do not fit")


def _broadcast(shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...] | None:
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


def _check_sequence(manifest: Manifest, tensors: Mapping[int, Tensor]) -> None:
    for index, step in enumerate(manifest.steps):
        if step.index != index:
            raise ManifestError(f"step {index} has the index {step.index}")
        _check_range(step.tokens, len(manifest.tokens), f"step {index}")
        _known(step.logits, tensors, f"step {index}")
    used = {one.step for ones in (manifest.tokens, manifest.operations, manifest.modules) for one in ones}
    if max(used, default=0) >= max(1, len(manifest.steps)):
        raise ManifestError("something belongs to a step that is not there")


def _check_range(pair: tuple[int, int], length: int, who: str) -> None:
    if not pair[0] <= pair[1] < length:
        raise ManifestError(f"{who} has the range {pair[0]} to {pair[1]} out of {length}")
