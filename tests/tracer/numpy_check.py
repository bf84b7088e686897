# SPDX-License-Identifier: GPL-3.0-or-later
"""A second reader of the trace file, made of JSON and NumPy and nothing of ours: what it finds wrong is wrong.

Every check takes a `File` and returns its complaints, one sentence each; nothing to say is an empty list.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMPY = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
    "F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
TOLERANCE = {"F64": 1e-5, "F32": 1e-5, "BF16": 2e-3, "F16": 2e-3}
"""What the trace format asks of a multiply, by the number type of its result."""
ROUNDING = {"BF16": 2.0**-8, "F16": 2.0**-11}
"""How far a number may be moved where it is rounded to its type, relative to itself."""
NORMS = ("layer_norm", "rms_norm")


class File:
    """A trace file, opened: `manifest` as the JSON has it, `array` for the numbers of a tensor."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.buffers = _safetensors(path)
        self.manifest: dict[str, Any] = json.loads(self.buffers["manifest"][1].tobytes())
        self.tensors = {tensor["id"]: tensor for tensor in self.manifest["tensors"]}
        self.operations: list[dict[str, Any]] = self.manifest["operations"]
        self._external: dict[str, dict[str, tuple[str, NDArray[np.uint8]]]] = {}

    def of_kind(self, *kinds: str) -> Iterator[dict[str, Any]]:
        """The operations of these kinds."""
        return (operation for operation in self.operations if operation["kind"] in kinds)

    def array(self, key: int) -> NDArray[Any]:
        """The numbers of a tensor, in float64 where they are no whole numbers. KeyError where they were not kept."""
        tensor = self.tensors[key]
        source = tensor["source"]
        if "concat" in source:
            return np.concatenate([self.array(part) for part in source["concat"]], axis=source["axis"])
        dtype, data = self._data(source)
        flat = data.view(NUMPY[dtype])[source.get("offset", 0) :]
        steps = [stride * flat.itemsize for stride in source["strides"]]
        last = sum((n - 1) * stride for n, stride in zip(tensor["shape"], source["strides"], strict=True))
        assert 0 in tensor["shape"] or 0 <= last < len(flat), f"{tensor['name']} reaches beyond its buffer"
        view = np.lib.stride_tricks.as_strided(flat, tensor["shape"], steps, writeable=False)
        if dtype == "BF16":
            view = np.asarray(view.astype(np.uint32) << 16, np.uint32).view(np.float32)
        return view.astype(np.float64) if view.dtype.kind == "f" else view

    def _data(self, source: dict[str, Any]) -> tuple[str, NDArray[np.uint8]]:
        if "buffer" in source:
            return self.buffers[source["buffer"]]
        name = source["external"]
        if name not in self._external:
            self._external[name] = _safetensors(self.path.parent / name)
        return self._external[name][source["key"]]

    @cached_property
    def makers(self) -> dict[Any, dict[str, Any]]:
        """By tensor id and by the bytes it has, the first operation that a tensor is a result of."""
        found: dict[Any, dict[str, Any]] = {}
        for operation in self.operations:
            for key in operation["outputs"]:
                for what in (key, self._place(key)):
                    found.setdefault(what, operation)
        found.pop(None, None)
        return found

    def maker(self, key: int) -> dict[str, Any] | None:
        """The operation that made a tensor, or what it is a view of."""
        return self.makers.get(key) or self.makers.get(self._place(key))

    def _place(self, key: int) -> str | None:
        buffer = self.tensors[key]["source"].get("buffer")
        return None if buffer is None else str(buffer)


def _safetensors(path: Path) -> dict[str, tuple[str, NDArray[np.uint8]]]:
    """Number type and bytes of everything in a safetensors file, by name."""
    data = np.memmap(path, np.uint8, "r")
    (length,) = struct.unpack("<Q", data[:8].tobytes())
    entries = json.loads(data[8 : 8 + length].tobytes())
    entries.pop("__metadata__", None)
    body = data[8 + length :]
    return {name: (one["dtype"], body[slice(*one["data_offsets"])]) for name, one in entries.items()}


def multiplies(file: File) -> list[str]:
    """scale * (left @ right) + bias == out, element by element, relative to what the sum of magnitudes comes to.

    In half precision a result is off by its rounding, too.
    """
    return [fault for operation in file.of_kind("matmul") for fault in _multiply(file, operation)]


def _multiply(file: File, operation: dict[str, Any]) -> list[str]:
    try:
        left, right, out = (file.array(operation[key]) for key in ("left", "right", "out"))
        bias = 0.0 if operation["bias"] is None else file.array(operation["bias"])
    except KeyError:
        return [] if operation["exact"] is False else [f"{operation['name']} is said to be exact, but was not kept"]
    with np.errstate(all="ignore"):  # infinities are compared, not complained about
        wanted = operation["scale"] * (left @ right) + bias
        reach = abs(operation["scale"]) * (np.abs(left) @ np.abs(right)) + np.abs(bias)
    if wanted.shape != out.shape:
        return [f"{operation['name']} gives {wanted.shape}, not {out.shape}"]
    dtype = file.tensors[operation["out"]]["dtype"]
    allowed = TOLERANCE.get(dtype, 0.0) * reach + ROUNDING.get(dtype, 0.0) * np.abs(wanted) + 1e-30
    finite = np.isfinite(wanted) & np.isfinite(out)
    wrong = np.where(finite, np.abs(out - wanted) > allowed, ~_same(out, wanted))
    if operation["exact"] is not True:
        return [f"{operation['name']} is not exact"]
    return [f"{operation['name']} is wrong in {wrong.sum()} of {wrong.size} elements"] if wrong.any() else []


