# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard in a video is what lies in the scene's sequencer, at its time."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bpy")
av = pytest.importorskip("av")

import bpy
import numpy as np

from forward_pass.core.errors import UserError
from forward_pass.core.script import read_script
from forward_pass.render.presets import FORMS
from forward_pass.render.sound import add_narration, add_sounds, recordings, sounds_of
from forward_pass.render.video import encode
from tests.render.conftest import SECONDS
from tests.render.test_video import COLORS, SIZE, pictures

pytestmark = pytest.mark.blender


def heard(path: Path) -> tuple[str, np.ndarray]:
    """The codec, and whether there is sound in each hundredth of a second."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=48000)
        parts = [part.to_ndarray()[0] for frame in container.decode(stream) for part in resampler.resample(frame)]
        samples = np.concatenate(parts)
        return stream.codec_context.name, np.abs(samples[: len(samples) // 480 * 480].reshape(-1, 480)).max(1) > 0.02


@pytest.mark.parametrize(("form", "codec"), [("mp4", "aac"), ("prores", "pcm_s16le"), ("lossless", "flac")])
def test_a_sound_is_heard_at_its_time(told: Any, tone: Path, tmp_path: Path, form: str, codec: str) -> None:
    shutil.copy(tone, tmp_path / "gone.wav")
    (strip,) = add_sounds(told, [(tmp_path / "gone.wav", 0.75)])
    assert strip.frame_start == 4 and told.sync_mode == "AUDIO_SYNC"
    (tmp_path / "gone.wav").unlink()  # it is packed
    sounds = sounds_of(told, 1, 3.0)  # a video of three times as many frames a second
    out = tmp_path / f"a{FORMS[form].suffix}"
    before = set(bpy.data.sounds)
    encode(pictures(tmp_path / "frames", [COLORS[0]] * 24), out, SIZE, 12, form=form, sounds=sounds)
    name, loud = heard(out)
    (times,) = np.nonzero(loud)
    assert name == codec and set(bpy.data.sounds) == before
    assert times[0] / 100 == pytest.approx(0.75, abs=0.06)
    assert times[-1] / 100 == pytest.approx(0.75 + SECONDS, abs=0.1)


def test_a_part_of_a_video_begins_in_the_middle_of_a_sound(told: Any, tone: Path, tmp_path: Path) -> None:
    (strip,) = add_sounds(told, [(tone, 0.25)])
    (whole,) = sounds_of(told, 1)
    assert (whole.start, whole.skip, whole.length) == (2, 0, 2)
    (part,) = sounds_of(told, 3)
    assert part.start == 0
    out = tmp_path / "a.mp4"
    encode(pictures(tmp_path / "frames", [COLORS[0]] * 12), out, SIZE, 12, sounds=sounds_of(told, 3, 3.0))
    (times,) = np.nonzero(heard(out)[1])
    assert (times[0] / 100, times[-1] / 100) == pytest.approx((0.0, 0.25), abs=0.06)
    strip.mute = True
    assert sounds_of(told, 1) == []


def test_recordings_go_to_the_acts_of_their_numbers(told: Any, tone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spoken"
    folder.mkdir()
    shutil.copy(tone, folder / "02 two.wav")
    (folder / "notes.txt").touch()
    script = read_script(told["fp_script"])
    assert add_narration(told, script, folder) == []
    (strip,) = told.sequence_editor.strips_all
    assert strip.frame_start == 5 and strip.sound.packed_file is not None
    short = replace(script, acts=(script.acts[0], replace(script.acts[1], duration=0.1)))
    assert add_narration(told, short, folder) == ["The recording of act 2 is 0.4 s longer than the act."]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [([], "no recordings"), (["1.wav", "01.mp3"], "two recordings"), (["3.wav"], "acts 1 to 2"), (["a.wav"], "no rec")],
)
def test_recordings_that_fit_no_act_are_a_sentence(tmp_path: Path, names: list[str], sentence: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=sentence) as caught:
        recordings(tmp_path, 2)
    assert caught.value.code == 2 and caught.value.hint


def test_what_is_no_sound_is_a_sentence(told: Any, tmp_path: Path) -> None:
    (tmp_path / "1.wav").write_text("no sound at all")
    with pytest.raises(UserError, match=r"1\.wav cannot be played"):
        add_narration(told, read_script(told["fp_script"]), tmp_path)
    assert len(told.sequence_editor.strips_all) == 0
