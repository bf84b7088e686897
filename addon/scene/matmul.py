# SPDX-License-Identifier: GPL-3.0-or-later
"""A multiply of two matrices as a theatre that one number drives: `make_multiply`, and `make_chain` for two in a row.

What is made are plain objects: an empty with the properties `fp_sweep_at`, `fp_style`, `fp_fold`, `fp_fan`, `fp_cells`
and `fp_labels`, and under it one object for each matrix and one for what is drawn around them. Their modifiers read
the empty's properties through a node group of their own, by drivers that need no permission; so keys on the empty are
all that an animation needs, and a saved file plays without the add-on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.layout import Block
from ..core.matmul import ARRANGEMENTS, CELL_STYLES, STYLES, Faces, Shape, beats, check_operands
from ..core.matmul_room import Ticks, letter_size, rooms, tick_sizes
from ..core.timeline import AXIS_COLORS
from ..core.values import color_ends
from .blocks import grid_mesh
from .clock import drive
from .matmul_faces import GEOMETRY
from .matmul_kit import Kit, hue_number, kit_for
from .matmul_nodes import GeoNodes, Socket, geometry_tree
from .matmul_ticks import tick_mesh
from .text import is_latin

Matrix = NDArray[np.floating]
SWEEP_AT = "fp_sweep_at"
CONTROLS = {
    SWEEP_AT: (0.0, 1.0, "How far the multiply is: 0 nothing, 1 done"),
    "fp_style": (1, 5, "1 dot, 2 row, 3 column, 4 outer, 5 all"),
    "fp_first": (0, 1_000_000, "The step at which the sweep begins, from 0: cells of earlier ones stay empty"),
    "fp_fold": (0.0, 2.0, "0 box, 1 corner, 2 row, and anything between"),
    "fp_fan": (0.0, 1.0, "0: the boxes of all heads stand on each other, 1: side by side"),
    "fp_cells": (0, 2, "0 flat, 1 bars, 2 cubes"),
    "fp_labels": (0.0, 1.0, "How much of names and braces is seen"),
    "fp_formula": (0.0, 1.0, "How much of the running sum in numbers is seen"),
}
# Socket of the groups: property of the empty. What stands still while a sweep runs is not worked out anew for it.
MOVING = {"Sweep": SWEEP_AT, "Style": "fp_style", "First": "fp_first", "Formula": "fp_formula"}
STANDING = {"Fold": "fp_fold", "Fan": "fp_fan", "Cells": "fp_cells", "Labels": "fp_labels"}


DEFAULT_HUES = ("token", "channel", "neuron")  # of i, k and j


@dataclass(frozen=True)
class Dress:
    """What is written on a multiply, where it is more than its names. `ticks` name single steps of i, k and j: (step,
    text) each; `hues` are the axes' colours by their names in the palette; `text` scales all letters and lines. With
    `counted` an axis's name is followed by its number of steps."""

    ticks: tuple[Ticks, Ticks, Ticks] = ((), (), ())
    hues: tuple[str, str, str] | None = None
    text: float = 1.0
    counted: bool = True


