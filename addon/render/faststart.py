# SPDX-License-Identifier: GPL-3.0-or-later
"""An MP4 whose index comes first, so that a browser starts playing before it has the whole file.

Boxes as ISO/IEC 14496-12 has them: 4 bytes of length, 4 of type; length 1 means that 8 bytes of it follow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

CHUNK = 1 << 20  # bytes copied at once
# Boxes that lead from the index to the tables of chunk offsets.
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_TABLES = {b"stco": ">I", b"co64": ">Q"}


class Box(NamedTuple):
    """`start` and `end` in bytes; `body` is where its content begins."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(file: IO[bytes], start: int, end: int) -> Iterator[Box]:
    """The boxes that lie one after another from `start` to `end`. Raises ValueError where they do not add up."""
    while start < end:
        file.seek(start)
        length, kind = struct.unpack(">I4s", _exactly(file, 8))
        body = start + 8
        if length == 1:
            (length,) = struct.unpack(">Q", _exactly(file, 8))
            body += 8
        elif length == 0:  # to the end of the file
            length = end - start
        if start + length > end or start + length < body:
            raise ValueError(f"a box of type {kind!r} reaches beyond its place")
        yield Box(kind, start, body, start + length)
        start += length


def index_first(source: Path, target: Path) -> bool:
    """Copies the MP4 `source` to `target` with its index (moov) before its data (mdat).

    Returns False, and writes nothing, where the index is first already. Raises ValueError where `source` is no MP4,
    and where its chunk offsets, 32 bits wide, would overflow.
    """
    with source.open("rb") as file:
        size = file.seek(0, 2)
        top = {box.kind: box for box in boxes(file, 0, size)}
        if b"moov" not in top or b"mdat" not in top:
            raise ValueError("the file has no index or no data")
        index, data = top[b"moov"], top[b"mdat"]
        if index.start < data.start:
            return False
        moved = _shifted(file, index, by=index.end - index.start)
        with target.open("wb") as out:
            _copy(file, out, 0, data.start)
            out.write(moved)
            _copy(file, out, data.start, index.start)
            _copy(file, out, index.end, size)
    return True


def _shifted(file: IO[bytes], index: Box, by: int) -> bytes:
    """The bytes of the index, with every chunk offset moved by `by` bytes."""
    file.seek(index.start)
    content = bytearray(_exactly(file, index.end - index.start))
    for table in _tables(file, index):
        layout = _TABLES[table.kind]
        at = table.body - index.start + 4  # after version and flags
        (count,) = struct.unpack_from(">I", content, at)
        width = struct.calcsize(layout)
        if at + 4 + count * width > table.end - index.start:
            raise ValueError("a table of chunk offsets is longer than its box")
        for entry in range(count):
            place = at + 4 + entry * width
            (offset,) = struct.unpack_from(layout, content, place)
            try:
                struct.pack_into(layout, content, place, offset + by)
            except struct.error as error:
                raise ValueError("a chunk offset does not fit") from error
    return bytes(content)


def _tables(file: IO[bytes], parent: Box) -> Iterator[Box]:
    for box in boxes(file, parent.body, parent.end):
        if box.kind in _TABLES:
            yield box
        elif box.kind in _PARENTS:
            yield from _tables(file, box)


def _exactly(file: IO[bytes], count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("the file ends within a box")
    return data


def _copy(source: IO[bytes], target: IO[bytes], start: int, end: int) -> None:
    source.seek(start)
    while start < end:
        data = _exactly(source, min(end - start, CHUNK))
        target.write(data)
        start += len(data)
