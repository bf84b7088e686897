# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a multiply: one for each matrix, and those for what is drawn and written around them."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..core.layout import Block
from ..core.matmul import beats
from ..core.matmul_room import rooms, tick_sizes
from ..core.values import color_ends
from .blocks import grid_mesh
from .matmul_empty import MOVING, STANDING, numbers_tree
from .matmul_faces import GEOMETRY
from .matmul_kit import Kit, hue_number
from .matmul_nodes import GeoNodes, geometry_tree
from .matmul_plan import Matrix, Plan
from .matmul_ticks import tick_mesh
from .text import is_latin


def build_objects(
    empty: bpy.types.Object,
    plan: Plan,
    kit: Kit,
    where: bpy.types.Collection,
    *,
    parent: bpy.types.Object | None = None,
    shared: bpy.types.Object | None = None,
) -> bpy.types.Object:
    """The objects of a multiply, of every head; returns the last result. `shared` is a result that is L here."""
    numbers = numbers_tree(empty, plan.part, MOVING), numbers_tree(empty, plan.part, STANDING)
    heads = len(plan.left)
    ends = [color_ends(matrix, False)[1] for matrix in (plan.left, plan.right, plan.result)]
    out = shared
    for head in range(heads):
        tag = "" if heads == 1 else f" {head}"
        builder = _Head(plan, kit, numbers, parent or empty, where, head, heads)
        names = [f"{name}{tag}" for name in plan.names]
        if shared is None:
            left = builder.block(names[0], plan.left[head], "left", "activation", ends[0])
            builder.modify(left, "left", {}, ends[0], plan.hues[0])
        else:
            left = shared
        right = builder.block(names[1], plan.right[head], "right", "weight" if heads == 1 else "activation", ends[1])
        builder.modify(right, "right", {}, ends[1], hue_number("weight"))
        bias = None
        if plan.bias is not None:
            drawn = plan.bias.ndim == 1
            matrix = plan.bias[None, :] if drawn else plan.bias
            bias = builder.block(f"bias of {names[2]}", matrix, "bias", "weight" if drawn else "activation", ends[2])
            if drawn:
                builder.modify(bias, "bias", {}, ends[2], hue_number("weight"))
            bias.hide_render = bias.hide_viewport = not drawn
        out = builder.block(names[2], plan.result[head], "out", "activation", ends[2])
        sources = {"Left": left, "Right": right} | ({} if bias is None else {"Bias": bias})
        builder.modify(out, "result", sources, ends[2], plan.hues[2])
        builder.guides(names[2], sources, out)
        if head in (0, heads - 1):
            builder.names(names[2])
        if head == 0:
            builder.ticks(names[2])
    assert out is not None
    return out


def _shown_names(plan: Plan) -> dict[str, float | int]:
    """Which names and braces a multiply has: sockets of FP Matmul Names."""
    first, second = plan.chained == "first", plan.chained == "second"
    return {
        "Bias Rows": int(plan.bias is not None and plan.bias.ndim == 1),
        "Show I": float(not second),
        "Show J": float(not first),
        "Show Out": float(not first),
        "Narrow": float(first),
        "Counted": plan.dress.counted,
        "Latin": is_latin("".join((*plan.names, *plan.axes))),
        **dict(zip(("I Room", "K Room", "J Room"), rooms(plan.shape, plan.dress.ticks, plan.text), strict=True)),
    }


