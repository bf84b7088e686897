# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing node trees: a thin builder over one tree, with sockets found by identifier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

Value = Any  # a socket to link from, a number, or a sequence of numbers


def named(sockets: Iterable[bpy.types.NodeSocket], key: str) -> bpy.types.NodeSocket:
    """The socket with that identifier, or else with that name. KeyError where there is none."""
    found = [s for s in sockets if s.identifier == key] or [s for s in sockets if s.name == key]
    if not found:
        raise KeyError(key)
    return found[0]


class Nodes:
    """Adds nodes to `tree`; every method returns the output socket of the node it made."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def add(self, kind: str, **settings: Any) -> Any:
        """A new node of that type with those attributes set."""
        node = self.tree.nodes.new(kind)
        for name, value in settings.items():
            # Blender looks through the whole tree whenever something is set; asking costs nothing.
            if getattr(node, name) != value:
                setattr(node, name, value)
        return node

    def emission(self, color: Value, strength: Value, alpha: Value = None) -> Any:
        """A surface that shines in that colour; with `alpha` over what is behind it."""
        shines = self.add("ShaderNodeEmission")
        self.feed(named(shines.inputs, "Color"), color)
        self.feed(named(shines.inputs, "Strength"), strength)
        if alpha is None:
            return shines.outputs[0]
        over = self.add("ShaderNodeMixShader")
        self.feed(named(over.inputs, "Fac"), alpha)
        self.feed(named(over.inputs, "Shader"), self.add("ShaderNodeBsdfTransparent").outputs[0])
        self.feed(named(over.inputs, "Shader_001"), shines.outputs[0])
        return over.outputs[0]

    def feed(self, socket: bpy.types.NodeSocket, value: Value) -> None:
        """Link or set an input."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        elif socket.type == "VECTOR" and isinstance(value, int | float):
            socket.default_value = (value, value, value)  # type: ignore[attr-defined]
        elif socket.type == "RGBA" and len(value) == 3:
            socket.default_value = (*value, 1.0)  # type: ignore[attr-defined]
        else:
            socket.default_value = value  # type: ignore[attr-defined]

    def math(self, operation: str, *values: Value, clamp: bool = False) -> Any:
        """A number out of numbers; `operation` is that of a Math node."""
        node = self.add("ShaderNodeMath", operation=operation, use_clamp=clamp)
        self._feed_numbers(node, values)
        return node.outputs[0]

    def _feed_numbers(self, node: Any, values: tuple[Value, ...]) -> None:
        """The inputs of a node that has nothing but numbers, one after the other."""
        linked = [isinstance(value, bpy.types.NodeSocket) for value in values]
        if not all(linked):
            # All at once: Blender looks through the whole tree whenever a single one is set.
            rest = (0.5,) * (len(node.inputs) - len(values))
            numbers = (0.5 if link else value for link, value in zip(linked, values, strict=True))
            node.inputs.foreach_set("default_value", (*numbers, *rest))
        for link, socket, value in zip(linked, node.inputs, values, strict=False):
            if link:
                self.tree.links.new(value, socket)

    def vector(self, operation: str, *values: Value, scale: Value = None) -> Any:
        """A vector out of vectors, or the number that a length, a distance or a dot product is."""
        node = self.add("ShaderNodeVectorMath", operation=operation)
        for key, value in zip(("Vector", "Vector_001", "Vector_002"), values, strict=False):
            self.feed(named(node.inputs, key), value)
        if scale is not None:
            self.feed(named(node.inputs, "Scale"), scale)
        return named(node.outputs, "Value" if operation in {"LENGTH", "DOT_PRODUCT", "DISTANCE"} else "Vector")

    def smoothstep(self, value: Value, low: Value, high: Value) -> Any:
        """0 below `low`, 1 above `high`, smooth between."""
        node = self.add("ShaderNodeMapRange", interpolation_type="SMOOTHSTEP")
        for key, entry in zip(("Value", "From Min", "From Max"), (value, low, high), strict=True):
            self.feed(named(node.inputs, key), entry)
        return named(node.outputs, "Result")

    def mix(self, factor: Value, a: Value, b: Value) -> Any:
        """Numbers: a at 0, b at 1."""
        node = self.add("ShaderNodeMix", data_type="FLOAT")
        for key, entry in zip(("Factor_Float", "A_Float", "B_Float"), (factor, a, b), strict=True):
            self.feed(named(node.inputs, key), entry)
        return named(node.outputs, "Result_Float")

    def blend(self, factor: Value, a: Value, b: Value) -> Any:
        """Colours: a at 0, b at 1."""
        node = self.add("ShaderNodeMix", data_type="RGBA")
        for key, entry in zip(("Factor_Float", "A_Color", "B_Color"), (factor, a, b), strict=True):
            self.feed(named(node.inputs, key), entry)
        return named(node.outputs, "Result_Color")

    def combine(self, x: Value, y: Value, z: Value = 0.0) -> Any:
        """A vector of three numbers."""
        node = self.add("ShaderNodeCombineXYZ")
        for key, entry in zip("XYZ", (x, y, z), strict=True):
            self.feed(named(node.inputs, key), entry)
        return named(node.outputs, "Vector")

    def separate(self, vector: Value) -> tuple[Any, Any, Any]:
        """The three numbers of a vector."""
        node = self.add("ShaderNodeSeparateXYZ")
        self.feed(named(node.inputs, "Vector"), vector)
        return named(node.outputs, "X"), named(node.outputs, "Y"), named(node.outputs, "Z")

    def attribute(self, name: str, where: str = "GEOMETRY") -> Any:
        """An attribute node; take its outputs "Fac", "Vector", "Color" or "Alpha" by `named`."""
        return self.add("ShaderNodeAttribute", attribute_type=where, attribute_name=name)

    def scene_value(self, name: str) -> Any:
        """A number of the scene that is rendered: a property, or a path such as "camera.data.lens"."""
        return named(self.attribute(name, "VIEW_LAYER").outputs, "Fac")

    def group(self, tree: bpy.types.NodeTree, **inputs: Value) -> Any:
        """A group node, with inputs by name; returns the node's outputs by name."""
        node = self.add("ShaderNodeGroup", node_tree=tree)
        for name, value in inputs.items():
            self.feed(named(node.inputs, name), value)
        return {socket.name: socket for socket in node.outputs}

    def color(self, name: str) -> Any:
        """A colour that can be changed later, by the node's name."""
        return self.add("ShaderNodeRGB", name=name, label=name).outputs[0]

    def ramp(
        self,
        factor: Value,
        colors: list[tuple[float, float, float]],
        interpolation: str = "LINEAR",
        name: str = "Color Ramp",
    ) -> Any:
        """A colour ramp with evenly spaced stops of linear RGB (at most 32, Blender's limit)."""
        node = self.add("ShaderNodeValToRGB", name=name)
        elements = node.color_ramp.elements
        node.color_ramp.interpolation = interpolation
        while len(elements) < len(colors):
            elements.new(1.0)
        last = len(colors) if interpolation == "CONSTANT" else len(colors) - 1
        for i in range(len(colors)):
            elements[i].position = i / last
        for i, color in enumerate(colors):
            elements[i].color = (*color, 1.0)
        self.feed(named(node.inputs, "Fac"), factor)
        return named(node.outputs, "Color")


def new_group(
    name: str, inputs: Iterable[tuple[str, str]], outputs: Iterable[tuple[str, str]], description: str = ""
) -> tuple[Any, Nodes, dict[str, Any], dict[str, Any]]:
    """A shader node group with sockets of the given (name, kind), kind being Float, Vector or Color.

    Returns the tree, a builder on it, its inputs and its outputs by name (as sockets inside the group).
    """
    tree = bpy.data.node_groups.new(name, "ShaderNodeTree")
    tree.description = description
    interface: Any = tree.interface
    for direction, sockets in (("INPUT", inputs), ("OUTPUT", outputs)):
        for socket_name, kind in sockets:
            interface.new_socket(socket_name, in_out=direction, socket_type=f"NodeSocket{kind}")
    nodes = Nodes(tree)
    entry = nodes.add("NodeGroupInput")
    leave = nodes.add("NodeGroupOutput")
    return tree, nodes, {s.name: s for s in entry.outputs}, {s.name: s for s in leave.inputs}
