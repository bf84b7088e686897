# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole steps, layers and sections of a run, each in one stretch of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from .story_run import Run
from .timeline import Window

# The stages of a layer when it is run through as a whole, with the share of the time that each takes.
ATTENTION_STAGES = (
    ("norm", 0.5),
    ("qkv", 1.2),
    ("flat", 0.3),
    ("scores", 0.8),
    ("softmax", 0.8),
    ("mix", 0.7),
    ("projection", 0.9),
)
PROJECTING = (0.4, 1.2, 0.8)  # shares: the heads merged, multiplied, added to the stream
MLP_STAGES = (("mlp_norm", 0.4), ("up", 0.9), ("gelu", 0.4), ("down", 0.9))


class Stretches(Run):
    """Runs through a part of the model in a window of the time line."""

    def whole_step(self, step: int, window: Window) -> None:
        """A whole forward pass in one window."""
        layers = self.sizes.layers
        windows = split(window, (0.6, *(1.0 for _ in range(layers)), 0.6))
        line = self.line
        start, end = windows[0]
        middle = (start + end) / 2
        line.fill([f"s{step}.token_embedding", f"s{step}.position_embedding"], (start, middle), "all")
        line.fill([f"s{step}.residual_0"], (middle, end), "all")
        for layer in range(layers):
            self.layer(step, layer, windows[1 + layer])
        first, second, third = split(windows[-1], (0.3, 0.4, 0.3))
        self.final_norm(step, first)
        line.multiply([f"s{step}.final_norm"], ["s0.w_vocab"], [f"s{step}.logits"], second, "row")
        line.fill([f"s{step}.probability_max", f"s{step}.probability_sum", f"s{step}.probabilities"], third, "all")
        self.plain(step, None, window)

    def layer(self, step: int, layer: int, window: Window) -> None:
        """A whole layer in one window, all heads at once."""
        shares = [sum(share for _name, share in stages) for stages in (ATTENTION_STAGES, MLP_STAGES)]
        first, second = split(window, shares)
        self.attention(step, layer, first)
        self.feed_forward(step, layer, second)
        self.plain(step, layer, window)

    def attention(self, step: int, layer: int, window: Window) -> None:
        """A layer's norm, all its heads and what they add to the stream."""
        spans = _spans(window, ATTENTION_STAGES)
        self.line.use(self.stream_before(step, layer), spans["norm"], "left")
        self.norm(step, layer, "norm", spans["norm"])
        self.heads(
            step, layer, range(self.heads_of(layer)), [spans[n] for n in ("qkv", "flat", "scores", "softmax", "mix")]
        )
        self.project(step, layer, spans["projection"])

    def feed_forward(self, step: int, layer: int, window: Window) -> None:
        """A layer's MLP or its experts."""
        spans = _spans(window, MLP_STAGES)
        self.mlp_norm(step, layer, spans["mlp_norm"])
        self.up(step, layer, spans["up"])
        if f"s{step}.l{layer}.router" in self.values.blocks:
            self.route(step, layer, spans["up"])
            self.experts(step, layer, (spans["gelu"][0], spans["down"][1]))
        else:
            self.activate(step, layer, spans["gelu"])
            self.down(step, layer, split(spans["down"], (0.7, 0.3)))

    def norm(self, step: int, layer: int | None, stem: str, window: Window) -> None:
        """A norm and its statistics."""
        start = f"s{step}" if layer is None else f"s{step}.l{layer}"
        self.line.fill([f"{start}.{stem}{part}" for part in ("_mean", "_rstd", "")], window, "row")

    def heads(self, step: int, layer: int, heads: range | list[int], windows: Sequence[Window], done: str = "") -> None:
        """Some heads of a layer at once: multiply, turn, slide, score, softmax, mix. The keys and values that `done`
        begins the keys of are there already."""
        line = self.line
        qkv, flat, scores, softmax, mix = windows
        if not heads:
            return
        line.use([f"s{step}.l{layer}.norm"], qkv, "left")
        for head in heads:
            stem, weights, shared = f"s{step}.l{layer}.h{head}", f"s0.l{layer}.h{head}", self.kv(step, layer, head)
            turned = any(f"{stem}.{part}" in self.values.blocks for part in ("q_norm", "q_rotary"))
            first, then = split(qkv, (0.7, 0.3)) if turned else (qkv, qkv)
            for part in "q" if stem == done else "qkv":
                line.use([f"{weights}.w_{part}"], first, "right")
                line.fill([f"{stem}.{part}"], first, "row")
            line.fill([f"{stem}.q_norm", f"{stem}.q_rotary"], then, "row")
            if stem != done:
                line.fill([f"{stem}.k_norm"], then, "row")
                line.fill([f"{stem}.k_flat"], flat, "column")
                line.fill([f"{stem}.v_flat"], flat, "row")
            line.multiply([self.query(stem)], [f"{shared}.k_flat"], [f"{stem}.scores"], scores)
            masked, rest = split(softmax, (0.4, 0.6))
            line.fill([f"{stem}.masked"], masked, "row")
            line.fill([f"{stem}.{part}" for part in ("softmax_max", "softmax_sum", "pattern")], rest, "row")
            line.multiply([f"{stem}.pattern"], [f"{shared}.v_flat"], [f"{stem}.mix"], mix)

    def project(self, step: int, layer: int, window: Window) -> None:
        """What the heads read, merged, multiplied, normed where it is, and added to the stream."""
        line = self.line
        gather, multiply, add = split(window, PROJECTING)
        stem = f"s{step}.l{layer}"
        line.fill([f"{stem}.merged"], gather, "row")
        line.multiply([f"{stem}.merged"], [f"s0.l{layer}.w_o"], [f"{stem}.attention_out"], multiply)
        self.add(step, layer, "attention", add)

    def add(self, step: int, layer: int, section: str, window: Window) -> None:
        """The result of a section joins the residual stream."""
        stem = f"s{step}.l{layer}"
        parts = (f"{section}_post", "branches" if section == "mlp" else "")
        last = next((f"{stem}.{part}" for part in parts if f"{stem}.{part}" in self.values.blocks), "")
        result = f"{stem}.{section}_out"
        if last:
            first, window = split(window, (0.4, 0.6))
            self.line.use([result], first, "left")
            self.norm(step, layer, f"{section}_post", first)
            self.line.fill([f"{stem}.branches"] if section == "mlp" else [], first, "row")
        self.line.use([last or result], window, "left")
        self.line.fill([f"{stem}.residual_{section}"], window, "row")

    def mlp_norm(self, step: int, layer: int, window: Window) -> None:
        """The norm before an MLP."""
        before = f"s{step}.l{layer}.residual_attention"
        there = before in self.values.blocks
        self.line.use([before] if there else self.stream_before(step, layer), window, "left")
        self.norm(step, layer, "mlp_norm", window)

    def up(self, step: int, layer: int, window: Window) -> None:
        """What fans out: up, and the gate before it where there is one."""
        stem, weights = f"s{step}.l{layer}", f"s0.l{layer}"
        names = [n for n in (("gate", "gate"), ("up", "hidden")) if f"{weights}.w_{n[0]}" in self.values.blocks]
        for (weight, result), part in zip(names, split(window, [1.0] * len(names)), strict=True):
            self.line.multiply([f"{stem}.mlp_norm"], [f"{weights}.w_{weight}"], [f"{stem}.{result}"], part)

    def activate(self, step: int, layer: int, window: Window) -> None:
        """The activation, and its product with what came up where there is a gate."""
        stem = f"s{step}.l{layer}"
        gated = f"{stem}.product" in self.values.blocks
        first, second = split(window, (0.5, 0.5)) if gated else (window, window)
        self.line.use([f"{stem}.gate" if gated else f"{stem}.hidden"], first, "left")
        self.line.fill([f"{stem}.gelu"], first, "row")
        if gated:
            self.line.use([f"{stem}.gelu", f"{stem}.hidden"], second, "left")
            self.line.fill([f"{stem}.product"], second, "row")

    def down(self, step: int, layer: int, windows: Sequence[Window]) -> None:
        """Back down, and into the stream."""
        stem = f"s{step}.l{layer}"
        operand = f"{stem}.product" if f"{stem}.product" in self.values.blocks else f"{stem}.gelu"
        self.line.multiply([operand], [f"s0.l{layer}.w_down"], [f"{stem}.mlp_out"], windows[0])
        self.add(step, layer, "mlp", windows[1])

    def route(self, step: int, layer: int, window: Window) -> None:
        """The router's scores, their shares, and the largest of these."""
        stem = f"s{step}.l{layer}"
        first, second, third = split(window, (0.5, 0.3, 0.2))
        self.line.multiply([f"{stem}.mlp_norm"], [f"s0.l{layer}.w_router"], [f"{stem}.router"], first)
        self.line.use([f"{stem}.router"], second, "left")
        self.line.fill([f"{stem}.router_share"], second, "row")
        self.line.fill([f"{stem}.chosen"], third, "row")

    def experts(self, step: int, layer: int, window: Window) -> None:
        """All experts at once, each with its own tokens, and the sum of what they give."""

        def of(part: str, in_step: int = step) -> list[str]:
            return self.expert_blocks.get((in_step, layer, part), [])

        gather, up, activate, product, down, add = split(window, (0.5, 1.2, 0.4, 0.4, 1.2, 0.8))
        line = self.line
        line.fill(of("e_in"), gather, "row")
        line.multiply(of("e_in"), [*of("w_e_gate", 0), *of("w_e_up", 0)], [*of("e_gate"), *of("e_hidden")], up)
        line.use(of("e_gate") or of("e_hidden"), activate, "left")
        line.fill(of("e_gelu"), activate, "row")
        line.use([*of("e_gelu"), *of("e_hidden")] if of("e_product") else [], product, "left")
        line.fill(of("e_product"), product, "row")
        line.multiply(of("e_product") or of("e_gelu"), of("w_e_down", 0), of("e_out"), down)
        together, after = split(add, (0.5, 0.5))
        line.use(of("e_out"), together, "left")
        line.fill([f"s{step}.l{layer}.mlp_out"], together, "row")
        self.add(step, layer, "mlp", after)

    def final_norm(self, step: int, window: Window) -> None:
        """The norm after the last layer."""
        self.line.use(self.stream_before(step, self.sizes.layers), window, "left")
        keys = [f"s{step}.{part}" for part in ("final_mean", "final_rstd", "final_norm")]
        self.line.fill(keys, window, "row")

    def plain(self, step: int, layer: int | None, window: Window, first: int = 0, before: int | None = None) -> None:
        """What is drawn plainly, of the operations from `first` to `before`: one block after another."""
        blocks = [
            block
            for block in self.rest.get((step, layer), [])
            if block.kind != "weight" and first <= block.operation and (before is None or block.operation < before)
        ]
        for block, part in zip(blocks, split(window, [1.0] * len(blocks)), strict=True):
            self.line.fill([block.key], part, "all")


def _spans(window: Window, stages: tuple[tuple[str, float], ...]) -> dict[str, Window]:
    """The window of each stage."""
    return dict(zip((n for n, _s in stages), split(window, [s for _n, s in stages]), strict=True))


def split(window: Window, shares: Iterable[float]) -> list[Window]:
    """Consecutive parts of a window, by their shares."""
    shares = list(shares)
    start, end = window
    total = sum(shares)
    edges = [start]
    for share in shares:
        edges.append(edges[-1] + (end - start) * share / total)
    return list(pairwise(edges))