@dataclass(frozen=True)
class _Plan:
    """One multiply that is to be built."""

    left: Matrix  # [b, i, k]
    right: Matrix  # [b, k, j]
    bias: Matrix | None  # [j] or [i, j]
    scale: float
    names: tuple[str, str, str]
    axes: tuple[str, str, str]
    hues: tuple[int, int, int]
    faces: Faces
    pitch: tuple[float, float, float]
    part: tuple[float, float]  # of the whole sweep
    turn: tuple[float, float]  # of every step
    shared: int = 1  # heads to each R
    chained: str = ""  # "first" or "second" of a chain: what both have is named once
    dress: Dress = field(default_factory=lambda: Dress())

    @property
    def shape(self) -> Shape:
        _heads, rows, inner = self.left.shape
        return Shape(rows, inner, self.right.shape[2], self.pitch)

    @property
    def result(self) -> Matrix:
        """[b, i, j], the numbers that a finished sweep shows."""
        product = self.left.astype(np.float64) @ self.right.astype(np.float64)
        added = product if self.bias is None else product + self.bias
        return np.asarray(added * self.scale)

    @property
    def text(self) -> float:
        """Size of the letters, in units."""
        shape = self.shape
        grown = min(1 + 0.2 * (len(self.left) - 1), 2.5)  # a stack is seen from further away
        return letter_size(shape) * grown * self.dress.text


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
    plan = _plan(left, right, bias, scale, names, axes, faces or Faces(), pitch, dress or Dress())
    kit = kit_for(scene, theme)
    where = collection or scene.collection
    empty = _empty(f"multiply {names[0]} {names[1]}", where, style, arrangement, cell_style)
    _build(empty, plan, kit, where)
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
    p = pitch or _pitches(left.shape[0], left.shape[1], first.shape[1], second.shape[1])
    one = _plan(left, first, None, 1.0, names[:3], axes[:3], Faces(), p[:3])
    two = _plan(
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
    empty = _empty(f"chain {names[0]} {names[1]} {names[3]}", where, style, arrangement, cell_style)
    before = _build(empty, one, kit, where)
    corner = bpy.data.objects.new(f"{empty.name} corner", None)
    corner.empty_display_size = 0.5
    corner.parent = empty
    corner.rotation_euler = (0.0, 0.0, -np.pi / 2)
    where.objects.link(corner)
    _build(empty, two, kit, where, parent=corner, shared=before)
    return empty


def play_sweep(empty: bpy.types.Object, scene: bpy.types.Scene, start: float, duration: float) -> None:
    """Let the scene's clock drive the sweep: from `start` for `duration`, in seconds of story time."""
    if "fp_time" not in scene.keys():  # noqa: SIM118
        raise UserError("This scene has no clock.", "Give it one with key_clock, or key fp_sweep_at itself.", 2)
    results = [item for item in empty.children_recursive if item.get("fp_role") == "out"]
    for item in (empty, *results):
        item["fp_start"], item["fp_duration"] = float(start), float(duration)
    drive(empty, f'["{SWEEP_AT}"]', -1, scene, [(start, 0.0), (start + duration, 1.0)])


def _plan(
    left: Matrix,
    right: Matrix,
    bias: Matrix | None,
    scale: float,
    names: tuple[str, str, str],
    axes: tuple[str, str, str],
    faces: Faces,
    pitch: tuple[float, float, float] | None,
    dress: Dress | None = None,
) -> _Plan:
    left, right = np.asarray(left), np.asarray(right)
    bias = None if bias is None else np.asarray(bias)
    check_operands(left, right, bias)
    left, right = (matrix[None] if matrix.ndim == 2 else matrix for matrix in (left, right))
    shared = len(left) // len(right)  # heads to each R
    right = np.repeat(right, shared, axis=0)
    dress = dress or Dress()
    hues = dress.hues or [_hue(axis, default) for axis, default in zip(axes, DEFAULT_HUES, strict=True)]
    hue_i, hue_k, hue_j = map(hue_number, hues)
    return _Plan(
        left=left,
        right=right,
        bias=bias,
        scale=float(scale),
        names=names,
        axes=axes,
        hues=(hue_i, hue_k, hue_j),
        dress=dress,
        faces=faces,
        shared=shared,
        pitch=pitch or _pitches(left.shape[1], left.shape[2], right.shape[2]),
        part=(0.0, 1.0),
        turn=(0.0, 1.0),
    )


def _pitches(rows: int, *others: int) -> Any:
    """Of every axis: few rows stand twice as far apart as columns, which reads better."""
    return (2.0 if 4 * rows <= max(others) else 1.0, *(1.0 for _ in others))


def _hue(axis: str, default: str) -> str:
    """The palette's colour of an axis, by its name in the singular or the plural."""
    return AXIS_COLORS.get(axis, AXIS_COLORS.get(axis.removesuffix("s"), default))


def _empty(name: str, where: bpy.types.Collection, style: str, arrangement: str, cell_style: str) -> bpy.types.Object:
    empty = bpy.data.objects.new(name, None)
    empty.empty_display_size = 1.0
    values: dict[str, float | int] = {
        SWEEP_AT: 0.0,
        "fp_style": STYLES[style],
        "fp_first": 0,
        "fp_fold": ARRANGEMENTS[arrangement],
        "fp_fan": 0.0,
        "fp_cells": CELL_STYLES[cell_style],
        "fp_labels": 1.0,
        "fp_formula": 1.0,
    }
    for key, value in values.items():
        low, high, description = CONTROLS[key]
        empty[key] = value
        ui: Any = empty.id_properties_ui(key)  # type: ignore[func-returns-value]
        ui.update(min=low, max=high, description=description)
    empty["fp_operation"], empty["fp_kind"], empty["fp_sweep"] = -1, "matmul", style
    empty["fp_start"], empty["fp_duration"] = 0.0, 0.0
    where.objects.link(empty)
    return empty


def _build(
    empty: bpy.types.Object,
    plan: _Plan,
    kit: Kit,
    where: bpy.types.Collection,
    *,
    parent: bpy.types.Object | None = None,
    shared: bpy.types.Object | None = None,
) -> bpy.types.Object:
    """The objects of a multiply, of every head; returns the last result. `shared` is a result that is L here."""
    numbers = _numbers_tree(empty, plan, MOVING), _numbers_tree(empty, plan, STANDING)
    heads = len(plan.left)
    ends = [color_ends(matrix, False)[1] for matrix in (plan.left, plan.right, plan.result)]
    out = shared
    for head in range(heads):
        tag = "" if heads == 1 else f" {head}"
        builder = _Builder(plan, kit, numbers, parent or empty, where, head, heads)
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


def _numbers_tree(empty: bpy.types.Object, plan: _Plan, properties: dict[str, str]) -> Any:
    """The node group through which a multiply's modifiers read properties of the empty: socket to property."""
    outputs = [Socket(name, "Float", CONTROLS[key][2]) for name, key in properties.items()]
    tree, n, _into, out = geometry_tree(f"numbers of {empty.name}", "What drives this multiply", (), outputs)
    for name, key in properties.items():
        value = n.add("ShaderNodeValue", name=name, label=key)
        value.outputs[0].default_value = float(empty[key])
        _follow(tree, f'nodes["{name}"].outputs[0].default_value', "OBJECT", empty, f'["{key}"]')
        socket = value.outputs[0]
        if name == "Sweep":
            start, end = plan.part
            socket = n.math("DIVIDE", n.math("SUBTRACT", socket, start), end - start, clamp=True)
        n.feed(out[name], socket)
    return tree


def _follow(owner: Any, path: str, kind: str, target: Any, data_path: str) -> None:
    """A driver that needs no permission: the sum of one property."""
    driver = owner.driver_add(path).driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.type = "SINGLE_PROP"
    entry = variable.targets[0]
    entry.id_type, entry.id, entry.data_path = kind, target, data_path


def _shown_names(plan: _Plan) -> dict[str, float | int]:
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


class _Builder:
    """Makes the objects of one head of a multiply."""

    def __init__(
        self,
        plan: _Plan,
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
