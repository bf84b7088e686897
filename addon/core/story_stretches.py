# SPDX-License-Identifier: GPL-3.0-or-later
"""What every act of a story needs: what the model has, whole layers and steps in one stretch, numbers and formulas.

Parts that a model or a step does not have are passed over: one telling serves every model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .examples import Example
from .layout_types import Block, Layout
from .timeline import Timeline, Window
from .trace import Trace
from .values import Values
from .wording import FEW, wording_of

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
MLP_STAGES = (("mlp_norm", 0.4), ("up", 0.9), ("gelu", 0.4), ("down", 0.9))
LEAST_FORMULA = 0.9  # seconds that a formula needs to be taken in
MOST_CHOSEN = 4  # experts that a formula names
LEAST_PAIR = 0.1  # length of a pair whose turn is shown
SAME = 0.02  # of two numbers that a formula with two decimals may show as equal


@dataclass(frozen=True)
class Sizes:
    """What the captions count."""

    layers: int
    heads: int
    shared: int  # query heads to a key head
    channels: int
    neurons: int


class Stretches:
    """One run while it is told."""

    line: Timeline

    def __init__(self, trace: Trace, layout: Layout, values: Values, example: Example) -> None:
        self.trace = trace
        self.layout = layout
        self.values = values
        self.example = example
        self.sizes = self._sizes()
        self.texts = [token.text for token in trace.tokens]
        self.wording = wording_of(trace)
        self.prompt = len(trace.prompt_tokens)
        self.rest: dict[tuple[int, int | None], list[Block]] = {}
        for block in layout.blocks:
            if block.part == "rest":
                self.rest.setdefault((block.step, block.layer), []).append(block)
        self.expert_blocks: dict[tuple[int, int | None, str], list[str]] = {}
        for block in layout.blocks:
            if block.part.startswith(("e_", "w_e_")):
                self.expert_blocks.setdefault((block.step, block.layer, block.part), []).append(block.key)

    def _sizes(self) -> Sizes:
        blocks = self.layout.blocks
        layer = self.example.layer
        mine = [block for block in blocks if block.layer == layer and block.step == 0]
        heads = 1 + max((b.head for b in mine if b.head is not None and b.part == "scores"), default=0)
        keys = sum(block.part == "k_flat" for block in mine) or heads
        wide = {block.part: block.shape[1] for block in blocks if block.step == 0}
        return Sizes(
            layers=1 + max(b.layer for b in blocks if b.layer is not None),
            heads=heads,
            shared=max(1, heads // keys),
            channels=wide.get("residual_0", wide.get("final_norm", 1)),
            neurons=next((b.shape[1] for b in mine if b.part == "gelu"), 1),
        )

    # --- what there is

    def has(self, part: str, layer: int | None = None) -> bool:
        """Whether the first step has a part, in the example's layer if not told."""
        layer = self.example.layer if layer is None else layer
        stem = f"s0.l{layer}"
        return any(f"{start}.{part}" in self.values.blocks for start in ("s0", stem, f"{stem}.h{self.example.head}"))

    def label(self, part: str) -> str:
        """What the example's layer calls a part."""
        return self.values.blocks[f"s0.l{self.example.layer}.{part}"].label

    def query(self, stem: str) -> str:
        """The queries that a head's scores are made of: turned, or normed, or as they came."""
        keys = (f"{stem}.{part}" for part in ("q_rotary", "q_norm", "q"))
        return next((key for key in keys if key in self.values.blocks), f"{stem}.q")

    def kv(self, step: int, layer: int, head: int) -> str:
        """The beginning of the keys of what a head shares with others: keys and values bear the first one's number."""
        return f"s{step}.l{layer}.h{head - head % self.sizes.shared}"

    # --- stretches

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

    def heads_of(self, layer: int) -> int:
        """How many heads of a layer are drawn."""
        scores = (b for b in self.layout.blocks if b.layer == layer and b.part == "scores")
        return 1 + max((b.head for b in scores if b.head is not None), default=-1)

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
        gather, multiply, add = split(window, (0.4, 1.2, 0.8))
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

    # --- numbers

    def stream_before(self, step: int, layer: int) -> list[str]:
        """The residual stream that a layer reads."""
        for earlier in range(layer - 1, -1, -1):
            for part in ("residual_mlp", "residual_attention"):
                key = f"s{step}.l{earlier}.{part}"
                if key in self.values.blocks:
                    return [key]
        return [f"s{step}.residual_0"]

    def cell(self, key: str, row: int, column: int) -> float:
        """One drawn number of a block."""
        return float(self.values.matrix(key)[row, column])

    def operation_of(self, key: str) -> int:
        """The operation that a block belongs to; the first one where there is no such block."""
        block = self.values.blocks.get(key)
        return 0 if block is None else block.operation

    def worked_formulas(self, window: Window, left: str, right: str, out: str, row: int, bias: str, every: int) -> None:
        """While the columns of a worked row fill, for one of about `every` of them the largest term and the sum."""
        matrix = self.values.matrix(right)  # [k, j]
        columns = matrix.shape[1]
        length = (window[1] - window[0]) / columns
        groups = max(1, columns // max(every, math.ceil(LEAST_FORMULA / length)))
        edges = [columns * i // groups for i in range(groups + 1)]
        operand = self.values.matrix(left)[row][: matrix.shape[0]]
        for first, following in pairwise(edges):
            column = (first + following) // 2
            terms = operand * matrix[:, column]
            k = int(np.argmax(np.abs(terms)))
            parts = [
                (number(float(operand[k])), "token"), ("×", "secondary"), (number(float(matrix[k, column])), "feature"),
                ("+ ⋯", "secondary"),
            ]  # fmt: skip
            if bias in self.values.blocks:
                parts += [("+", "secondary"), (number(self.cell(bias, 0, column)), "weight")]
            parts += [("=", "secondary"), (number(self.cell(out, row, column)), "text")]
            self.line.formula((window[0] + first * length, window[0] + following * length), parts)

    def norm_formula(self, window: Window, source: str, stem: str, token: int) -> None:
        """One channel through a norm: what was taken off, by what it was multiplied, and what was added."""
        keys = {part: f"{stem}{part}" for part in ("_mean", "_rstd", "_gain", "_shift", "")}
        there = {part: key for part, key in keys.items() if key in self.values.blocks}
        if "" not in there or "_rstd" not in there or source not in self.values.blocks:
            return
        channel = int(np.argmax(np.abs(self.values.matrix(source)[token])))
        value, result = self.cell(source, token, channel), self.cell(there[""], token, channel)
        mean, rstd = (self.cell(there[p], token, 0) if p in there else 0.0 for p in ("_mean", "_rstd"))
        gain, shift = (self.cell(there[p], 0, channel) if p in there else None for p in ("_gain", "_shift"))
        scaled = (value - mean) * rstd
        if "_mean" in there:
            parts = [("(", "secondary"), (number(value), "token"), ("− mean", "secondary")]
            parts += [(number(mean), "statistic"), (") ×", "secondary")]
        else:
            parts = [(number(value), "token"), ("×", "secondary")]
        parts += [(number(rstd), "statistic")]
        if gain is not None:
            # Some models keep the gain as what is added to one.
            plain = abs(scaled * gain + (shift or 0.0) - result)
            if abs(scaled * (1 + gain) + (shift or 0.0) - result) < plain:
                parts += [("× (1 +", "secondary"), (number(gain), "weight"), (")", "secondary")]
            else:
                parts += [("×", "secondary"), (number(gain), "weight")]
        if shift is not None:
            parts += [("+", "secondary"), (number(shift), "weight")]
        self.line.formula(window, (*parts, ("=", "secondary"), (number(result), "text")))

    def share_formula(self, scores: str, stem: str, token: int, seen: int) -> list[tuple[str, str]]:
        """One score through the softmax: less the largest of its row, to the power of e, divided by their sum."""
        keys = (scores, f"{stem}.softmax_max", f"{stem}.softmax_sum")
        if len(self.line.there(keys)) < len(keys):
            return [(number(self.cell(f"{stem}.pattern", token, seen)), "text")]
        score, most, total = (self.cell(key, token, column) for key, column in zip(keys, (seen, 0, 0), strict=True))
        if scores.endswith(".scores"):
            score *= self.scale_of(scores)
        return [
            ("exp(", "secondary"), (number(score), "token"), ("−", "secondary"), (number(most), "statistic"),
            (") /", "secondary"), (number(total), "statistic"), ("=", "secondary"),
            (number(self.cell(f"{stem}.pattern", token, seen)), "text"),
        ]  # fmt: skip

    def scale_of(self, key: str) -> float:
        """The plain factors that a block's numbers are multiplied by before they are used."""
        made = self.trace.operations[self.values.blocks[key].operation]
        factor, outputs = 1.0, set(made.outputs)
        for operation in self.trace.operations[made.id + 1 :]:
            if operation.kind == "scale" and outputs & set(operation.inputs):
                factor *= operation.scale or 1.0
                outputs = set(operation.outputs)
        return factor

    def turn_formula(self, window: Window, before: str, after: str, token: int) -> None:
        """One pair of a token's query, before and after it is turned; nothing where no pair keeps its length."""
        if before not in self.values.blocks or after not in self.values.blocks:
            return
        x, y = self.values.matrix(before)[token], self.values.matrix(after)[token]
        found = turned_pair(x, y)
        if found is None:
            return
        (i, j), angle = found
        self.line.formula(
            window,
            (("(", "secondary"), (number(float(x[i])), "token"), (",", "secondary"), (number(float(x[j])), "token"),
             (") turned by", "secondary"), (f"{angle:.0f}".replace("-", "−"), "statistic"),
             ("degrees = (", "secondary"),
             (number(float(y[i])), "text"), (",", "secondary"), (number(float(y[j])), "text"), (")", "secondary")),
        )  # fmt: skip

    def choice_formula(self, window: Window, stem: str, token: int) -> None:
        """The experts that a token goes to, with their shares, the largest first."""
        shares = next(iter(self.line.there([f"{stem}.router_share", f"{stem}.router"])), None)
        if shares is None:
            return
        row = self.values.matrix(shares)[token]
        count = min(self.values.blocks[f"{stem}.chosen"].shape[1], MOST_CHOSEN)
        parts = []
        for expert in np.argsort(-row, kind="stable")[:count]:
            parts += [(f"expert {expert}", "positive"), (number(float(row[expert])), "text"), ("", "secondary")]
        self.line.formula(window, parts[:-1])

    def sum_formula(self, window: Window, before: str, added: str, after: str) -> None:
        """One channel of the stream, what is added to it, and the sum."""
        if not {before, added, after} <= self.values.blocks.keys():
            return
        token = self.example.token
        # The largest that is added; the first of them that two decimals show without an error of rounding.
        channels = np.argsort(-np.abs(self.values.matrix(added)[token]), kind="stable")
        terms = [[self.cell(key, token, int(channel)) for key in (before, added, after)] for channel in channels]
        right = [n for n in terms if abs(n[0] + n[1] - n[2]) < SAME]  # false where the stream is scaled as well
        exact = (n for n in right if abs(round(n[0], 2) + round(n[1], 2) - round(n[2], 2)) < 0.005)
        numbers = next(exact, right[0] if right else None)
        if numbers is None:
            return
        self.line.formula(
            window,
            ((number(numbers[0]), "token"), ("+", "secondary"), (number(numbers[1]), "channel"),
             ("=", "secondary"), (number(numbers[2]), "text")),
        )  # fmt: skip

    def activation_formula(self, window: Window, layer: int) -> None:
        """One neuron through the activation, times what came up where there is a gate."""
        token, stem = self.example.token, f"s0.l{layer}"
        gated = f"{stem}.product" in self.values.blocks
        last, first = (f"{stem}.product", f"{stem}.gate") if gated else (f"{stem}.gelu", f"{stem}.hidden")
        neuron = int(np.argmax(np.abs(self.values.matrix(last)[token])))
        before, after = self.cell(first, token, neuron), self.cell(last, token, neuron)
        parts = [(f"{self.label('gelu')}(", "secondary"), (number(before), "neuron")]
        if gated:
            parts += [(") ×", "secondary"), (number(self.cell(f"{stem}.hidden", token, neuron)), "neuron")]
            parts += [("=", "secondary")]
        else:
            parts += [(") =", "secondary")]
        self.line.formula(window, (*parts, (number(after), "text")))

    def odds_moment(self) -> str:
        """How the next token came up: the likeliest of few or of many, or drawn by chance."""
        shares = self.values.whole("s0.probabilities")[-1]
        drawn = self.trace.steps[0].sampled
        if drawn is not None and shares[drawn] < shares.max():
            return "drawn odds"
        return "many odds" if len(shares) > FEW else "odds"


def turned_pair(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[tuple[int, int], float] | None:
    """Two places of `x` [d] whose numbers are turned into those of `y` [d], and the angle in degrees from -180 to 180:
    the pair that is turned by the most. Halves are paired in some models, neighbours in others, and some turn only the
    first part; None where it is neither."""
    d = len(x)
    for turned in (d, d // 2, d // 4):
        half = turned // 2
        for pairs in ([(i, i + half) for i in range(half)], [(2 * i, 2 * i + 1) for i in range(half)]):
            if not pairs or not np.allclose(x[turned:], y[turned:], rtol=1e-4, atol=1e-5):
                continue
            first, second = np.array(pairs).T
            before, after = np.hypot(x[first], x[second]), np.hypot(y[first], y[second])
            if not np.allclose(before, after, rtol=1e-3, atol=1e-5):
                continue
            angles = np.degrees(np.arctan2(y[second], y[first]) - np.arctan2(x[second], x[first]))
            angles = (angles + 180) % 360 - 180
            best = int(np.argmax(np.where(before > LEAST_PAIR, np.abs(angles), -1.0)))
            return (int(first[best]), int(second[best])), float(angles[best])
    return None


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


def number(value: float) -> str:
    """A number as people write it, with a true minus sign and no minus zero."""
    return f"{value:z.2f}".replace("-", "−")
