# SPDX-License-Identifier: GPL-3.0-or-later
"""The trace of a run: every tensor and every operation of it, read from one file by memory map."""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace_check import check
from .trace_file import Entry, check_version, damaged, parse_json, read_entries
from .trace_manifest import (
    FORMAT,
    Composite,
    Cut,
    Manifest,
    ManifestError,
    Map,
    Model,
    Module,
    Operation,
    Part,
    PooledSource,
    Run,
    Stats,
    Step,
    Tensor,
    Token,
    Witness,
)
from .trace_numbers import Numbers
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


class Trace:
    """A trace file, opened. Nothing is read before it is asked for; what was checked stays as it was checked.

    `trace.tensor("step0.lm_head")` says what a tensor is, `trace.array("step0.lm_head")` gives its numbers.
    """

    def __init__(self, path: Path, manifest: Manifest, entries: dict[str, Entry]) -> None:
        self.path = path
        self.manifest = manifest
        self._by_id = {tensor.id: tensor for tensor in manifest.tensors}
        self._numbers = Numbers(path, self._by_id, entries)
        self._by_name = _by_name(manifest.tensors)
        self._operations = {(operation.step, operation.name): operation for operation in manifest.operations}

    @classmethod
    def open(cls, path: str | Path) -> Trace:
        """Opens and checks a trace file.

        Raises UserError where it is not there, no trace, newer than this reader, cut off, or damaged.
        """
        path = Path(path)
        with _no_collection():
            return cls._open(path)

    @classmethod
    def _open(cls, path: Path) -> Trace:
        entries = read_entries(path)
        manifest = entries.pop("manifest", None)
        if manifest is None or manifest.dtype != "U8":
            raise damaged(path, "it has no manifest")
        try:
            words = parse_json(manifest.data.tobytes(), "its manifest")
            check_version({"format": FORMAT, "version": words.get("version")}, path)
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

        Raises UserError where they cannot be had: only a map of them was kept, or the model's own file, in which they
        lie, is gone or another one; or where they do not fit into memory.
        """
        tensor = self.tensor(key)
        return self._numbers.read(tensor, tuple((0, n) for n in tensor.shape))

    def piece(self, key: int | str, at: tuple[tuple[int, int], ...]) -> NDArray[np.float32]:
        """The numbers of a tensor from a first index to before a last one in every dimension, which is all that is
        read; UserError as for `array`."""
        tensor = self.tensor(key)
        inside = all(0 <= start <= stop <= n for (start, stop), n in zip(at, tensor.shape, strict=True))
        if not inside:
            raise UserError(f"{tensor.name} has the shape {_by(tensor.shape)}, and something beyond it was asked for.")
        return self._numbers.read(tensor, at)

    def leaves(self, key: int | str) -> tuple[Tensor, ...]:
        """The tensors that this one is made of in the end: itself, or all that are joined in it."""
        return tuple(self._numbers.leaves(self.tensor(key)))

    def map(self, key: int | str, how: str = "absmax") -> NDArray[np.float32]:
        """A smaller map of a tensor: one value for each block, its mean or ("absmax") the one of the largest
        magnitude, with its sign. UserError where there is none."""
        tensor = self.tensor(key)
        kept = {one.how: one.tensor for one in tensor.maps}
        if isinstance(tensor.source, PooledSource):
            kept.setdefault(tensor.source.how, tensor.source.pooled)
        if how not in kept:
            there = f"those there are: {', '.join(kept)}" if kept else "it has none"
            raise UserError(f"The trace {self.path.name} has no map {how!r} of {tensor.name}; {there}.")
        return self.array(kept[how])

    def crop(self, key: int | str, rows: tuple[int, int], columns: tuple[int, int]) -> NDArray[np.float32]:
        """A piece of a tensor at full resolution: these rows and columns (first and last, inclusive) of its last two
        dimensions, out of a crop that was kept where the trace does not have it all.

        Raises UserError where there is neither.
        """
        tensor = self.tensor(key)
        if len(tensor.shape) < 2:
            raise UserError(f"{tensor.name} has the shape {_by(tensor.shape)}, without rows and columns.")
        for cut in tensor.crops:
            if all(a[0] <= b[0] <= b[1] <= a[1] for a, b in ((cut.rows, rows), (cut.columns, columns))):
                found, shift = self.tensor(cut.tensor), (cut.rows[0], cut.columns[0])
                return self.piece(found.id, _last_two(found.shape, rows, columns, shift))
        return self.piece(tensor.id, _last_two(tensor.shape, rows, columns, (0, 0)))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Without Python's search for garbage: a large manifest is a million objects of which none is, and looking
    through them again and again takes longer than making them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _last_two(
    shape: tuple[int, ...], rows: tuple[int, int], columns: tuple[int, int], shift: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """Everything of all dimensions but the last two, of which these (inclusive) after a shift."""
    ends = [(first - by, last + 1 - by) for (first, last), by in zip((rows, columns), shift, strict=True)]
    return (*((0, n) for n in shape[:-2]), *ends)


def _by(shape: tuple[int, ...]) -> str:
    return " by ".join(map(str, shape)) or "of one number"


def _by_name(tensors: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Every tensor by its names: a name goes before an alias, both before a name without its "step0."."""
    first = "step0."
    short = {tensor.name.removeprefix(first): tensor for tensor in tensors if tensor.name.startswith(first)}
    aliases = {alias: tensor for tensor in tensors for alias in tensor.aliases}
    return short | aliases | {tensor.name: tensor for tensor in tensors}
