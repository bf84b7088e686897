# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a caption breaks into lines."""

from __future__ import annotations

import re
import textwrap

SENTENCE = re.compile(r"(?<=[.!?]) ")


def even_lines(text: str, most: int) -> list[str]:
    """`text` in as few lines as lines of `most` characters allow: between two sentences where that takes no more of
    them, else as even as words allow, so that no last word stands alone. A word that is longer than a line stays
    whole."""
    whole = _even(text, most)
    if len(whole) < 2:
        return whole
    ways = ([*_even(text[: end.start()], most), *_even(text[end.end() :], most)] for end in SENTENCE.finditer(text))
    as_few = [lines for lines in ways if len(lines) == len(whole)]
    return min(as_few, key=lambda lines: max(map(len, lines)), default=whole)


def _even(text: str, most: int) -> list[str]:
    lines = _wrap(text, most)
    while most > 1 and len(shorter := _wrap(text, most - 1)) == len(lines):
        lines, most = shorter, most - 1
    return lines


def _wrap(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, most, break_long_words=False)
