# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's fields that say what is rendered, and where it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ..render.presets import FORMS, QUALITIES, Quality

if TYPE_CHECKING:
    from .properties import ForwardPassSettings

QUALITY_NAMES = {"youtube": "YouTube 1080p", "4k": "4K", "short": "Short", "png": "PNG Sequence", "prores": "ProRes"}


def quality_items() -> list[tuple[str, str, str]]:
    """What can be rendered; the shape is the scene's."""
    return [(one.name, QUALITY_NAMES.get(one.name, one.name.title()), quality_line(one)) for one in QUALITIES.values()]


def quality_line(one: Quality, said: Callable[[str], str] = str) -> str:
    """What a quality is, in a language that `said` translates to."""
    line = said("{lines} lines, {fps} frames a second, samples: {samples}. {words}")
    return line.format(lines=min(one.size), fps=one.fps, samples=one.samples, words=said(FORMS[one.form].words))


def take_form(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """A preset that is made to be laid over something is transparent, others are not until somebody says so."""
    settings.transparent = QUALITIES[settings.quality].transparent


class RenderFields:
    """How a generated scene is rendered."""

    quality: EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="How large and how clean the pictures are",
        items=quality_items(),
        update=take_form,
    )
    rate: EnumProperty(  # type: ignore[valid-type]
        name="Frame Rate",
        description="How many pictures a second the video has; the scene stays as it is",
        items=(
            ("quality", "Of the Quality", "Movements are as smooth as the quality promises"),
            ("scene", "Of the Scene", "A picture for each frame of the scene"),
        ),
    )
    captions: EnumProperty(  # type: ignore[valid-type]
        name="Captions",
        description="Where the captions go",
        items=(
            ("both", "Picture and Files", "Burnt into the picture, and as files beside it"),
            ("burnt", "Picture", "Burnt into the picture only"),
            ("beside", "Files", "As files beside it only: players and video sites show them when they are wanted"),
        ),
    )
    transparent: BoolProperty(  # type: ignore[valid-type]
        name="Transparent", description="Clear where nothing stands, to be laid over something else"
    )
    output: StringProperty(  # type: ignore[valid-type]
        name="Output",
        description="Folder for the video, its captions and chapters; // is the folder of the saved .blend",
        default="//",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
