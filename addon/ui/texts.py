# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions and chapters of a scene, in the time of the video as its clock runs now."""

from __future__ import annotations

import bpy

from ..core.retime import retime_captions, retime_chapters
from ..scene.acts import VideoTime


def captions_of(scene: bpy.types.Scene) -> str:
    """SubRip text; empty where the scene has none. The scene keeps it in story seconds."""
    text = str(scene.get("fp_captions", ""))
    return retime_captions(text, VideoTime(scene)) if text else ""


def chapters_of(scene: bpy.types.Scene) -> str:
    """A line for each chapter; empty where the scene has none."""
    text = str(scene.get("fp_chapters", ""))
    return retime_chapters(text, VideoTime(scene)) if text else ""
