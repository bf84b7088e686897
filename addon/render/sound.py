# SPDX-License-Identifier: GPL-3.0-or-later
"""What is heard: recordings and speech as sound strips of the scene's own sequencer, and from there into the video.

Whatever sounds a creator adds to that sequencer are heard too. Sounds are packed, so that a saved scene keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UserError
from ..core.script import Script
from .pace import rate_of

CHANNELS = 128  # that a sequencer has
ENDINGS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff")


@dataclass(frozen=True)
class Sound:
    """A sound that begins at frame `start` of a video whose first is 1, or before it; the first `skip` frames of it
    are left out and so is what comes after `length` more. `volume` 1 is as it was recorded."""

    sound: bpy.types.Sound
    start: float
    skip: float
    length: float
    volume: float = 1.0
    pan: float = 0.0


def recordings(folder: Path, acts: int) -> dict[int, Path]:
    """The recordings in a folder by the number of their act, which their names begin with: `3.wav`, `03 norm.mp3`.

    Raises `UserError` (code 2) where there is none, two of one number, or one of an act that there is not.
    """
    found: dict[int, Path] = {}
    try:
        entries = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error.strerror}.", "Check the path.", 2) from error
    for path in entries:
        number = re.match(r"\d+", path.name)
        if number is None:
            continue
        act = int(number[0])
        if not 1 <= act <= acts:
            raise UserError(f"{path.name} is for act {act}.", f"The video has acts 1 to {acts}.", code=2)
        if act in found:
            raise UserError(f"Act {act} has two recordings, {found[act].name} and {path.name}.", "Keep one.", code=2)
        found[act] = path
    if not found:
        hint = "Name each after its act: 01.wav, 02.mp3. The .narration.md beside a video lists the acts."
        raise UserError(f"There are no recordings in {folder}.", hint, code=2)
    return found


def add_narration(scene: bpy.types.Scene, script: Script, folder: Path) -> list[str]:
    """Lays each recording in a folder at the beginning of its act; returns a sentence for each that is longer than
    its act. Raises `UserError`."""
    found = recordings(folder, len(script.acts))
    strips = add_sounds(scene, [(path, script.acts[number - 1].start) for number, path in found.items()])
    fps = rate_of(scene)
    long = []
    for number, strip in zip(found, strips, strict=True):
        over = strip.frame_final_duration / fps - script.acts[number - 1].duration
        if over > 1 / fps:
            long.append(f"The recording of act {number} is {over:.1f} s longer than the act.")
    return long


def add_sounds(scene: bpy.types.Scene, sounds: Iterable[tuple[Path, float]]) -> list[Any]:
    """Sound files, each at a second of the scene, as strips of its sequencer. Raises `UserError`."""
    fps = rate_of(scene)
    ends: list[float] = []  # of the last strip in each channel
    made = []
    for path, second in sounds:
        start = 1 + round(second * fps)
        channel = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        strip = _new_strip(scene, path, channel + 1, start)
        strip.sound.pack()
        ends[channel : channel + 1] = [strip.frame_final_end]
        made.append(strip)
    scene.sync_mode = "AUDIO_SYNC"  # the viewport keeps up with what is heard
    return made


def _new_strip(scene: bpy.types.Scene, path: Path, channel: int, start: int) -> Any:
    editor: Any = scene.sequence_editor_create()
    try:
        strip = editor.strips.new_sound(path.stem, str(path.resolve()), channel, start)
    except RuntimeError as error:
        raise UserError(f"The sound {path} cannot be read.", "Is it there?") from error
    if strip.sound.channels == "INVALID":
        editor.strips.remove(strip)
        raise UserError(f"The sound {path} cannot be played.", "Is it a recording, and whole?")
    return strip


def sounds_of(scene: bpy.types.Scene, first: float, rate: float = 1.0) -> list[Sound]:
    """What is heard in a scene's sequencer, for a video that begins with its frame `first` and has `rate` pictures to a
    frame."""
    editor: Any = scene.sequence_editor
    if editor is None:
        return []
    return [
        Sound(
            strip.sound,
            1 + (strip.frame_start - first) * rate,
            strip.frame_offset_start * rate,
            strip.frame_final_duration * rate,
            strip.volume,
            strip.pan,
        )
        for strip in editor.strips_all
        if strip.type == "SOUND" and strip.sound is not None and not strip.mute
    ]


def lay_sounds(scene: bpy.types.Scene, sounds: Sequence[Sound], scratch: Path) -> None:
    """Sounds as strips of another scene, each in a channel of its own above the pictures'. The file of one that is
    packed may be gone: it is written out into the folder `scratch`. Raises `UserError`."""
    for channel, one in enumerate(sounds[: CHANNELS - 1], 2):
        path = Path(bpy.path.abspath(one.sound.filepath, library=one.sound.library))
        packed: Any = one.sound.packed_file
        if packed is not None:
            path = scratch / f"{channel}{path.suffix}"
            path.write_bytes(packed.data)
        strip = _new_strip(scene, path, channel, round(one.start))
        strip.frame_offset_start = round(one.skip)
        strip.frame_final_duration = max(1, round(one.length))
        strip.volume, strip.pan = one.volume, one.pan
