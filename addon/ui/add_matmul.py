# SPDX-License-Identifier: GPL-3.0-or-later
"""Add > Forward Pass > Matmul: the multiply of two matrices, typed in or drawn at random; no model, no torch."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from bpy.props import EnumProperty, IntProperty, StringProperty
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.matmul import MOST, STYLES
from ..scene.matmul import make_multiply
from .properties import scene_of

ARRANGEMENTS = ("box", "corner", "row")


def typed_matrix(text: str, what: str) -> NDArray[np.float32] | None:
    """The matrix in a text such as "1 2; 3 4": numbers apart by spaces or commas, rows by semicolons; None for no text.

    Raises `UserError` (code 2) for anything else.
    """
    if not text.strip():
        return None
    hint = "Write numbers with spaces between them and rows with semicolons, for example 1 2; 3 4."
    try:
        rows = [[float(word) for word in row.replace(",", " ").split()] for row in text.strip().strip(";").split(";")]
    except ValueError:
        raise UserError(f"The {what} matrix has something that is no number.", hint, code=2) from None
    if not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise UserError(f"The rows of the {what} matrix are not equally long.", hint, code=2)
    return np.array(rows, np.float32)


class FORWARDPASS_OT_add_matmul(bpy.types.Operator):
    """Add the multiply of two matrices as a box that one number sweeps through, from nothing to the whole result"""

    bl_idname = "forward_pass.add_matmul"
    bl_label = "Matmul"
    bl_options = {"REGISTER", "UNDO"}

    left: StringProperty(  # type: ignore[valid-type]
        name="Left", description="The left matrix, as 1 2; 3 4. Empty: drawn at random"
    )
    right: StringProperty(  # type: ignore[valid-type]
        name="Right", description="The right matrix, as 1 2; 3 4. Empty: drawn at random"
    )
    rows: IntProperty(name="Rows", description="Of a left matrix drawn at random", default=6, min=1, max=MOST)  # type: ignore[valid-type]
    inner: IntProperty(name="Inner", description="Steps of the axis that is summed over", default=16, min=1, max=MOST)  # type: ignore[valid-type]
    columns: IntProperty(name="Columns", description="Of a right matrix drawn at random", default=12, min=1, max=MOST)  # type: ignore[valid-type]
    seed: IntProperty(name="Seed", description="The same numbers with the same seed", default=0, min=0)  # type: ignore[valid-type]
    style: EnumProperty(  # type: ignore[valid-type]
        name="Sweep",
        description="What moves through the box",
        items=[(style, style.title(), "") for style in STYLES],
    )
    arrangement: EnumProperty(  # type: ignore[valid-type]
        name="Arrangement",
        description="How the three faces stand; they fold into each other later too",
        items=[(name, name.title(), "") for name in ARRANGEMENTS],
    )

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """Adds it at the cursor and selects the empty that drives it."""
        try:
            left, right = self._matrices()
            made = make_multiply(scene_of(context), left, right, style=self.style, arrangement=self.arrangement)
        except UserError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        made.location = scene_of(context).cursor.location
        for item in context.selected_objects:
            item.select_set(False)
        made.select_set(True)
        if context.view_layer is not None:
            context.view_layer.objects.active = made
        return {"FINISHED"}

    def _matrices(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        generator = np.random.default_rng(self.seed)
        left, right = typed_matrix(self.left, "left"), typed_matrix(self.right, "right")
        rows = self.rows if left is None else left.shape[0]
        columns = self.columns if right is None else right.shape[1]
        inner = self.inner if left is None and right is None else 0
        inner = left.shape[1] if left is not None else right.shape[0] if right is not None else inner
        if left is None:
            left = generator.normal(size=(rows, inner)).astype(np.float32)
        if right is None:
            right = generator.normal(size=(inner, columns)).astype(np.float32)
        return left, right


class FORWARDPASS_MT_add(bpy.types.Menu):
    """What this add-on can add."""

    bl_idname = "FORWARDPASS_MT_add"
    bl_label = "Forward Pass"

    def draw(self, context: bpy.types.Context) -> None:
        """A multiply of one's own, and what the panel's button does: Blender's search looks through the menus."""
        self.layout.operator(FORWARDPASS_OT_add_matmul.bl_idname, icon="MESH_GRID")
        self.layout.operator("forward_pass.generate", icon="SHADERFX")


def draw_add(menu: Any, context: bpy.types.Context) -> None:
    """The line in the menu."""
    menu.layout.menu(FORWARDPASS_MT_add.bl_idname, icon="SHADERFX")


CLASSES = (FORWARDPASS_OT_add_matmul, FORWARDPASS_MT_add)


def register() -> None:
    """Adds the line."""
    bpy.types.VIEW3D_MT_add.append(draw_add)


def unregister() -> None:
    """Takes it back."""
    bpy.types.VIEW3D_MT_add.remove(draw_add)
