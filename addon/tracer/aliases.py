# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that users of TransformerLens know, beside the module paths: `blocks.0.attn.hook_pattern`.

A tensor keeps the shape that the model has it in: queries are [batch, head, token, key_dim] here. A `hook_normalized`
is what the norm gives, gain and shift included. Source of the names: the documentation of TransformerLens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .groups import NORMS, Group
from .layers import layer_of
from .ledger import Ledger
from .roles_residual import branch_of
from .values import Node, Value

Found = Iterator[tuple[str, int | None]]


def name_aliases(nodes: Sequence[Node], groups: Iterable[Group], ledger: Ledger) -> None:
    """Adds the aliases to the tensors; each goes to the first that claims it."""
    taken: set[str] = set()
    groups = list(groups)
    for step in sorted({node.step for node in nodes}):
        here = [node for node in nodes if node.step == step]
        for name, key in _of_step(here, [group for group in groups if group.step == step]):
            alias = name if step == 0 else f"step{step}.{name}"
            if key is not None and alias not in taken:
                taken.add(alias)
                ledger.entries[key].aliases.append(alias)


def _of_step(nodes: Sequence[Node], groups: Sequence[Group]) -> Found:
    embeddings = [node for node in nodes if node.kind == "embedding"]
    for node in embeddings:
        yield ("hook_embed" if node.out.active else "hook_pos_embed"), node.output_ids[0]
    for layer in sorted({layer for node in nodes if (layer := layer_of(node.module)) is not None}):
        inside = [node for node in nodes if layer_of(node.module) == layer]
        of_layer = [group for group in groups if layer_of(group.name) == layer]
        for name, key in _of_layer(inside, of_layer):
            yield f"blocks.{layer}.{name}", key
    last = [node for node in nodes if node.kind in NORMS and layer_of(node.module) is None]
    if last:
        yield "ln_final.hook_normalized", last[-1].output_ids[0]


def _of_layer(nodes: Sequence[Node], groups: Sequence[Group]) -> Found:
    sums = [node for group in groups if group.kind == "residual" for _, node in group.parts.values()]
    streams = [branch_of(node) for node in sums]
    if streams:
        yield "hook_resid_pre", streams[0][0]
        yield "hook_resid_post", sums[-1].output_ids[0]
    if len(sums) == 2 and streams[1][0] == sums[0].output_ids[0]:
        yield "hook_attn_out", streams[0][1]
        yield "hook_resid_mid", sums[0].output_ids[0]
        yield "hook_mlp_out", streams[1][1]
    yield from _norms(nodes, streams)
    for group in groups:
        if group.kind == "attention":
            yield from _attention(group)
        elif group.kind in ("mlp", "gated_mlp"):
            yield from _mlp(group)


def _norms(nodes: Sequence[Node], streams: Sequence[tuple[int, int]]) -> Found:
    before = [stream for stream, _ in streams]
    for node in nodes:
        if node.kind in NORMS and node.input_ids and node.input_ids[0] in before:
            yield f"ln{before.index(node.input_ids[0]) + 1}.hook_normalized", node.output_ids[0]


def _attention(group: Group) -> Found:
    scores, softmax, mix = (group.named(role) for role in ("scores", "softmax", "mix"))
    assert scores is not None and softmax is not None and mix is not None
    assert scores.left is not None and scores.right is not None and mix.right is not None
    yield "attn.hook_q", scores.left.id
    yield "attn.hook_k", _upright(scores.right)
    yield "attn.hook_v", mix.right.id
    yield "attn.hook_attn_scores", softmax.input_ids[0]
    yield "attn.hook_pattern", softmax.output_ids[0]
    yield "attn.hook_z", mix.out.id
    for role, name in (("query rotary", "attn.hook_rot_q"), ("key rotary", "attn.hook_rot_k")):
        rotary = group.named(role)
        if rotary is not None:
            yield name, rotary.output_ids[0]


def _upright(keys: Value) -> int | None:
    """Keys as they were before they were transposed for the multiply, where they are in the file, else as they are."""
    source = keys.of
    while source is not None and source.id is None and source.of is not None:
        source = source.of
    return keys.id if source is None or source.id is None or len(source.shape) != len(keys.shape) else source.id


def _mlp(group: Group) -> Found:
    down = group.named("down")
    pre = group.named("gate") or group.named("up") or group.named("gate and up")
    if down is not None and pre is not None:
        yield "mlp.hook_pre", pre.output_ids[0]
        yield "mlp.hook_post", down.input_ids[0]
    if group.kind == "gated_mlp" and (up := group.named("up")) is not None:
        yield "mlp.hook_pre_linear", up.output_ids[0]
