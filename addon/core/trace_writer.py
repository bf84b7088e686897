# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a trace while the forward pass runs: space for the header first, buffers after it, the header last."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .trace_check import check
from .trace_file import ITEM_SIZE
from .trace_manifest import FORMAT, VERSION, Manifest
from .trace_words import to_words

ALIGNMENT = 8  # bytes; every buffer begins where any number type may
CHUNK = 1 << 24


def partial_path(path: Path) -> Path:
    """Where a trace is written before it is complete; what to remove after a writer that was killed."""
    return path.with_name(f".{path.name}.part")


class TraceWriter:
    """Streams a trace to a temporary file beside its path and moves it there when it is finished.

    with TraceWriter(path) as writer:
        name = writer.add(data, "F32")
        ...
        writer.finish(manifest)

    Left in any other way it removes what it wrote, and a file that was at the path before stays. Every method raises
    UserError where the disk refuses.
    """

    def __init__(self, path: str | Path, reserved: int = 1 << 17) -> None:
        """`reserved` bytes are kept for the header; a larger one moves what was written."""
        self.path = Path(path)
        self.buffers: dict[str, tuple[str, int]] = {}  # name -> dtype, elements
        self._places: list[tuple[int, int]] = []
        self._start = 8 + -(-reserved // ALIGNMENT) * ALIGNMENT
        self._position = 0  # of the next byte, counted from the end of the header
        self._partial = partial_path(self.path)
        self._file: BinaryIO | None = None

    def __enter__(self) -> TraceWriter:
        if self.path.is_dir():
            raise UserError(f"The trace cannot be written to {self.path}: it is a folder.", "Give a file's path.")
        with self._refused():
            self._file = self._partial.open("w+b")
            self._file.seek(self._start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk refuses the last flush too
                self._file.close()
            self._partial.unlink(missing_ok=True)

    def add(self, data: bytes | NDArray[np.generic], dtype: str) -> str:
        """Appends a buffer of elements of `dtype` (as safetensors names it) and returns its name: b0, b1, ...

        The bytes are filled up with zeros to whole elements at the alignment, so a buffer may hold a few more
        elements than it was given.
        """
        content = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else np.ascontiguousarray(data)
        size = content.nbytes
        padded = -(-size // ALIGNMENT) * ALIGNMENT
        name = f"b{len(self.buffers)}"
        with self._refused() as file:
            file.write(content.reshape(-1).view(np.uint8).data)
            file.write(bytes(padded - size))
        self.buffers[name] = dtype, padded // ITEM_SIZE[dtype]
        self._places.append((self._position, self._position + padded))
        self._position += padded
        return name

    def finish(self, manifest: Manifest) -> None:
        """Appends the manifest, fills in the header, and moves the file to its path.

        Raises ManifestError where the manifest does not fit the buffers: a mistake of the caller, not of a person.
        """
        check(manifest, self.buffers)
        content = json.dumps(to_words(manifest), allow_nan=False, separators=(",", ":")).encode("ascii")
        header = self._header(len(content))
        with self._refused() as file:
            file.write(content)
            self._make_room(len(header))
            file.seek(0)
            file.write((self._start - 8).to_bytes(8, "little"))
            file.write(header.ljust(self._start - 8))
            file.flush()
            file.close()
            os.replace(self._partial, self.path)
        self._file = None

    def _header(self, manifest_size: int) -> bytes:
        entries: dict[str, object] = {"__metadata__": {"format": FORMAT, "version": str(VERSION)}}
        for (name, (dtype, elements)), place in zip(self.buffers.items(), self._places, strict=True):
            entries[name] = {"dtype": dtype, "shape": [elements], "data_offsets": place}
        place = self._position, self._position + manifest_size
        entries["manifest"] = {"dtype": "U8", "shape": [manifest_size], "data_offsets": place}
        return json.dumps(entries, separators=(",", ":")).encode("ascii")

    def _make_room(self, needed: int) -> None:
        """Moves all that was written back, from the end on, where the header needs more than was kept for it."""
        shift = -(-(needed - (self._start - 8)) // ALIGNMENT) * ALIGNMENT
        if shift <= 0:
            return
        assert self._file is not None
        position = self._file.seek(0, os.SEEK_END)
        while position > self._start:
            size = min(CHUNK, position - self._start)
            position -= size
            self._file.seek(position)
            content = self._file.read(size)
            self._file.seek(position + shift)
            self._file.write(content)
        self._start += shift

    @contextlib.contextmanager
    def _refused(self) -> Iterator[BinaryIO]:
        """The open file; what the disk refuses becomes a UserError."""
        try:
            yield self._file  # type: ignore[misc]  # None only while it is being opened
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(
                f"The trace cannot be written to {self.path}: {reason}.",
                "Check that the folder is there, may be written to, and has space.",
            ) from error
