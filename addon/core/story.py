# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace and its layout -> the story: what a viewer sees and reads, when. A pure function."""

from __future__ import annotations

import math

import numpy as np

from .detail import MOST_VALUES
from .layout_parts import SHARED_EXPERT
from .layout_types import Layout
from .story_stretches import Stretches, number, split
from .story_types import Act, Arrival, Caption, Fill, Formula, Legend, Products, Shot, Story, Use
from .timeline import Timeline
from .trace import Trace
from .values import LOCAL, Values
from .values import masked as is_masked
from .wording import FEW, quoted, shortened, shown
from .words import LONGEST_QUOTE, SUBTITLE, caption, last_act, title_of

__all__ = ["Act", "Arrival", "Caption", "Fill", "Formula", "Legend", "Products", "Shot", "Story", "Use", "tell"]

TITLE_SECONDS = 2.2
EMBEDDING = ("s0.token_table", "s0.token_embedding", "s0.position_table", "s0.position_embedding", "s0.residual_0")
LONG_TABLES = 3.0  # how many times as deep as wide both tables are together when they need a look each
CAPTION_ODDS, FORMULA_ODDS = 3, 4  # of the likeliest tokens, where there are more than FEW
PASSING = ("GELU", "ReLU", "SiLU")  # activations that let what is above zero pass
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


