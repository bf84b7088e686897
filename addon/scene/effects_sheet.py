# SPDX-License-Identifier: GPL-3.0-or-later
"""One mesh for everything that moves between the multiplies: polygons that carry their own motion as attributes.

The material reads the scene's clock and displaces the vertices (see `effects_material`), so thousands of flying cells
are one object without a driver, a modifier or a key, and cost nothing when the clock moves on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.theme import PALETTE
from .cell_group import HUES

Array = NDArray[np.float32]

# How a polygon is coloured: by its palette hue, or by its place on the signed or on the positive colour map.
HUE, SIGNED, POSITIVE = 0.0, 1.0, 2.0
STYLES = 3


@dataclass(frozen=True)
class Move:
    """A move of vertices by `shift` from `start` on for `duration` seconds, eased at both ends. `arc` is how far the
    way bends aside in its middle. With a `turn` (radians, about z) it is a rotation around the point `arc` instead.
    All are broadcast to [polygons, corners, ...]."""

    shift: ArrayLike = (0.0, 0.0, 0.0)
    start: ArrayLike = 0.0
    duration: ArrayLike = 0.0
    arc: ArrayLike = (0.0, 0.0, 0.0)
    turn: ArrayLike = 0.0


STILL = Move()


class Sheet:
    """Collects polygons; `mesh` makes one mesh of them, in the order in which they came."""

    def __init__(self) -> None:
        self._corners: list[int] = []
        self._parts: dict[str, list[Array]] = {name: [] for name in (*VECTORS, "value")}

    def __len__(self) -> int:
        return len(self._corners)

    def add(
        self,
        points: ArrayLike,
        window: tuple[ArrayLike, ArrayLike],
        *,
        hue: str = "text",
        style: float = HUE,
        place: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
        becomes: float | None = None,
        fade: float = 0.0,
        uv: ArrayLike = (0.0, 0.0),
        pitch: tuple[float, float] = (0.0, 0.0),
        first: Move = STILL,
        second: Move = STILL,
        value: ArrayLike = 0.0,
    ) -> None:
        """Polygons with these corners, [n, corners, 3], shown from the first to the second time of `window`.

        `place` is where on the colour map they are before and after the first move (0 to 1), in that `style` and then
        in that which it `becomes`. With a `pitch` they are cells with rounded corners, `uv` 0 to 1 inside. `value` is
        the number that a polygon stands for. Everything is broadcast to [n, corners].
        """
        at = np.asarray(points, dtype=np.float32)
        n, corners = at.shape[:2]
        look = PALETTE.index(hue) + HUES * (style + STYLES * (style if becomes is None else becomes))
        inside = np.broadcast_to(np.asarray(uv, dtype=np.float32), (n, corners, 2))
        columns = {
            "position": at,
            "fp_shift_1": first.shift,
            "fp_arc_1": first.arc,
            "fp_time_1": _join(n, corners, first.start, first.duration, first.turn),
            "fp_shift_2": second.shift,
            "fp_time_2": _join(n, corners, second.start, second.duration, 0.0),
            "fp_window": _join(n, corners, *window, fade),
            "fp_place": _join(n, corners, *place, look),
            "fp_cell": _join(n, corners, inside[..., 0], inside[..., 1], 0.0),
            "fp_pitch": (*pitch, 0.0),
        }
        for name, entry in columns.items():
            whole = np.broadcast_to(np.asarray(entry, dtype=np.float32), (n, corners, 3))
            self._parts[name].append(whole.reshape(-1, 3))
        self._parts["value"].append(np.broadcast_to(np.asarray(value, dtype=np.float32), (n,)))
        self._corners += [corners] * n

    def mesh(self, name: str, material: bpy.types.Material) -> bpy.types.Mesh:
        """All polygons as a mesh of that material; every corner is a vertex of its own."""
        made = bpy.data.meshes.new(name)
        total = sum(self._corners)
        made.vertices.add(total)
        made.loops.add(total)
        made.polygons.add(len(self._corners))
        starts = np.concatenate([[0], np.cumsum(self._corners)[:-1]]).astype(np.int32)
        made.loops.foreach_set("vertex_index", np.arange(total, dtype=np.int32))
        made.polygons.foreach_set("loop_start", starts)
        attributes: Any = made.attributes
        for key in VECTORS:
            entry = attributes[key] if key == "position" else attributes.new(key, "FLOAT_VECTOR", "POINT")
            entry.data.foreach_set("vector", np.concatenate(self._parts[key]).ravel())
        values = np.concatenate(self._parts["value"])
        for key in ("value", "finite"):
            attributes.new(key, "FLOAT", "FACE").data.foreach_set("value", values)
        made.update(calc_edges=True)
        made.materials.append(material)
        return made


VECTORS = (
    "position",
    "fp_shift_1",
    "fp_arc_1",
    "fp_time_1",
    "fp_shift_2",
    "fp_time_2",
    "fp_window",
    "fp_place",
    "fp_cell",
    "fp_pitch",
)


def _join(n: int, corners: int, *columns: ArrayLike) -> Array:
    """Three numbers for each corner, [n, corners, 3]; one for each polygon is one for all of its corners."""
    joined = np.empty((n, corners, 3), np.float32)
    for i, column in enumerate(columns):
        entry = np.asarray(column, dtype=np.float32)
        joined[..., i] = entry[:, None] if entry.shape == (n,) else entry
    return joined
