# SPDX-License-Identifier: GPL-3.0-or-later
"""The languages of the interface, as Blender wants them. The words of a video are another matter: see `core.words`."""

from __future__ import annotations

from typing import Any

import bpy

from .german import GERMAN

LANGUAGES: dict[str, Any] = {"de_DE": GERMAN, "de": GERMAN}  # the first until Blender 4.x, the second is its short name


def register() -> None:
    """Blender uses them where it speaks that language itself."""
    bpy.app.translations.register(__name__, LANGUAGES)


def unregister() -> None:
    """And no longer."""
    bpy.app.translations.unregister(__name__)
