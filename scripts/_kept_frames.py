# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames that outlive a render that was broken off, so that the next one goes on where it stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout
from forward_pass.core.story import Story
from forward_pass.core.trace import Trace
from forward_pass.render.presets import Quality

KEY = "made-from"  # the file beside the frames that says what they show


def key_of(traces: Sequence[Trace], layouts: Sequence[Layout], story: Story, quality: Quality, *look: str) -> str:
    """What the frames depend on, as a digest: the same where the same pictures come out."""
    digest = hashlib.sha256()
    for part in (*layouts, story, dataclasses.asdict(quality), look):
        digest.update(repr(part).encode())
    for trace in traces:
        digest.update(repr((trace.model.name, trace.prompt)).encode())
        for step in trace.steps:  # every weight and every token has a part in them
            digest.update(np.ascontiguousarray(trace.array(step.logits)).tobytes())
    return digest.hexdigest()


class KeptFrames:
    """The folder beside a video that has its frames until it is whole."""

    def __init__(self, video: Path, key: str) -> None:
        """Frames of anything else that lie there go. Raises `UserError` where nothing can be written."""
        self.folder = video.parent / f".{video.stem}.frames"
        note = self.folder / KEY
        try:
            if self.folder.is_dir() and not (note.is_file() and note.read_text(encoding="ascii") == key):
                shutil.rmtree(self.folder)
            self.folder.mkdir(exist_ok=True)
            note.write_text(key, encoding="ascii")
        except OSError as error:
            reason = error.strerror or str(error)
            raise UserError(f"{self.folder} cannot be written: {reason}.", "Choose another place.") from error

    def discard(self) -> None:
        """The video is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)
