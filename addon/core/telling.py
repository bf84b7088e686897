# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a run, of two, or of none, and how: all that a film depends on besides the runs themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .examples import write_focus
from .presets import USUAL, WIDE, preset
from .values import LOCAL
from .view import Views


@dataclass(frozen=True)
class Telling:
    """What is told and how. `aspect` is the picture's width over its height; `seconds` None is the film's own length;
    `without` leaves chapters out, `acts` are the only ones told where there are any; `focus` is the layer and the head
    to work, from 0; `operation` names the multiply of one-multiply, `models` are those of scale, the usual ones where
    there are none; `views` say from where chapters are seen; `scale` is that of the colours, `cells` how a number is
    drawn. A film takes of it what applies to its kind."""

    preset: str = USUAL
    seconds: float | None = None
    aspect: float = WIDE
    language: str = "en"
    without: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    focus: tuple[int, int] | None = None
    captions: Mapping[str, str] = field(default_factory=dict)
    views: Views = field(default_factory=dict)
    operation: str | None = None
    models: tuple[str, ...] = ()
    scale: str = LOCAL
    cells: str = "flat"

    @property
    def makes(self) -> str:
        """What kind of production it is: `core.presets` says which there are."""
        return preset(self.preset).makes

    @property
    def multiply(self) -> str | None:
        """The multiply of a film about one, in words: without any, the scores of the head in focus."""
        focus = None if self.focus is None else f"{write_focus(self.focus)} scores"
        return self.operation or focus
