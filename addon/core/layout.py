# SPDX-License-Identifier: GPL-3.0-or-later
"""Where every block of a trace stands: a pure function of the shapes in it.

World axes: x right, y away from the viewer, z up. One Blender unit is one step along an axis of pitch 1.
"""

from __future__ import annotations

from .elision import elide
from .layout_anatomy import read_anatomy
from .layout_beside import side_by_side
from .layout_blocks import draw_blocks
from .layout_bounds import name_bounds
from .layout_config import lay_out_config
from .layout_operations import draw_operations
from .layout_parts import PARTS, PITCH
from .layout_rest import draw_rest, find_rest
from .layout_trace import TraceSource, check_cells, seen_by, shape_of
from .layout_types import (
    THICKNESS,
    Block,
    Bounds,
    Card,
    Label,
    Layout,
    Operation,
    Plate,
    Ribbon,
    Vector,
    text_width,
)
from .placement_ends import name_columns
from .placement_model import place_model
from .trace import Trace
from .wording import vocabulary_of

__all__ = [
    "PARTS",
    "PITCH",
    "THICKNESS",
    "Block",
    "Bounds",
    "Card",
    "Label",
    "Layout",
    "Operation",
    "Plate",
    "Ribbon",
    "Vector",
    "lay_out",
    "lay_out_config",
    "side_by_side",
    "text_width",
]


def lay_out(trace: Trace, aspect: float = 16 / 9) -> Layout:
    """Place the whole model of a trace for pictures of this `aspect` (width over height).

    Its parts are found by structure; what is no known part is drawn plainly, so that every operation has a block. The
    same shapes always give the same layout. Raises UserError where there are no layers.
    """
    anatomy = read_anatomy(trace)
    shape = shape_of(trace, anatomy, find_rest(trace, anatomy, seen_by(trace, anatomy)))
    plan = place_model(shape, trace.model.name, len(trace.tokens), aspect)
    draft = plan.draft
    known = draw_blocks(draft.places, shape, TraceSource(trace, anatomy, shape))
    blocks = elide((*known, *draw_rest(draft.plains, draft.gaps.height)), trace)
    check_cells(blocks, trace)
    name_columns(draft, vocabulary_of(trace))
    return Layout(
        blocks=blocks,
        operations=draw_operations(trace, anatomy, blocks),
        labels=tuple(draft.labels),
        ribbons=tuple(draft.ribbons),
        plates=tuple(draft.plates),
        bounds=name_bounds(blocks, plan.cards, draft.labels, shape),
        pitch=dict(PITCH),
        title=plan.title,
        cards=plan.cards,
        name=trace.model.name,
        parameters=trace.model.parameters,
    )
