# SPDX-License-Identifier: GPL-3.0-or-later
"""ProRes that says which colours it has. Blender encodes by BT.709 and leaves that unsaid, and players then take
BT.601 for granted, which turns a blue of 79, 180, 255 into 88, 185, 250.

A frame as SMPTE RDD 36 has it: 4 bytes of length, "icpf", then a header whose bytes 14 to 16 are primaries, transfer
and matrix, each by ISO/IEC 23091-2, where 1 is BT.709.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from .faststart import boxes

KIND = b"icpf"
COLOR = 8 + 14  # bytes from the start of a frame to its colours
BT709 = bytes((1, 1, 1))
UNSAID = (0, 2)  # what may stand there instead


def tag_bt709(path: Path) -> int:
    """Marks every frame of the QuickTime file at `path` as BT.709, in place; returns how many frames there are.

    Raises ValueError where the file holds no such frames.
    """
    frames = 0
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        for box in list(boxes(file, 0, size)):
            if box.kind == b"mdat":
                frames += _tag(file, box.body, box.end)
    if not frames:
        raise ValueError("the file has no ProRes frames")
    return frames


def _tag(file: IO[bytes], start: int, end: int) -> int:
    """The frames between two bytes; sound may lie between them."""
    frames = 0
    while (start := _next_frame(file, start, end)) < end:
        file.seek(start)
        length, _, header = struct.unpack(">I4s14x3s", file.read(COLOR + 3))
        if all(value in UNSAID for value in header):
            file.seek(start + COLOR)
            file.write(BT709)
        frames += 1
        start += length
    return frames


def _next_frame(file: IO[bytes], start: int, end: int) -> int:
    """The first byte of the next frame; `end` where there is none. Only a frame that is whole counts."""
    step = 1 << 20
    while start < end:
        file.seek(start)
        data = file.read(min(step + COLOR + 3, end - start))
        at = data.find(KIND, 4)
        while at >= 0:
            (length,) = struct.unpack_from(">I", data, at - 4)
            if COLOR + 3 <= length <= end - (start + at - 4):
                return start + at - 4
            at = data.find(KIND, at + 1)
        start += step
    return end
