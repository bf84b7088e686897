# SPDX-License-Identifier: GPL-3.0-or-later
"""Add > Forward Pass > Matmul, as a script and the menu call it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.ui.add_matmul import typed_matrix

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


def result_of(empty: Any) -> np.ndarray[Any, Any]:
    """The numbers of the result as Blender evaluates it, row after row; what outlines the cells comes behind them."""
    (out,) = [item for item in empty.children_recursive if item.get("fp_role") == "out"]
    mesh = out.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    values = np.empty(len(mesh.attributes["value"].data), np.float32)
    mesh.attributes["value"].data.foreach_get("value", values)
    rows, columns = out["fp_shape"]
    return values[: rows * columns]


def test_typed_matrices_are_multiplied() -> None:
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    assert bpy.ops.forward_pass.add_matmul(left="1 2; 3 4", right="5, 6, 7; 8, 9, 10;") == {"FINISHED"}
    empty = bpy.context.object
    assert empty.select_get() and tuple(empty.location) == (1.0, 2.0, 3.0)
    empty["fp_sweep_at"] = 1.0
    empty.update_tag()
    wanted = np.array([[1, 2], [3, 4]]) @ np.array([[5, 6, 7], [8, 9, 10]])
    np.testing.assert_allclose(result_of(empty), wanted.ravel(), rtol=1e-6)


def test_a_matrix_that_is_not_typed_is_drawn_to_fit() -> None:
    assert bpy.ops.forward_pass.add_matmul(right="1 0; 0 1; 1 1", rows=4, style="outer") == {"FINISHED"}
    empty = bpy.context.object
    shapes = {item["fp_role"]: list(item["fp_shape"]) for item in empty.children_recursive if "fp_shape" in item}
    assert (shapes["left"], shapes["right"], shapes["out"]) == ([4, 3], [3, 2], [4, 2])
    assert empty["fp_sweep"] == "outer"


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [("1 2; 3", "", "not equally long"), ("1 two", "", "no number"), ("1 2", "1 2 3", "do not fit|inner|rows")],
)
def test_matrices_that_cannot_be(left: str, right: str, says: str) -> None:
    before = len(bpy.data.objects)
    with pytest.raises(RuntimeError, match=says):
        bpy.ops.forward_pass.add_matmul(left=left, right=right)
    assert len(bpy.data.objects) == before


def test_how_matrices_are_typed() -> None:
    assert typed_matrix("  ", "left") is None
    found = typed_matrix("1, -2.5e1 3\t;4 5 6", "left")
    assert found is not None and found.tolist() == [[1.0, -25.0, 3.0], [4.0, 5.0, 6.0]]
    with pytest.raises(UserError, match="not equally long"):
        typed_matrix(";;", "left")


def test_it_is_in_the_menu() -> None:
    drawn: list[str] = []
    layout = SimpleNamespace(menu=lambda name, icon: drawn.append(name))
    for draw in bpy.types.VIEW3D_MT_add._dyn_ui_initialize():
        if draw.__module__.endswith("ui.add_matmul"):
            draw(SimpleNamespace(layout=layout), bpy.context)
    assert drawn == ["FORWARDPASS_MT_add"]
    layout.operator = lambda name, icon: drawn.append(name)
    bpy.types.FORWARDPASS_MT_add.draw(SimpleNamespace(layout=layout), bpy.context)
    assert drawn[1:] == ["forward_pass.add_matmul", "forward_pass.generate"]
