# SPDX-License-Identifier: GPL-3.0-or-later
"""From runs to a film, whatever kind the preset makes: the one place that the panel and make_video.py both ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.known_models import USUAL
from ..core.layout import Layout, lay_out
from ..core.presets import COMPARE, MULTIPLY, SCALE, STORY
from ..core.story import Story, tell
from ..core.story_compare import tell_compare
from ..core.story_multiply import plan_multiply
from ..core.story_scale import tell_scale
from ..core.telling import Telling
from ..core.trace import Trace
from .build import build_scene
from .compare import build_compare
from .one_multiply import build_multiply_film
from .scale import build_scale


@dataclass(frozen=True)
class Film:
    """What is told, of what runs, and the layouts whose blocks are built. `build(scene, theme=, recipe=, size=, fps=)`
    builds the scene, yielding what is being built and the share done, 0 to 1."""

    story: Story
    build: Callable[..., Iterator[tuple[str, float]]]
    traces: tuple[Trace, ...]
    layouts: tuple[Layout, ...]


def lay_out_film(traces: Sequence[Trace], telling: Telling) -> tuple[Layout, ...]:
    """Where the blocks of the run stand; none for the kinds that place several models themselves. Raises UserError."""
    return (lay_out(traces[0], telling.aspect),) if telling.makes in (STORY, MULTIPLY) else ()


def plan_film(
    traces: Sequence[Trace],
    layouts: Sequence[Layout],
    telling: Telling,
    durations: Mapping[str, float] | None = None,
) -> Film:
    """The film of one run, of two (compare) or of none (scale), laid out by `lay_out_film`. `durations` are the least
    seconds of captions, by their text. No Blender data is touched before it is built. Raises UserError."""
    common: dict[str, Any] = {"seconds": telling.seconds, "language": telling.language, "durations": durations}
    if telling.makes == SCALE:
        sizes = tell_scale(telling.models or USUAL, aspect=telling.aspect, **common)
        stood = tuple(standing.layout for standing in sizes.standings)
        return Film(sizes.story, lambda scene, **look: build_scale(scene, sizes, **look), (), stood)
    if telling.makes == COMPARE:
        two = tell_compare(traces[0], traces[1], aspect=telling.aspect, **common)
        stood = tuple(side.layout for side in two.sides)
        return Film(two.story, lambda scene, **look: build_compare(scene, two, **look), tuple(traces), stood)
    trace, layout, cells = traces[0], layouts[0], telling.cells
    if telling.makes == MULTIPLY:
        one = plan_multiply(trace, telling.multiply, aspect=telling.aspect, **common)
        return Film(
            one.story,
            lambda scene, **look: build_multiply_film(scene, trace, one, cells=cells, **look),
            (trace,),
            (),
        )
    common |= {"scale": telling.scale, "preset": telling.preset, "focus": telling.focus, "captions": telling.captions}
    common |= {"views": telling.views}
    story = tell(trace, layout, off=telling.without, only=telling.acts or None, **common)
    return Film(
        story,
        lambda scene, **look: build_scene(scene, trace, layout, story, cells=cells, scale=telling.scale, **look),
        (trace,),
        (layout,),
    )
