# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel asks for, kept with the scene."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..core.errors import UserError
from ..core.known_models import KNOWN
from ..core.known_models import USUAL as USUAL_MODELS
from ..core.matmul_choice import SPOKEN
from ..core.presets import PRESETS, USUAL
from ..core.theme import THEMES
from ..core.words import CATALOGS
from ..process.models import built_in_models
from ..render.presets import FORMS, QUALITIES, Quality
from ..scene.acts import SceneAct, act_markers, acts_of, set_length

FOLDER, HUB = "FOLDER", "HUB"  # the entries of the list of models that ask for a folder and for a name
KINDS_CONTEXT = "Forward Pass"  # in which the kinds of video are translated, as Blender has other uses of the words
SAME = "SAME"  # and of the list of second models: the first one again
WIDE, TALL = "1280x720", "1080x1920"
SIZES = {WIDE: "16:9", TALL: "9:16", "1080x1080": "1:1"}
DEVICES = (
    ("auto", "Automatic", "The fastest that is there"),
    ("cpu", "CPU", "Runs everywhere"),
    ("cuda", "CUDA", "NVIDIA graphics cards"),
    ("mps", "Metal", "Apple graphics"),
)
NUMBER_TYPES = (
    ("auto", "Automatic", "Single precision on the CPU, elsewhere what the model comes in"),
    ("float32", "Single (float32)", "Exact, and 4 bytes for each weight"),
    ("bfloat16", "Half (bfloat16)", "2 bytes for each weight, and a little less exact"),
    ("float16", "Half (float16)", "2 bytes for each weight; large numbers may not fit"),
)
ATTENTIONS = (
    ("eager", "Step by Step", "Every multiply of the attention is a step of its own"),
    ("sdpa", "Fused", "As the model runs in practice; takes less memory"),
)
SCALES = (
    ("local", "Each Block", "Every block uses the whole color map: patterns show, blocks do not compare"),
    ("global", "Whole Model", "One color means one number everywhere: blocks compare"),
)


def model_items() -> list[tuple[str, str, str]]:
    """The built-in models, then a folder of one's own."""
    built_in = [(name, name, "Built in: ships with the add-on") for name in built_in_models()]
    return [
        *built_in,
        (FOLDER, "Folder…", "A folder with config.json and model.safetensors"),
        (HUB, "Hugging Face Hub…", "A model of the hub by its name, such as openai-community/gpt2"),
    ]


def owner_of(settings: bpy.types.PropertyGroup) -> bpy.types.Scene:
    """The scene whose fields these are."""
    assert isinstance(settings.id_data, bpy.types.Scene)
    return settings.id_data


def get_act(settings: bpy.types.PropertyGroup) -> int:
    """The place among the timeline's markers of the act that the current frame is in; -1 for none."""
    scene = owner_of(settings)
    here = [marker for marker in act_markers(scene) if marker.frame <= scene.frame_current]
    return list(scene.timeline_markers).index(here[-1]) if here else -1


def go_to_act(settings: bpy.types.PropertyGroup, place: int) -> None:
    """Goes to the marker at that place."""
    scene = owner_of(settings)
    if 0 <= place < len(scene.timeline_markers):
        scene.frame_set(scene.timeline_markers[place].frame)


def current_act(scene: bpy.types.Scene) -> SceneAct | None:
    """The act that the current frame is in."""
    return next((act for act in reversed(acts_of(scene)) if act.first <= scene.frame_current), None)


def get_act_length(settings: bpy.types.PropertyGroup) -> float:
    """Seconds of the act at work."""
    scene = owner_of(settings)
    act = current_act(scene)
    return 0.0 if act is None else (act.last - act.first) * scene.render.fps_base / scene.render.fps


def set_act_length(settings: bpy.types.PropertyGroup, seconds: float) -> None:
    """Makes the act at work that long; one that is left out stays so."""
    scene = owner_of(settings)
    act = current_act(scene)
    if act is not None and act.on:
        set_length(scene, act.index, round(seconds * scene.render.fps / scene.render.fps_base))


def preset_items() -> list[tuple[str, str, str]]:
    """All kinds of video."""
    return [(preset.name, preset.name.replace("-", " ").title(), preset.title) for preset in PRESETS.values()]


def makes(settings: ForwardPassSettings) -> str:
    """What the chosen preset makes: `core.presets` says which there are."""
    return PRESETS[settings.preset].makes


QUALITY_NAMES = {"youtube": "YouTube 1080p", "4k": "4K", "short": "Short", "png": "PNG Sequence", "prores": "ProRes"}


def quality_items() -> list[tuple[str, str, str]]:
    """What can be rendered; the shape is the scene's."""
    return [(one.name, QUALITY_NAMES.get(one.name, one.name.title()), quality_line(one)) for one in QUALITIES.values()]


def quality_line(one: Quality, said: Callable[[str], str] = str) -> str:
    """What a quality is, in a language that `said` translates to."""
    line = said("{lines} lines, {fps} frames a second, samples: {samples}. {words}")
    return line.format(lines=min(one.size), fps=one.fps, samples=one.samples, words=said(FORMS[one.form].words))


def suggest_multiplies(settings: ForwardPassSettings, context: bpy.types.Context, typed: str) -> list[str]:
    """What a multiply may be called, after the layer and the head that are typed already."""
    place = re.match(r"(?:(?:layer|head|expert|step)\s+\d+\s*)*", typed)
    before = place[0].strip() if place else ""
    return [f"{before} {names[0]}".strip() for names in SPOKEN.values()]