class _Head:
    """Makes the objects of one head of a multiply."""

    def __init__(
        self,
        plan: Plan,
        kit: Kit,
        numbers: tuple[Any, Any],
        parent: bpy.types.Object,
        where: bpy.types.Collection,
        head: int,
        heads: int,
    ) -> None:
        self.plan, self.kit, self.numbers, self.parent, self.where = plan, kit, numbers, parent, where
        parts = beats(plan.bias is not None, plan.scale != 1.0)
        faces = plan.faces
        self.constants: dict[str, Any] = {
            "Rows": plan.shape.rows,
            "Inner": plan.shape.inner,
            "Columns": plan.shape.columns,
            "Pitch": plan.pitch,
            "Sums End": parts.sums,
            "Bias End": parts.bias,
            "From": plan.turn[0],
            "To": plan.turn[1],
            "Right Side": float(faces.left == "right"),
            "Ceiling": float(faces.right == "ceiling"),
            "Back": float(faces.out == "back"),
            "Still": float(faces.still == "left"),
            "Head": head,
            "Heads": heads,
        }
        self.head = head

    def block(self, name: str, matrix: Matrix, role: str, kind: str, high: float) -> bpy.types.Object:
        """A matrix as an object with its numbers and what the scene contract asks of it."""
        rows, columns = matrix.shape
        p_i, p_k, p_j = self.plan.pitch
        down, across = {"left": (p_i, p_k), "right": (p_k, p_j), "out": (p_i, p_j), "bias": (p_i, p_j)}[role]
        block = Block(
            key=name,
            tensor=name,
            index=(self.head // self.plan.shared if role == "right" else self.head,),
            rows=(0, rows - 1),
            columns=(0, columns - 1),
            role=role,
            kind=kind,
            operation=-1,
            step=0,
            layer=None,
            head=None,
            part=role,
            label=name,
            origin=(0.0, 0.0, 0.0),
            row_step=(0.0, 0.0, -down),
            column_step=(across, 0.0, 0.0),
            row_axis=(),
            column_axis=(),
            collection=(),
        )
        mesh = grid_mesh(name, block, np.ascontiguousarray(matrix, np.float32), high)
        mesh.materials.append(self.kit.cells)  # the modifier sets it too: here a change of theme finds it
        item = self._add(name, mesh)
        item["fp_tensor"], item["fp_index"], item["fp_role"] = name, list(block.index), role
        item["fp_operation"], item["fp_shape"], item["fp_kind"] = -1, [rows, columns], kind
        item["fp_rows"], item["fp_columns"] = [[0, rows - 1]], [[0, columns - 1]]
        item["fp_detail"], item["fp_start"], item["fp_duration"] = "cells", 0.0, 0.0
        item["fp_low"], item["fp_high"] = -high, high
        return item

    def _add(self, name: str, mesh: bpy.types.Mesh) -> bpy.types.Object:
        item = bpy.data.objects.new(name, mesh)
        item.parent = self.parent
        self.where.objects.link(item)
        return item

    def _tree(self, item: bpy.types.Object, moving: bool = True) -> tuple[GeoNodes, dict[str, Any], Any, Any]:
        """A node group for an object's modifier: a builder, the empty's numbers (those of the sweep only for what is
        `moving`), its geometry's way in and out."""
        tree, n, into, out = geometry_tree(
            f"{self.parent.name}: {item.name}", "What this object shows", (GEOMETRY,), (GEOMETRY,)
        )
        modifier: Any = item.modifiers.new("Multiply", "NODES")
        modifier.node_group = tree
        numbers = n.geometry_group(self.numbers[1])
        if moving:
            numbers |= n.geometry_group(self.numbers[0])
        return n, numbers, into["Geometry"], out["Geometry"]

    def _call(self, n: GeoNodes, numbers: dict[str, Any], part: str, **more: Any) -> Any:
        """A group of the kit with the shape, the placement and the empty's numbers; its geometry."""
        tree = getattr(self.kit, part)
        wanted = {s.name for s in tree.interface.items_tree if s.item_type == "SOCKET" and s.in_out == "INPUT"}
        known = {**self.constants, **numbers, **more}
        return n.geometry_group(tree, **{name: value for name, value in known.items() if name in wanted})["Geometry"]

    def _geometry(self, n: GeoNodes, item: bpy.types.Object) -> Any:
        return n.one("GeometryNodeObjectInfo", "Geometry", {"Object": item}, transform_space="ORIGINAL")

    def modify(
        self, item: bpy.types.Object, part: str, sources: dict[str, bpy.types.Object], high: float, hue: int
    ) -> None:
        """Give a matrix the modifier that shows it."""
        n, numbers, into, out = self._tree(item)
        given = {name: self._geometry(n, source) for name, source in sources.items()}
        whole = self.plan.bias is not None and self.plan.bias.ndim == 2
        more = {"Geometry": into, "High": high, "Hue": hue, "Factor": self.plan.scale, "Whole Bias": whole, **given}
        n.feed(out, self._call(n, numbers, part, **more))

    @property
    def _ink(self) -> dict[str, Any]:
        """Sizes and colours of lines and letters."""
        plan = self.plan
        width = 0.0026 * plan.dress.text**1.5 * max(plan.shape.width, plan.shape.depth, plan.shape.height, 8.0)
        hues = dict(zip(("Hue I", "Hue K", "Hue J"), plan.hues, strict=True))
        return {"Width": width, "Text": plan.text, **hues}

    def guides(self, name: str, sources: dict[str, bpy.types.Object], result: bpy.types.Object) -> None:
        """The object with what the sweep moves around the matrices: products, outlines, the sum in numbers."""
        plan = self.plan
        item = self._add(f"sweep {name}", bpy.data.meshes.new(name))
        item["fp_kind"], item["fp_role"] = "guides", "other"
        n, numbers, _into, out = self._tree(item)
        left, right = (self._geometry(n, sources[side]) for side in ("Left", "Right"))
        products = np.abs(plan.left[self.head][:, :, None] * plan.right[self.head][None])
        high = max(0.35 * float(products.max()), color_ends(products, False)[1])
        parts = [
            self._call(n, numbers, "products", Left=left, Right=right, High=high),
            self._call(n, numbers, "outlines", **self._ink),
        ]
        # While rows pass through both boxes of a chain, one count of them is enough.
        if self.head == 0 and not (plan.chained == "first" and plan.turn != (0.0, 1.0)):
            more = {"Left": left, "Right": right, "Out": self._geometry(n, result), "Factor": plan.scale}
            more |= {"Under Left": float(plan.chained == "first")}
            parts.append(self._call(n, numbers, "formula", **self._ink, **more))
        n.feed(out, n.join(*parts))

    def ticks(self, name: str) -> None:
        """The object with the names of single steps along the axes, where there are any."""
        plan = self.plan
        if not any(plan.dress.ticks):
            return
        sizes = tick_sizes(plan.shape, plan.dress.ticks, plan.text)
        item = self._add(f"ticks {name}", tick_mesh(name, plan.dress.ticks, sizes, plan.hues))
        item["fp_kind"], item["fp_role"] = "ticks", "other"
        n, numbers, into, out = self._tree(item, moving=False)
        n.feed(out, self._call(n, numbers, "ticks", Geometry=into, Text=plan.text, **_shown_names(plan)))

    def names(self, name: str) -> None:
        """The object with what stands around the matrices: names and braces, and the shadow."""
        plan = self.plan
        item = self._add(f"names {name}", bpy.data.meshes.new(name))
        item["fp_kind"], item["fp_role"] = "names", "other"
        n, numbers, _into, out = self._tree(item, moving=False)
        words = dict(zip(("Left Name", "Right Name", "Out Name"), plan.names, strict=True))
        words |= dict(zip(("I Name", "K Name", "J Name"), plan.axes, strict=True))
        parts = []
        if self.head == 0:
            parts.append(self._call(n, numbers, "names", **self._ink, **words, **_shown_names(plan)))
        if self.head == self.constants["Heads"] - 1:
            parts.append(self._call(n, numbers, "shadow", Text=plan.text))
        n.feed(out, n.join(*parts))
