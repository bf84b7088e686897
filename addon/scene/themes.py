# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing the colours of a scene that is built: themes and colour maps.

Every colour stands in one of five node groups and nowhere else, so that a change of theme is a change of some values:
no material is made anew and no shader compiled again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy

from ..core.colormaps import color_map
from ..core.errors import UserError
from ..core.theme import PALETTE, THEMES, Linear, Theme, linear
from ..core.theme import theme as find_theme
from .solid import show_solid

LOOK, BACKDROP, PALETTE_GROUP = "FP Theme", "FP Backdrop", "FP Palette"
DIVERGING, SEQUENTIAL = "FP Diverging", "FP Sequential"
RAMP = "Colours"  # the ramp in the palette and in the maps
OWN_WORLD = "fp_world"  # the scene's property with the world that it was built with
SHOWN = "fp_look"  # and with its group FP Theme, whose property fp_theme says what it is painted in

# Colours of the group FP Theme, and where a theme has them.
LOOK_COLORS = {
    "Neutral": "neutral",
    "Gap": "gap",
    "Body": "body",
    "Magnitude": "magnitude",
    "Missing": "missing",
    "Rest": "",  # of neutral and gap
}

Tree = bpy.types.NodeTree


def apply_theme(scene: bpy.types.Scene, name: str) -> None:
    """Give a built scene the colours of another theme; colour maps that were chosen by name stay.

    Raises UserError for a theme that there is not, and for a scene that has none of the colours' node groups.
    """
    look = find_theme(name)
    paint(_trees(scene), look)
    show_solid(scene, look)
    scene["fp_theme"] = look.name
    if theme_of(scene.world) not in ("", name) and scene.get(OWN_WORLD) is not None:
        scene.world = scene[OWN_WORLD]
    for key in ("fp_diverging", "fp_sequential"):
        if scene.get(key):
            apply_map(scene, scene[key])


def theme_of(world: bpy.types.World | None) -> str:
    """The theme that a world is the asset of; empty for any other."""
    name = "" if world is None else str(world.get("fp_theme", ""))
    return name if name in THEMES else ""


def look_of(scene: bpy.types.Scene) -> Tree:
    """A built scene's group FP Theme. Raises UserError where it has none of the groups."""
    return next(tree for tree in _trees(scene) if _kind(tree) == LOOK)


def follow_world(scene: bpy.types.Scene) -> str:
    """Gives a built scene the theme whose world it was given; returns its name, or nothing where all is as it should.

    An undo gives the scene its world back, but leaves groups alone that were painted after the step that it undoes: so
    what is looked at is what they are painted in.
    """
    wanted, shown = theme_of(scene.world) or scene.get("fp_theme"), scene.get(SHOWN)
    if wanted not in THEMES or shown is None or shown.get("fp_theme") == wanted:
        return ""
    apply_theme(scene, wanted)
    return str(wanted)


def apply_map(scene: bpy.types.Scene, name: str) -> None:
    """Colour the cells of a built scene by a published map, signed ones or those that are never negative, as the map
    is made for. Raises UserError as `apply_theme` does."""
    chosen = color_map(name)
    group = DIVERGING if chosen.diverging else SEQUENTIAL
    stops = [linear(color) for color in chosen.stops]
    for tree in _trees(scene):
        if _kind(tree) == group:
            _fill_ramp(tree, stops)
    scene["fp_diverging" if chosen.diverging else "fp_sequential"] = name


def paint(trees: Iterable[Tree], look: Theme) -> None:
    """Set the colours in those of the five groups that are among `trees`."""
    for tree in trees:
        kind = _kind(tree)
        if kind == LOOK:
            for node, field in LOOK_COLORS.items():
                _set_color(tree, node, linear(getattr(look, field)) if field else _rest(look))
            _output(tree, "Glow").default_value = look.glow
            tree["fp_theme"] = look.name
        elif kind == BACKDROP:
            _set_color(tree, "Centre", linear(look.centre))
            _set_color(tree, "Edge", linear(look.edge))
        elif kind == PALETTE_GROUP:
            _fill_ramp(tree, [linear(look.palette[name]) for name in PALETTE])
        elif kind == DIVERGING:
            _fill_ramp(tree, look.diverging_stops)
        elif kind == SEQUENTIAL:
            _fill_ramp(tree, look.sequential_stops)


def _rest(look: Theme) -> Linear:
    """What a cell at rest whose value is zero looks like."""
    neutral, gap = linear(look.neutral), linear(look.gap)
    red, green, blue = (a + look.rest * (b - a) for a, b in zip(neutral, gap, strict=True))
    return red, green, blue


def _kind(tree: Tree) -> str:
    """A group's name without the number that Blender gives to a second one."""
    stem, dot, number = tree.name.rpartition(".")
    return stem if dot and number.isdigit() else tree.name


def _output(tree: Tree, node: str) -> Any:
    return tree.nodes[node].outputs[0]


def _set_color(tree: Tree, node: str, color: Linear) -> None:
    _output(tree, node).default_value = (*color, 1.0)


def _fill_ramp(tree: Tree, colors: Sequence[Linear]) -> None:
    node: Any = tree.nodes[RAMP]
    for element, color in zip(node.color_ramp.elements, colors, strict=True):
        element.color = (*color, 1.0)
    # A ramp's elements alone do not tell Blender that the tree changed.
    tree.update_tag()


def _trees(scene: bpy.types.Scene) -> list[Tree]:
    """The node groups that hold the colours of that scene, each once."""
    found: dict[str, Tree] = {}
    materials = {slot.material for item in scene.objects for slot in item.material_slots if slot.material}
    waiting: list[Any] = [
        owner.node_tree for owner in (*materials, scene.world) if owner is not None and owner.node_tree
    ]
    seen: set[Tree] = set()
    while waiting:
        tree = waiting.pop()
        if tree in seen:
            continue
        seen.add(tree)
        waiting += [node.node_tree for node in tree.nodes if node.type == "GROUP" and node.node_tree]
        if _kind(tree) in (LOOK, BACKDROP, PALETTE_GROUP, DIVERGING, SEQUENTIAL) and tree.library is None:
            found[tree.name] = tree
    if not found:
        raise UserError(
            f"The scene {scene.name!r} has no colours of Forward Pass to change.",
            "Choose a scene that Forward Pass built.",
            2,
        )
    return list(found.values())
