# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace says about itself: the JSON manifest of a trace file as frozen data, read and written.

Keys and their meaning are those of the trace format, version 1. Reading takes nothing on trust: every value has its
type, every number its range. Whether the numbers fit each other and the buffers is for `trace_check`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

FORMAT, VERSION = "forward_pass.trace", 1
MOST = 1 << 62  # of any count; keeps products of checked numbers far from where NumPy would overflow
MOST_DIMENSIONS = 16
KINDS = frozenset(
    ("embedding", "matmul", "add", "mul", "scale", "mask", "softmax", "layer_norm", "rms_norm", "gelu", "relu", "silu")
    + ("tanh", "rotary", "split", "merge", "concat", "topk", "sample", "other")
)

T = TypeVar("T")


class ManifestError(ValueError):
    """The manifest breaks the format; the text says where, to stand after "the trace is damaged: "."""


@dataclass(frozen=True)
class Model:
    """The model that ran. `parameters` counts its numbers, `source` says where its weights came from."""

    name: str
    architecture: str
    parameters: int
    config: dict[str, Any]
    source: str


@dataclass(frozen=True)
class Run:
    """How it ran: on which device, in which number type, with which versions, for how many seconds."""

    device: str
    dtype: str
    seed: int
    torch: str
    transformers: str | None
    seconds: float


@dataclass(frozen=True)
class Token:
    """One token of the sequence. `step` is the one that made it; 0 for those of the prompt."""

    id: int
    text: str
    step: int


@dataclass(frozen=True)
class BufferSource:
    """A view of a buffer: `offset` and `strides` in elements."""

    buffer: str
    offset: int
    strides: tuple[int, ...]


@dataclass(frozen=True)
class ConcatSource:
    """Earlier tensors, by id, joined along an axis: a key or value cache."""

    concat: tuple[int, ...]
    axis: int


@dataclass(frozen=True)
class PooledSource:
    """Known only by a smaller map of it, one value for each `block`; `how` names the pooling."""

    pooled: int
    how: str
    block: tuple[int, ...]


@dataclass(frozen=True)
class ExternalSource:
    """Lies in a checkpoint's own file under `key`."""

    external: str
    key: str
    strides: tuple[int, ...]


Source = BufferSource | ConcatSource | PooledSource | ExternalSource


@dataclass(frozen=True)
class Stats:
    """Of the finite values (all 0 where there is none), and how many are not finite."""

    min: float
    max: float
    absmax: float
    mean: float
    std: float
    nan: int
    inf: int


@dataclass(frozen=True)
class Tensor:
    """A tensor of the run. `axes` names for every dimension the atoms it is made of, outermost first."""

    id: int
    name: str
    shape: tuple[int, ...]
    axes: tuple[tuple[str, ...], ...]
    dtype: str  # as safetensors writes it: "F32", "BF16", "I64"
    parameter: str | None
    source: Source
    stats: Stats


@dataclass(frozen=True)
class Operation:
    """One call. The fields from `left` on are set where `kind` is "matmul": scale * (left @ right) + bias == out.

    `scale` is also set where `kind` is "scale". `max_error` is NaN where left @ right and out do not even agree
    on which values are finite.
    """

    id: int
    kind: str
    name: str
    module: str
    layer: int | None
    step: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    left: int | None = None
    right: int | None = None
    bias: int | None = None
    out: int | None = None
    scale: float | None = None
    contracted: str | None = None
    exact: bool | None = None
    max_error: float | None = None
    flops: int | None = None


@dataclass(frozen=True)
class Module:
    """One call of a module: `operations` are the first and last (inclusive) that ran in it; `step` the forward pass."""

    path: str
    class_name: str
    layer: int | None
    operations: tuple[int, int]
    step: int


@dataclass(frozen=True)
class Step:
    """One forward pass. It was given `tokens` (first and last, inclusive) and had `past` tokens in its cache."""

    index: int
    past: int
    tokens: tuple[int, int]
    logits: int
    sampled: int | None


