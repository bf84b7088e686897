# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything between the multiplies: trace, layout and finished story -> flights and cards. A pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .effects_choice import draw, rank
from .effects_context import Context
from .effects_curve import bend
from .effects_flight import gather, lie_down, look_up, meet, slide
from .effects_norm import normalise
from .effects_softmax import soften
from .effects_tag import name
from .effects_turn import turn
from .effects_types import Card, Effect, Effects, Flight, OddsCard, Tag
from .layout_types import Layout
from .layout_types import Operation as Drawn
from .story_types import Story
from .trace import Trace
from .trace_manifest import Operation

View = Callable[[Context, Operation, Drawn], Iterator[Effect]]


# The view of every kind of operation in a trace.
VIEWS: dict[str, View] = {
    "embedding": look_up,
    "matmul": lie_down,
    "add": meet,
    "mul": meet,
    "scale": name,
    "mask": meet,
    "softmax": soften,
    "layer_norm": normalise,
    "rms_norm": normalise,
    "gelu": bend,
    "relu": bend,
    "silu": bend,
    "tanh": bend,
    "rotary": turn,
    "split": slide,
    "merge": gather,
    "concat": slide,
    "topk": rank,
    "sample": draw,
    "other": name,
}
# Kinds that are shown in every pass, for the new token alone: what it looks up, what joins keys and values, the draw.
EVERY_STEP = frozenset({"embedding", "split", "rotary", "concat", "sample"})

LEAST = 0.5  # seconds that a card stays


def effects_of(trace: Trace, layout: Layout, story: Story) -> Effects:
    """What is seen between the multiplies: in full for the worked pass and layer, and of later passes what the new
    token brings. An operation whose blocks the layout does not have, or the story does not fill, has no effect."""
    context = Context(trace, layout, story)
    found: list[Effect] = []
    for operation in trace.operations:
        again = operation.step > 0 and operation.kind in EVERY_STEP
        if operation.id in context.drawn and (again or context.worked(operation)):
            seen = VIEWS[operation.kind](context, operation, context.drawn[operation.id])
            found += [e for e in seen if operation.step == 0 or isinstance(e, Flight | OddsCard)]
    flights = tuple(sorted((e for e in found if isinstance(e, Flight)), key=lambda e: e.start))
    cards = tuple(sorted((e for e in found if isinstance(e, Card)), key=lambda e: e.start))
    return Effects(flights, _one_at_a_time(cards))


def _one_at_a_time(cards: tuple[Card, ...]) -> tuple[Card, ...]:
    """A card goes when the next one comes; of several that come at once (one for each expert) there is the first, and
    a tag does not come while another card is there."""
    kept: list[Card] = []
    for card in cards:
        if kept and card.start < kept[-1].end:
            if isinstance(card, Tag) or card.start < kept[-1].start + LEAST:
                continue
            kept[-1] = replace(kept[-1], duration=card.start - kept[-1].start)
        kept.append(card)
    return tuple(kept)
