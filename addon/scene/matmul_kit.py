# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that multiplies of one theme share: their node groups and materials, made once for a scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import bpy

from ..core.theme import PALETTE
from ..core.theme import theme as find_theme
from .groups import group_slices
from .matmul_brace import brace_group
from .matmul_controls import CONTROLS, PLACE, SHAPE
from .matmul_faces import GEOMETRY, LOOK, FaceGroups, dress_group, grid_group
from .matmul_formula import FORMULA, formula_group
from .matmul_frames import frames_group
from .matmul_materials import make_matmul_materials
from .matmul_names import NAMES, names_slices
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_operands import operand_group
from .matmul_outlines import INK, outline_group, outlines_group
from .matmul_products import plane_group, products_group
from .matmul_result import bias_group, result_group
from .matmul_shadow import shadow_group
from .matmul_steps import cell_group, now_group
from .matmul_text import TEXT, label_group
from .matmul_ticks import ticks_group
from .slices import Slices, at_once
from .text import load_font

MARK, PART, MATERIAL = "fp_matmul_kit", "fp_matmul_part", "fp_matmul_cells"


@dataclass(frozen=True)
class Kit:
    """The node groups that multiplies are made of; see each one's description."""

    left: Any
    right: Any
    bias: Any
    result: Any
    products: Any
    outlines: Any
    names: Any
    formula: Any
    ticks: Any
    shadow: Any
    matmul: Any  # all in one, for any two objects

    @property
    def cells(self) -> bpy.types.Material:
        """The material of all cells."""
        return self.matmul[MATERIAL]


def kit_for(scene: bpy.types.Scene, theme: str) -> Kit:
    """The kit of a theme, made when it is first asked for. UserError for a theme that there is not."""
    return at_once(kit_slices(scene, theme))


def kit_slices(scene: bpy.types.Scene, theme: str) -> Slices[Kit]:
    """As `kit_for`, in slices."""
    mark = f"{scene.name} {theme}"
    found = {tree[PART]: tree for tree in bpy.data.node_groups if tree.get(MARK) == mark}
    names = [field.name for field in fields(Kit)]
    if all(name in found for name in names):
        return Kit(**{name: found[name] for name in names})
    kit = yield from _make(theme)
    for name in names:
        tree = getattr(kit, name)
        tree[MARK], tree[PART] = mark, name
    return kit


def _make(theme: str) -> Slices[Kit]:
    shaders = yield from group_slices(find_theme(theme))
    materials = make_matmul_materials(shaders)
    yield
    font = load_font()
    now = now_group()
    groups = FaceGroups(
        frames_group(), now, cell_group(now), grid_group(), dress_group(materials.cells, materials.body)
    )
    yield
    plane, outline = plane_group(groups), outline_group(materials.ink)
    label = label_group(materials.ink, font)
    names = yield from names_slices(groups, label, brace_group(materials.ink, label))
    makers: dict[str, Callable[[], Any]] = {
        "left": lambda: operand_group("Left", groups),
        "right": lambda: operand_group("Right", groups),
        "bias": lambda: bias_group(groups),
        "result": lambda: result_group(groups),
        "products": lambda: products_group(groups, plane, materials.products),
        "outlines": lambda: outlines_group(groups, plane, outline, materials.ink),
        "formula": lambda: formula_group(groups, materials.ink, font),
        "ticks": lambda: ticks_group(groups, materials.ink),
        "shadow": lambda: shadow_group(groups, materials.shadow),
    }
    made: dict[str, Any] = {"names": names}
    for name, make in makers.items():
        yield
        made[name] = make()
    yield
    matmul = _asset(made)
    matmul.asset_mark()
    matmul.asset_data.description = matmul.description
    matmul[MATERIAL] = materials.cells
    return Kit(**made, matmul=matmul)


OBJECTS = (
    Socket("Left", "Object", "L: a mesh with the face attribute value, one face a number, row after row"),
    Socket("Right", "Object", "R: the same, with as many rows as L has columns"),
    Socket("Bias", "Object", "A mesh with one face for each column of R; leave empty for none"),
    Socket("Factor", "Float", "What the result is scaled by at the end", 1.0),
    Socket("Inner", "Int", "Columns of L; 0 reads them from its UV map `cells`", 0, 0),
    Socket("Products High", "Float", "The product at the upper end of the colours", 1.0, 0.0),
    Socket("Operands High", "Float", "The number of L and R at the upper end of the colours", 1.0, 0.0),
    Socket("Operands", "Bool", "Draw L and R too, where they belong", True),
    Socket("Guides", "Bool", "Draw the plane of products, the outlines and what is written", True),
)


