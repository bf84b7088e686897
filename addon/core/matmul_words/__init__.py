# SPDX-License-Identifier: GPL-3.0-or-later
"""Every word of the film of one multiply, by language."""

from __future__ import annotations

from ..words import catalog
from .de import GERMAN
from .en import ENGLISH
from .form import MultiplyWords

__all__ = ["ENGLISH", "MULTIPLY_WORDS", "MultiplyWords", "multiply_words"]

MULTIPLY_WORDS = {"en": ENGLISH, "de": GERMAN}


def multiply_words(language: str) -> MultiplyWords:
    """The words of a language. Raises UserError (code 2) for one that there is not."""
    return MULTIPLY_WORDS.get(catalog(language).language, ENGLISH)
