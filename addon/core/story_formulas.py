# SPDX-License-Identifier: GPL-3.0-or-later
"""The running formulas: one number of a step, worked out with the run's own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .haste import reached, swept
from .story_run import Run
from .timeline import Window
from .words import Catalog

LEAST_FORMULA = 0.9  # seconds that a formula needs to be taken in
MOST_CHOSEN = 4  # experts that a formula names
LEAST_PAIR = 0.1  # length of a pair whose turn is shown
SAME = 0.02  # of two numbers that a formula with two decimals may show as equal


class Formulas(Run):
    """Puts formulas on the time line, in the words of `catalog`."""

    catalog: Catalog

    def said(self, name: str, **values: object) -> str:
        """A word of a formula or of a chart."""
        return self.catalog.cards[name].format(**values)

    def worked_formulas(self, window: Window, left: str, right: str, out: str, row: int, bias: str, every: int) -> None:
        """While the columns of a worked row fill, for the first and then for one of `every` or more of them the largest
        term and the sum."""
        matrix = self.values.matrix(right)  # [k, j]
        columns = matrix.shape[1]
        length = window[1] - window[0]
        groups = max(1, min(columns // every, int(length / LEAST_FORMULA)))
        # At even intervals, in which the sweep gets on faster and faster.
        edges = sorted({round(columns * swept(i / groups)) for i in range(groups + 1)})
        operand = self.values.matrix(left)[row][: matrix.shape[0]]
        for first, following in pairwise(edges):
            column = (first + following) // 2 if first else 0
            terms = operand * matrix[:, column]
            k = int(np.argmax(np.abs(terms)))
            parts = [
                (number(float(operand[k])), "token"), ("×", "secondary"), (number(float(matrix[k, column])), "feature"),
                ("+ ⋯", "secondary"),
            ]  # fmt: skip
            if bias in self.values.blocks:
                parts += [("+", "secondary"), (number(self.cell(bias, 0, column)), "weight")]
            parts += [("=", "secondary"), (number(self.cell(out, row, column)), "text")]
            start, end = (window[0] + length * float(reached(edge / columns)) for edge in (first, following))
            self.line.formula((start, end), parts)

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
            parts = [("(", "secondary"), (number(value), "token"), (f"− {self.said('mean word')}", "secondary")]
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
             (f") {self.said('turned by')}", "secondary"),
             (f"{angle:.0f}°".replace("-", "−"), "statistic"),
             ("= (", "secondary"),
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
            parts += [
                (self.said("expert", number=expert), "positive"),
                (number(float(row[expert])), "text"),
                ("", "secondary"),
            ]
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


def number(value: float) -> str:
    """A number as people write it, with a true minus sign and no minus zero."""
    return f"{value:z.2f}".replace("-", "−")
