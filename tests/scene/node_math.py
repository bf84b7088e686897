# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes a shader node tree of numbers with NumPy, node by node, in the 32 bits that a graphics card has."""

from __future__ import annotations

from typing import Any

import numpy as np

F = np.float32
OPERATIONS: dict[str, Any] = {
    "ADD": lambda a, b: a + b,
    "SUBTRACT": lambda a, b: a - b,
    "MULTIPLY": lambda a, b: a * b,
    "DIVIDE": lambda a, b: np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape, F), where=np.asarray(b != 0)),
    "MULTIPLY_ADD": lambda a, b, c: (a * b) + c,
    "FLOOR": np.floor,
    "FRACT": lambda a: a - np.floor(a),
    "ABSOLUTE": np.abs,
    "SIGN": np.sign,
    "MINIMUM": np.minimum,
    "MAXIMUM": np.maximum,
    "POWER": np.power,
    "SQRT": np.sqrt,
    "LESS_THAN": lambda a, b: np.where(a < b, F(1), F(0)),
    "GREATER_THAN": lambda a, b: np.where(a > b, F(1), F(0)),
    # As Cycles and EEVEE have it: never nearer than this.
    "COMPARE": lambda a, b, c: np.where(np.abs(a - b) <= np.maximum(c, F(1e-5)), F(1), F(0)),
}
TAKES = {"SQRT": 1, "FLOOR": 1, "FRACT": 1, "ABSOLUTE": 1, "SIGN": 1, "MULTIPLY_ADD": 3, "COMPARE": 3}


def compute(tree: Any, wanted: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The output of a group called `wanted`, from its inputs by name."""
    leave = next(node for node in tree.nodes if node.type == "GROUP_OUTPUT")
    known: dict[tuple[str, str], np.ndarray] = {}

    def entering(socket: Any) -> np.ndarray:
        if not socket.is_linked:
            return np.asarray(socket.default_value, F)
        return leaving(socket.links[0].from_socket)

    def leaving(socket: Any) -> np.ndarray:
        node = socket.node
        key = (node.name, socket.identifier)
        if key not in known:
            known[key] = np.asarray(result(node, socket), F)
        return known[key]

    def result(node: Any, socket: Any) -> Any:
        if node.type == "GROUP_INPUT":
            return np.asarray(inputs[socket.name], F)
        if node.type == "MATH":
            found = OPERATIONS[node.operation](*(entering(s) for s in node.inputs[: TAKES.get(node.operation, 2)]))
            return np.clip(found, 0, 1) if node.use_clamp else found
        if node.type == "MIX" and node.data_type == "FLOAT":
            by = {s.identifier: s for s in node.inputs}
            share, a, b = (entering(by[name]) for name in ("Factor_Float", "A_Float", "B_Float"))
            share = np.clip(share, 0, 1) if node.clamp_factor else share
            return a * (F(1) - share) + b * share
        if node.type == "MAP_RANGE" and node.interpolation_type == "SMOOTHSTEP":
            value, low, high = (entering(node.inputs[i]) for i in range(3))
            t = np.clip((value - low) / (high - low), 0, 1)
            return t * t * (F(3) - F(2) * t)
        raise NotImplementedError(f"{node.type} {getattr(node, 'operation', '')}")

    return leaving(leave.inputs[wanted].links[0].from_socket)