def _same(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    return (a == b) | (np.isnan(a) & np.isnan(b))


def witness(file: File) -> list[str]:
    """As many multiplies captured as the kernels were given, and as many in the file."""
    counted, captured = file.manifest["witness"]["aten_matmuls"], file.manifest["witness"]["captured"]
    written = len(list(file.of_kind("matmul")))
    return [] if counted == captured == written else [f"{counted} multiplies, {captured} captured, {written} written"]


def attention(file: File) -> list[str]:
    """Every row of a softmax sums to one; rows are along the last axis, or one before where that is what was asked."""
    complaints = []
    for operation in file.of_kind("softmax"):
        odds = file.array(operation["outputs"][0])
        tolerance = 10 * TOLERANCE[file.tensors[operation["outputs"][0]]["dtype"]]
        if not any((np.abs(odds.sum(axis) - 1) <= tolerance).all() for axis in reversed(range(odds.ndim))):
            rows = odds.sum(-1)
            complaints.append(f"the rows of {operation['name']} sum to {rows.min()} to {rows.max()}")
    return complaints


def embeddings(file: File) -> list[str]:
    """What is looked up in a table is its rows."""
    complaints = []
    for operation in file.of_kind("embedding"):
        ids, table = sorted(operation["inputs"][:2], key=lambda key: file.tensors[key]["dtype"][0] != "I")
        found = file.array(operation["outputs"][0])
        if not np.array_equal(found, file.array(table)[file.array(ids)]):
            complaints.append(f"{operation['name']} is not what stands in the table")
    return complaints


def residual(file: File, least: int) -> list[str]:
    """In every step what the embedding gave and all that was added to it, at least `least` times, is what the last
    norm before the logits takes in."""
    return [fault for step in file.manifest["steps"] for fault in _residual(file, step, least)]


def _residual(file: File, step: dict[str, Any], least: int) -> list[str]:
    norm = next((norm for norm in _norms(file, step["logits"]) if _from_embedding(file, norm["inputs"][0])), None)
    if norm is None:
        return [f"step {step['index']} has no norm of a stream that begins with an embedding"]
    base, branches = norm["inputs"][0], []
    end = file.array(base)
    while (operation := file.maker(base)) is not None and operation["kind"] == "add" and len(operation["inputs"]) == 2:
        base, branch = sorted(operation["inputs"], key=lambda key: not _from_embedding(file, key))
        branches.append(branch)
    if len(branches) < least:
        return [f"step {step['index']}: {len(branches)} additions to the residual stream, not {least}"]
    parts = [file.array(key) for key in (base, *branches)]
    error = np.abs(sum(parts[1:], parts[0]) - end).max() / max(np.abs(part).max() for part in parts)
    tolerance = len(parts) * TOLERANCE[file.tensors[norm["inputs"][0]]["dtype"]]
    return [] if error <= tolerance else [f"step {step['index']}: the residual stream is off by {error:.1e}"]


def _norms(file: File, key: int) -> Iterator[dict[str, Any]]:
    """The norms that one meets going back from a tensor, the nearest first."""
    waiting, seen = [key], set()
    while waiting:
        operation = file.maker(waiting.pop(0))
        if operation is None or operation["id"] in seen:
            continue
        if operation["kind"] in NORMS:
            yield operation
        seen.add(operation["id"])
        waiting += operation["inputs"]


def _from_embedding(file: File, key: int) -> bool:
    """Whether one comes from a tensor to an embedding without passing a multiply."""
    waiting, seen = [key], set()
    while waiting:
        operation = file.maker(waiting.pop())
        if operation is None or operation["kind"] == "matmul" or operation["id"] in seen:
            continue
        if operation["kind"] == "embedding":
            return True
        seen.add(operation["id"])
        waiting += operation["inputs"]
    return False


def order(file: File) -> list[str]:
    """Operations are numbered as they ran, and nothing is used before it is made."""
    complaints = []
    for index, operation in enumerate(file.operations):
        if operation["id"] != index:
            complaints.append(f"operation {index} has the number {operation['id']}")
        makers = [file.makers[key] for key in operation["inputs"] if key in file.makers]
        if any(maker["id"] >= operation["id"] for maker in makers):
            complaints.append(f"{operation['name']} takes in what is made later")
    return complaints


def gaps(file: File) -> list[str]:
    """Names of what operations take in that is no parameter, no number of a token or position, and the result of
    nothing: the constants of a model, and what a capture lost."""
    found: dict[str, None] = {}
    for operation in file.operations:
        for tensor in map(file.tensors.__getitem__, operation["inputs"]):
            known = tensor["parameter"] is not None or "concat" in tensor["source"] or "I" in tensor["dtype"]
            if not known and file.maker(tensor["id"]) is None:
                found[str(tensor["name"])] = None
    return list(found)


def faults(file: File) -> list[str]:
    """All that must hold for every model."""
    return [*order(file), *witness(file), *multiplies(file), *attention(file), *embeddings(file)]


def complaints(path: Path) -> list[str]:
    """What is wrong with the file at a path."""
    return faults(File(path))