def take_form(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """A preset that is made to be laid over something is transparent, others are not until somebody says so."""
    settings.transparent = QUALITIES[settings.quality].transparent


def take_aspect(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """A preset that is made upright makes the format so, and one that is not takes that back."""
    tall = PRESETS[settings.preset].aspect < 1.0
    if tall or settings.size == TALL:
        settings.size = TALL if tall else WIDE


CHOSEN = {"steps": 8, "seconds": 60.0}  # to begin with, where a number was left to the model or to the story until now


def is_chosen(name: str) -> Callable[[bpy.types.PropertyGroup], bool]:
    """Whether a field has a number of its own: 0 stands for "as it comes"."""
    return lambda settings: getattr(settings, name) > 0


def choose(name: str) -> Callable[[bpy.types.PropertyGroup, bool], None]:
    """Gives it one, or takes it away."""

    def change(settings: bpy.types.PropertyGroup, on: bool) -> None:
        if on != (getattr(settings, name) > 0):
            setattr(settings, name, CHOSEN[name] if on else 0)

    return change


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
    model_name: StringProperty(  # type: ignore[valid-type]
        name="Name",
        description="Name of the model on the Hugging Face hub: organization/name, with @revision where you want "
        "one. What is in the local cache needs no network",
    )
    online: BoolProperty(  # type: ignore[valid-type]
        name="Download",
        description="Let what is not in the local cache be downloaded. Needs Blender's permission to go online",
    )
    remote_code: BoolProperty(  # type: ignore[valid-type]
        name="Run Its Code",
        description="Run Python code that comes with the model. It may do anything that you may do: only for models "
        "whose author you trust",
    )
    chat: BoolProperty(  # type: ignore[valid-type]
        name="As a Chat",
        description="Put the prompt into the model's chat template, for models that were trained to talk",
    )
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
    other_prompt: StringProperty(  # type: ignore[valid-type]
        name="Second Prompt", description="What the second run reads; empty for the same prompt"
    )
    other_model: EnumProperty(  # type: ignore[valid-type]
        name="Second Model",
        description="The model of the second run",
        items=[(SAME, "The Same", "The model of the first run"), *model_items()],
    )
    other_model_folder: StringProperty(  # type: ignore[valid-type]
        name="Folder",
        description="Folder of the second model: config.json and model.safetensors",
        subtype="DIR_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
    )
    other_model_name: StringProperty(  # type: ignore[valid-type]
        name="Name", description="Name of the second model on the Hugging Face hub: organization/name"
    )
    known_models: EnumProperty(  # type: ignore[valid-type]
        name="Models",
        description="The models that stand beside each other",
        items=[(known.key, known.name, known.source) for known in KNOWN],
        default=set(USUAL_MODELS),
        options={"ENUM_FLAG"},
    )
    own_models: StringProperty(  # type: ignore[valid-type]
        name="Your Own",
        description="The config.json of a model of your own; several with ; between them. No weights are needed",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
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
    temperature: FloatProperty(  # type: ignore[valid-type]
        name="Temperature",
        description="How daring the choice of each token is; 0 takes the likeliest",
        default=0.0,
        min=0.0,
        soft_max=2.0,
    )
    top_k: IntProperty(  # type: ignore[valid-type]
        name="Top K",
        description="Choose among this many of the likeliest tokens; 0 among all",
        default=0,
        min=0,
        soft_max=100,
    )
    top_p: FloatProperty(  # type: ignore[valid-type]
        name="Top P",
        description="Choose among the likeliest tokens that together have this probability",
        default=1.0,
        min=0.01,
        max=1.0,
    )
    seed: IntProperty(  # type: ignore[valid-type]
        name="Seed", description="The same choices with the same seed", default=0, min=0
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
    device: EnumProperty(  # type: ignore[valid-type]
        name="Device", description="What the model runs on", items=DEVICES
    )
    dtype: EnumProperty(  # type: ignore[valid-type]
        name="Precision", description="How the weights are held", items=NUMBER_TYPES
    )
    attention: EnumProperty(  # type: ignore[valid-type]
        name="Attention", description="How the attention is computed", items=ATTENTIONS
    )
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
            ("both", "In the Picture and Beside", "Burnt into the picture, and as files beside it"),
            ("burnt", "In the Picture", "Burnt into the picture only"),
            ("beside", "Beside", "As files beside it only: players and video sites show them when they are wanted"),
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
    act: IntProperty(  # type: ignore[valid-type]
        name="Act",
        description="The act at work. Click one to go to its beginning",
        get=get_act,
        set=go_to_act,
        options={"SKIP_SAVE"},
    )
    act_length: FloatProperty(  # type: ignore[valid-type]
        name="Length",
        description="Seconds that this act takes. Moves the keys of the scene's clock, and all that comes later",
        get=get_act_length,
        set=set_act_length,
        min=0.05,
        soft_max=60.0,
        subtype="TIME_ABSOLUTE",
        options={"SKIP_SAVE"},
    )


def restyle(settings: ForwardPassSettings, context: bpy.types.Context) -> None:
    """Gives a generated scene the theme and the cells that were chosen; nothing is built anew."""
    scene = owner_of(settings)
    if scene.get("fp_version"):
        from ..scene.cell_styles import set_style
        from ..scene.themes import apply_theme

        apply_theme(scene, settings.theme)
        with suppress(UserError):  # one multiply, or shapes alone, have no such cells
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
    for name in ForwardPassSettings.__annotations__.keys() - {"act", "act_length"}:
        setattr(there, name, getattr(here, name))


CLASSES = (ForwardPassSettings,)


def register() -> None:
    """Every scene gets the fields."""
    bpy.types.Scene.forward_pass = PointerProperty(type=ForwardPassSettings)  # type: ignore


def unregister() -> None:
    """And loses them."""
    del bpy.types.Scene.forward_pass  # type: ignore[attr-defined]
