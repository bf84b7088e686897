# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace in words and numbers: what ran, a line for every operation, a tensor and a corner of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Operation, Tensor, Trace
from forward_pass.core.trace_manifest import BufferSource, ConcatSource, ExternalSource, PooledSource
from scripts._table import Column, table

COLUMNS = (
    Column("id", right=True),
    Column("step", right=True, drop=3),
    Column("layer", right=True, drop=2),
    Column("kind"),
    Column("name", least=16, keep_end=True),
    Column("axes of the result", least=18, drop=4),
    Column("shape", drop=6),
    Column("max error", right=True, drop=5),
    Column("time", right=True, drop=1),
)
CORNER = 6  # rows and columns of a tensor that are shown
LONGEST = 72  # characters of a prompt that are shown


def plain(text: str) -> str:
    """Text that cannot move the cursor or change colours: what does not print is written as Python would."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def dimensions(shape: tuple[int, ...]) -> str:
    """1×6×48; "one" for a single number."""
    return "×".join(map(str, shape)) or "one"


def axes(tensor: Tensor) -> str:
    """The names of all dimensions; where one is made of several, they are joined: batch token head*value_dim."""
    return plain(" ".join("*".join(atoms) or "?" for atoms in tensor.axes))


def size(count: int) -> str:
    """Bytes as people say them."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.2f} {unit}"
    return f"{count} bytes"


def seconds(value: float | None) -> str:
    """A time, with the unit that fits it; nothing where none was taken."""
    if value is None:
        return ""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.2f} ms"


def error(operation: Operation) -> str:
    """The relative error that the tracer found; with a star where it looked at some of the elements only."""
    if operation.kind != "matmul" or operation.max_error is None:
        return ""
    if operation.exact is False:
        return "not exact"
    return f"{operation.max_error:.1e}{'' if operation.checked is None else '*'}"


def result(trace: Trace, operation: Operation) -> Tensor | None:
    """The tensor that an operation is shown by: what it gave."""
    key = operation.out if operation.out is not None else next(iter(operation.outputs), None)
    return None if key is None else trace.tensor(key)


def operation_row(trace: Trace, operation: Operation) -> list[str]:
    """The cells of an operation, a column each."""
    made = result(trace, operation)
    shape = "" if made is None else dimensions(made.shape)
    if operation.rows is not None:
        first, last = operation.rows
        shape += f" (row {first if first == last else f'{first} to {last}'} of {operation.of_rows})"
    layer = "" if operation.layer is None else str(operation.layer)
    names = plain(operation.name), "" if made is None else axes(made), shape
    kind = operation.kind
    return [str(operation.id), str(operation.step), layer, kind, *names, error(operation), seconds(operation.seconds)]


def operations(trace: Trace, chosen: Sequence[Operation], width: int | None) -> list[str]:
    """The table of these operations."""
    lines = table(COLUMNS, [operation_row(trace, one) for one in chosen], width)
    if any(one.checked is not None for one in chosen):
        lines.append("* of some of the elements, evenly spaced; --verify recomputes all")
    return lines


def head(trace: Trace) -> list[str]:
    """What ran, on what, with what result, and what the tracer had to say."""
    lines = [f"{name:<9} {plain(text)}" for name, text in _head(trace)]
    return [*lines, *(f"{'warning':<9} {plain(text)}" for text in trace.warnings)]


def _head(trace: Trace) -> Iterator[tuple[str, str]]:
    model, run, witness = trace.model, trace.run, trace.witness
    counts = f"{len(trace.operations)} operations, {len(trace.tensors)} tensors, {len(trace.steps)} forward passes"
    yield "trace", f"{trace.path.name}, {size(trace.path.stat().st_size)}: {counts}"
    yield "model", f"{model.name} ({model.architecture}), {model.parameters:,} parameters, from {model.source}"
    versions = (run.engine or f"torch {run.torch}") + (f", transformers {run.transformers}" if run.transformers else "")
    yield "run", f"{run.dtype} on {run.device}, {versions}, seed {run.seed}, {seconds(run.seconds)}"
    yield "prompt", f"{_short(trace.prompt)!r}, {len(trace.prompt_tokens)} tokens"
    if trace.generated_tokens:
        text = "".join(token.text for token in trace.generated_tokens)
        yield "generated", f"{_short(text)!r}, {len(trace.generated_tokens)} tokens"
    yield "witness", f"{witness.aten_matmuls} multiplies run, {witness.captured} captured"
    yield "error", _worst(trace)
    yield "kept", _kept(trace)
    if trace.also is not None:
        yield "also", f"{trace.also.name}, to compare with{'' if trace.also.is_file() else ' (not there)'}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _worst(trace: Trace) -> str:
    multiplies = [one for one in trace.operations if one.kind == "matmul"]
    exact = [one.max_error for one in multiplies if one.exact and one.max_error is not None]
    said = f"at most {max(exact):.1e} relative, over {len(exact)} multiplies" if exact else "no multiply was recomputed"
    rest = len(multiplies) - len(exact)
    return f"{said}; {rest} are not exact" if rest else said


