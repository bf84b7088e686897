# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace says about itself: the manifest of a trace file as frozen data.

Keys and their meaning are those of the trace format, version 1, and its compatible additions. `trace_words` reads and
writes them as JSON, `trace_check` finds out whether they fit each other and the buffers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FORMAT, VERSION = "forward_pass.trace", 1
KINDS = frozenset(
    ("embedding", "matmul", "add", "mul", "scale", "mask", "softmax", "layer_norm", "rms_norm", "gelu", "relu", "silu")
    + ("tanh", "rotary", "split", "merge", "concat", "topk", "sample", "other")
)


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
    """How it ran: on which device, in which number type, with which versions, for how many seconds.

    `engine` is what ran it where that was not torch, such as "NumPy 2.1.0"; then `torch` is empty.
    """

    device: str
    dtype: str
    seed: int
    torch: str
    transformers: str | None
    seconds: float
    engine: str | None = None


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
    """Lies in a checkpoint's own safetensors file (its path) under `key`: `offset` and `strides` in elements."""

    external: str
    key: str
    strides: tuple[int, ...]
    offset: int = 0


Source = BufferSource | ConcatSource | PooledSource | ExternalSource


def reach(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """How many elements a view spans, from its first to its last; 0 where it has none."""
    return 0 if 0 in shape else 1 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))


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
class Map:
    """A smaller map of a tensor: `tensor` (an earlier one) holds one value for each `block` of it.

    `how` is "mean", or "absmax": the value of the largest magnitude, with its sign.
    """

    how: str
    tensor: int
    block: tuple[int, ...]


@dataclass(frozen=True)
class Cut:
    """A piece of a tensor at full resolution: `rows` and `columns` (first and last, inclusive) of its last two
    dimensions, all of those before; `tensor` (an earlier one) holds it."""

    tensor: int
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True)
class Tensor:
    """A tensor of the run. `axes` names for every dimension the atoms it is made of, outermost first.

    `aliases` are other names of it, as TransformerLens writes them: "blocks.0.attn.hook_pattern", from the second step
    on "step1.blocks.0.attn.hook_pattern". `maps` and `crops` are what was kept of one that is too large to draw.
    """

    id: int
    name: str
    shape: tuple[int, ...]
    axes: tuple[tuple[str, ...], ...]
    dtype: str  # as safetensors writes it: "F32", "BF16", "I64"
    parameter: str | None
    source: Source
    stats: Stats
    aliases: tuple[str, ...] = ()
    maps: tuple[Map, ...] = ()
    crops: tuple[Cut, ...] = ()


@dataclass(frozen=True)
class Part:
    """A step inside a composite operation (a norm, a rotary embedding), with those of its tensors that were kept.

    `kind` is a free word: "square", "mean", "rotate".
    """

    kind: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Operation:
    """One call. The fields from `left` on are set where `kind` is "matmul": scale * (left @ right) + bias == out.

    `scale` is also set where `kind` is "scale". `max_error` is NaN where left @ right and out do not even agree
    on which values are finite, and is over `checked` elements of `out`, over all where that is None.

    `seconds` is how long the call took. Where only some rows of what ran were kept (the logits of a long prompt),
    `rows` are the first and last of them, inclusive, of `of_rows`.
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
    parts: tuple[Part, ...] = ()
    checked: int | None = None
    seconds: float | None = None
    rows: tuple[int, int] | None = None
    of_rows: int | None = None


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
    """One forward pass. It was given `tokens` (first and last, inclusive) and had `past` tokens in its cache.

    `top_values` and `top_ids` are tensors [T, n]: the n largest logits of each token, and the token ids they are of.
    """

    index: int
    past: int
    tokens: tuple[int, int]
    logits: int
    sampled: int | None
    top_values: int | None = None
    top_ids: int | None = None


@dataclass(frozen=True)
class Witness:
    """Multiplies counted below the capture and multiplies captured: equal, or something was lost."""

    aten_matmuls: int
    captured: int


@dataclass(frozen=True)
class Composite:
    """Operations of one step that together are what a lecturer would name: an attention, an mlp, a residual.

    `kind` is a free word (attention, mlp, gated_mlp, router, experts, residual), `parts` are pairs of a role in it
    ("scores", "softmax") and an operation's id.
    """

    kind: str
    name: str
    module: str
    layer: int | None
    step: int
    parts: tuple[tuple[str, int], ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Manifest:
    """All that a trace says about itself; the numbers are in the buffers.

    `also` is the name of another trace, in the same folder, to compare this one with.
    """

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
    composites: tuple[Composite, ...] = ()
    also: str | None = None
