# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters in words, for messages that a person reads: none of them is invisible."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import groupby

NAMES = {" ": "a space", "\n": "a line break", "\t": "a tab", "\r": "a carriage return"}
SHORTEST = 4  # a run of at least so many letters or digits is told as a range
MOST = 60  # characters and ranges in a list; a text of another script may have thousands


def described(character: str) -> str:
    """One character as a noun: `"é"`, `a tab`, `U+200B (ZERO WIDTH SPACE)`; a space is seen between its quotes."""
    if character == " " or (character.isprintable() and not unicodedata.combining(character)):
        return f'"{character}"'
    if character in NAMES:
        return NAMES[character]
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def spelled(characters: Iterable[str]) -> str:
    """Many characters as a list that is short: `a line break, a space, ! & - A-Z a-z`."""
    found = sorted(set(characters))
    named = [NAMES.get(one) or described(one) for one in found if one in NAMES or not one.isprintable()]
    others = [one for one in found if one not in NAMES and one.isprintable()]
    words: list[str] = []
    for _, members in groupby(enumerate(others), lambda pair: ord(pair[1]) - pair[0] if pair[1].isalnum() else None):
        run = [one for _, one in members]
        words += [f"{run[0]}-{run[-1]}"] if run[0].isalnum() and len(run) >= SHORTEST else run
    rest = len(words) - MOST
    listed = " ".join(words[:MOST]) + (f" and {rest} more" if rest > 0 else "")
    return ", ".join([*named, listed] if words else named)
