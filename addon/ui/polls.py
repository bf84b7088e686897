# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators need before they can be pressed."""

from __future__ import annotations

from typing import Any

import bpy

from .place import is_generated
from .properties import scene_of


def has_scene(operator: Any, context: bpy.types.Context) -> bool:
    """Whether there is a generated scene to work with; says so where not."""
    if not is_generated(scene_of(context)):
        operator.poll_message_set("Generate a scene first")
        return False
    return True
