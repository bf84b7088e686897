# SPDX-License-Identifier: GPL-3.0-or-later
"""Every theme as an asset: a world, which Blender takes where it is dropped into a viewport.

Without the add-on such a world is the theme's backdrop; with it, a generated scene that is given one takes on the whole
theme (`themes.follow_world`). The scene holds the worlds itself, so they come and go with the scenes of a file, which
share them.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..core.theme import THEMES, Theme, linear
from ..core.theme_picture import SIZE, theme_picture
from .compat import enable_nodes
from .groups import gradient
from .nodes import Nodes, named
from .slices import Slices, at_once
from .themes import OWN_WORLD, SHOWN, look_of, theme_of

KEPT = "fp_themes"  # the scene's property with the worlds, by the names of their themes
TAGS = ("Forward Pass", "theme")


def add_theme_assets(scene: bpy.types.Scene) -> None:
    """Makes those that the file does not have yet, and notes what `themes.follow_world` has to know of a scene that is
    built."""
    at_once(theme_asset_slices(scene))


def theme_asset_slices(scene: bpy.types.Scene) -> Slices[None]:
    """As `add_theme_assets`, in slices."""
    worlds = {}
    for name, theme in THEMES.items():
        worlds[name] = _there(name) or _make(theme)
        yield
    scene[KEPT] = worlds
    if scene.world is not None:
        scene[OWN_WORLD] = scene.world
    scene[SHOWN] = look_of(scene)


def _there(name: str) -> bpy.types.World | None:
    worlds = (one for one in bpy.data.worlds if one.library is None and one.asset_data is not None)
    return next((one for one in worlds if theme_of(one) == name), None)


def _make(theme: Theme) -> bpy.types.World:
    world: Any = bpy.data.worlds.new(f"Forward Pass {theme.name.title()}")
    world["fp_theme"] = theme.name
    world.color = linear(theme.edge)  # what the solid shading shows
    n = Nodes(enable_nodes(world))
    centre, edge = n.color("Centre"), n.color("Edge")
    for socket, color in ((centre, theme.centre), (edge, theme.edge)):
        socket.default_value = (*linear(color), 1.0)
    background, output = n.add("ShaderNodeBackground"), n.add("ShaderNodeOutputWorld")
    n.feed(named(background.inputs, "Color"), gradient(n, centre, edge))
    n.feed(named(output.inputs, "Surface"), background.outputs[0])
    world.asset_mark()
    world.use_fake_user = False  # the scene holds it
    world.asset_data.description, world.asset_data.author = theme.words, "Forward Pass"
    for tag in TAGS:
        world.asset_data.tags.new(tag)
    preview = world.preview_ensure()
    preview.image_size = (SIZE, SIZE)
    preview.image_pixels_float.foreach_set(theme_picture(theme).ravel())
    return world
