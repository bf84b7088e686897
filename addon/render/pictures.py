# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of a video on disk: where each lies, and whether it is whole."""

from __future__ import annotations

import os
from pathlib import Path

_PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def frame_path(folder: Path, frame: int) -> Path:
    """Where the picture of `frame` lies: sorted by name is sorted by frame."""
    return folder / f"frame_{frame:06d}.png"


def is_complete(path: Path, size: tuple[int, int]) -> bool:
    """Whether `path` is a whole PNG of that width and height in pixels."""
    try:
        with path.open("rb") as file:
            head = file.read(24)
            file.seek(-len(_PNG_END), os.SEEK_END)
            end = file.read()
    except OSError:
        return False
    width, height = (int.from_bytes(head[at : at + 4], "big") for at in (16, 20))
    return head.startswith(_PNG_HEAD) and end == _PNG_END and (width, height) == size
