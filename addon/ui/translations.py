# SPDX-License-Identifier: GPL-3.0-or-later
"""The languages of the interface, as Blender wants them. The words of a video are another matter: see `core.words`."""

from __future__ import annotations

from typing import Any

import bpy

from ..render.presets import QUALITIES
from .german import GERMAN
from .render_fields import quality_line

LANGUAGES = {"de_DE": GERMAN, "de": GERMAN}  # the first until Blender 4.x, the second is its short name


def with_qualities(words: dict[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """A language with what each quality says of itself, whose numbers are filled in before Blender sees it."""
    lines = {("*", quality_line(one)): quality_line(one, lambda text: words["*", text]) for one in QUALITIES.values()}
    return {**words, **lines}


def register() -> None:
    """Blender uses them where it speaks that language itself."""
    languages: Any = {language: with_qualities(words) for language, words in LANGUAGES.items()}
    bpy.app.translations.register(__name__, languages)


def unregister() -> None:
    """And no longer."""
    bpy.app.translations.unregister(__name__)
