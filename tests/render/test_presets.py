# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, and what a person may write in their place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.render.endings import beside, endings, with_ending
from forward_pass.render.presets import LARGEST, QUALITIES, SMALLEST, Quality, quality, read_range, read_size


def test_the_presets_grow_and_keep_what_the_house_promises() -> None:
    draft, preview, final = (quality(name) for name in ("draft", "preview", "final"))
    assert draft.size >= (480, 270) and final.size == (1920, 1080)
    assert draft.size < preview.size < final.size
    assert draft.fps < preview.fps < final.fps and draft.samples < preview.samples < final.samples
    for entry in QUALITIES.values():
        wide, high = sorted(entry.size, reverse=True)
        assert 16 * high == 9 * wide and (entry.size == (wide, high)) == (entry.name != "short")


def test_each_preset_comes_out_as_its_name_says() -> None:
    assert {name: entry.suffix for name, entry in QUALITIES.items() if entry.suffix != ".mp4"} == {
        "lecture": "",
        "slides": "",
        "png": "",
        "prores": ".mov",
        "lossless": ".mkv",
    }
    youtube, short, ultra = quality("youtube"), quality("short"), quality("4k")
    assert (youtube.size, youtube.fps, ultra.size) == ((1920, 1080), 60, (3840, 2160))
    assert short.size == (1080, 1920) and short.seconds is not None and short.seconds < 60
    assert quality("png").transparent and not quality("lossless").transparent


def test_the_ending_is_that_of_what_comes_out() -> None:
    mov, stills = quality("prores"), quality("lecture")
    assert with_ending(Path("out/take.2.mp4"), mov) == Path("out/take.2.mov")
    assert with_ending(Path("out/take.2"), mov) == Path("out/take.2.mov")
    assert with_ending(Path("out/a.mp4"), stills) == Path("out/a")
    assert beside(Path("out/take.2.mov"), mov, ".srt") == Path("out/take.2.srt")
    assert beside(Path("out/a-frames"), quality("png"), ".srt") == Path("out/a.srt")
    assert endings(stills) == () and ".srt" in endings(mov)
    assert ".srt" not in endings(replace(mov, captions="burnt"))


def test_an_unknown_quality_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"'best'.*draft, preview, final") as caught:
        quality("best")
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": (1281, 720)}, "1281x720"),
        ({"size": (SMALLEST - 2, 720)}, "62x720"),
        ({"size": (1280, LARGEST + 2)}, "1280x8194"),
        ({"fps": 0}, "0 frames a second"),
        ({"fps": 1000}, "1000 frames a second"),
        ({"samples": 0}, "0 samples"),
        ({"engine": "workbench"}, "'workbench'"),
        ({"form": "gif"}, "'gif'"),
        ({"captions": "above"}, "'above'"),
        ({"transparent": True}, "H.264 in MP4 cannot be transparent"),
    ],
)
def test_what_cannot_be_played_is_refused(change: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        Quality(**({"name": "own", "size": (1280, 720), "fps": 24, "samples": 8} | change))
    assert caught.value.code == 2 and caught.value.hint


@given(st.integers(0, 99999), st.integers(0, 99999), st.sampled_from("xX×"))
def test_a_size_is_read_as_it_is_written(width: int, height: int, cross: str) -> None:
    assert read_size(f"{width}{cross}{height}") == (width, height)


@pytest.mark.parametrize("text", ["", "1280", "1280x", "-640x360", "640x360x2", "64Ox360", "640.5x360"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not a size") as caught:
        read_size(text)
    assert caught.value.code == 2


@given(st.integers(0, 9999), st.integers(0, 9999))
def test_a_range_is_read_or_refused_as_its_ends_stand(first: int, last: int) -> None:
    if first <= last:
        assert read_range(f"{first}-{last}") == (first, last)
    else:
        with pytest.raises(UserError, match="ends before it begins"):
            read_range(f"{first}-{last}")


def test_one_number_is_one_frame() -> None:
    assert read_range(" 7 ") == (7, 7)


@pytest.mark.parametrize("text", ["", "-3", "a-b", "1-2-3", "1..2", "1,2"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not a range of frames") as caught:
        read_range(text)
    assert caught.value.code == 2
