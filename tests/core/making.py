# SPDX-License-Identifier: GPL-3.0-or-later
"""Small traces for tests, put together tensor by tensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forward_pass.core.trace import (
    Composite,
    Manifest,
    Model,
    Module,
    Operation,
    Run,
    Stats,
    Step,
    Tensor,
    Token,
    Trace,
    TraceWriter,
    Witness,
)
from forward_pass.core.trace_manifest import BufferSource, Source

MODEL = Model("small", "GPT", 12, {}, "made for a test")
RUN = Run("cpu", "float32", 0, "2.13.0", None, 0.25)


class Maker:
    """Collects tensors and operations; `write` makes a trace of one step out of them."""

    def __init__(self) -> None:
        self.buffers: list[tuple[NDArray[Any], str]] = []
        self.tensors: list[Tensor] = []
        self.operations: list[Operation] = []
        self.modules: list[Module] = []
        self.composites: list[Composite] = []
        self.steps: tuple[Step, ...] | None = None  # one, with the last tensor as its logits, where None
        self.multiplies: int | None = None  # said to be run and captured; those there are where None

    def tensor(self, name: str, numbers: Any, axes: str = "", dtype: str = "F32", **more: Any) -> int:
        """A tensor with a buffer of its own, of numbers as they lie in the file."""
        found = np.ascontiguousarray(numbers, None if dtype != "F32" else np.float32)
        strides = tuple(stride // found.itemsize for stride in found.strides)
        source = BufferSource(f"b{len(self.buffers)}", 0, strides)
        self.buffers.append((found, dtype))
        return self.refer(name, found.shape, source, axes, dtype, **more)

    def refer(
        self, name: str, shape: tuple[int, ...], source: Source, axes: str = "", dtype: str = "F32", **more: Any
    ) -> int:
        """A tensor whose numbers are elsewhere. `axes` are its names, a dimension each, atoms joined by "*"."""
        named = tuple(tuple(one.split("*")) for one in axes.split()) or tuple(("?",) for _ in shape)
        stats = Stats(-1.0, 2.0, 2.0, 0.5, 0.25, 0, 0)
        more = {"parameter": None, **more}
        one = Tensor(len(self.tensors), name, shape, named, dtype, source=source, stats=stats, **more)
        self.tensors.append(one)
        return one.id

    def operation(self, kind: str, name: str, inputs: list[int], outputs: list[int], **more: Any) -> int:
        """An operation of step 0, unless `more` says otherwise."""
        more = {"module": name, "layer": None, "step": 0, **more}
        one = Operation(len(self.operations), kind, name, inputs=tuple(inputs), outputs=tuple(outputs), **more)
        self.operations.append(one)
        return one.id

    def multiply(self, name: str, left: int, right: int, out: int, bias: int | None = None, **more: Any) -> int:
        """scale * left @ right + bias == out."""
        given = [left, right] if bias is None else [left, right, bias]
        contracted = " ".join(self.tensors[left].axes[-1])
        usual = {"scale": 1.0, "contracted": contracted, "exact": True, "max_error": 1e-7, "flops": 2}
        operands = {"left": left, "right": right, "bias": bias, "out": out}
        return self.operation("matmul", name, given, [out], **(operands | usual | more))

    def manifest(self, **more: Any) -> Manifest:
        """The manifest; `more` are its own fields."""
        there = sum(one.kind == "matmul" for one in self.operations) if self.multiplies is None else self.multiplies
        usual: dict[str, Any] = {
            "model": MODEL,
            "run": RUN,
            "prompt": "A",
            "tokens": (Token(0, "A", 0), Token(1, "B", 0)),
            "tensors": tuple(self.tensors),
            "operations": tuple(self.operations),
            "modules": tuple(self.modules),
            "steps": self.steps or (Step(0, 0, (0, 0), self.tensors[-1].id, 1),),
            "witness": Witness(there, there),
            "warnings": (),
            "composites": tuple(self.composites),
        }
        return Manifest(**(usual | more))

    def write(self, path: Path, **more: Any) -> Trace:
        """The trace of it, written and opened again."""
        with TraceWriter(path) as writer:
            for numbers, dtype in self.buffers:
                writer.add(numbers, dtype)
            writer.finish(self.manifest(**more))
        return Trace.open(path)


def halves(numbers: NDArray[Any]) -> NDArray[np.uint16]:
    """The upper half of each number: BF16 as it lies in a file, cut and not rounded."""
    return (np.ascontiguousarray(numbers, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def checkpoint(path: Path, tensors: Mapping[str, tuple[NDArray[Any], str]], shift: int = 0) -> Path:
    """A safetensors file; `shift` spaces make its header longer, so that numbers begin anywhere."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, (numbers, dtype) in tensors.items():
        header[name] = {"dtype": dtype, "shape": numbers.shape, "data_offsets": [position, position + numbers.nbytes]}
        position += numbers.nbytes
    text = json.dumps(header).encode() + b" " * shift
    body = b"".join(np.ascontiguousarray(numbers).tobytes() for numbers, _ in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path
