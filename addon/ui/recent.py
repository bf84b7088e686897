# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that ran here before, kept in the preferences."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.presets import SCALE
from .film_fields import makes
from .preferences import preferences
from .properties import ForwardPassSettings, scene_of, settings_of
from .run_fields import FOLDER, HUB

MOST = 10


def remember_model(context: bpy.types.Context) -> None:
    """Puts the model that just ran at the head of the list; those that ship are in another list anyway."""
    found, settings = preferences(context), settings_of(scene_of(context))
    if found is None or makes(settings) == SCALE or settings.model not in (FOLDER, HUB):
        return
    name = bpy.path.abspath(settings.model_folder) if settings.model == FOLDER else settings.model_name.strip()
    names = [name, *(recent.name for recent in found.recent if recent.name != name)][:MOST]
    found.recent.clear()
    for one in names:
        found.recent.add().name = one
    context.preferences.is_dirty = True


def use_model(settings: ForwardPassSettings, name: str) -> None:
    """Chooses a model of the list: a folder where there is one of that name, else a name of the hub."""
    if Path(name).is_dir():
        settings.model, settings.model_folder = FOLDER, name
    else:
        settings.model, settings.model_name = HUB, name
