# SPDX-License-Identifier: GPL-3.0-or-later
"""Videos decoded again by FFmpeg: what a player gets is what was rendered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("bpy")
av = pytest.importorskip("av")
Image = pytest.importorskip("PIL.Image")

import bpy
import numpy as np

from forward_pass.core.errors import UserError
from forward_pass.render.faststart import boxes, index_first
from forward_pass.render.pictures import frame_path
from forward_pass.render.video import encode

pytestmark = pytest.mark.blender

SIZE = (160, 90)
# Swatches of the themes: the colours on screen are to be those of the legend.
COLORS = [(0x4F, 0xB4, 0xFF), (0xFF, 0x6B, 0x7D), (0x15, 0x1D, 0x33), (0xFB, 0xF8, 0xF1)]


def pictures(folder: Path, colors: Sequence[tuple[int, int, int]], size: tuple[int, int] = SIZE) -> list[Path]:
    """One flat PNG a colour."""
    folder.mkdir()
    paths = [frame_path(folder, number) for number in range(1, len(colors) + 1)]
    for path, color in zip(paths, colors, strict=True):
        Image.new("RGB", size, color).save(path)
    return paths


def kinds(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [box.kind for box in boxes(file, 0, path.stat().st_size)]


def test_what_is_decoded_is_what_went_in(tmp_path: Path) -> None:
    folder, out = tmp_path / "frames {a} ##", tmp_path / "out {scene_name} #.mp4"  # Blender's own variables
    colors = [color for color in COLORS for _ in range(5)]
    told: list[int] = []
    encode(pictures(folder, colors), out, SIZE, 12, on_frame=told.append)
    with av.open(str(out)) as container:
        (stream,) = container.streams
        assert (stream.frames, stream.average_rate) == (20, 12)
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", *SIZE)
        frames = list(container.decode(stream))
    assert len(frames) == 20 and [float(frame.time) for frame in frames] == pytest.approx(np.arange(20) / 12, abs=1e-4)
    for frame, color in zip(frames, colors, strict=True):
        shown = frame.to_ndarray(format="rgb24").reshape(-1, 3).mean(0)
        assert shown == pytest.approx(color, abs=4)  # of 255: 4:2:0 in 8 bits of limited range
    assert told == list(range(1, 21))
    assert kinds(out).index(b"moov") < kinds(out).index(b"mdat")
    assert sorted(tmp_path.iterdir()) == sorted([folder, out])
    assert [scene.name for scene in bpy.data.scenes if "encoder" in scene.name] == []


def test_a_failed_video_leaves_the_one_before(tmp_path: Path) -> None:
    frames = pictures(tmp_path / "frames", COLORS)
    out = tmp_path / "keep.mp4"
    out.write_bytes(b"the one before")
    with pytest.raises(UserError, match="no frames"):
        encode([], out, SIZE, 12)
    with pytest.raises(UserError, match="could not be"):
        encode(frames, tmp_path / "missing" / "out.mp4", SIZE, 12)
    assert out.read_bytes() == b"the one before"
    assert {path.name for path in tmp_path.iterdir()} == {"frames", "keep.mp4"}
    assert not bpy.app.handlers.render_write


def test_the_index_moves_once_and_nothing_is_lost(tmp_path: Path) -> None:
    frames = pictures(tmp_path / "frames", COLORS)
    video, again = tmp_path / "a.mp4", tmp_path / "again.mp4"
    encode(frames, video, SIZE, 24)
    assert index_first(video, again) is False and not again.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an mp4 at all",
        b"\x00\x00\x00\x10mdat" + bytes(8),
        b"\x00\x00\x00\x10mdat" + bytes(8) + b"\x00\x00\x01\x00moov" + bytes(8),
        # an index whose table of one chunk offset has room for none
        b"\x00\x00\x00\x10mdat"
        + bytes(8)
        + b"\x00\x00\x00\x18moov\x00\x00\x00\x10stco"
        + bytes(4)
        + b"\x00\x00\x00\x01",
    ],
)
def test_what_is_no_mp4_is_refused(tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "a.mp4"
    source.write_bytes(data)
    with pytest.raises(ValueError, match=r"box|index"):
        index_first(source, tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


def test_offsets_move_by_the_length_of_the_index(tmp_path: Path) -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return (8 + len(body)).to_bytes(4, "big") + kind + body

    table = box(b"stco", bytes(4) + (2).to_bytes(4, "big") + (24).to_bytes(4, "big") + (30).to_bytes(4, "big"))
    index = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table)))))
    head, data = box(b"ftyp", b"isom" + bytes(4)), box(b"mdat", b"first!second")
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    source.write_bytes(head + data + index)
    assert index_first(source, target)
    moved = target.read_bytes()
    assert [len(moved), kinds(target)] == [len(head + data + index), [b"ftyp", b"moov", b"mdat"]]
    for old, word in ((24, b"first!"), (30, b"second")):
        new = old + len(index)
        assert moved[new : new + 6] == word and new.to_bytes(4, "big") in moved
