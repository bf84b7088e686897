# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own chatter kept off the terminal while it renders, and kept at hand for when it fails."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import IO

KEPT = 20_000  # bytes of the end of what was said


class Log:
    """What was said during `quiet`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def text(self) -> str:
        """The end of it, at most `KEPT` bytes."""
        _flush()
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(max(0, size - KEPT))
        return self._file.read().decode("utf-8", "replace")


@contextlib.contextmanager
def quiet() -> Iterator[Log]:
    """Sends what this process writes to its standard output and error, C code included, to a temporary file.

    A program without standard streams (a window program on Windows) has nothing to silence.
    """
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        _flush()
        for descriptor in (1, 2):
            try:
                kept = os.dup(descriptor)
            except OSError:
                continue
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, descriptor)
            os.dup2(file.fileno(), descriptor)
        # Python's own streams too: a host program or a test may have put others in their place.
        words = stack.enter_context(open(os.dup(file.fileno()), "w", encoding="utf-8", errors="replace"))
        stack.enter_context(contextlib.redirect_stdout(words))
        stack.enter_context(contextlib.redirect_stderr(words))
        stack.callback(_flush)  # before the streams are put back: what they still hold belongs to the silence
        yield Log(file)


def _flush() -> None:
    """What Python and C hold back for the standard streams, written now."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # a closed stream has nothing left to flush
                stream.flush()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("ucrtbase" if os.name == "nt" else None).fflush(None)
