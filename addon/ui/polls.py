# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators need before they can be pressed."""

from __future__ import annotations

from typing import Any

import bpy

from .place import is_generated
from .properties import scene_of
from .render_job import Rendering
from .session import SESSION


def has_scene(operator: Any, context: bpy.types.Context) -> bool:
    """Whether there is a generated scene to work with; says so where not."""
    if not is_generated(scene_of(context)):
        operator.poll_message_set("Generate a scene first")
        return False
    return True


def can_change(operator: Any, context: bpy.types.Context) -> bool:
    """Whether there is a scene, and no other is about to take its place; says so where not. A rendering works on a
    copy."""
    if SESSION.running and not isinstance(SESSION.job, Rendering):
        operator.poll_message_set("Forward Pass is at work")
        return False
    return has_scene(operator, context)
