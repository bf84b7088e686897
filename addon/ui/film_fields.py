# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's fields that say what the film tells and how it looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.errors import UserError
from ..core.matmul_choice import SPOKEN
from ..core.presets import PRESETS, USUAL
from ..core.theme import THEMES
from ..core.words import CATALOGS
from .act_fields import owner_of

if TYPE_CHECKING:
    from .properties import ForwardPassSettings

KINDS_CONTEXT = "Forward Pass"  # in which the kinds of video are translated, as Blender has other uses of the words
WIDE, TALL = "1280x720", "1080x1920"
SIZES = {WIDE: "16:9", TALL: "9:16", "1080x1080": "1:1"}
SCALES = (
    ("local", "Each Block", "Every block uses the whole color map: patterns show, blocks do not compare"),
    ("global", "Whole Model", "One color means one number everywhere: blocks compare"),
)
CHOSEN = {"steps": 8, "seconds": 60.0}  # to begin with, where a number was left to the model or to the story until now


def preset_items() -> list[tuple[str, str, str]]:
    """All kinds of video."""
    return [(preset.name, preset.name.replace("-", " ").title(), preset.title) for preset in PRESETS.values()]


def makes(settings: ForwardPassSettings) -> str:
    """What the chosen preset makes: `core.presets` says which there are."""
    return PRESETS[settings.preset].makes


def suggest_multiplies(settings: ForwardPassSettings, context: bpy.types.Context, typed: str) -> list[str]:
    """What a multiply may be called, after the layer and the head that are typed already."""
    place = re.match(r"(?:(?:layer|head|expert|step)\s+\d+\s*)*", typed)
    before = place[0].strip() if place else ""
    return [f"{before} {names[0]}".strip() for names in SPOKEN.values()]


def take_aspect(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """A preset that is made upright makes the format so, and one that is not takes that back."""
    tall = PRESETS[settings.preset].aspect < 1.0
    if tall or settings.size == TALL:
        settings.size = TALL if tall else WIDE


def restyle(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """Gives a generated scene the theme and the cells that were chosen; nothing is built anew."""
    scene = owner_of(settings)
    if scene.get("fp_version"):
        from ..scene.cell_styles import set_style
        from ..scene.themes import apply_theme

        apply_theme(scene, settings.theme)
        with suppress(UserError):  # one multiply, or shapes alone, have no such cells
            set_style(scene, settings.cells)


def is_chosen(name: str) -> Callable[[bpy.types.PropertyGroup], bool]:
    """Whether a field has a number of its own: 0 stands for "as it comes"."""
    return lambda settings: getattr(settings, name) > 0


def choose(name: str) -> Callable[[bpy.types.PropertyGroup, bool], None]:
    """Gives it one, or takes it away."""

    def change(settings: bpy.types.PropertyGroup, on: bool) -> None:
        if on != (getattr(settings, name) > 0):
            setattr(settings, name, CHOSEN[name] if on else 0)

    return change


class FilmFields:
    """What kind of video it is, what it tells, and how it looks."""

    preset: EnumProperty(  # type: ignore[valid-type]
        name="Preset",
        description="What kind of video it is",
        items=preset_items(),
        default=USUAL,
        update=take_aspect,
        translation_context=KINDS_CONTEXT,
    )
    language: EnumProperty(  # type: ignore[valid-type]
        name="Language",
        description="Of all that the video says: captions, names, titles",
        items=[(one.language, one.name, "") for one in CATALOGS.values()],
        default="en",
    )
    operation: StringProperty(  # type: ignore[valid-type]
        name="Multiply",
        description="Which multiply: words such as layer 2 head 1 scores, or query, projection, up, logits; the name "
        "of an operation or of a tensor. Empty takes the one with most to show",
        search=suggest_multiplies,
        search_options={"SUGGESTION"},
    )
    focus: BoolProperty(  # type: ignore[valid-type]
        name="Choose the Head",
        description="Work through this head of the attention; otherwise the one that shows most in this run",
    )
    focus_layer: IntProperty(  # type: ignore[valid-type]
        name="Layer", description="Counted from 1", default=1, min=1, soft_max=32
    )
    focus_head: IntProperty(  # type: ignore[valid-type]
        name="Head", description="Counted from 1", default=1, min=1, soft_max=32
    )
    own_steps: BoolProperty(  # type: ignore[valid-type]
        name="Choose How Many Tokens",
        description="Generate this many tokens; otherwise as many as come before the model is done",
        get=is_chosen("steps"),
        set=choose("steps"),
        options={"SKIP_SAVE"},
    )
    steps: IntProperty(  # type: ignore[valid-type]
        name="Tokens",
        description="How many tokens to generate; 0 goes on until the model is done",
        default=0,
        min=0,
        soft_max=64,
    )
    own_seconds: BoolProperty(  # type: ignore[valid-type]
        name="Choose the Length",
        description="Make the video this long; otherwise each act takes the time that it needs",
        get=is_chosen("seconds"),
        set=choose("seconds"),
        options={"SKIP_SAVE"},
    )
    seconds: FloatProperty(  # type: ignore[valid-type]
        name="Length",
        description="Length of the video in seconds; 0 gives each act the time that it needs",
        default=0.0,
        min=0.0,
        soft_max=600.0,
        subtype="TIME_ABSOLUTE",
    )
    theme: EnumProperty(  # type: ignore[valid-type]
        name="Theme",
        description="Colors of the scene",
        items=[(name, name.title(), theme.words) for name, theme in THEMES.items()],
        update=restyle,
    )
    cells: EnumProperty(  # type: ignore[valid-type]
        name="Cells",
        description="How a number is drawn",
        items=[
            ("flat", "Flat", "By its color"),
            ("bars", "Bars", "By its color, and its magnitude as a height"),
            ("cubes", "Cubes", "By its color, and its magnitude as a size"),
        ],
        update=restyle,
    )
    scale: EnumProperty(  # type: ignore[valid-type]
        name="Color Scale",
        description="Which numbers have the ends of the color map. Counts for the next scene",
        items=SCALES,
    )
    size: EnumProperty(  # type: ignore[valid-type]
        name="Format",
        description="Shape of the picture, which the layout and the camera are made for",
        items=[(size, f"{size.replace('x', ' × ')}  ({ratio})", "") for size, ratio in SIZES.items()],
    )
    fps: IntProperty(  # type: ignore[valid-type]
        name="Frame Rate", description="Pictures a second", default=24, min=1, soft_max=60, max=240
    )
