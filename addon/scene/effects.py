# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out what happens between the multiplies: all flights in one object, all charts in another."""

from __future__ import annotations

import bpy

from ..core.effects import effects_of
from ..core.effects_room import place_card
from ..core.effects_types import Card, CurveCard, NormCard, OddsCard, RankingCard, SoftmaxCard, Tag, TurnCard
from ..core.layout import Layout
from ..core.shots import Key, film
from ..core.story import Story
from ..core.trace import Trace
from ..core.values import Values
from ..core.wording import wording_of
from .effects_curve import draw_curve
from .effects_flights import add_flight
from .effects_letters import Letters
from .effects_material import overlay_material, world_material
from .effects_norm import draw_norm
from .effects_odds import draw_odds, draw_ranking
from .effects_pen import Landing, Pen
from .effects_sheet import Sheet
from .effects_softmax import draw_softmax
from .effects_tag import draw_tag
from .effects_turn import draw_turn
from .groups import Groups
from .merge import Shapes
from .overlay import TOP, Overlay
from .running_text import place_running_text

# Width and height of cards, in frame heights.
SIZES: dict[type[Card], tuple[float, float]] = {Tag: (0.46, 0.10), OddsCard: (0.72, 0.585), RankingCard: (0.72, 0.585)}
SIZE = (0.72, 0.47)


def add_effects(
    overlay: Overlay,
    shapes: Shapes,
    groups: Groups,
    values: Values,
    trace: Trace,
    layout: Layout,
    story: Story,
) -> None:
    """Add what is seen between the multiplies to the scene: the objects `flights` and `charts`."""
    effects = effects_of(trace, layout, story)
    if effects.flights:
        flights = Sheet()
        for flight in effects.flights:
            add_flight(flights, flight, values)
        item = bpy.data.objects.new("flights", flights.mesh("flights", world_material(groups)))
        item["fp_kind"] = "effects"
        overlay.collection.objects.link(item)
    if effects.cards:
        charts, letters = Sheet(), Letters(shapes, overlay.font)
        keys = film(story.shots, story.duration, overlay.aspect)
        landings = _landings(overlay, trace)
        for card in effects.cards:
            _draw(card, _pen(card, charts, letters, keys, overlay, layout), landings)
        item = bpy.data.objects.new("charts", charts.mesh("charts", overlay_material(groups)))
        item["fp_kind"] = "effects"
        overlay.put(item, 0.0, 0.0, 0.001)


def _pen(card: Card, sheet: Sheet, letters: Letters, keys: tuple[Key, ...], overlay: Overlay, layout: Layout) -> Pen:
    """A pen for a card at the place where it hides least."""
    size = SIZES.get(type(card), SIZE)
    clear = [layout.by_key[key] for key in card.clear]
    others = [block for block in layout.blocks if block.step == 0]
    x, y, scale = place_card(keys, card.shot, overlay.aspect, clear, others, size)
    return Pen(sheet, letters, (x, y), scale, size, (card.start, card.end))


def _landings(overlay: Overlay, trace: Trace) -> dict[int, Landing]:
    """Where each token of the run lands in the running text."""
    texts = tuple(token.text for token in trace.tokens)
    run = place_running_text(overlay, texts, len(trace.prompt_tokens), not wording_of(trace).sorts)
    return {token: Landing((x, TOP), run.size) for token, x, _width in run.chips}


def _draw(card: Card, pen: Pen, landings: dict[int, Landing]) -> None:
    match card:
        case SoftmaxCard():
            draw_softmax(pen, card)
        case NormCard():
            draw_norm(pen, card)
        case CurveCard():
            draw_curve(pen, card)
        case TurnCard():
            draw_turn(pen, card)
        case RankingCard():
            draw_ranking(pen, card)
        case OddsCard():
            draw_odds(pen, card, landings.get(card.token))
        case Tag():
            draw_tag(pen, card)
