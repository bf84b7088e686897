# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions in the picture, in a collection of their own that one switch takes out of it, and what is said as text."""

from __future__ import annotations

import bpy

from ..core.script import script_of, write_script
from ..core.story import Story
from .merge import Shapes
from .overlay import Overlay, add_captions
from .slices import Slices, aside

COLLECTION = "captions"  # under the stage; its camera icon is the switch
SCRIPT = "fp_script"  # what the renderer writes captions, chapters and narration from


def caption_slices(overlay: Overlay, story: Story, shapes: Shapes) -> Slices[None]:
    """Draws the captions of a story on an overlay and leaves the story's script with the overlay's scene, in slices."""
    within = bpy.data.collections.new(COLLECTION)
    overlay.collection.children.link(within)
    own = Overlay(overlay.scene, overlay.root, within, overlay.aspect, overlay.materials, overlay.font)
    add_captions(own, story.captions)
    yield from own.finish_slices(shapes)
    script = yield from aside(lambda: write_script(script_of(story)))
    overlay.scene[SCRIPT] = script