def _extent(n: GeoNodes, geometry: Any) -> tuple[Any, Any]:
    """Columns and rows of a matrix by its UV map `cells`; 0 where it has none."""
    column, row, _none = n.separate(n.named_number("cells", "FLOAT_VECTOR"))
    found = []
    for number in (column, row):
        statistic = n.add("GeometryNodeAttributeStatistic", data_type="FLOAT", domain="CORNER")
        n.feed(statistic.inputs["Geometry"], geometry)
        n.feed(next(s for s in statistic.inputs if s.name == "Attribute" and s.enabled), number)
        found.append(next(s for s in statistic.outputs if s.name == "Max" and s.enabled))
    return found[0], found[1]


WORDS = tuple(s for s in NAMES if s.name != "Bias Rows")
WHOLE = tuple(s for s in CONTROLS if s.name not in ("Rows", "Inner", "Columns"))


def _asset(made: dict[str, Any]) -> Any:
    """Matmul: the whole multiply of any two matrices on one object."""
    tree, n, into, out = geometry_tree(
        "Matmul",
        "The multiply of any two matrices, with true partial sums at every position of its sweep",
        (GEOMETRY, *OBJECTS, *WHOLE, *LOOK, *INK, TEXT, *WORDS, *FORMULA),
        (GEOMETRY,),
    )

    def numbers_of(name: str) -> Any:
        return n.one("GeometryNodeObjectInfo", "Geometry", {"Object": into[name]}, transform_space="ORIGINAL")

    left, right, bias = numbers_of("Left"), numbers_of("Right"), numbers_of("Bias")
    (left_wide, left_high), (right_wide, _high) = _extent(n, left), _extent(n, right)
    given = n.math("GREATER_THAN", into["Inner"], 0.5)
    inner = n.math("MAXIMUM", n.math("ROUND", n.mix(given, left_wide, into["Inner"])), 1.0)
    sizes = {"Inner": inner}
    for name, geometry, mapped in (("Rows", left, left_high), ("Columns", right, right_wide)):
        # Faces are counted only where there is no map: a body or bars have faces of their own.
        faces = n.one("GeometryNodeAttributeDomainSize", "Face Count", {"Geometry": geometry}, component="MESH")
        counted = n.math("DIVIDE", faces, inner)
        sizes[name] = n.math("ROUND", n.mix(n.math("GREATER_THAN", mapped, 0.5), counted, mapped))
    controls = {**passed(WHOLE, into), **sizes}
    look = passed(LOOK, into)
    quiet = {**look, "High": into["Operands High"]}
    result = n.geometry_group(
        made["result"], Left=left, Right=right, Bias=bias, Factor=into["Factor"], **controls, **look
    )
    operands = [
        n.geometry_group(made[part], Geometry=geometry, **controls, **quiet)["Geometry"]
        for part, geometry in (("left", left), ("right", right), ("bias", bias))
    ]
    has_bias = n.one("GeometryNodeAttributeDomainSize", "Face Count", {"Geometry": bias}, component="MESH")
    operands[2] = n.choose(n.math("GREATER_THAN", has_bias, 0.5), operands[2])
    products = n.geometry_group(made["products"], Left=left, Right=right, High=into["Products High"], **controls)
    outlines = n.geometry_group(made["outlines"], **controls, **passed(INK, into))
    ink = passed((*INK, TEXT), into)
    standing = {s.name: controls[s.name] for s in (*SHAPE, *PLACE)}
    biased = n.math("MINIMUM", has_bias, 1.0)
    names = n.geometry_group(made["names"], **standing, **ink, **passed(WORDS, into), **{"Bias Rows": biased})
    sums = {"Left": left, "Right": right, "Out": result["Geometry"], "Factor": into["Factor"]}
    formula = n.geometry_group(made["formula"], **sums, **controls, **ink, **passed(FORMULA, into))
    guides = n.join(*(part["Geometry"] for part in (products, outlines, names, formula)))
    parts = n.join(result["Geometry"], n.choose(into["Operands"], n.join(*operands)), n.choose(into["Guides"], guides))
    n.feed(out["Geometry"], parts)
    return tree


def hue_number(name: str) -> int:
    """The palette's number of a colour."""
    return PALETTE.index(name)