def _kept(trace: Trace) -> str:
    """How many tensors there are of each sort, and the files that weights are in."""
    words = {BufferSource: "in this file", ConcatSource: "joined of others", PooledSource: "as maps only"}
    counts = Counter(words[type(one.source)] for one in trace.tensors if not isinstance(one.source, ExternalSource))
    files = Counter(one.source.external for one in trace.tensors if isinstance(one.source, ExternalSource))
    said = [f"{counts[word]} tensors {word}" for word in words.values() if counts[word]]
    return ", ".join([*said, *(f"{count} in {name}" for name, count in files.items())])


def tensor(trace: Trace, one: Tensor) -> list[str]:
    """A tensor: what it is, where it comes from and goes to, its statistics, and a corner of its numbers."""
    makers = [_call(operation) for operation in trace.operations if one.id in operation.outputs]
    users = [_call(operation) for operation in trace.operations if one.id in operation.inputs]
    stats = one.stats
    numbers = ("min", stats.min), ("max", stats.max), ("absmax", stats.absmax), ("mean", stats.mean), ("std", stats.std)
    odd = [f"{count} {word}" for word, count in (("not a number", stats.nan), ("infinite", stats.inf)) if count]
    lines = [
        ("tensor", f"{one.id}  {one.name}"),
        ("aliases", ", ".join(one.aliases)),
        ("shape", f"{dimensions(one.shape)}  {one.dtype}"),
        ("axes", axes(one)),
        ("weight", one.parameter or ""),
        ("kept", _source(trace, one)),
        ("made by", _some(makers)),
        ("used by", _some(users)),
        ("stats", "  ".join([*(f"{name} {value:.6g}" for name, value in numbers), *odd])),
    ]
    return [f"{name:<9} {plain(text)}" for name, text in lines if text] + ["", *_corner(trace, one)]


def _some(names: list[str]) -> str:
    """The first few of them."""
    more = f" and {len(names) - CORNER} more" if len(names) > CORNER else ""
    return ", ".join(names[:CORNER]) + more


def _call(operation: Operation) -> str:
    return f"#{operation.id} {operation.kind} {operation.name} (step {operation.step})"


def _source(trace: Trace, one: Tensor) -> str:
    source = one.source
    maps = "".join(f", map {kept.how} of {dimensions(kept.block)}" for kept in one.maps)
    crops = "".join(f", rows {c.rows[0]} to {c.rows[1]}, columns {c.columns[0]} to {c.columns[1]}" for c in one.crops)
    if isinstance(source, BufferSource):
        where = f"{source.buffer} from {source.offset}, strides {', '.join(map(str, source.strides))}"
    elif isinstance(source, ExternalSource):
        where = f"{source.key} in {source.external} from {source.offset}, strides {', '.join(map(str, source.strides))}"
    elif isinstance(source, ConcatSource):
        names = [trace.tensor(key).name for key in source.concat]
        where = f"{len(names)} tensors joined along dimension {source.axis}: {_some(names)}"
    else:
        where = "only as a map"
    return where + maps + crops


def _corner(trace: Trace, one: Tensor) -> list[str]:
    """The first rows and columns, of the first index of all dimensions before; of a map where there is no more."""
    before = one.shape[:-2]
    try:
        spans = (*((0, min(n, 1)) for n in before), *((0, min(n, CORNER)) for n in one.shape[-2:]))
        found = trace.piece(one.id, spans)
    except UserError as reason:
        if not isinstance(one.source, PooledSource):
            return [plain(str(reason))]
        block = dimensions(one.source.block)
        title = f"its map {one.source.how}, a number for each {block}:"
        return [plain(reason.message), title, *_map_corner(trace, one)]
    at = f", at {', '.join('0' for _ in before)}" if before else ""
    title = f"its first {dimensions(found.shape[-2:])} of {dimensions(one.shape)}{at}:"
    return [title, *_numbers(found, one.dtype)]


def _map_corner(trace: Trace, one: Tensor) -> list[str]:
    assert isinstance(one.source, PooledSource)
    found = trace.map(one.id, one.source.how)
    return _numbers(found[(0,) * (found.ndim - 2)][:CORNER, :CORNER], "F32")


def _numbers(found: NDArray[np.float32], dtype: str) -> list[str]:
    """Numbers in aligned columns, a line for each row."""
    rows = found.reshape(-1, found.shape[-1]) if found.ndim else found.reshape(1, 1)
    cells = [[_number(float(value), dtype) for value in row] for row in rows]
    width = max((len(cell) for row in cells for cell in row), default=0)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells] or ["(empty)"]


def _number(value: float, dtype: str) -> str:
    if dtype[0] in "IUB" and dtype != "BF16" and math.isfinite(value):
        return str(int(value))
    return f"{value:.5g}"
