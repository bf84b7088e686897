# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward Pass: from a prompt to a scene and a video of what a language model does with it.

For scripts it has what `api` lists: `from forward_pass import build, lay_out, render_video, tell, trace`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        Layout,
        Story,
        Trace,
        UserError,
        build,
        compare,
        lay_out,
        make_multiply,
        render_video,
        scale,
        tell,
        trace,
    )

__all__ = [
    "Layout",
    "Story",
    "Trace",
    "UserError",
    "build",
    "compare",
    "lay_out",
    "make_multiply",
    "register",
    "render_video",
    "scale",
    "tell",
    "trace",
    "unregister",
]


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import ui

    ui.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import ui

    ui.unregister()


def __getattr__(name: str) -> Any:
    """What a script imports is loaded when it is asked for: enabling the extension takes no longer for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import api

    return getattr(api, name)
