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
from forward_pass.render.presets import FORMS
from forward_pass.render.prores import tag_bt709
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


@pytest.mark.parametrize(
    ("form", "clear", "codec", "pixel"),
    [
        ("prores", False, ("prores", "HQ"), "yuv422p10le"),
        ("prores", True, ("prores", "4444"), "yuva444p12le"),
        ("lossless", False, ("ffv1", None), "bgr0"),
        ("lossless", True, ("ffv1", None), "bgra"),
    ],
)
def test_editors_get_every_colour_and_what_is_clear(
    tmp_path: Path, form: str, clear: bool, codec: tuple[str, str | None], pixel: str
) -> None:
    alphas = [255, 128, 0, 255] if clear else [255] * 4
    frames = pictures(tmp_path / "frames", COLORS)
    for path, color, alpha in zip(frames, COLORS, alphas, strict=True):
        Image.new("RGBA" if clear else "RGB", SIZE, (*color, alpha) if clear else color).save(path)
    out = tmp_path / f"a{FORMS[form].suffix}"
    encode(frames, out, SIZE, 12, form=form, transparent=clear)
    with av.open(str(out)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        decoded = list(container.decode(stream))
        assert (context.name, context.profile, context.pix_fmt) == (*codec, pixel)
    if form == "prores":  # else a player would take them for BT.601
        said = {(frame.colorspace, frame.color_primaries, frame.color_trc) for frame in decoded}
        assert {tuple(map(int, one)) for one in said} == {(1, 1, 1)}
    exact = 0 if form == "lossless" else 3  # of 255
    assert len(decoded) == 4
    for frame, color, alpha in zip(decoded, COLORS, alphas, strict=True):
        shown = frame.to_ndarray(format="rgba").reshape(-1, 4).astype(float).mean(0)
        assert shown[3] == pytest.approx(alpha, abs=min(exact, 1))
        if alpha:  # nobody sees the colour of what is clear
            assert shown[:3] == pytest.approx(color, abs=exact + (alpha < 255))
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "frames", out])


def test_every_frame_of_a_prores_is_tagged_once(tmp_path: Path) -> None:
    frames, out = pictures(tmp_path / "frames", COLORS), tmp_path / "a.mov"
    encode(frames, out, SIZE, 12, form="prores")
    before = out.read_bytes()
    assert tag_bt709(out) == 4 and out.read_bytes() == before
    (tmp_path / "b.mov").write_bytes(b"\x00\x00\x00\x18mdat" + b"icpf" * 4)
    with pytest.raises(ValueError, match="no ProRes"):
        tag_bt709(tmp_path / "b.mov")


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
