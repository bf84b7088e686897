# SPDX-License-Identifier: GPL-3.0-or-later
"""A multiply of two matrices as a theatre that one number drives: `make_multiply`, and `make_chain` for two in a row.

What is made are plain objects: an empty with the properties `fp_sweep_at`, `fp_style`, `fp_fold`, `fp_fan`, `fp_cells`
and `fp_labels`, and under it one object for each matrix and one for what is drawn around them. Their modifiers read
the empty's properties through a node group of their own, by drivers that need no permission; so keys on the empty are
all that an animation needs, and a saved file plays without the add-on.
"""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np

from ..core.errors import UserError
from ..core.matmul import ARRANGEMENTS, CELL_STYLES, STYLES, Faces
from .clock import drive
from .matmul_empty import SWEEP_AT, make_empty
from .matmul_kit import kit_for
from .matmul_objects import build_objects
from .matmul_plan import Dress, Matrix, pitches, plan_of


def make_multiply(
    scene: bpy.types.Scene,
    left: Matrix,
    right: Matrix,
    *,
    bias: Matrix | None = None,
    scale: float = 1.0,
    style: str = "dot",
    arrangement: str = "box",
    theme: str = "midnight",
    cell_style: str = "flat",
    names: tuple[str, str, str] = ("X", "W", "Y"),
    axes: tuple[str, str, str] = ("rows", "inner", "columns"),
    faces: Faces | None = None,
    pitch: tuple[float, float, float] | None = None,
    collection: bpy.types.Collection | None = None,
    dress: Dress | None = None,
) -> bpy.types.Object:
    """Build left @ right, with its bias [j] and its scale where there are, and return the empty that drives it. A bias
    [i, j], one number for each cell, is added in the same beat and not drawn.

    `left` is [i, k] and `right` [k, j]; or [b, i, k] and [b, k, j], which makes a stack of b boxes. Where `right` has
    fewer matrices, b divided by a whole number, groups of heads share them. `names` are those of L, R and O, `axes`
    those of i, k and j; names such as "tokens", "channels" and "neurons" bring their colours.
    `pitch` is the length of a step along i, k and j in units: by default 1, and 2 along i where there are few rows.
    Raises UserError where operands do not fit or are too large to be multiplied live.
    """
    for name, choices in ((style, STYLES), (arrangement, ARRANGEMENTS), (cell_style, CELL_STYLES)):
        if name not in choices:
            raise UserError(f"A multiply knows no {name!r}.", f"Choose one of {', '.join(choices)}.", 2)
    plan = plan_of(left, right, bias, scale, names, axes, faces or Faces(), pitch, dress or Dress())
    kit = kit_for(scene, theme)
    where = collection or scene.collection
    empty = make_empty(f"multiply {names[0]} {names[1]}", where, style, arrangement, cell_style)
    build_objects(empty, plan, kit, where)
    return empty


def make_chain(
    scene: bpy.types.Scene,
    left: Matrix,
    first: Matrix,
    second: Matrix,
    *,
    style: str = "row",
    fused: bool = True,
    arrangement: str = "box",
    theme: str = "midnight",
    cell_style: str = "flat",
    names: tuple[str, str, str, str, str] = ("X", "W", "H", "V", "Y"),
    axes: tuple[str, str, str, str] = ("rows", "inner", "hidden", "columns"),
    pitch: tuple[float, float, float, float] | None = None,
    collection: bpy.types.Collection | None = None,
) -> bpy.types.Object:
    """Build (left @ first) @ second as two boxes around one block: the O of the first is the L of the second, which
    turns the corner. Returns the empty that drives both.

    `left` is [i, k], `first` [k, m], `second` [m, j]. With `fused` and the style "row", where the planes of products
    of both are parallel, every row passes through both before the next one starts; otherwise one sweep follows the
    other. Raises UserError as `make_multiply` does.
    """
    if style not in STYLES or arrangement not in ARRANGEMENTS or cell_style not in CELL_STYLES:
        raise UserError("There is no such style or arrangement.", f"Styles: {', '.join(STYLES)}.", 2)
    p = pitch or pitches(left.shape[0], left.shape[1], first.shape[1], second.shape[1])
    one = plan_of(left, first, None, 1.0, names[:3], axes[:3], Faces(), p[:3])
    two = plan_of(
        one.result[0],
        second,
        None,
        1.0,
        names[2:],
        (axes[0], *axes[2:]),
        Faces(out="back", still="left"),
        (p[0], *p[2:]),
    )
    if fused and style == "row":
        one, two = replace(one, turn=(0.0, 0.5)), replace(two, turn=(0.5, 1.0))
    else:
        one, two = replace(one, part=(0.0, 0.5)), replace(two, part=(0.5, 1.0))
    one, two = replace(one, chained="first"), replace(two, chained="second")
    kit = kit_for(scene, theme)
    where = collection or scene.collection
    empty = make_empty(f"chain {names[0]} {names[1]} {names[3]}", where, style, arrangement, cell_style)
    before = build_objects(empty, one, kit, where)
    corner = bpy.data.objects.new(f"{empty.name} corner", None)
    corner.empty_display_size = 0.5
    corner.parent = empty
    corner.rotation_euler = (0.0, 0.0, -np.pi / 2)
    where.objects.link(corner)
    build_objects(empty, two, kit, where, parent=corner, shared=before)
    return empty


def play_sweep(empty: bpy.types.Object, scene: bpy.types.Scene, start: float, duration: float) -> None:
    """Let the scene's clock drive the sweep: from `start` for `duration`, in seconds of story time."""
    if "fp_time" not in scene.keys():  # noqa: SIM118
        raise UserError("This scene has no clock.", "Give it one with key_clock, or key fp_sweep_at itself.", 2)
    results = [item for item in empty.children_recursive if item.get("fp_role") == "out"]
    for item in (empty, *results):
        item["fp_start"], item["fp_duration"] = float(start), float(duration)
    drive(empty, f'["{SWEEP_AT}"]', -1, scene, [(start, 0.0), (start + duration, 1.0)])
