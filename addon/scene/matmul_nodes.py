# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing geometry node trees: what `nodes.Nodes` has for all trees, and the geometry's own nodes on top."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import bpy

from .nodes import Nodes, Value, named


@dataclass(frozen=True)
class Socket:
    """A socket of a node group: kind as in "NodeSocketFloat" without the first part."""

    name: str
    kind: str
    description: str
    default: Any = None
    low: float | None = None
    high: float | None = None


class GeoNodes(Nodes):
    """Adds geometry nodes to a tree; every method returns an output socket of the node that it made."""

    def one(self, kind: str, output: str, inputs: dict[str, Value] | None = None, **settings: Any) -> Any:
        """A node with inputs by identifier or name (None leaves one as it is); its output by the same."""
        node = self.add(kind, **settings)
        for key, value in (inputs or {}).items():
            if value is not None:
                self.feed(named(node.inputs, key), value)
        return named(node.outputs, output)

    def named_number(self, name: str, kind: str = "FLOAT") -> Any:
        """A field: the attribute of that name."""
        return self.one("GeometryNodeInputNamedAttribute", "Attribute", {"Name": name}, data_type=kind)

    def store(self, geometry: Value, name: str, value: Value, domain: str = "FACE", kind: str = "FLOAT") -> Any:
        """The geometry with that attribute."""
        inputs = {"Geometry": geometry, "Name": name, "Value": value}
        return self.one("GeometryNodeStoreNamedAttribute", "Geometry", inputs, data_type=kind, domain=domain)

    def sample(self, geometry: Value, value: Value, index: Value, kind: str = "FLOAT", domain: str = "FACE") -> Any:
        """A field's value on another geometry, at an index."""
        inputs = {"Geometry": geometry, "Value": value, "Index": index}
        return self.one("GeometryNodeSampleIndex", "Value", inputs, data_type=kind, domain=domain)

    def on(self, domain: str, value: Value, kind: str = "FLOAT") -> Any:
        """A field worked out on that domain, then carried to the one that asks."""
        return self.one("GeometryNodeFieldOnDomain", "Value", {"Value": value}, data_type=kind, domain=domain)

    def index(self) -> Any:
        """The number of the point or face at hand, from 0."""
        return self.add("GeometryNodeInputIndex").outputs[0]

    def position(self) -> Any:
        """Where the point or face at hand is."""
        return self.add("GeometryNodeInputPosition").outputs[0]

    def move(self, geometry: Value, position: Value = None, offset: Value = None, selection: Value = None) -> Any:
        """Set Position."""
        inputs = {"Geometry": geometry, "Position": position, "Offset": offset, "Selection": selection}
        return self.one("GeometryNodeSetPosition", "Geometry", inputs)

    def paint(self, geometry: Value, material: Value, selection: Value = None) -> Any:
        """Set Material."""
        inputs = {"Geometry": geometry, "Material": material, "Selection": selection}
        return self.one("GeometryNodeSetMaterial", "Geometry", inputs)

    def join(self, *geometries: Value) -> Any:
        """Join Geometry; what is first here comes first there."""
        node = self.add("GeometryNodeJoinGeometry")
        for geometry in reversed(geometries):
            self.tree.links.new(geometry, node.inputs[0])
        return node.outputs[0]

    def choose(self, condition: Value, yes: Value, no: Value = None, kind: str = "GEOMETRY") -> Any:
        """Switch; without `no`, nothing."""
        inputs = {"Switch": condition, "True": yes, "False": no}
        return self.one("GeometryNodeSwitch", "Output", inputs, input_type=kind)

    def pick(self, index: Value, values: Sequence[Value], kind: str = "FLOAT") -> Any:
        """Index Switch: one of the values, counted from 0."""
        node = self.add("GeometryNodeIndexSwitch", data_type=kind)
        while len(node.index_switch_items) < len(values):
            node.index_switch_items.new()
        self.feed(node.inputs["Index"], index)
        for i, value in enumerate(values):
            self.feed(node.inputs[f"{i}"], value)
        return node.outputs["Output"]

    def less(self, a: Value, b: Value) -> Any:
        """1 where a < b, else 0."""
        return self.math("LESS_THAN", a, b)

    def line(self, a: Value, b: Value, factor: Value) -> Any:
        """Vectors: a at 0, b at 1."""
        return self.vector("ADD", a, self.vector("SCALE", self.vector("SUBTRACT", b, a), scale=factor))

    def sum(self, first: Value, *rest: tuple[Value, Value]) -> Any:
        """A vector and others, each scaled by a number: (vector, number)."""
        for vector, scale in rest:
            first = self.vector("ADD", first, self.vector("SCALE", vector, scale=scale))
        return first

    def geometry_group(self, tree: bpy.types.NodeTree, **inputs: Value) -> Any:
        """A group node, with inputs by name; returns the node's outputs by name."""
        node = self.add("GeometryNodeGroup", node_tree=tree)
        for name, value in inputs.items():
            if value is not None:
                self.feed(named(node.inputs, name), value)
        return {socket.name: socket for socket in node.outputs}

    def text(self, body: Value, size: Value, font: bpy.types.VectorFont | None, align: str = "CENTER") -> Any:
        """String to Curves: one instance for every character."""
        node = self.add("GeometryNodeStringToCurves")
        self.feed(named(node.inputs, "String"), body)
        self.feed(named(node.inputs, "Size"), size)
        set_choice(node, "Align X", "align_x", align)
        set_choice(node, "Align Y", "align_y", "MIDDLE")
        if font is not None:
            set_choice(node, "Font", "font", font)
        return named(node.outputs, "Curve Instances")


def set_choice(node: Any, socket: str, attribute: str, value: Any) -> None:
    """Settings that are node properties in some Blenders became menu sockets in others."""
    if hasattr(node, attribute):
        setattr(node, attribute, value)
        return
    entry = next(s for s in node.inputs if s.name == socket)
    entry.default_value = value.replace("_", " ").title() if isinstance(value, str) else value


def geometry_tree(
    name: str, description: str, inputs: Iterable[Socket], outputs: Iterable[Socket]
) -> tuple[Any, GeoNodes, dict[str, Any], dict[str, Any]]:
    """A geometry node group. Returns the tree, a builder on it, its inputs and its outputs by name."""
    tree: Any = bpy.data.node_groups.new(name, "GeometryNodeTree")
    tree.description = description
    for direction, sockets in (("INPUT", inputs), ("OUTPUT", outputs)):
        for socket in sockets:
            entry = tree.interface.new_socket(
                socket.name, in_out=direction, socket_type=f"NodeSocket{socket.kind}", description=socket.description
            )
            for key, value in (
                ("default_value", socket.default),
                ("min_value", socket.low),
                ("max_value", socket.high),
            ):
                if value is not None:
                    setattr(entry, key, value)
    nodes = GeoNodes(tree)
    entry, leave = nodes.add("NodeGroupInput"), nodes.add("NodeGroupOutput")
    leave.location = (3000.0, 0.0)
    tree.is_modifier = any(s.kind == "Geometry" for s in outputs)
    return tree, nodes, {s.name: s for s in entry.outputs}, {s.name: s for s in leave.inputs}


def passed(sockets: Sequence[Socket], into: dict[str, Any]) -> dict[str, Any]:
    """The group's own inputs of those names, to hand them on to a group inside."""
    return {socket.name: into[socket.name] for socket in sockets}
