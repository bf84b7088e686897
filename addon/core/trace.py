# SPDX-License-Identifier: GPL-3.0-or-later
"""The trace of a run: every tensor and every operation of it, read from one file by memory map."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace_check import check
from .trace_file import AGAIN, Entry, check_version, damaged, read_entries, read_json
from .trace_manifest import (
    FORMAT,
    BufferSource,
    Composite,
    ConcatSource,
    Cut,
    Manifest,
    ManifestError,
    Map,
    Model,
    Module,
    Operation,
    Part,
    Run,
    Stats,
    Step,
    Tensor,
    Token,
    Witness,
)
from .trace_words import from_words
from .trace_writer import TraceWriter, partial_path

__all__ = [
    "Composite",
    "Cut",
    "Manifest",
    "Map",
    "Model",
    "Module",
    "Operation",
    "Part",
    "Run",
    "Stats",
    "Step",
    "Tensor",
    "Token",
    "Trace",
    "TraceWriter",
    "Witness",
    "partial_path",
]

_NUMPY = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "F16": "<f2", "BF16": "<u2",
    "U32": "<u4", "I32": "<i4", "F32": "<f4", "U64": "<u8", "I64": "<i8", "F64": "<f8",
}  # fmt: skip


class Trace:
    """A trace file, opened. Nothing is read before it is asked for; what was checked stays as it was checked.

    `trace.tensor("step0.lm_head")` says what a tensor is, `trace.array("step0.lm_head")` gives its numbers.
    """

    def __init__(self, path: Path, manifest: Manifest, entries: dict[str, Entry]) -> None:
        self.path = path
        self.manifest = manifest
        self._entries = entries
        self._by_id = {tensor.id: tensor for tensor in manifest.tensors}
        self._by_name = _by_name(manifest.tensors)
        self._operations = {(operation.step, operation.name): operation for operation in manifest.operations}

    @classmethod
    def open(cls, path: str | Path) -> Trace:
        """Opens and checks a trace file.

        Raises UserError where it is not there, no trace, newer than this reader, cut off, or damaged.
        """
        path = Path(path)
        entries = read_entries(path)
        manifest = entries.pop("manifest", None)
        if manifest is None or manifest.dtype != "U8":
            raise damaged(path, "it has no manifest")
        words = read_json(manifest.data.tobytes(), path, "its manifest")
        check_version({"format": FORMAT, "version": words.get("version")}, path)
        try:
            found = from_words(words)
            check(found, {name: (entry.dtype, entry.elements) for name, entry in entries.items()})
        except ManifestError as error:
            raise damaged(path, str(error)) from None
        return cls(path, found, entries)

    @property
    def model(self) -> Model:
        """The model that ran."""
        return self.manifest.model

    @property
    def run(self) -> Run:
        """How it ran."""
        return self.manifest.run

    @property
    def prompt(self) -> str:
        """What the model was given."""
        return self.manifest.prompt

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The whole sequence: the prompt, then what was generated."""
        return self.manifest.tokens

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor, in the order in which they came up."""
        return self.manifest.tensors

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Every operation, in the order in which they ran; an operation's id is its index here."""
        return self.manifest.operations

    @property
    def modules(self) -> tuple[Module, ...]:
        """Every call of a module, outermost first."""
        return self.manifest.modules

    @property
    def steps(self) -> tuple[Step, ...]:
        """One forward pass each."""
        return self.manifest.steps

    @property
    def witness(self) -> Witness:
        """Multiplies counted and captured."""
        return self.manifest.witness

    @property
    def composites(self) -> tuple[Composite, ...]:
        """What a lecturer would name, with the operations it is made of."""
        return self.manifest.composites

    @property
    def also(self) -> Path | None:
        """Another trace to compare this one with, beside it."""
        return None if self.manifest.also is None else self.path.with_name(self.manifest.also)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the tracer had to say."""
        return self.manifest.warnings

    @property
    def prompt_tokens(self) -> tuple[Token, ...]:
        """The tokens of the prompt."""
        return self.tokens[: self.steps[0].tokens[1] + 1] if self.steps else self.tokens

    @property
    def generated_tokens(self) -> tuple[Token, ...]:
        """The tokens that the model made."""
        return self.tokens[len(self.prompt_tokens) :]

    @cached_property
    def sha256(self) -> str:
        """Of the whole file, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __contains__(self, key: object) -> bool:
        return key in self._by_name or key in self._by_id

    def tensor(self, key: int | str) -> Tensor:
        """The tensor of this id, name or alias, a name of the first step also without "step0."; UserError where there
        is none."""
        found = self._by_name.get(key) if isinstance(key, str) else self._by_id.get(key)
        if found is None:
            raise UserError(f"The trace {self.path.name} has no tensor {key!r}.", "It may be of another kind of model.")
        return found

    def operation(self, step: int, name: str) -> Operation:
        """The operation of this name in this step; UserError where there is none."""
        found = self._operations.get((step, name))
        if found is None:
            raise UserError(
                f"The trace {self.path.name} has no operation {name!r} in step {step}.",
                "It may be of another kind of model.",
            )
        return found

    def array(self, key: int | str) -> NDArray[np.float32]:
        """The numbers of a tensor, in its shape, read-only where they are the file's own.

        Raises UserError where the trace does not hold them (a tensor that is pooled or lies in another file), or
        where they do not fit into memory.
        """
        tensor = self.tensor(key)
        source = tensor.source
        try:
            if isinstance(source, BufferSource):
                return self._view(tensor, source)
            if isinstance(source, ConcatSource):
                return np.concatenate([self.array(part) for part in source.concat], axis=source.axis)
        except MemoryError:
            raise UserError(f"{tensor.name} is too large for this machine's memory.", AGAIN) from None
        raise UserError(
            f"The trace {self.path.name} does not hold the numbers of {tensor.name}.",
            "They are in the model's own file; only a summary was kept.",
        )

    def _view(self, tensor: Tensor, source: BufferSource) -> NDArray[np.float32]:
        entry = self._entries[source.buffer]
        flat = entry.data.view(_NUMPY[entry.dtype])[source.offset :]
        strides = [stride * flat.itemsize for stride in source.strides]
        view = np.lib.stride_tricks.as_strided(flat, tensor.shape, strides, writeable=False)
        if entry.dtype == "BF16":  # the upper half of a float32
            return (view.astype(np.uint32) << 16).view(np.float32)
        return view if entry.dtype == "F32" else view.astype(np.float32)


def _by_name(tensors: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Every tensor by its names: a name goes before an alias, both before a name without its "step0."."""
    first = "step0."
    short = {tensor.name.removeprefix(first): tensor for tensor in tensors if tensor.name.startswith(first)}
    aliases = {alias: tensor for tensor in tensors for alias in tensor.aliases}
    return short | aliases | {tensor.name: tensor for tensor in tensors}
