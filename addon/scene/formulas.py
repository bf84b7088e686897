# SPDX-License-Identifier: GPL-3.0-or-later
"""The running formula in a pill over the caption: numbers in the colours of where they come from."""

from __future__ import annotations

from itertools import groupby, pairwise

from ..core.story import Formula
from .overlay import Overlay, rounded
from .text import FADE, during, width_of

FORMULA = 0.064  # text size, as a share of the frame's height
GAP = 0.34  # between parts, in text sizes
HEIGHT = -0.308  # of the pill's middle, in frame heights


def add_formulas(overlay: Overlay, formulas: tuple[Formula, ...]) -> None:
    """All formulas. Those that follow each other share their pill, and of those of one form only the numbers change,
    each in its column."""
    for i, run in enumerate(_runs(formulas)):
        tables = [list(table) for _form, table in groupby(run, _form_of)]
        widest = max(map(_width, tables)) + 1.1
        large = FORMULA * overlay.small
        size = large * overlay.shrink(widest * large)
        start, end = run[0].start, run[-1].start + run[-1].duration
        for name, extra, hue, depth in (("line", 0.0045, "line", -0.002), ("pill", 0.0, "pill", 0.0)):
            high = size * 1.2 + extra
            pill = rounded(
                f"formula {i + 1} {name}", widest * size + extra, high, high / 2, hue, overlay.materials.overlay
            )
            overlay.put(during(pill, start, end - start), 0.0, HEIGHT, depth)
        for table in tables:
            begin = table[0].start - (FADE / 4 if table is not tables[0] else 0.0)
            finish = table[-1].start + table[-1].duration + (FADE / 4 if table is not tables[-1] else 0.0)
            _write(overlay, f"formula {i + 1}", table, size, (begin, finish))


def _write(overlay: Overlay, name: str, table: list[Formula], size: float, window: tuple[float, float]) -> None:
    """Formulas of one form, one after the other: what all of them say stays, and numbers stand to the right of their
    column."""
    x = -_width(table) * size / 2
    # One goes while the next one comes.
    ends = [window[0], *(formula.start for formula in table[1:]), window[1]]
    for column, width in enumerate(_columns(table)):
        bodies = [formula.parts[column][0] for formula in table]
        hue = table[0].parts[column][1]
        for body, same in groupby(zip(bodies, pairwise(ends), strict=True), lambda each: each[0]):
            windows = [each[1] for each in same]
            start, end = windows[0][0], windows[-1][1]
            start -= FADE / 4 if start > window[0] else 0.0
            end += FADE / 4 if end < window[1] else 0.0
            if body:
                text = overlay.text(f"{name}.{column + 1}", body, size, hue, "RIGHT")
                overlay.put(during(text, start, end - start), x + width * size, HEIGHT, 0.004)
        x += (width + GAP) * size


def _form_of(formula: Formula) -> tuple[tuple[str, bool], ...]:
    """What formulas have in common that differ in their numbers alone: colours, and where there is a wider gap."""
    return tuple((hue, not body) for body, hue in formula.parts)


def _columns(table: list[Formula]) -> list[float]:
    """How wide each part is, in text sizes: as wide as the widest that stands there."""
    return [max(width_of(body, 1.0) for body, _hue in parts) for parts in zip(*(f.parts for f in table), strict=True)]


def _width(table: list[Formula]) -> float:
    """Of formulas of one form, in text sizes."""
    columns = _columns(table)
    return sum(columns) + GAP * (len(columns) - 1)


def _runs(formulas: tuple[Formula, ...]) -> list[list[Formula]]:
    """Formulas grouped where one follows the other at once."""
    runs: list[list[Formula]] = []
    for formula in formulas:
        if runs and abs(formula.start - (runs[-1][-1].start + runs[-1][-1].duration)) < 0.05:
            runs[-1].append(formula)
        else:
            runs.append([formula])
    return runs
