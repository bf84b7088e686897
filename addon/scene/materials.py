# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of a scene. Everything is emission, so EEVEE and Cycles agree and no light is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from .body_material import body_material
from .cell_group import cell_slices
from .cell_materials import cell_material, plate_material
from .floor_materials import shade_material, shadow_material
from .groups import Groups
from .ink_materials import halo_material, ink_material, legend_material, name_material
from .product_material import product_material
from .slices import Slices, at_once


@dataclass(frozen=True)
class Materials:
    """Every material of one scene."""

    cells: bpy.types.Material
    masked: bpy.types.Material
    relief: bpy.types.Material  # bars and cubes
    plate: bpy.types.Material  # what they stand on
    body: bpy.types.Material
    ink: bpy.types.Material
    name: bpy.types.Material
    halo: bpy.types.Material
    overlay: bpy.types.Material
    shade: bpy.types.Material
    shadow: bpy.types.Material
    scale: bpy.types.Material
    products: bpy.types.Material
    slab: bpy.types.Material | None  # where there are slabs
    slab_masked: bpy.types.Material | None


def make_materials(groups: Groups, atlas: bpy.types.Image | None = None) -> Materials:
    """Make the materials on those groups; `atlas` holds the numbers of all slabs, where there are any."""
    return at_once(material_slices(groups, atlas))


def material_slices(groups: Groups, atlas: bpy.types.Image | None = None) -> Slices[Materials]:
    """As `make_materials`, in slices."""
    cell = yield from cell_slices(groups)
    yield
    makers: dict[str, Callable[[], bpy.types.Material]] = {
        "cells": lambda: cell_material(groups, cell, "FP Cells"),
        "masked": lambda: cell_material(groups, cell, "FP Cells masked", masked=True),
        "relief": lambda: cell_material(groups, cell, "FP Cells relief", masked=True, relief=True),
        "plate": lambda: plate_material(groups),
        "body": lambda: body_material(groups),
        "ink": lambda: ink_material(groups, "FP Mark", fade=True),
        "name": lambda: name_material(groups),
        "halo": lambda: halo_material(groups),
        "overlay": lambda: ink_material(groups, "FP Overlay", fade=False),
        "shade": lambda: shade_material(groups),
        "shadow": lambda: shadow_material(groups),
        "scale": lambda: legend_material(groups),
        "products": lambda: product_material(groups),
    }
    if atlas is not None:
        makers["slab"] = lambda: cell_material(groups, cell, "FP Slab", atlas=atlas)
        makers["slab_masked"] = lambda: cell_material(groups, cell, "FP Slab masked", masked=True, atlas=atlas)
    made: dict[str, Any] = {"slab": None, "slab_masked": None}
    for name, make in makers.items():
        made[name] = make()
        yield
    return Materials(**made)
