# SPDX-License-Identifier: GPL-3.0-or-later
"""Stills for a lecture: one for each act at its best moment, numbered, with what is said in the act beside it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ..core.script import Script
from ..core.story import Act
from .captions import captions_of, minutes, write_text
from .pictures import frame_path

LIST = "stills.md"


def still_frames(script: Script, first: int, fps: float) -> list[int]:
    """The frame of each act's still, in a scene whose frame `first` is second 0 of the script."""
    last = first + round(script.duration * fps) - 1
    if not script.acts:
        return [(first + last) // 2]
    return [min(first + int(moment * fps), last) for _, moment in script.told()]


def lay_out_stills(script: Script, stills: list[int], frames: Path, folder: Path) -> None:
    """Copies each still from `frames` into `folder`, its captions in a text beside it, and a list of all of them."""
    acts = script.acts or (Act("Still", 0.0, script.duration),)
    lines = []
    for number, (act, frame) in enumerate(zip(acts, stills, strict=True), 1):
        name = name_of(number, act)
        shutil.copy(frame_path(frames, frame), folder / f"{name}.png")
        said = [" ".join(one.text.split()) for one in captions_of(script, act)]
        write_text(folder / f"{name}.txt", "".join(f"{text}\n" for text in said))
        picture = f"![{act.name}](<{name}.png>)"
        lines.append(f"## {number}. {act.name} ({minutes(int(act.start))})\n\n{picture}\n\n{' '.join(said)}\n")
    write_text(folder / LIST, "\n".join(lines))


def name_of(number: int, act: Act) -> str:
    """What the files of an act are called, in whatever alphabet: sorted by name is sorted by number."""
    words = re.sub(r"[^\w-]+", " ", act.name).strip()
    return f"{number:02} {words or 'act'}"
