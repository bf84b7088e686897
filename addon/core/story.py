# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace and its layout -> the story: what a viewer sees and reads, when. A pure function."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .examples import Example, choose_example
from .layout_types import Layout
from .story_types import Act, Arrival, Caption, Fill, Formula, Legend, Products, Shot, Story, Use
from .timeline import Timeline, Window
from .trace import Trace
from .values import LOCAL, Values
from .wording import FEW, quoted, shortened, shown, wording_of
from .words import LONGEST_QUOTE, SUBTITLE, caption, last_act, title_of

__all__ = ["Act", "Arrival", "Caption", "Fill", "Formula", "Legend", "Products", "Shot", "Story", "Use", "tell"]

# The stages of a layer when it is run through as a whole, with the share of the time that each takes.
LAYER_STAGES = (
    ("norm", 0.5),
    ("qkv", 1.2),
    ("flat", 0.3),
    ("scores", 0.8),
    ("softmax", 0.8),
    ("mix", 0.7),
    ("projection", 0.9),
    ("mlp_norm", 0.4),
    ("up", 0.9),
    ("gelu", 0.4),
    ("down", 0.9),
)
TITLE_SECONDS = 2.2
LEAST_FORMULA = 0.9  # seconds that a formula needs to be taken in
EMBEDDING = ("s0.token_table", "s0.token_embedding", "s0.position_table", "s0.position_embedding", "s0.residual_0")
LONG_TABLES = 3.0  # how many times as deep as wide both tables are together when they need a look each
CAPTION_ODDS, FORMULA_ODDS = 3, 4  # of the likeliest tokens, where there are more than FEW
SLOWEST, FASTEST = 3.0, 0.4  # bounds of the pace


def tell(trace: Trace, layout: Layout, seconds: float | None = None, scale: str = LOCAL) -> Story:
    """The story of a run, about `seconds` long where given: actions are stretched or shortened, and where even that
    is too long the captions are the brief ones. Captions always get the time to be read, so a story has a shortest
    length. `scale` is that of the colours, `local` or `global` as in `Values`: the legend prints its ends."""
    values = Values(trace, layout, scale)
    if seconds is None:
        return _Teller(trace, layout, values, brief=False).tell(1.0)
    teller = _Teller(trace, layout, values, brief=False)
    if teller.tell(FASTEST).duration > seconds:
        teller = _Teller(trace, layout, values, brief=True)
    low, high = FASTEST, SLOWEST
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if teller.tell(middle).duration > seconds else (middle, high)
    return teller.tell(low)


@dataclass(frozen=True)
class _Shape:
    layers: int
    heads: int
    channels: int
    neurons: int


