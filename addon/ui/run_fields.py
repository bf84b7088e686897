# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's fields that say which model reads what, and how it runs."""

from __future__ import annotations

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.known_models import KNOWN, USUAL
from ..process.models import built_in_models

FOLDER, HUB = "FOLDER", "HUB"  # the entries of the list of models that ask for a folder and for a name
SAME = "SAME"  # and of the list of second models: the first one again
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


def model_items() -> list[tuple[str, str, str]]:
    """The built-in models, then a folder of one's own."""
    built_in = [(name, name, "Built in: ships with the add-on") for name in built_in_models()]
    return [
        *built_in,
        (FOLDER, "Folder…", "A folder with config.json and model.safetensors"),
        (HUB, "Hugging Face Hub…", "A model of the hub by its name, such as openai-community/gpt2"),
    ]


class RunFields:
    """Which model reads which prompt, twice where two runs are compared; on what, and how it chooses tokens."""

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
        default=set(USUAL),
        options={"ENUM_FLAG"},
    )
    own_models: StringProperty(  # type: ignore[valid-type]
        name="Your Own",
        description="The config.json of a model of your own; several with ; between them. No weights are needed",
        subtype="FILE_PATH",
        options={"PATH_SUPPORTS_BLEND_RELATIVE"},
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
    device: EnumProperty(  # type: ignore[valid-type]
        name="Device", description="What the model runs on", items=DEVICES
    )
    dtype: EnumProperty(  # type: ignore[valid-type]
        name="Precision", description="How the weights are held", items=NUMBER_TYPES
    )
    attention: EnumProperty(  # type: ignore[valid-type]
        name="Attention", description="How the attention is computed", items=ATTENTIONS
    )
