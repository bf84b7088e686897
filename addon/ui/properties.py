# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel asks for, kept with the scene."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..core.theme import THEMES
from ..process.models import built_in_models
from ..render.presets import QUALITIES

FOLDER = "FOLDER"  # the entry of the list of models that asks for a folder
SIZES = {"1280x720": "16:9", "1080x1920": "9:16", "1080x1080": "1:1"}
DEVICES = (
    ("auto", "Automatic", "The fastest that is there"),
    ("cpu", "CPU", "Runs everywhere"),
    ("cuda", "CUDA", "NVIDIA graphics cards"),
    ("mps", "Metal", "Apple graphics"),
)


def model_items() -> list[tuple[str, str, str]]:
    """The built-in models, then a folder of one's own."""
    built_in = [(name, name, "Built in: ships with the add-on") for name in built_in_models()]
    return [*built_in, (FOLDER, "Folder…", "A folder with config.json and model.safetensors")]


class ForwardPassSettings(bpy.types.PropertyGroup):
    """The panel's fields. The saved scene needs none of them: they are gone where the add-on is not there."""

    prompt: StringProperty(  # type: ignore[valid-type]
        name="Prompt",
        description="The text that the model reads. nano-sort takes six letters of A, B and C",
        default="CBABBC",
    )
    model: EnumProperty(  # type: ignore[valid-type]
        name="Model", description="The model that reads the prompt", items=model_items()
    )
    model_folder: StringProperty(  # type: ignore[valid-type]
        name="Folder",
        description="Folder of the model: config.json and model.safetensors",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    steps: IntProperty(  # type: ignore[valid-type]
        name="Tokens",
        description="How many tokens to generate; 0 goes on until the model is done",
        default=0,
        min=0,
        soft_max=64,
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
        items=[(name, name.title(), f"The {name} theme") for name in THEMES],
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
    size: EnumProperty(  # type: ignore[valid-type]
        name="Format",
        description="Shape of the picture, which the layout and the camera are made for",
        items=[
            (size, f"{size.replace('x', ' × ')}  ({ratio})", f"Pictures of {ratio}") for size, ratio in SIZES.items()
        ],
    )
    fps: IntProperty(  # type: ignore[valid-type]
        name="Frame Rate", description="Pictures a second", default=24, min=1, soft_max=60, max=240
    )
    device: EnumProperty(  # type: ignore[valid-type]
        name="Device", description="What the model runs on", items=DEVICES
    )
    quality: EnumProperty(  # type: ignore[valid-type]
        name="Quality",
        description="How large and how clean the pictures are",
        items=[(q.name, q.name.title(), f"{min(q.size)} lines, {q.samples} samples") for q in QUALITIES.values()],
    )
    output: StringProperty(  # type: ignore[valid-type]
        name="Output",
        description="Folder for the video, its captions and chapters; // is the folder of the saved .blend",
        default="//",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )


def restyle(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """Gives a generated scene the theme and the cells that were chosen; nothing is built anew."""
    scene = settings.id_data
    if isinstance(scene, bpy.types.Scene) and scene.get("fp_version"):
        from ..scene.cell_styles import set_style
        from ..scene.themes import apply_theme

        apply_theme(scene, settings.theme)
        set_style(scene, settings.cells)


def scene_of(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene that is shown: there always is one, whatever the type says."""
    assert context.scene is not None
    return context.scene


def settings_of(scene: bpy.types.Scene) -> ForwardPassSettings:
    """The panel's fields of that scene."""
    settings: ForwardPassSettings = scene.forward_pass  # type: ignore[attr-defined]
    return settings


def copy_settings(source: bpy.types.Scene, target: bpy.types.Scene) -> None:
    """Carries the panel's fields over to another scene."""
    here, there = settings_of(source), settings_of(target)
    for name in ForwardPassSettings.__annotations__:
        setattr(there, name, getattr(here, name))


CLASSES = (ForwardPassSettings,)


def register() -> None:
    """Every scene gets the fields."""
    bpy.types.Scene.forward_pass = PointerProperty(type=ForwardPassSettings)  # type: ignore


def unregister() -> None:
    """And loses them."""
    del bpy.types.Scene.forward_pass  # type: ignore[attr-defined]