class _Teller:
    """Tells one run; every method is one act, or one stretch that acts share."""

    def __init__(self, trace: Trace, layout: Layout, values: Values, brief: bool) -> None:
        self.trace = trace
        self.layout = layout
        self.brief = brief
        self.values = values
        layers = 1 + max(b.layer for b in layout.blocks if b.layer is not None)
        heads = 1 + max(b.head for b in layout.blocks if b.head is not None)
        channels = self.values.blocks["s0.residual_0"].shape[1]
        self.shape = _Shape(layers, heads, channels, self.values.blocks["s0.l0.hidden"].shape[1])
        self.example: Example = choose_example(trace)
        self.texts = [token.text for token in trace.tokens]
        self.wording = wording_of(trace)
        self.prompt = len(trace.prompt_tokens)

    def tell(self, pace: float) -> Story:
        """The whole story at a pace."""
        self.line = Timeline(self.layout, self.values, pace)
        self._overview()
        self._embedding()
        self._norm()
        self._query_key_value()
        self._scores()
        self._softmax()
        self._mix()
        self._projection()
        self._mlp()
        self._other_layers()
        self._output()
        self._repeat()
        model = self.trace.model
        subtitle = SUBTITLE.format(model=model.name, parameters=model.parameters)
        return self.line.story((title_of(self.wording), subtitle, 0.3, self._title_end - 0.3))

    def say(self, moment: str) -> str:
        """The caption of a moment, full or brief, with this run's own numbers."""
        example, shape, wording = self.example, self.shape, self.wording
        last = self.values.matrix("s0.probabilities")[-1]
        return caption(
            moment,
            self.brief,
            layers=shape.layers,
            heads=shape.heads,
            channels=shape.channels,
            neurons=shape.neurons,
            unit=wording.unit,
            each=wording.each,
            token=example.token + 1,
            text=quoted(self.texts[example.token]),
            seen=example.seen + 1,
            seen_text=quoted(self.texts[example.seen]),
            weight=example.weight,
            odds=", ".join(f"{token} {share:.2f}" for token, share in wording.likeliest(last, CAPTION_ODDS)),
            likely=shown(wording.vocabulary[int(np.argmax(last))]),
            drawn=quoted(self.texts[self.prompt]) if len(self.texts) > self.prompt else "",
            end=shortened(wording.prompt, LONGEST_QUOTE, end=True),
            answer=shortened(wording.answer, LONGEST_QUOTE),
            operations=len(self.trace.operations),
            multiplies=sum(operation.kind == "matmul" for operation in self.trace.operations),
        )

    # --- acts

    def _overview(self) -> None:
        line = self.line
        line.act("Overview")
        line.beat(TITLE_SECONDS / line.pace, "", ("model", "model"))
        self._title_end = line.now - 0.2
        line.legend("s0.l0.w_up", "weights", (0.0, 1.0))
        line.beat(0.5, self.say("overview"))

    def _embedding(self) -> None:
        line = self.line
        line.act("Tokens and embedding")
        # Long tables stand one behind the other: too far for one look.
        box = self.layout.bounds_of(*EMBEDDING)
        long = box.high[1] - box.low[1] > LONG_TABLES * (box.high[0] - box.low[0])
        a, b = line.beat(2.0, self.say("tokens"), ("lookup" if long else EMBEDDING, "table"))
        line.legend("s0.token_embedding", "embedding", (a, b))
        line.use(["s0.token_table"], (a, b), "left")
        line.fill(["s0.token_embedding"], (a, b), "row")
        a, b = line.beat(1.8, self.say("positions"), ("positions", "sum") if long else None)
        middle = a + (b - a) * 0.45
        line.use(["s0.position_table"], (a, middle), "left")
        line.fill(["s0.position_embedding"], (a, middle), "row")
        line.use(["s0.token_embedding", "s0.position_embedding"], (middle, b), "left")
        line.fill(["s0.residual_0"], (middle, b), "row")

    def _norm(self) -> None:
        line, example = self.line, self.example
        line.act("Layer norm")
        layer = example.layer
        source = self._stream_before(0, layer)[0]
        a, b = line.beat(1.6, self.say("norm"), ((source, f"s0.l{layer}.norm_mean", f"s0.l{layer}.norm"), "sum"))
        middle = a + (b - a) * 0.4
        line.use(self._stream_before(0, layer), (a, middle), "left")
        line.fill([f"s0.l{layer}.norm_mean", f"s0.l{layer}.norm_rstd"], (a, middle), "row")
        line.fill([f"s0.l{layer}.norm"], (middle, b), "row")
        line.legend(f"s0.l{layer}.norm", "after layer norm", (a, b))
        mean, rstd = (self._cell(f"s0.l{layer}.{part}", example.token, 0) for part in ("norm_mean", "norm_rstd"))
        channel = int(np.argmax(np.abs(self.values.matrix(source)[example.token])))
        value = self._cell(source, example.token, channel)
        gain, shift = (self._cell(f"s0.l{layer}.{part}", 0, channel) for part in ("norm_gain", "norm_shift"))
        result = self._cell(f"s0.l{layer}.norm", example.token, channel)
        line.formula(
            (middle, b),
            (("(", "secondary"), (_n(value), "token"), ("− mean", "secondary"), (_n(mean), "statistic"),
             (") ×", "secondary"), (_n(rstd), "statistic"), ("×", "secondary"), (_n(gain), "weight"),
             ("+", "secondary"), (_n(shift), "weight"), ("=", "secondary"), (_n(result), "text")),
        )  # fmt: skip

    def _query_key_value(self) -> None:
        line, example = self.line, self.example
        layer, head, token = example.layer, example.head, example.token
        line.act("Query, key, value")
        norm, weight, out = f"s0.l{layer}.norm", f"s0.l{layer}.h{head}.w_q", f"s0.l{layer}.h{head}.q"
        a, b = line.beat(5.0, self.say("query"), ((norm, weight, out), "multiply"))
        line.legend(out, "query", (a, b))
        share = 0.8
        line.multiply([norm], [weight], [out], (a, b), "dot", token, share)
        worked = (a, a + (b - a) * share)
        line.products(worked, norm, weight, token)
        line.shapes((a, b), norm, weight, out)
        self._worked_formulas(worked, norm, weight, out, token, f"s0.l{layer}.h{head}.b_q", every=2)
        a, b = line.beat(1.6, self.say("key_value"), (f"layer {layer} / head {head} / qkv", "multiply"))
        middle = a + (b - a) * 0.5
        for part, window in (("k", (a, middle)), ("v", (middle, b))):
            line.multiply([norm], [f"s0.l{layer}.h{head}.w_{part}"], [f"s0.l{layer}.h{head}.{part}"], window, "row")

    def _scores(self) -> None:
        line, example = self.line, self.example
        layer, head, token = example.layer, example.head, example.token
        line.act("Attention scores")
        stem = f"s0.l{layer}.h{head}"
        a, b = line.beat(4.2, self.say("scores"), ([f"{stem}.{part}" for part in ("q", "k_flat", "scores")], "head"))
        line.fill([f"{stem}.k_flat"], (a - 0.6, a), "column")
        line.legend(f"{stem}.scores", "scores", (a, b))
        share = 0.75
        line.multiply([f"{stem}.q"], [f"{stem}.k_flat"], [f"{stem}.scores"], (a, b), "dot", token, share)
        worked = (a, a + (b - a) * share)
        line.products(worked, f"{stem}.q", f"{stem}.k_flat", token)
        line.shapes((a, b), f"{stem}.q", f"{stem}.k_flat", f"{stem}.scores")
        self._worked_formulas(worked, f"{stem}.q", f"{stem}.k_flat", f"{stem}.scores", token, "", every=1)

    def _softmax(self) -> None:
        line, example = self.line, self.example
        layer, head, token, seen = example.layer, example.head, example.token, example.seen
        line.act("Mask and softmax")
        stem = f"s0.l{layer}.h{head}"
        a, b = line.beat(
            1.4, self.say("mask"), ([f"{stem}.{part}" for part in ("masked", "softmax_max", "pattern")], "head")
        )
        line.use([f"{stem}.scores"], (a, b), "left")
        line.fill([f"{stem}.masked"], (a, b), "row")
        a, b = line.beat(1.8, self.say("softmax"))
        middle = a + (b - a) * 0.4
        line.fill([f"{stem}.softmax_max", f"{stem}.softmax_sum"], (a, middle), "row")
        line.use([f"{stem}.masked"], (a, b), "left")
        line.fill([f"{stem}.pattern"], (middle, b), "row")
        line.legend(f"{stem}.pattern", "share", (middle, b))
        score, most, total = (
            self._cell(f"{stem}.{part}", token, column)
            for part, column in (("masked", seen), ("softmax_max", 0), ("softmax_sum", 0))
        )
        parts = (
            ("exp(", "secondary"), (_n(score), "token"), ("−", "secondary"), (_n(most), "statistic"),
            (") /", "secondary"), (_n(total), "statistic"), ("=", "secondary"), (_n(example.weight), "text"),
        )  # fmt: skip
        line.formula((middle, b + 0.2), parts)
        a, b = line.beat(1.2, self.say("look"))
        line.formula((a, b + 0.2), parts)

    def _mix(self) -> None:
        line, example = self.line, self.example
        layer, head, token = example.layer, example.head, example.token
        stem = f"s0.l{layer}.h{head}"
        line.act("Weighted sum of values")
        a, b = line.beat(2.6, self.say("mix"), ([f"{stem}.{part}" for part in ("pattern", "v_flat", "mix")], "head"))
        line.fill([f"{stem}.v_flat"], (a - 0.6, a), "row")
        line.legend(f"{stem}.mix", "read", (a, b))
        share = 0.7
        line.multiply([f"{stem}.pattern"], [f"{stem}.v_flat"], [f"{stem}.mix"], (a, b), "dot", token, share)
        worked = (a, a + (b - a) * share)
        line.products(worked, f"{stem}.pattern", f"{stem}.v_flat", token)
        line.shapes((a, b), f"{stem}.pattern", f"{stem}.v_flat", f"{stem}.mix")
        self._worked_formulas(worked, f"{stem}.pattern", f"{stem}.v_flat", f"{stem}.mix", token, "", every=4)
        a, b = line.beat(1.8, self.say("heads"), (f"layer {layer} / attention", "attention"))
        others = [h for h in range(self.shape.heads) if h != head]
        self._heads(0, layer, others, _split((a, b), (1.2, 0.3, 0.8, 0.8, 0.7)))

    def _projection(self) -> None:
        line, layer = self.line, self.example.layer
        line.act("Projection and residual")
        a, b = line.beat(2.4, self.say("projection"), (f"layer {layer} / projection", "sum"))
        self._project(0, layer, (a, b))
        line.legend(f"s0.l{layer}.attention_out", "attention out", (a, b))
        line.shapes((a, b), f"s0.l{layer}.merged", f"s0.l{layer}.w_o", f"s0.l{layer}.attention_out")
        before, added, after = (
            self._stream_before(0, layer)[0],
            f"s0.l{layer}.attention_out",
            f"s0.l{layer}.residual_attention",
        )
        self._sum_formula((a + (b - a) * 0.65, b + 0.2), before, added, after)

    def _mlp(self) -> None:
        line, layer = self.line, self.example.layer
        line.act("MLP")
        a, b = line.beat(2.2, self.say("up"), (f"layer {layer} / mlp", "deep"))
        windows = _split((a, b), (0.5, 1.5))
        self._mlp_norm(0, layer, windows[0])
        line.multiply([f"s0.l{layer}.mlp_norm"], [f"s0.l{layer}.w_up"], [f"s0.l{layer}.hidden"], windows[1], "row")
        line.legend(f"s0.l{layer}.hidden", "hidden", windows[1])
        line.shapes(windows[1], f"s0.l{layer}.mlp_norm", f"s0.l{layer}.w_up", f"s0.l{layer}.hidden")
        a, b = line.beat(2.2, self.say("down"))
        windows = _split((a, b), (0.7, 1.3, 0.5))
        line.use([f"s0.l{layer}.hidden"], windows[0], "left")
        line.fill([f"s0.l{layer}.gelu"], windows[0], "row")
        self._gelu_formula((windows[0][0], windows[1][0] + (windows[1][1] - windows[1][0]) * 0.4), layer)
        self._down(0, layer, windows[1:])
        line.shapes(windows[1], f"s0.l{layer}.gelu", f"s0.l{layer}.w_down", f"s0.l{layer}.mlp_out")

    def _other_layers(self) -> None:
        line, shape = self.line, self.shape
        line.act("All the layers")
        first = self.example.layer + 1
        rest = list(range(first, shape.layers))
        if self.brief:
            # All of them in one shot of the whole model.
            a, b = line.beat(2.6 * len(rest), self.say("layers"), ("model", "model"))
            windows = _split((a, b), [1.0] * len(rest))
        for i, layer in enumerate(rest):
            if self.brief:
                window = windows[i]
            else:
                words = self.say("layers") if layer == first else ""
                window = line.beat(2.6, words, (f"layer {layer}", "section"))
            line.legend(f"s0.l{layer}.residual_mlp", "residual stream", window)
            self._layer(0, layer, window)

    def _output(self) -> None:
        line = self.line
        line.act(f"Logits and the next {self.wording.unit}")
        many = len(self.wording.vocabulary) > FEW
        a, b = line.beat(2.0, self.say("logits"), ("logits" if many else "output", "output"))
        windows = _split((a, b), (0.8, 1.2))
        self._final_norm(0, windows[0])
        line.multiply(["s0.final_norm"], ["s0.w_vocab"], ["s0.logits"], windows[1], "row")
        line.legend("s0.logits", "logits", windows[1])
        line.shapes(windows[1], "s0.final_norm", "s0.w_vocab", "s0.logits")
        a, b = line.beat(1.4, self.say(self._odds_moment()), ("odds", "odds") if many else None)
        line.use(["s0.logits"], (a, b), "left")
        line.fill(["s0.probability_max", "s0.probability_sum"], (a, b), "row")
        last = self.prompt - 1 if many else None  # the row that is drawn from fills first
        line.fill(["s0.probabilities"], (a, b), "row", last, 0.6)
        if many:
            line.use(["s0.probabilities"], (a + 0.6 * (b - a), b + 0.3), "left", last, 1.0)
        line.legend("s0.probabilities", "probability", (a, b))
        odds = self.wording.likeliest(self.values.matrix("s0.probabilities")[-1], FORMULA_ODDS)
        gap = [("", "secondary")] if many else []
        parts = [part for token, share in odds for part in ((token, "positive"), (_n(share), "text"), *gap)]
        line.formula((a, b + 0.2), [*parts, ("⋯", "secondary")] if many else parts)
        line.arrive(self.prompt, b)

    def _repeat(self) -> None:
        line = self.line
        steps = len(self.trace.steps)
        line.act(last_act(self.wording) if steps > 1 else "The whole pass")
        if steps > 1:
            words = [self.say("again"), self.say("one_row")]
            for step, window in enumerate(line.rounds(steps - 1, 1.25, words, ("model", "model")), start=1):
                self._whole_step(step, window)
                line.arrive(self.prompt + step, window[1])
        if self.wording.answer:
            line.beat(0.4, self.say("sorted" if self.wording.sorts else "continued"))
        line.beat(1.2, self.say("count"))

    # --- stretches

    def _whole_step(self, step: int, window: Window) -> None:
        """A whole forward pass in one window."""
        layers = self.shape.layers
        windows = _split(window, (0.6, *(1.0 for _ in range(layers)), 0.6))
        line = self.line
        start, end = windows[0]
        middle = (start + end) / 2
        line.fill([f"s{step}.token_embedding", f"s{step}.position_embedding"], (start, middle), "all")
        line.fill([f"s{step}.residual_0"], (middle, end), "all")
        for layer in range(layers):
            self._layer(step, layer, windows[1 + layer])
        first, second, third = _split(windows[-1], (0.3, 0.4, 0.3))
        self._final_norm(step, first)
        line.multiply([f"s{step}.final_norm"], ["s0.w_vocab"], [f"s{step}.logits"], second, "row")
        line.fill([f"s{step}.probability_max", f"s{step}.probability_sum", f"s{step}.probabilities"], third, "all")

    def _layer(self, step: int, layer: int, window: Window) -> None:
        """A whole layer in one window, all heads at once."""
        spans = dict(zip((n for n, _s in LAYER_STAGES), _split(window, [s for _n, s in LAYER_STAGES]), strict=True))
        line = self.line
        source = self._stream_before(step, layer)
        line.use(source, spans["norm"], "left")
        line.fill([f"s{step}.l{layer}.{part}" for part in ("norm_mean", "norm_rstd", "norm")], spans["norm"], "row")
        self._heads(
            step, layer, range(self.shape.heads), [spans[n] for n in ("qkv", "flat", "scores", "softmax", "mix")]
        )
        self._project(step, layer, spans["projection"])
        self._mlp_norm(step, layer, spans["mlp_norm"])
        line.multiply([f"s{step}.l{layer}.mlp_norm"], [f"s0.l{layer}.w_up"], [f"s{step}.l{layer}.hidden"], spans["up"])
        line.use([f"s{step}.l{layer}.hidden"], spans["gelu"], "left")
        line.fill([f"s{step}.l{layer}.gelu"], spans["gelu"], "row")
        self._down(step, layer, _split(spans["down"], (0.7, 0.3)))

    def _heads(self, step: int, layer: int, heads: range | list[int], windows: list[Window]) -> None:
        """Some heads of a layer at once: multiply, slide, score, softmax, mix."""
        line = self.line
        qkv, flat, scores, softmax, mix = windows
        norm = [f"s{step}.l{layer}.norm"]
        line.use(norm, qkv, "left")
        for head in heads:
            stem, weights = f"s{step}.l{layer}.h{head}", f"s0.l{layer}.h{head}"
            for part in "qkv":
                line.use([f"{weights}.w_{part}"], qkv, "right")
                line.fill([f"{stem}.{part}"], qkv, "row")
            line.fill([f"{stem}.k_flat"], flat, "column")
            line.fill([f"{stem}.v_flat"], flat, "row")
            line.multiply([f"{stem}.q"], [f"{stem}.k_flat"], [f"{stem}.scores"], scores)
            masked, rest = _split(softmax, (0.4, 0.6))
            line.fill([f"{stem}.masked"], masked, "row")
            line.fill([f"{stem}.{part}" for part in ("softmax_max", "softmax_sum", "pattern")], rest, "row")
            line.multiply([f"{stem}.pattern"], [f"{stem}.v_flat"], [f"{stem}.mix"], mix)

    def _project(self, step: int, layer: int, window: Window) -> None:
        line = self.line
        gather, multiply, add = _split(window, (0.4, 1.2, 0.8))
        stem = f"s{step}.l{layer}"
        line.fill([f"{stem}.merged"], gather, "row")
        line.multiply([f"{stem}.merged"], [f"s0.l{layer}.w_o"], [f"{stem}.attention_out"], multiply)
        line.use([f"{stem}.attention_out"], add, "left")
        line.fill([f"{stem}.residual_attention"], add, "row")

    def _mlp_norm(self, step: int, layer: int, window: Window) -> None:
        stem = f"s{step}.l{layer}"
        self.line.use([f"{stem}.residual_attention"], window, "left")
        self.line.fill([f"{stem}.{part}" for part in ("mlp_norm_mean", "mlp_norm_rstd", "mlp_norm")], window, "row")

    def _down(self, step: int, layer: int, windows: list[Window]) -> None:
        stem = f"s{step}.l{layer}"
        self.line.multiply([f"{stem}.gelu"], [f"s0.l{layer}.w_down"], [f"{stem}.mlp_out"], windows[0])
        self.line.use([f"{stem}.mlp_out"], windows[1], "left")
        self.line.fill([f"{stem}.residual_mlp"], windows[1], "row")

    def _final_norm(self, step: int, window: Window) -> None:
        line = self.line
        line.use([f"s{step}.l{self.shape.layers - 1}.residual_mlp"], window, "left")
        line.fill([f"s{step}.{part}" for part in ("final_mean", "final_rstd", "final_norm")], window, "row")

    # --- numbers

    def _stream_before(self, step: int, layer: int) -> list[str]:
        """The residual stream that a layer reads."""
        return [f"s{step}.residual_0" if layer == 0 else f"s{step}.l{layer - 1}.residual_mlp"]

    def _cell(self, key: str, row: int, column: int) -> float:
        return float(self.values.matrix(key)[row, column])

    def _worked_formulas(
        self, window: Window, left: str, right: str, out: str, row: int, bias: str, every: int
    ) -> None:
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
                (_n(float(operand[k])), "token"), ("×", "secondary"), (_n(float(matrix[k, column])), "feature"),
                ("+ ⋯", "secondary"),
            ]  # fmt: skip
            if bias:
                parts += [("+", "secondary"), (_n(self._cell(bias, 0, column)), "weight")]
            parts += [("=", "secondary"), (_n(self._cell(out, row, column)), "text")]
            self.line.formula((window[0] + first * length, window[0] + following * length), parts)

    def _sum_formula(self, window: Window, before: str, added: str, after: str) -> None:
        token = self.example.token
        # The largest that is added; the first of them that two decimals show without an error of rounding.
        channels = np.argsort(-np.abs(self.values.matrix(added)[token]), kind="stable")
        terms = [[self._cell(key, token, int(channel)) for key in (before, added, after)] for channel in channels]
        exact = (n for n in terms if abs(round(n[0], 2) + round(n[1], 2) - round(n[2], 2)) < 0.005)
        numbers = next(exact, terms[0])
        self.line.formula(
            window,
            ((_n(numbers[0]), "token"), ("+", "secondary"), (_n(numbers[1]), "channel"),
             ("=", "secondary"), (_n(numbers[2]), "text")),
        )  # fmt: skip

    def _gelu_formula(self, window: Window, layer: int) -> None:
        token = self.example.token
        neuron = int(np.argmax(np.abs(self.values.matrix(f"s0.l{layer}.gelu")[token])))
        before, after = (self._cell(f"s0.l{layer}.{part}", token, neuron) for part in ("hidden", "gelu"))
        self.line.formula(
            window, (("GELU(", "secondary"), (_n(before), "neuron"), (") =", "secondary"), (_n(after), "text"))
        )

    def _odds_moment(self) -> str:
        """How the next token came up: the likeliest of few or of many, or drawn by chance."""
        shares = self.values.matrix("s0.probabilities")[-1]
        drawn = self.trace.steps[0].sampled
        if drawn is not None and shares[drawn] < shares.max():
            return "drawn odds"
        return "many odds" if len(shares) > FEW else "odds"


def _split(window: Window, shares: list[float] | tuple[float, ...]) -> list[Window]:
    """Consecutive parts of a window, by their shares."""
    start, end = window
    total = sum(shares)
    edges = [start]
    for share in shares:
        edges.append(edges[-1] + (end - start) * share / total)
    return list(pairwise(edges))


def _n(value: float) -> str:
    """A number as people write it, with a true minus sign and no minus zero."""
    return f"{value:z.2f}".replace("-", "−")
