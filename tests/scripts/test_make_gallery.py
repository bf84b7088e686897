# SPDX-License-Identifier: GPL-3.0-or-later
"""The gallery: a still of every kind of operation that the story shows by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from forward_pass.core.layout import lay_out
from forward_pass.core.story import tell
from forward_pass.core.trace import Trace
from scripts.make_gallery import SECONDS, moments

DATA = Path(__file__).parent.parent / "data" / "CBABBC.trace.safetensors"
UNFILLED = {"scale", "sample"}  # have no block of their own


def test_every_kind_that_makes_a_block_has_a_moment_inside_its_time() -> None:
    trace = Trace.open(DATA)
    layout = lay_out(trace)
    story = tell(trace, layout, SECONDS)
    found = {moment.kind: moment.second for moment in moments(layout, story)}
    assert set(found) == {operation.kind for operation in trace.operations} - UNFILLED
    for kind, second in found.items():
        filling = [
            fill
            for operation in layout.operations
            if operation.kind == kind
            for fill in story.fills
            if fill.block in operation.out and fill.start < second < fill.start + fill.duration
        ]
        assert filling, kind


@pytest.mark.slow
@pytest.mark.blender
def test_the_gallery_is_pictures(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    pytest.importorskip("torch")
    words = ["-o", str(tmp_path), "--model", "nano-sort", "--size", "96", "64", "--samples", "1"]
    run = subprocess.run(
        [sys.executable, str(root / "scripts/make_gallery.py"), *words], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    pictures = sorted(tmp_path.iterdir())
    assert [str(path) for path in pictures] == sorted(run.stdout.split())
    contents = [path.read_bytes() for path in pictures]
    assert all(content.startswith(b"\xff\xd8\xff") for content in contents) and len(set(contents)) == len(contents) > 5
