# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the attention of a layer: a softmax between two multiplies of activations, and what these come from."""

from __future__ import annotations

from dataclasses import dataclass

from .layout_flow import Flow
from .layout_seen import NORM_NAMES, NORMS, Section, Seen, columns_of, product, see_linear, see_norm
from .trace_manifest import Operation


@dataclass(frozen=True)
class Heads:
    """The sizes of an attention: query heads, the key and value heads that they share, and the sizes of both; and where
    the queries, keys and values of each head begin in the columns of their projections."""

    count: int
    groups: int
    key: int
    value: int
    columns: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class _Core:
    scores: Operation
    softmax: Operation
    mix: Operation


@dataclass(frozen=True)
class _Way:
    """From a projection to what the scores take in: the operations between, newest first, and the projection."""

    between: tuple[Operation, ...]
    projection: Operation

    def norm(self) -> Operation | None:
        return next((o for o in self.between if o.kind in NORMS), None)


def read_attention(section: Section, known: Heads | None) -> Heads | None:
    """Adds the parts of an attention to a section. `known` are the sizes found in an earlier step. Returns None, and
    adds nothing, where it is of a kind in which the parts do not stand by their heads."""
    core = _core(section)
    if core is None:
        return None
    sizes = _sizes(section, core)
    ways = [_way(section, t, core) for t in (core.scores.left, core.scores.right, core.mix.right)]
    if sizes is None or None in ways:
        return None
    query, key, value = (way for way in ways if way is not None)
    norm_input = {section.flow.leaf(w.projection.left or 0).source for w in (query, key, value)}
    # Later steps have no first token, which is the only one that no rotary embedding turns.
    columns = known.columns if known else _columns(section, core, (query, key, value), sizes)
    if columns is None or len(norm_input) > 1 or not _fits(section, query.projection):
        return None
    groups = known.groups if known else _groups(columns[1], columns[2], sizes)
    heads = Heads(sizes.count, groups, sizes.key, sizes.value, columns)
    _see(section, core, (query, key, value), heads)
    return heads


def _fits(section: Section, projection: Operation) -> bool:
    """Whether the projections take in what the residual stream is, all of its channels of all tokens."""
    trace = section.flow.trace
    stream = trace.tensor(section.stream or 0).shape
    return section.stream is not None and trace.tensor(projection.left or 0).shape[-2:] == stream[-2:]


def _core(section: Section) -> _Core | None:
    """The two multiplies of activations with the softmax between them."""
    flow = section.flow
    for mix in section.operations:
        if mix.kind != "matmul" or mix.left is None or mix.right is None or flow.is_weight(mix.right):
            continue
        way = flow.back(mix.left, mix.id, lambda o: o.kind in ("softmax", "matmul"), section.inside)
        if not way or way[-1].kind != "softmax":
            continue
        softmax = way[-1]
        before = flow.back(softmax.inputs[0], softmax.id, lambda o: o.kind == "matmul", section.inside)
        if before and not flow.is_weight(before[-1].right):
            return _Core(before[-1], softmax, mix)
    return None


def _sizes(section: Section, core: _Core) -> Heads | None:
    """How many heads of which sizes; None where the matrices of the multiplies are not one for each head."""
    trace = section.flow.trace
    shapes = [trace.tensor(t or 0).shape for t in (core.scores.left, core.scores.right, core.mix.right, core.mix.out)]
    count = product(shapes[0][:-2])
    if any(product(shape[:-2]) != count for shape in shapes) or shapes[0][-2] != shapes[3][-2]:
        return None
    return Heads(count, count, shapes[0][-1], shapes[2][-1])


def _way(section: Section, tensor: int | None, core: _Core) -> _Way | None:
    found = section.back(tensor, core.mix.id)
    if not found or found[-1].left is None:
        return None
    return _Way(tuple(found[:-1]), found[-1])


