# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward Pass: from a prompt to a scene and a video of what a language model does with it."""

from __future__ import annotations


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import ui

    ui.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import ui

    ui.unregister()
