# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the scene of several models at one scale, from sizes alone: no block of it has values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import bpy

from ..core.axis_colors import axis_color
from ..core.layout import Block, Label
from ..core.role_hues import hue_of
from ..core.scale_standings import Standing
from ..core.story_scale import ScalePlan
from ..core.theme import theme as find_theme
from .blocks import hue_number
from .camera import make_camera
from .captions import caption_slices
from .contract import keep_contract
from .furniture import make_plates, make_ribbons
from .labels import label_slices
from .materials import Materials
from .overlay import TOP, Overlay, add_title
from .running_multiply import add_shapes
from .shape_mesh import floor_material, shape_material, shapes_mesh
from .signs import add_signs
from .slices import Slices, Stage, told
from .solid import show_solid
from .studio import Studio, open_studio
from .theme_assets import theme_asset_slices

# What a part of a model is to the eye: the words of the film's key name these hues.
HUES = {
    "w_q": "feature", "w_k": "feature", "w_v": "feature", "w_o": "head",
    "w_up": "neuron", "w_gate": "neuron", "w_down": "neuron", "w_router": "head",
    "w_e_up": "neuron", "w_e_gate": "neuron", "w_e_down": "neuron",
    "token_table": "token", "position_table": "token", "w_vocab": "token",
}  # fmt: skip
NAMED = 12  # layers: with more, only the layers are named, not what is in them
RIBBON = 0.0011  # width of a ribbon at least, in widths of its model
LINE = 0.0005  # width of a plate's line at least


def build_scale(
    scene: bpy.types.Scene,
    plan: ScalePlan,
    *,
    theme: str = "midnight",
    recipe: str = "",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
) -> Iterator[Stage]:
    """Builds into `scene`, yielding (what is being built, share done 0 to 1) between slices of work.

    All blocks of a model that are one part of it are one object with `fp_detail = "shape"`: docs/scale-and-compare.md.
    Raises UserError for a theme that there is not.
    """
    colors = find_theme(theme)
    studio = yield from open_studio(scene, plan.story, colors, size, fps)
    surface = shape_material(studio.groups)
    floor = replace(studio.materials, shade=floor_material(studio.groups))
    camera, overlays = make_camera(scene, plan.keys, size, studio.stage)
    for i, standing in enumerate(plan.standings):
        told_of = standing.model.name, 0.05 + 0.8 * i / len(plan.standings)
        yield from told(told_of, _put_model(studio, standing, plan.seen[i], floor, surface, camera))
    yield "overlays", 0.9
    add_signs(scene, plan, camera, studio.labels, studio.materials, studio.font, studio.shapes)
    overlay = Overlay(scene, overlays, studio.stage, studio.aspect, studio.materials, studio.font)
    yield from told(("overlays", 0.95), caption_slices(overlay, plan.story, studio.shapes))
    add_shapes(overlay, plan.story.shapes, TOP)
    if plan.story.title:
        add_title(overlay, *plan.story.title)
    yield from told(("overlays", 0.97), overlay.finish_slices(studio.shapes))
    studio.shapes.clear()
    show_solid(scene, colors)
    yield from told(("overlays", 0.98), theme_asset_slices(scene))
    keep_contract(scene, plan.story, (), plan.standings[0].layout.pitch, recipe, fps)
    yield "done", 1.0


def _put_model(
    studio: Studio,
    standing: Standing,
    seen: tuple[float, float],
    materials: Materials,
    surface: bpy.types.Material,
    camera: bpy.types.Object,
) -> Slices[None]:
    """One model under an empty of its own, in its own coordinates: near to zero, where numbers are fine. `materials`
    are those of its floor, `surface` that of its slabs; it is `seen` from a second on until another."""
    name, layout = standing.model.name, standing.layout
    font, shapes = studio.font, studio.shapes
    home = studio.collections.get((name,))
    model = bpy.data.objects.new(name, None)
    model.location = standing.at
    model.empty_display_size = standing.width / 20
    model["fp_kind"], model["fp_parameters"] = "model", f"{layout.parameters}"  # too large for a whole number there
    model["fp_source"] = standing.model.source
    home.objects.link(model)
    made = yield from _shapes(standing, surface)
    drop = standing.thickness
    width = RIBBON * standing.width
    plates = [replace(plate, z=_under(plate.z, drop)) for plate in layout.plates]
    ribbons = [
        replace(r, points=tuple((x, y, _under(z, drop)) for x, y, z in r.points), width=max(r.width, width))
        for r in layout.ribbons
    ]
    made += make_plates(plates, materials, max(0.35, LINE * standing.width), max(0.05, 0.03 * drop))
    made += make_ribbons(ribbons, materials)
    yield
    made += yield from label_slices(_names(standing), materials, font, camera, shapes)
    for item in made:
        item.parent = model
    named = replace(materials, ink=materials.overlay)  # large names stay when the camera is near
    made += yield from label_slices(standing.titles, named, font, camera, shapes)
    made += make_ribbons([standing.ruler], materials)
    for item in made:
        item["fp_start"], item["fp_duration"] = seen[0], seen[1] - seen[0]
        home.objects.link(item)


def _shapes(standing: Standing, surface: bpy.types.Material) -> Slices[list[bpy.types.Object]]:
    """One object for each part: all W_Q of a model, all W_up, ..."""
    parts: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Block]] = defaultdict(list)
    for block in standing.layout.blocks:
        parts[block.part, block.row_axis, block.column_axis].append(block)
    items = []
    for (part, rows, columns), blocks in parts.items():
        mesh = shapes_mesh(f"{standing.model.name} {part}", blocks, standing.thickness, surface)
        item = bpy.data.objects.new(mesh.name, mesh)
        first = blocks[0]
        item["fp_detail"], item["fp_kind"], item["fp_role"] = "shape", first.kind, first.role
        item["fp_tensor"], item["fp_shape"], item["fp_count"] = first.label, list(first.shape), len(blocks)
        item["fp_counts"] = list(first.counts)
        item.pass_index = hue_number(_hue(first), axis_color(rows), axis_color(columns))
        items.append(item)
        yield
    return items


def _hue(block: Block) -> str:
    if block.kind == "weight":
        return HUES.get(block.part, "weight")
    return hue_of(block)


def _under(z: float, drop: float) -> float:
    """The height of what lies on the floor, under slabs that are so thick: apart enough to be told at any distance."""
    return -drop * (1 + 0.12 * max(0.0, 0.0 - z))


def _names(standing: Standing) -> list[Label]:
    """The names of layers, and where they are few of what is in them, at the height of the slabs' faces. The model's
    own name stands before it."""
    layers = {block.layer for block in standing.layout.blocks}
    most, title = 1 if len(layers) <= NAMED + 1 else 0, standing.layout.title[0]
    names = [
        label
        for label in standing.layout.labels
        if label.tier <= most and not (label.layer is None and label.position[0] == title)
    ]
    return [replace(label, layer=None, position=(*label.position[:2], 0.0)) for label in names]