class _Teller(Stretches):
    """Tells one run; every method is one act."""

    def tell(self, pace: float) -> Story:
        """The whole story at a pace."""
        self.line = Timeline(self.layout, self.values, pace)
        self._overview()
        self._embedding()
        self._layers_before()
        if self.has("scores"):
            self._norm()
            self._query_key_value()
            self._rotary()
            self._scores()
            self._softmax()
            self._mix()
            self._projection()
        if self.has("w_down"):
            self._mlp()
        if self.has("router"):
            self._experts()
        self._beyond()
        self._other_layers()
        if self.has("logits"):
            self._output()
        self._repeat()
        model = self.trace.model
        subtitle = SUBTITLE.format(model=model.name, parameters=model.parameters)
        return self.line.story((title_of(self.wording), subtitle, 0.3, self._title_end - 0.3))

    def say(self, moment: str) -> str:
        """The caption of a moment, full or brief, with this run's own numbers."""
        example, shape, wording = self.example, self.sizes, self.wording
        last = self.values.whole("s0.probabilities")[-1] if self.has("probabilities") else np.zeros(1, np.float32)
        return caption(
            moment,
            self.brief,
            layers=shape.layers,
            heads=shape.heads,
            groups=shape.heads // shape.shared,
            shared=shape.shared,
            experts=self.values.blocks[f"s0.l{example.layer}.router"].shape[1] if self.has("router") else 0,
            chosen=self.values.blocks[f"s0.l{example.layer}.chosen"].shape[1] if self.has("router") else 0,
            ran=self._experts_at_work(),
            activation=self.label("gelu") if self.has("gelu") else "",
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

    def _experts_at_work(self) -> int:
        """How many experts the example's layer runs in the first step, without those that all tokens share."""
        blocks = (b for b in self.layout.blocks if b.part == "e_gelu" and b.layer == self.example.layer and b.step == 0)
        return len({b.head for b in blocks if b.head is not None and b.head < SHARED_EXPERT})

    # --- acts

    def _overview(self) -> None:
        line = self.line
        line.act("Overview")
        line.beat(TITLE_SECONDS / line.pace, "", ("model", "model"))
        self._title_end = line.now - 0.2
        weights = (f"s0.l{self.example.layer}.w_up", "s0.w_vocab", "s0.token_table")
        line.legend(next(iter(line.there(weights)), next(iter(self.values.blocks))), "weights", (0.0, 1.0))
        cells = sum(math.prod(block.counts) for block in self.layout.blocks)
        line.beat(0.5, self.say("large overview" if cells > MOST_VALUES else "overview"))

    def _embedding(self) -> None:
        line = self.line
        there = line.there(EMBEDDING)
        if not there:
            return
        line.act("Tokens and embedding")
        # Long tables stand one behind the other: too far for one look.
        box = self.layout.bounds_of(*there)
        long = box.high[1] - box.low[1] > LONG_TABLES * (box.high[0] - box.low[0])
        positions = self.has("position_table")
        found = "s0.token_embedding" if self.has("token_embedding") else "s0.residual_0"
        moment = "tokens" if positions else "tokens alone"
        a, b = line.beat(2.0, self.say(moment), ("lookup" if long and positions else there, "table"))
        line.legend(found, "embedding", (a, b))
        line.use(["s0.token_table"], (a, b), "left")
        line.fill([found], (a, b), "row")
        self.plain(0, None, (a, b), before=self.operation_of("s0.residual_0") + 1)
        if positions:
            a, b = line.beat(1.8, self.say("positions"), ("positions", "sum") if long else None)
            middle = a + (b - a) * 0.45
            line.use(["s0.position_table"], (a, middle), "left")
            line.fill(["s0.position_embedding"], (a, middle), "row")
            line.use(["s0.token_embedding", "s0.position_embedding"], (middle, b), "left")
            line.fill(["s0.residual_0"], (middle, b), "row")
        elif found != "s0.residual_0":
            line.fill(["s0.residual_0"], (b - 0.4 * (b - a), b), "row")

    def _layers_before(self) -> None:
        """Layers that come before the first one with heads, each as a whole."""
        if self.example.layer == 0:
            return
        self.line.act("The first layers")
        for layer in range(self.example.layer):
            window = self.line.beat(2.6, self.say("first layers") if layer == 0 else "", (f"layer {layer}", "section"))
            self.layer(0, layer, window)

    def _norm(self) -> None:
        line, example = self.line, self.example
        layer = example.layer
        norm = f"s0.l{layer}.norm"
        if not self.has("norm_rstd"):
            return  # the projections read the stream as it is
        name = self.label("norm")
        line.act(name[0].upper() + name[1:])
        source = self.stream_before(0, layer)[0]
        subject = (source, f"{norm}_mean" if self.has("norm_mean") else f"{norm}_rstd", norm)
        a, b = line.beat(1.6, self.say("norm" if self.has("norm_mean") else "root norm"), (subject, "sum"))
        middle = a + (b - a) * 0.4
        line.use(self.stream_before(0, layer), (a, middle), "left")
        line.fill([f"{norm}_mean", f"{norm}_rstd"], (a, middle), "row")
        line.fill([norm], (middle, b), "row")
        line.legend(norm, f"after {name}", (a, b))
        self.norm_formula((middle, b), source, norm, example.token)

    def _query_key_value(self) -> None:
        line, example = self.line, self.example
        layer, head, token = example.layer, example.head, example.token
        line.act("Query, key, value")
        shared = self.kv(0, layer, head)
        norm, weight, out = f"s0.l{layer}.norm", f"s0.l{layer}.h{head}.w_q", f"s0.l{layer}.h{head}.q"
        a, b = line.beat(5.0, self.say("query"), ((norm, weight, out), "multiply"))
        line.legend(out, "query", (a, b))
        if not self.has("norm_rstd"):
            line.fill([norm], (a - 0.6, a), "row")
        share = 0.8
        line.multiply([norm], [weight], [out], (a, b), "dot", token, share)
        worked = (a, a + (b - a) * share)
        line.products(worked, norm, weight, token)
        line.shapes((a, b), norm, weight, out)
        self.worked_formulas(worked, norm, weight, out, token, f"s0.l{layer}.h{head}.b_q", every=2)
        a, b = line.beat(1.6, self.say("key_value"), (f"layer {layer} / head {head} / qkv", "multiply"))
        middle = a + (b - a) * 0.5
        for part, window in (("k", (a, middle)), ("v", (middle, b))):
            line.multiply([norm], [f"{shared}.w_{part}"], [f"{shared}.{part}"], window, "row")
        self.plain(0, layer, (a, b), before=self.operation_of(f"s0.l{layer}.h{head}.scores"))

    def _rotary(self) -> None:
        line, example = self.line, self.example
        layer, head = example.layer, example.head
        stem, shared = f"s0.l{layer}.h{head}", self.kv(0, layer, head)
        place = f"layer {layer} / head {head} / rotary"
        if self.has("q_norm") or self.has("k_norm"):
            a, b = line.beat(1.4, self.say("query norm"), (place, "multiply"))
            line.use([f"{stem}.q", f"{shared}.k"], (a, b), "left")
            line.fill([f"{stem}.q_norm", f"{shared}.k_norm"], (a, b), "row")
        if not self.has("q_rotary"):
            return
        after = f"{stem}.q_rotary"
        before = f"{stem}.q_norm" if self.has("q_norm") else f"{stem}.q"
        if self.values.blocks[after].label != "Q turned":
            line.fill([after], (line.now - 0.3, line.now), "row")
            return
        line.act("Rotary embedding")
        a, b = line.beat(2.0, self.say("rotary"), (line.there([before, after, f"{shared}.k_flat"]), "head"))
        line.use([before], (a, b), "left")
        line.fill([after], (a, b), "row", example.token, 0.6)
        line.legend(after, "query, turned", (a, b))
        self.turn_formula((a + 0.2 * (b - a), b + 0.2), before, after, example.token)

    def _scores(self) -> None:
        line, example = self.line, self.example
        layer, head, token = example.layer, example.head, example.token
        line.act("Attention scores")
        stem = f"s0.l{layer}.h{head}"
        query, keys, scores = self.query(stem), f"{self.kv(0, layer, head)}.k_flat", f"{stem}.scores"
        a, b = line.beat(4.2, self.say("scores"), ([query, keys, scores], "head"))
        line.fill([keys], (a - 0.6, a), "column")
        line.legend(scores, "scores", (a, b))
        share = 0.75
        line.multiply([query], [keys], [scores], (a, b), "dot", token, share)
        worked = (a, a + (b - a) * share)
        line.products(worked, query, keys, token)
        line.shapes((a, b), query, keys, scores)
        self.worked_formulas(worked, query, keys, scores, token, "", every=1)

    def _softmax(self) -> None:
        line, example = self.line, self.example
        layer, head, token, seen = example.layer, example.head, example.token, example.seen
        line.act("Mask and softmax" if self.has("masked") else "Softmax")
        stem = f"s0.l{layer}.h{head}"
        masked = f"{stem}.masked" if self.has("masked") else f"{stem}.scores"
        shot = (line.there([masked, f"{stem}.softmax_max", f"{stem}.pattern"]), "softmax")
        if self.has("masked"):
            hides = bool(is_masked(self.values.matrix(masked)).any())
            a, b = line.beat(1.4, self.say("mask" if hides else "shifted"), shot)
            line.use([f"{stem}.scores"], (a, b), "left")
            line.fill([masked], (a, b), "row")
        a, b = line.beat(1.8, self.say("softmax"), None if self.has("masked") else shot)
        self.plain(0, layer, (a, b), self.operation_of(f"{stem}.scores"), self.operation_of(f"{stem}.mix"))
        middle = a + (b - a) * 0.4
        line.fill([f"{stem}.softmax_max", f"{stem}.softmax_sum"], (a, middle), "row")
        line.use([masked], (a, b), "left")
        line.fill([f"{stem}.pattern"], (middle, b), "row")
        line.legend(f"{stem}.pattern", "share", (middle, b))
        parts = self.share_formula(masked, stem, token, seen)
        line.formula((middle, b + 0.2), parts)
        if example.token != seen:
            a, b = line.beat(1.2, self.say("look"))
            line.formula((a, b + 0.2), parts)

    def _mix(self) -> None:
        line, example = self.line, self.example
        layer, head, token = example.layer, example.head, example.token
        stem = f"s0.l{layer}.h{head}"
        pattern, values, mix = f"{stem}.pattern", f"{self.kv(0, layer, head)}.v_flat", f"{stem}.mix"
        line.act("Weighted sum of values")
        a, b = line.beat(2.6, self.say("mix"), ([pattern, values, mix], "head"))
        line.fill([values], (a - 0.6, a), "row")
        line.legend(mix, "read", (a, b))
        share = 0.7
        line.multiply([pattern], [values], [mix], (a, b), "dot", token, share)
        worked = (a, a + (b - a) * share)
        line.products(worked, pattern, values, token)
        line.shapes((a, b), pattern, values, mix)
        self.worked_formulas(worked, pattern, values, mix, token, "", every=4)
        others = [h for h in range(self.sizes.heads) if h != head]
        if others:
            moment = "heads" if self.sizes.shared == 1 else "shared heads"
            a, b = line.beat(1.8, self.say(moment), (f"layer {layer} / attention", "attention"))
            self.heads(0, layer, others, split((a, b), (1.2, 0.3, 0.8, 0.8, 0.7)), self.kv(0, layer, head))

    def _projection(self) -> None:
        line, layer = self.line, self.example.layer
        stem = f"s0.l{layer}"
        alone = self.has("residual_attention")
        if not self.has("w_o"):
            return
        line.act("Projection and residual" if alone else "Projection")
        moment = "projection" if alone else "projection alone"
        moment = "projection, norm" if self.has("attention_post") else moment
        a, b = line.beat(2.4, self.say(moment), (f"layer {layer} / projection", "sum"))
        self.project(0, layer, (a, b))
        line.legend(f"{stem}.attention_out", "attention out", (a, b))
        line.shapes((a, b), f"{stem}.merged", f"{stem}.w_o", f"{stem}.attention_out")
        added = f"{stem}.attention_post" if self.has("attention_post") else f"{stem}.attention_out"
        window = (a + (b - a) * 0.65, b + 0.2)
        self.sum_formula(window, self.stream_before(0, layer)[0], added, f"{stem}.residual_attention")

    def _mlp(self) -> None:
        line, layer = self.line, self.example.layer
        line.act("MLP")
        stem = f"s0.l{layer}"
        gated = self.has("product")
        a, b = line.beat(2.2, self.say("gate" if gated else "up"), (f"layer {layer} / mlp", "deep"))
        windows = split((a, b), (0.5, 1.5))
        self.mlp_norm(0, layer, windows[0])
        self.up(0, layer, windows[1])
        line.legend(f"{stem}.hidden", self.label("hidden"), windows[1])
        line.shapes(windows[1], f"{stem}.mlp_norm", f"{stem}.w_up", f"{stem}.hidden")
        alone = self.has("residual_attention") or not self.has("scores")
        plain = "down" if self.label("gelu") in PASSING else "bent down"
        a, b = line.beat(2.2, self.say("gated down" if gated else plain if alone else "parallel down"))
        windows = split((a, b), (0.7, 1.3, 0.5))
        self.activate(0, layer, windows[0])
        self.activation_formula((windows[0][0], windows[1][0] + (windows[1][1] - windows[1][0]) * 0.4), layer)
        self.down(0, layer, windows[1:])
        operand = f"{stem}.product" if gated else f"{stem}.gelu"
        line.shapes(windows[1], operand, f"{stem}.w_down", f"{stem}.mlp_out")
        if gated and not alone:
            line.beat(0.8, self.say("parallel"))

    def _experts(self) -> None:
        line, layer, token = self.line, self.example.layer, self.example.token
        line.act("Router and experts")
        stem = f"s0.l{layer}"
        a, b = line.beat(2.0, self.say("router"), (f"layer {layer} / router", "multiply"))
        norm, route = split((a, b), (0.5, 1.5))
        self.mlp_norm(0, layer, norm)
        self.route(0, layer, route)
        line.legend(f"{stem}.router", "router", route)
        line.shapes(route, f"{stem}.mlp_norm", f"{stem}.w_router", f"{stem}.router")
        self.choice_formula((b - 0.4 * (b - a), b + 0.2), stem, token)
        a, b = line.beat(3.2, self.say("experts"), (f"layer {layer} / mlp", "deep"))
        self.experts(0, layer, (a, b))
        line.legend(f"{stem}.mlp_out", "experts out", (a, b))
        self.plain(0, layer, (a, b), self.operation_of(f"{stem}.router"))

    def _beyond(self) -> None:
        """What the example's layer has that no act tells: drawn plainly, and shown as what it is."""
        layer, line = self.example.layer, self.line
        told = line.filled()
        left = [b for b in self.rest.get((0, layer), []) if b.kind != "weight" and b.key not in told]
        if not left:
            return
        line.act("And the rest")
        a, b = line.beat(1.6, self.say("rest"), ([block.key for block in left], "section"))
        for block, window in zip(left, split((a, b), [1.0] * len(left)), strict=True):
            line.fill([block.key], window, "all")
        line.fill([f"s0.l{layer}.residual_mlp"], (b - 0.3, b), "row")

    def _other_layers(self) -> None:
        line, shape = self.line, self.sizes
        first = self.example.layer + 1
        rest = list(range(first, shape.layers))
        if not rest:
            return
        line.act("All the layers")
        if self.brief:
            # All of them in one shot of the whole model.
            a, b = line.beat(2.6 * len(rest), self.say("layers"), ("model", "model"))
            windows = split((a, b), [1.0] * len(rest))
        for i, layer in enumerate(rest):
            if self.brief:
                window = windows[i]
            else:
                words = self.say("layers") if layer == first else ""
                window = line.beat(2.6, words, (f"layer {layer}", "section"))
            line.legend(self.stream_before(0, layer + 1)[0], "residual stream", window)
            self.layer(0, layer, window)

    def _output(self) -> None:
        line = self.line
        line.act(f"Logits and the next {self.wording.unit}")
        many = len(self.wording.vocabulary) > FEW
        a, b = line.beat(2.0, self.say("logits"), ("logits" if many else "output", "output"))
        windows = split((a, b), (0.8, 1.2))
        self.final_norm(0, windows[0])
        line.multiply(["s0.final_norm"], ["s0.w_vocab"], ["s0.logits"], windows[1], "row")
        line.legend("s0.logits", "logits", windows[1])
        line.shapes(windows[1], "s0.final_norm", "s0.w_vocab", "s0.logits")
        self.plain(0, None, windows[1], self.operation_of("s0.residual_0") + 1)
        if not self.has("probabilities"):
            return
        a, b = line.beat(1.4, self.say(self.odds_moment()), ("odds", "odds") if many else None)
        line.use(["s0.logits"], (a, b), "left")
        line.fill(["s0.probability_max", "s0.probability_sum"], (a, b), "row")
        # The row that is drawn from fills first.
        last = self.values.blocks["s0.probabilities"].shape[0] - 1 if many else None
        line.fill(["s0.probabilities"], (a, b), "row", last, 0.6)
        if many:
            line.use(["s0.probabilities"], (a + 0.6 * (b - a), b + 0.3), "left", last, 1.0)
        line.legend("s0.probabilities", "probability", (a, b))
        odds = self.wording.likeliest(self.values.whole("s0.probabilities")[-1], FORMULA_ODDS)
        gap = [("", "secondary")] if many else []
        parts = [part for token, share in odds for part in ((token, "positive"), (number(share), "text"), *gap)]
        line.formula((a, b + 0.2), [*parts, ("⋯", "secondary")] if many else parts)
        if len(self.texts) > self.prompt:
            line.arrive(self.prompt, b)

    def _repeat(self) -> None:
        line = self.line
        steps = len(self.trace.steps)
        line.act(last_act(self.wording) if steps > 1 else "The whole pass")
        if steps > 1:
            cached = self.trace.steps[1].past > 0
            words = [self.say("again cached" if cached else "again"), self.say("cache" if cached else "one_row")]
            for step, window in enumerate(line.rounds(steps - 1, 1.25, words, ("model", "model")), start=1):
                self.whole_step(step, window)
                if self.prompt + step < len(self.texts):
                    line.arrive(self.prompt + step, window[1])
        if self.wording.answer:
            line.beat(0.4, self.say("sorted" if self.wording.sorts else "continued"))
        line.beat(1.2, self.say("count"))