@dataclass(frozen=True)
class Witness:
    """Multiplies counted below the capture and multiplies captured: equal, or something was lost."""

    aten_matmuls: int
    captured: int


@dataclass(frozen=True)
class Manifest:
    """All that a trace says about itself; the numbers are in the buffers."""

    model: Model
    run: Run
    prompt: str
    tokens: tuple[Token, ...]
    tensors: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    modules: tuple[Module, ...]
    steps: tuple[Step, ...]
    witness: Witness
    warnings: tuple[str, ...]


MATMUL_FIELDS = ("left", "right", "bias", "out", "scale", "contracted", "exact", "max_error", "flops")


def to_words(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON can hold it; a `max_error` that is not a number becomes null."""
    words = {"version": VERSION, **dataclasses.asdict(manifest)}
    for module in words["modules"]:
        module["class"] = module.pop("class_name")
    for operation in words["operations"]:
        error = operation["max_error"]
        if error is not None and not math.isfinite(error):
            operation["max_error"] = None
        if operation["kind"] != "matmul":
            for key in MATMUL_FIELDS:
                if key != "scale" or operation[key] is None:
                    del operation[key]
    return words


def from_words(words: object) -> Manifest:
    """The manifest that JSON held; unknown keys are ignored.

    Raises ManifestError where a key is missing, or a value of the wrong type or out of range.
    """
    top = _Record(words, "the manifest")
    return Manifest(
        model=_model(top.record("model")),
        run=_run(top.record("run")),
        prompt=top.text("prompt"),
        tokens=top.records("tokens", lambda r: Token(r.count("id"), r.text("text"), r.count("step"))),
        tensors=top.records("tensors", _tensor),
        operations=top.records("operations", _operation),
        modules=top.records("modules", _module),
        steps=top.records("steps", _step),
        witness=_witness(top.record("witness")),
        warnings=top.texts("warnings"),
    )


class _Record:
    """A JSON object, read key by key; `where` names it in errors."""

    def __init__(self, words: object, where: str) -> None:
        if not isinstance(words, dict):
            raise ManifestError(f"{where} is not an object")
        self.words = words
        self.where = where

    def _get(self, key: str, kind: type | tuple[type, ...]) -> Any:
        value = self.words.get(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ManifestError(f"{self.where} has no proper {key!r}")
        return value

    def has(self, key: str) -> bool:
        return self.words.get(key) is not None

    def text(self, key: str) -> str:
        return str(self._get(key, str))

    def flag(self, key: str) -> bool:
        return bool(self._get(key, bool))

    def count(self, key: str) -> int:
        return _count(self._get(key, int), f"{key!r} of {self.where}")

    def integer(self, key: str) -> int:
        """Any whole number: a random seed."""
        return int(self._get(key, int))

    def optional_count(self, key: str) -> int | None:
        return self.count(key) if self.has(key) else None

    def number(self, key: str) -> float:
        try:
            value = float(self._get(key, (int, float)))
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ManifestError(f"{key!r} of {self.where} is not a finite number")
        return value

    def counts(self, key: str) -> tuple[int, ...]:
        return tuple(_count(value, f"{key!r} of {self.where}") for value in self._get(key, list))

    def pair(self, key: str) -> tuple[int, int]:
        found = self.counts(key)
        if len(found) != 2:
            raise ManifestError(f"{key!r} of {self.where} is not a first and a last")
        return found[0], found[1]

    def texts(self, key: str) -> tuple[str, ...]:
        return _texts(self._get(key, list), f"{key!r} of {self.where}")

    def table(self, key: str) -> dict[str, Any]:
        return dict(self._get(key, dict))

    def record(self, key: str) -> _Record:
        return _Record(self._get(key, dict), f"{key!r}")

    def records(self, key: str, read: Callable[[_Record], T]) -> tuple[T, ...]:
        return tuple(read(_Record(words, f"{key}[{i}]")) for i, words in enumerate(self._get(key, list)))


def _count(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ManifestError(f"{where} is not a proper count")
    return value


def _texts(values: list[object], where: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise ManifestError(f"{where} is not a list of texts")
    return tuple(str(value) for value in values)


def _model(record: _Record) -> Model:
    text = record.text
    return Model(text("name"), text("architecture"), record.count("parameters"), record.table("config"), text("source"))


def _run(record: _Record) -> Run:
    transformers = record.text("transformers") if record.has("transformers") else None
    return Run(
        device=record.text("device"),
        dtype=record.text("dtype"),
        seed=record.integer("seed"),
        torch=record.text("torch"),
        transformers=transformers,
        seconds=record.number("seconds"),
    )


def _tensor(record: _Record) -> Tensor:
    axes = record._get("axes", list)
    if not all(isinstance(atoms, list) for atoms in axes):
        raise ManifestError(f"'axes' of {record.where} is not a list of lists")
    shape = record.counts("shape")
    if len(axes) != len(shape) or len(shape) > MOST_DIMENSIONS:
        raise ManifestError(f"{record.where} has {len(shape)} dimensions and {len(axes)} names for them")
    stats = record.record("stats")
    low, high, absmax, mean, std = (stats.number(key) for key in ("min", "max", "absmax", "mean", "std"))
    return Tensor(
        id=record.count("id"),
        name=record.text("name"),
        shape=shape,
        axes=tuple(_texts(atoms, f"'axes' of {record.where}") for atoms in axes),
        dtype=record.text("dtype"),
        parameter=record.text("parameter") if record.has("parameter") else None,
        source=_source(_Record(record.words.get("source"), f"'source' of {record.where}")),
        stats=Stats(low, high, absmax, mean, std, stats.count("nan"), stats.count("inf")),
    )


def _source(record: _Record) -> Source:
    if record.has("buffer"):
        return BufferSource(record.text("buffer"), record.count("offset"), record.counts("strides"))
    if record.has("concat"):
        return ConcatSource(record.counts("concat"), record.count("axis"))
    if record.has("pooled"):
        return PooledSource(record.count("pooled"), record.text("how"), record.counts("block"))
    if record.has("external"):
        return ExternalSource(record.text("external"), record.text("key"), record.counts("strides"))
    raise ManifestError(f"{record.where} is of no known sort")


def _operation(record: _Record) -> Operation:
    kind = record.text("kind")
    if kind not in KINDS:
        raise ManifestError(f"{record.where} is of the unknown kind {kind[:40]!r}")
    plain = Operation(
        id=record.count("id"),
        kind=kind,
        name=record.text("name"),
        module=record.text("module"),
        layer=record.optional_count("layer"),
        step=record.count("step"),
        inputs=record.counts("inputs"),
        outputs=record.counts("outputs"),
    )
    if kind != "matmul":
        scale = record.number("scale") if kind == "scale" and record.has("scale") else None
        return dataclasses.replace(plain, scale=scale)
    return dataclasses.replace(
        plain,
        left=record.count("left"),
        right=record.count("right"),
        bias=record.optional_count("bias"),
        out=record.count("out"),
        scale=record.number("scale"),
        contracted=record.text("contracted"),
        exact=record.flag("exact"),
        max_error=record.number("max_error") if record.has("max_error") else math.nan,
        flops=record.count("flops"),
    )


def _module(record: _Record) -> Module:
    step = record.optional_count("step") or 0
    layer = record.optional_count("layer")
    return Module(record.text("path"), record.text("class"), layer, record.pair("operations"), step)


def _step(record: _Record) -> Step:
    sampled = record.optional_count("sampled")
    past, logits = record.count("past"), record.count("logits")
    return Step(record.count("index"), past, record.pair("tokens"), logits, sampled)


def _witness(record: _Record) -> Witness:
    return Witness(record.count("aten_matmuls"), record.count("captured"))
