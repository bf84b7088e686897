# SPDX-License-Identifier: GPL-3.0-or-later
"""A matrix as an OpenEXR file of one channel, in memory.

Blender packs a picture with its four channels through its own encoder, which takes longer than all the rest of a large
scene; written like this a picture is its numbers and a short head, and Blender reads it when it is looked at.
The format: https://openexr.com/en/latest/OpenEXRFileLayout.html (version 2, one part, scan lines, no compression).
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

_MAGIC = struct.pack("<iI", 20000630, 2)
_FLOAT = 2
_INCREASING_Y = 0


def exr(matrix: NDArray[np.float32]) -> bytes:
    """The file whose red channel is `matrix`, [rows, columns], row 0 at the top, bit for bit. ValueError where it has
    no cells."""
    rows, columns = matrix.shape
    if matrix.size == 0:
        raise ValueError("a picture needs at least one cell")
    head = _MAGIC + b"".join(_attribute(*entry) for entry in _head(rows, columns)) + b"\0"
    size = 4 * columns
    first = len(head) + 8 * rows
    offsets = first + np.arange(rows, dtype="<u8") * np.uint64(8 + size)
    line = np.dtype([("y", "<i4"), ("size", "<i4"), ("red", "<f4", (columns,))])
    lines = np.empty(rows, line)
    lines["y"], lines["size"], lines["red"] = np.arange(rows), size, matrix
    return head + offsets.tobytes() + lines.tobytes()


def _head(rows: int, columns: int) -> list[tuple[str, str, bytes]]:
    window = struct.pack("<4i", 0, 0, columns - 1, rows - 1)
    channel = b"R\0" + struct.pack("<iB3xii", _FLOAT, 0, 1, 1) + b"\0"
    return [
        ("channels", "chlist", channel),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", bytes([_INCREASING_Y])),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
    ]


def _attribute(name: str, kind: str, value: bytes) -> bytes:
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
