# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's face in Blender: properties, preferences, operators, panels, and the jobs behind the buttons."""

from __future__ import annotations

from types import ModuleType

import bpy


def _modules() -> tuple[ModuleType, ...]:
    """The files of this room that have something to register, in that order."""
    from . import (
        act_operators,
        add_matmul,
        block_operators,
        engine_operators,
        files,
        generate_operators,
        handlers,
        help,
        panels,
        preferences,
        properties,
        remedies,
        render_operators,
        session_operators,
        set_up,
        translations,
    )

    return (
        preferences,
        properties,
        generate_operators,
        render_operators,
        session_operators,
        engine_operators,
        act_operators,
        block_operators,
        remedies,
        set_up,
        help,
        add_matmul,
        panels,
        files,
        handlers,
        translations,
    )


def register() -> None:
    """Make everything known to Blender."""
    for module in _modules():
        for cls in getattr(module, "CLASSES", ()):
            bpy.utils.register_class(cls)
        getattr(module, "register", _nothing)()


def unregister() -> None:
    """End what runs, and take everything back in the opposite order."""
    from .modal import stop_following
    from .session import SESSION

    SESSION.end()
    stop_following()
    for module in reversed(_modules()):
        getattr(module, "unregister", _nothing)()
        for cls in reversed(getattr(module, "CLASSES", ())):
            bpy.utils.unregister_class(cls)


def _nothing() -> None:
    """What a module does that has only classes."""
