# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files are called that come out."""

from __future__ import annotations

from pathlib import Path

from ..core.script import Script
from .captions import texts_beside
from .presets import FORMS, Quality

BY_ACT = ("stills", "pieces")  # what is said lies in their folder, act by act


def endings(quality: Quality) -> tuple[str, ...]:
    """How the names of the files beside a video end."""
    return () if quality.form in BY_ACT else tuple(texts_beside(Script(0.0), "", quality.captions != "burnt"))


def with_ending(path: Path, quality: Quality) -> Path:
    """`path` as what comes out is called: with the ending of that, in the place of another form's."""
    endings = {form.suffix for form in FORMS.values()} - {""}
    bare = path.with_suffix("") if path.suffix.lower() in endings else path
    return bare.with_name(bare.name + quality.suffix)


def beside(out: Path, quality: Quality, ending: str) -> Path:
    """The file beside `out` with that ending."""
    if quality.suffix:
        return out.with_suffix(ending)
    return out.with_name(out.name.removesuffix(f"-{quality.form}") + ending)
