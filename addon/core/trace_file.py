# SPDX-License-Identifier: GPL-3.0-or-later
"""The container of a trace: a safetensors file, read by memory map with nothing but NumPy.

Eight bytes of header length, a JSON header that gives every buffer's dtype, shape and place, then the bytes.
Source: the format description of the safetensors project.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace_manifest import FORMAT, VERSION, ManifestError

AGAIN = "Trace the prompt again."
MOST_HEADER = 100_000_000  # bytes; the limit of the official library
ITEM_SIZE = {
    **dict.fromkeys(("BOOL", "U8", "I8"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}  # fmt: skip


def damaged(path: Path, detail: str) -> UserError:
    """The error of a trace that says something impossible."""
    return UserError(f"The trace {path.name} is damaged: {detail}.", AGAIN)


def cut_off(path: Path) -> UserError:
    """The error of a trace whose end is missing."""
    return UserError(f"The trace {path.name} was cut off: its end is missing.", AGAIN)


@dataclass(frozen=True)
class Entry:
    """One buffer of the file: `data` are its bytes, mapped and not yet read."""

    dtype: str
    elements: int
    data: NDArray[np.uint8]


def read_entries(path: Path) -> dict[str, Entry]:
    """Every buffer of a trace file by name, the manifest among them.

    Raises UserError where the file cannot be opened, is no trace, is newer than this reader, was cut off, or has a
    header in which anything does not add up.
    """
    content = _map(path)
    if len(content) < 8:
        raise cut_off(path)
    length = int.from_bytes(content[:8].tobytes(), "little")
    if length == 0:  # the writer fills the header last
        raise cut_off(path)
    if length > MOST_HEADER:
        raise UserError(f"{path.name} is not a trace of Forward Pass.", "Choose a .trace.safetensors file.")
    if length > len(content) - 8:
        raise cut_off(path)
    try:
        header = parse_json(content[8 : 8 + length].tobytes(), "its header")
        check_version(header.pop("__metadata__", None), path)
        return _entries(header, content[8 + length :], path)
    except ManifestError as error:
        raise damaged(path, str(error)) from None


def _map(path: Path) -> NDArray[np.uint8]:
    try:
        if path.stat().st_size == 0:
            raise cut_off(path)
        return map_bytes(path)
    except FileNotFoundError:
        raise UserError(f"The trace {path} is not there.", "Check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"The trace {path} cannot be opened: {reason}.", "Check the path.") from None


def map_bytes(path: Path) -> NDArray[np.uint8]:
    """The bytes of a file, mapped and not yet read. Raises OSError, and ValueError where the file is empty."""
    return np.memmap(path, np.uint8, "r").view(np.ndarray)


def parse_json(content: bytes, what: str) -> dict[str, Any]:
    """The JSON object in these bytes; NaN and Infinity, which JSON does not have, are refused like other damage.

    Raises ManifestError.
    """

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        words = json.loads(content.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise ManifestError(f"{what} is not JSON") from None
    if not isinstance(words, dict):
        raise ManifestError(f"{what} is not an object")
    return words


def check_version(metadata: object, path: Path) -> None:
    """Raises UserError unless this is a trace, and of a version that this reader knows."""
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise UserError(f"{path.name} is not a trace of Forward Pass.", "Choose a .trace.safetensors file.")
    version = str(metadata.get("version"))
    if not (version.isascii() and version.isdigit() and len(version) < 10 and int(version) >= 1):
        raise damaged(path, "it has no version")
    if int(version) > VERSION:
        raise UserError(
            f"The trace {path.name} has version {version}, and this Forward Pass reads up to version {VERSION}.",
            "Install a newer Forward Pass.",
        )


def _entries(header: dict[str, Any], data: NDArray[np.uint8], path: Path) -> dict[str, Entry]:
    places: dict[str, tuple[int, int]] = {}
    entries: dict[str, Entry] = {}
    for name, words in header.items():
        dtype, elements, begin, end = parse_entry(name, words)
        if end > len(data):
            raise cut_off(path)
        places[name] = begin, end
        entries[name] = Entry(dtype, elements, data[begin:end])
    position = 0
    for begin, end in sorted(places.values()):
        if begin != position:
            raise ManifestError("its buffers overlap or leave holes")
        position = end
    if position != len(data):
        raise ManifestError("it has bytes that belong to no buffer")
    return entries


def parse_entry(name: str, words: object) -> tuple[str, int, int, int]:
    """dtype, element count, first byte, byte after the last, of one line of a header; raises ManifestError."""

    def counts(value: object) -> bool:
        return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 62 for n in value)

    if not isinstance(words, dict):
        raise ManifestError(f"buffer {name[:40]!r} is not described")
    dtype, shape, place = words.get("dtype"), words.get("shape"), words.get("data_offsets")
    known = isinstance(dtype, str) and dtype in ITEM_SIZE
    if not known or not counts(shape) or not counts(place) or len(place) != 2:  # type: ignore[arg-type]
        raise ManifestError(f"buffer {name[:40]!r} is not properly described")
    assert isinstance(dtype, str) and isinstance(shape, list) and isinstance(place, list)
    elements = math.prod(shape)
    if place[1] - place[0] != elements * ITEM_SIZE[dtype]:
        raise ManifestError(f"buffer {name[:40]!r} does not have the size it says")
    return dtype, elements, place[0], place[1]
