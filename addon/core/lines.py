# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a sentence breaks into lines."""

from __future__ import annotations

import textwrap


def even_lines(text: str, most: int) -> list[str]:
    """`text` in as few lines as lines of `most` characters allow, as even as words allow: no last word stands alone
    where another can keep it company. A word that is longer than a line stays whole."""
    lines = _wrap(text, most)
    while most > 1 and len(shorter := _wrap(text, most - 1)) == len(lines):
        lines, most = shorter, most - 1
    return lines


def _wrap(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, most, break_long_words=False)