def _columns(
    section: Section, core: _Core, ways: tuple[_Way, _Way, _Way], sizes: Heads
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    """The first column of every query head, key head and value head in what its projection gave, found by the numbers
    of the first token, which no rotary embedding turns. Heads that share their keys have the same column."""
    found = []
    tensors = (core.scores.left, core.scores.right, core.mix.right)
    wide = (sizes.key, sizes.key, sizes.value)
    for way, tensor, size, side in zip(ways, tensors, wide, "qkv", strict=True):
        width = section.flow.trace.tensor(way.projection.out or 0).shape[-1]
        alone = sum(other.projection.id == way.projection.id for other in ways) == 1
        if alone and width % size == 0 and sizes.count % max(1, width // size) == 0:
            own = width // size
            found.append(tuple(size * (head * own // sizes.count) for head in range(sizes.count)))
            continue
        columns = _by_numbers(section, way, tensor or 0, side)
        if columns is None:
            columns = _as_usual(width, sizes, side)
        if columns is None:
            return None
        found.append(columns)
    return found[0], found[1], found[2]


def _by_numbers(section: Section, way: _Way, tensor: int, side: str) -> tuple[int, ...] | None:
    """Found by the numbers of the first token that the projection gave; None where they were not kept, or a norm is
    between."""
    if way.norm() is not None or way.projection.out is None:
        return None
    trace = section.flow.trace
    across = side == "k"  # [..., d, T]: its columns are the tokens
    tokens = trace.tensor(tensor).shape[-1 if across else -2]
    new = max(0, tokens - trace.tensor(way.projection.out).shape[-2])
    row, heads = section.numbers(way.projection.out), section.numbers(tensor, new, across)
    return None if row is None or heads is None else columns_of(row[0], heads)


def _as_usual(width: int, sizes: Heads, side: str) -> tuple[int, ...] | None:
    """Queries, keys and values one after another: how a fused projection is that cannot be looked at."""
    groups = (width - sizes.count * sizes.key) // (sizes.key + sizes.value)
    if groups < 1 or sizes.count % groups or sizes.count * sizes.key + groups * (sizes.key + sizes.value) != width:
        return None
    first = {"q": 0, "k": sizes.count * sizes.key, "v": (sizes.count + groups) * sizes.key}[side]
    own, size = (sizes.count, sizes.key) if side == "q" else (groups, sizes.value if side == "v" else sizes.key)
    return tuple(first + size * (head * own // sizes.count) for head in range(sizes.count))


def _groups(keys: tuple[int, ...], values: tuple[int, ...], sizes: Heads) -> int:
    """How many different key heads there are: only those that follow one another can share a cell."""
    pairs = list(zip(keys, values, strict=True))
    groups = len(set(pairs))
    size = sizes.count // groups if sizes.count % groups == 0 else 1
    alike = all(len(set(pairs[i : i + size])) == 1 for i in range(0, sizes.count, size))
    return sizes.count // size if alike else sizes.count


def _see(section: Section, core: _Core, ways: tuple[_Way, _Way, _Way], heads: Heads) -> None:
    flow, parts = section.flow, section.parts
    for letter, way, own in zip("qkv", ways, heads.columns, strict=True):
        see_linear(parts, letter, way.projection, own)
        parts[letter] = Seen(way.projection.out or 0, way.projection.id, own)
        section.used.add(way.projection.id)
        if way.between:
            source = flow.trace.tensor(way.projection.out or 0).source
            views = [i for i in way.between[-1].inputs if _same_buffer(flow.trace.tensor(i).source, source)]
            section.joins.update((view, letter) for view in views if view != way.projection.out)
        _see_norm_of_heads(section, letter, way, heads)
    operand = ways[0].projection.left or 0
    norm = flow.maker(operand, ways[0].projection.id)
    if norm is not None and norm.kind in NORMS and section.inside(norm):
        see_norm(flow, parts, "norm", "norm", norm)
    else:
        parts["norm"] = Seen(operand, (norm or ways[0].projection).id, label="residual")
    _see_cell(section, core, ways, heads)
    _see_projection(section, core)


def _see_norm_of_heads(section: Section, letter: str, way: _Way, heads: Heads) -> None:
    """The norm of each query or key, where there is a view of it that has a matrix for each head."""
    norm = way.norm()
    if norm is None:
        return
    tensor = _by_head(section, norm, heads.count if letter == "q" else heads.groups)
    if tensor is not None:
        label = f"{letter.upper()}, {NORM_NAMES[norm.kind]}"
        section.parts[f"{letter}_norm"] = Seen(tensor, norm.id, label=label)


def _by_head(section: Section, norm: Operation, count: int) -> int | None:
    """A view of a result [..., T, heads, d] as [heads, T, d], which what comes next takes in."""
    trace = section.flow.trace
    shape = trace.tensor(norm.outputs[0]).shape
    if len(shape) < 4 or shape[-2] != count:
        return None
    want = (shape[-2], shape[-3], shape[-1])
    for operation in section.operations:
        if operation.id > norm.id:
            for given in operation.inputs:
                maker = section.flow.maker(given, operation.id)
                if trace.tensor(given).shape[-3:] == want and maker is not None and maker.id == norm.id:
                    return given
    return norm.outputs[0] if want[0] == want[1] else None


def _see_cell(section: Section, core: _Core, ways: tuple[_Way, _Way, _Way], heads: Heads) -> None:
    parts, flow = section.parts, section.flow
    query, key, value = ways
    scores, softmax, mix = core.scores, core.softmax, core.mix
    split = next((o for o in section.operations if o.kind == "split" and o.id < scores.id), None)
    fused = split if split and not key.between and not value.between else None
    turned = any(o.kind == "rotary" for o in query.between)
    last = query.between[0] if query.between else query.projection
    if heads.groups < heads.count or (query.between and "q_norm" not in parts) or turned:
        label = "Q turned" if turned else "Q"
        parts["q_rotary"] = Seen(scores.left or 0, last.id, label=label)
    elif not query.between:
        section.joins[scores.left or 0] = "q"
    for part, tensor, way in (("k_flat", scores.right, key), ("v_flat", mix.right, value)):
        joined = _cache(section, flow, tensor or 0)
        maker = joined or fused or (way.between[0] if way.between else way.projection)
        parts[part] = Seen(tensor or 0, maker.id)
    parts["scores"] = Seen(scores.out or 0, scores.id)
    before = flow.maker(softmax.inputs[0], softmax.id)
    scaled = before is not None and before.kind == "scale"
    if before is not None and before.id != scores.id and not (scaled and before.inputs[0] == scores.out):
        parts["masked"] = Seen(softmax.inputs[0], before.id)
    parts["pattern"] = Seen(mix.left or 0, softmax.id)
    for part, output in zip(("softmax_max", "softmax_sum"), softmax.outputs[1:], strict=False):
        parts[part] = Seen(output, softmax.id)
    parts["mix"] = Seen(mix.out or 0, mix.id)


def _cache(section: Section, flow: Flow, tensor: int) -> Operation | None:
    """The operation that joins this step's keys or values to those before, where a cache does."""
    leaf = flow.leaf(tensor).source
    for operation in section.operations:
        if operation.kind == "concat" and operation.outputs and operation.outputs[0] != tensor:
            own = flow.leaf(operation.outputs[0]).source
            if flow.trace.tensor(operation.outputs[0]).source != own and _same_buffer(own, leaf):
                return operation
    return None


def _same_buffer(a: object, b: object) -> bool:
    first, second = getattr(a, "buffer", None), getattr(b, "buffer", None)
    return first is not None and first == second


def _see_projection(section: Section, core: _Core) -> None:
    """What the heads read, merged and multiplied once more."""
    parts = section.parts
    for operation in section.operations:
        if operation.id <= core.mix.id or not section.projects(operation) or operation.left is None:
            continue
        way = section.back(operation.left, operation.id, core.mix.id)
        if way is not None:
            merge = next((o for o in way[:-1] if o.kind == "merge"), way[0])
            parts["merged"] = Seen(operation.left, merge.id)
            see_linear(parts, "o", operation)
            parts["attention_out"] = Seen(operation.out or 0, operation.id)
            section.used.add(operation.id)
            return
