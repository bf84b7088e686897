# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a trace as JSON can hold it, read and written.

What a trace does not have is left out; unknown keys are ignored, so a file with additions is read by those who do not
know them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .trace_manifest import (
    KINDS,
    VERSION,
    BufferSource,
    Composite,
    ConcatSource,
    Cut,
    ExternalSource,
    Manifest,
    ManifestError,
    Map,
    Model,
    Module,
    Operation,
    Part,
    PooledSource,
    Run,
    Source,
    Stats,
    Step,
    Tensor,
    Token,
    Witness,
)
from .trace_record import Record

MOST_DIMENSIONS = 16
MATMUL_FIELDS = ("left", "right", "bias", "out", "scale", "contracted", "exact", "max_error", "flops")


def to_words(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON can hold it; a `max_error` that is not a number becomes null."""
    words: dict[str, Any] = {
        "version": VERSION,
        "model": vars(manifest.model),
        "run": _without_nothing(vars(manifest.run), ("engine",)),
        "prompt": manifest.prompt,
        "tokens": [vars(token) for token in manifest.tokens],
        "tensors": [_tensor_words(tensor) for tensor in manifest.tensors],
        "operations": [_operation_words(operation) for operation in manifest.operations],
        "modules": [_module_words(module) for module in manifest.modules],
        "steps": [_without_nothing(vars(step), ("top_values", "top_ids")) for step in manifest.steps],
        "witness": vars(manifest.witness),
        "warnings": manifest.warnings,
        "composites": [_composite_words(composite) for composite in manifest.composites],
        "also": manifest.also,
    }
    return _without_nothing(words, ("composites", "also"))


def _without_nothing(words: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """`words` without those of the keys under which there is nothing."""
    return {key: value for key, value in words.items() if key not in keys or not _is_nothing(value)}


def _is_nothing(value: Any) -> bool:
    """None, or a sequence or array of no entries."""
    return value is None or (isinstance(value, tuple | list | np.ndarray) and len(value) == 0)


def _tensor_words(tensor: Tensor) -> dict[str, Any]:
    words = {
        **vars(tensor),
        "source": dict(vars(tensor.source)),
        "stats": vars(tensor.stats),
        "maps": [vars(one) for one in tensor.maps],
        "crops": [vars(one) for one in tensor.crops],
    }
    if isinstance(tensor.source, ExternalSource) and not tensor.source.offset:
        del words["source"]["offset"]
    return _without_nothing(words, ("aliases", "maps", "crops"))


def _operation_words(operation: Operation) -> dict[str, Any]:
    words = {**vars(operation), "parts": [vars(part) for part in operation.parts]}
    error = operation.max_error
    if error is not None and not math.isfinite(error):
        words["max_error"] = None
    if operation.kind != "matmul":
        for key in MATMUL_FIELDS:
            if key != "scale" or words[key] is None:
                del words[key]
    return _without_nothing(words, ("parts", "checked", "seconds", "rows", "of_rows"))


def _module_words(module: Module) -> dict[str, Any]:
    words = dict(vars(module))
    words["class"] = words.pop("class_name")
    return words


def _composite_words(composite: Composite) -> dict[str, Any]:
    parts = [{"role": role, "operation": operation} for role, operation in composite.parts]
    return {**vars(composite), "parts": parts}


def from_words(words: object) -> Manifest:
    """The manifest that JSON held; unknown keys are ignored.

    Raises ManifestError where a key is missing, or a value of the wrong type or out of range.
    """
    top = Record(words, "the manifest")
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
        composites=top.optional_records("composites", _composite),
        also=top.optional_text("also"),
    )


def _model(record: Record) -> Model:
    text = record.text
    return Model(text("name"), text("architecture"), record.count("parameters"), record.table("config"), text("source"))


def _run(record: Record) -> Run:
    return Run(
        device=record.text("device"),
        dtype=record.text("dtype"),
        seed=record.integer("seed"),
        torch=record.text("torch"),
        transformers=record.optional_text("transformers"),
        seconds=record.number("seconds"),
        engine=record.text("engine") if record.has("engine") else None,
    )


def _tensor(record: Record) -> Tensor:
    shape, axes = record.counts("shape"), record.text_lists("axes")
    if len(axes) != len(shape) or len(shape) > MOST_DIMENSIONS:
        raise ManifestError(f"{record.where} has {len(shape)} dimensions and {len(axes)} names for them")
    return Tensor(
        id=record.count("id"),
        name=record.text("name"),
        shape=shape,
        axes=axes,
        dtype=record.text("dtype"),
        parameter=record.optional_text("parameter"),
        source=_source(record.record("source")),
        stats=_stats(record.record("stats")),
        aliases=record.texts("aliases") if record.has("aliases") else (),
        maps=record.optional_records("maps", lambda r: Map(r.text("how"), r.count("tensor"), r.counts("block"))),
        crops=record.optional_records("crops", lambda r: Cut(r.count("tensor"), r.pair("rows"), r.pair("columns"))),
    )


def _stats(record: Record) -> Stats:
    number, count = record.number, record.count
    low, high, absmax = number("min"), number("max"), number("absmax")
    return Stats(low, high, absmax, number("mean"), number("std"), count("nan"), count("inf"))


def _source(record: Record) -> Source:
    if record.has("buffer"):
        return BufferSource(record.text("buffer"), record.count("offset"), record.counts("strides"))
    if record.has("concat"):
        return ConcatSource(record.counts("concat"), record.count("axis"))
    if record.has("pooled"):
        return PooledSource(record.count("pooled"), record.text("how"), record.counts("block"))
    if record.has("external"):
        offset = record.optional_count("offset") or 0
        return ExternalSource(record.text("external"), record.text("key"), record.counts("strides"), offset)
    raise ManifestError(f"{record.where} is of no known sort")


def _operation(record: Record) -> Operation:
    kind = record.text("kind")
    if kind not in KINDS:
        raise ManifestError(f"{record.where} is of the unknown kind {kind[:40]!r}")
    special = _multiply(record) if kind == "matmul" else {}
    if kind == "scale" and record.has("scale"):
        special["scale"] = record.number("scale")
    return Operation(
        id=record.count("id"),
        kind=kind,
        name=record.text("name"),
        module=record.text("module"),
        layer=record.optional_count("layer"),
        step=record.count("step"),
        inputs=record.counts("inputs"),
        outputs=record.counts("outputs"),
        parts=record.optional_records("parts", _part),
        seconds=record.number("seconds") if record.has("seconds") else None,
        rows=record.optional_pair("rows"),
        of_rows=record.optional_count("of_rows"),
        **special,
    )


def _multiply(record: Record) -> dict[str, Any]:
    """What only a multiply has."""
    return {
        "left": record.count("left"),
        "right": record.count("right"),
        "bias": record.optional_count("bias"),
        "out": record.count("out"),
        "scale": record.number("scale"),
        "contracted": record.text("contracted"),
        "exact": record.flag("exact"),
        "max_error": record.number("max_error") if record.has("max_error") else math.nan,
        "flops": record.count("flops"),
        "checked": record.optional_count("checked"),
    }


def _part(record: Record) -> Part:
    return Part(record.text("kind"), record.text("name"), record.counts("inputs"), record.counts("outputs"))


def _module(record: Record) -> Module:
    step = record.optional_count("step") or 0
    layer = record.optional_count("layer")
    return Module(record.text("path"), record.text("class"), layer, record.pair("operations"), step)


def _step(record: Record) -> Step:
    return Step(
        index=record.count("index"),
        past=record.count("past"),
        tokens=record.pair("tokens"),
        logits=record.count("logits"),
        sampled=record.optional_count("sampled"),
        top_values=record.optional_count("top_values"),
        top_ids=record.optional_count("top_ids"),
    )


def _witness(record: Record) -> Witness:
    return Witness(record.count("aten_matmuls"), record.count("captured"))


def _composite(record: Record) -> Composite:
    parts = record.records("parts", lambda r: (r.text("role"), r.count("operation")))
    return Composite(
        kind=record.text("kind"),
        name=record.text("name"),
        module=record.text("module"),
        layer=record.optional_count("layer"),
        step=record.count("step"),
        parts=parts,
        inputs=record.counts("inputs"),
        outputs=record.counts("outputs"),
    )
