# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of text: aligned columns, cut to a width where one is given and whole where none is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True)
class Column:
    """A column of a table. `right` aligns numbers; one with a `least` width may be cut down to that many characters,
    from the front where the end tells more; `drop` says which go first where even that does not fit (0: none does)."""

    title: str
    right: bool = False
    least: int | None = None
    keep_end: bool = False
    drop: int = 0


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The lines of a table, its titles the first, none longer than `width` characters (None: as long as need be)."""
    kept = list(range(len(columns)))
    widths = [max(len(columns[i].title), *(len(row[i]) for row in rows), 0) for i in kept]
    if width is not None:
        least = [_least(column, widths[i]) for i, column in enumerate(columns)]
        for i in sorted((i for i in kept if columns[i].drop), key=lambda i: columns[i].drop):
            if _total([least[j] for j in kept]) > width:
                kept.remove(i)
        widths = _shrunk(widths, least, kept, width)
    shown = [[row[i] for i in kept] for row in ([column.title for column in columns], *rows)]
    sizes = [(columns[i], widths[i]) for i in kept]
    lines = [GAP.join(_cell(text, *size) for text, size in zip(row, sizes, strict=True)).rstrip() for row in shown]
    return lines if width is None else [line[:width] for line in lines]


def _least(column: Column, width: int) -> int:
    return width if column.least is None else min(width, max(column.least, len(column.title)))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _shrunk(widths: list[int], least: list[int], kept: list[int], width: int) -> list[int]:
    """Takes characters from the column that has most to give, until all fit or none has any."""
    found = list(widths)
    while _total([found[i] for i in kept]) > width:
        widest = max(kept, key=lambda i: (found[i] > least[i], found[i]))
        if found[widest] <= least[widest]:
            break
        found[widest] -= 1
    return found


def _cell(text: str, column: Column, width: int) -> str:
    if len(text) > width:
        text = "…" + text[len(text) - width + 1 :] if column.keep_end else text[: width - 1] + "…"
    return text.rjust(width) if column.right else text.ljust(width)
