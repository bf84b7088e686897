# SPDX-License-Identifier: GPL-3.0-or-later
"""What the film of a multiply says: its sentences, its sizes, and the worked cell with the trace's own numbers."""

from __future__ import annotations

import math

import numpy as np

from .matmul_operands import NAMES
from .multiply_reel import Reel
from .story_types import Formula
from .values import color_ends

SLOW, SLOWLY = 4, 0.85  # so many products take so long each, in seconds of pace; then all others
OTHERS = (3.0, 7.0)  # together at least, at most
EACH = 0.16  # of the others, where that is between
LEAST_FORMULA = 0.14  # seconds; where products come faster, some are passed over
ROOT = 1e-3  # by how much, at most, a factor may differ from one over a root


class Sayings(Reel):
    """Sentences and formulas of a film."""

    def _say(self, moment: str) -> str:
        operands, shape = self.operands, self.shape
        i, k, j = operands.axes
        part = self._kind(moment)
        row, column = operands.cell
        total = self._number(float(self._sums()[-1]), operands.result)
        if k.count < k.whole:
            total = self.words.so_far.format(sum=total)
        elif operands.bias is not None:
            total = self.words.before_bias.format(sum=total)
        words = self.words
        met = words.step(j, column)
        return words.sentence(
            moment, part, self.brief, i=words.one(i), k=words.one(k), j=words.one(j), ks=words.many(k),
            many_i=words.many(i), rows=i.count, inner=k.count, columns=j.count, all_rows=words.count(i.whole),
            all_inner=words.count(k.whole), all_columns=words.count(j.whole), row=words.step(i, row), column=met,
            column_end=met.removesuffix(","), products=words.count(shape.rows * shape.inner * shape.columns),
            cells=words.count(shape.rows * shape.columns), sum=total, scale=f"{operands.scale:.3g}",
        )  # fmt: skip

    def _kind(self, moment: str) -> str:
        """Which of a moment's sentences is true here: what the result is in the model, or what the words call else."""
        operands = self.operands
        _i, k, _j = operands.axes
        right = operands.choice.operation.right
        if moment == "rest" and k.count == k.whole:
            return "all"
        if moment == "box" and any(axis.count < axis.whole for axis in operands.axes):
            return "part"
        if moment == "scale" and abs(operands.scale * math.sqrt(k.whole) - 1) > ROOT:
            return "plain"
        if operands.part not in NAMES and right is not None and self.trace.tensor(right).parameter is None:
            return "plain"
        return operands.part

    def _sums(self) -> np.ndarray:
        """The running sum of the worked cell after each of its products, [k]."""
        row, column = self.operands.cell
        left, right = self.operands.left[row].astype(np.float64), self.operands.right[:, column].astype(np.float64)
        return np.cumsum(left * right)

    def _product_times(self) -> list[float]:
        """When each product of the worked cell is added, in seconds from its start: [k + 1]; the first ones slowly."""
        inner = self.shape.inner
        slow = min(SLOW, inner)
        others = inner - slow
        rest = min(max(EACH * others, OTHERS[0]), OTHERS[1]) if others else 0.0
        times = [k * SLOWLY for k in range(slow + 1)]
        times += [slow * SLOWLY + rest * (k + 1) / others for k in range(others)]
        return [t * self.pace for t in times]

    def _number(self, value: float, matrix: np.ndarray) -> str:
        """A number of a matrix with as many decimals as its numbers need, and a true minus sign."""
        high = color_ends(matrix, False)[1]
        decimals = next((n for n, least in ((2, 1.0), (3, 0.1)) if high >= least), 4)
        return f"{value:z.{decimals}f}".replace("-", "−")

    def _worked(self, start: float, times: list[float], end: float, until: float) -> None:
        """The running formula with the trace's own numbers; the whole sum stays until the caption about it is read."""
        operands, sums = self.operands, self._sums()
        i, _k, j = operands.axes
        row, column = operands.cell
        shown = 0
        while shown < len(sums):
            after = shown + 1
            while after < len(sums) and times[after] - times[shown] < LEAST_FORMULA:
                after += 1
            last = after == len(sums)
            # Where some are passed over, the last of them is shown: the sum is that after it.
            k = after - 1
            a, w = float(operands.left[row, k]), float(operands.right[k, column])
            parts = (
                (self._number(a, operands.left), i.color), ("×", "secondary"),
                (self._number(w, operands.right), j.color), ("=", "secondary"),
                (self._number(a * w, operands.result), "secondary"), ("", ""), (self.words.sum, "secondary"),
                (self._number(float(sums[k]), operands.result), "text"),
            )  # fmt: skip
            begin = start + times[shown]
            finish = until if last else start + times[after]
            self.formulas.append(Formula(begin, finish - begin, parts))
            shown = after
        assert end <= until

    def _shapes(self) -> tuple[tuple[str, str], ...]:
        """Names and whole sizes, in the colours of the axes."""
        i, k, j = self.operands.axes
        left, right, out = self.operands.names
        parts: list[tuple[str, str]] = []
        for name, rows, columns, after in ((left, i, k, "⋅"), (right, k, j, "="), (out, i, j, "")):
            parts += [
                (name, "text"),
                (f"{rows.whole:,}", rows.color),
                ("×", "secondary"),
                (f"{columns.whole:,}", columns.color),
            ]
            parts += [(after, "secondary")] if after else []
        return tuple(parts)
