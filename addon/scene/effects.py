# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out what happens between the multiplies: all flights in one object, all charts in two."""

from __future__ import annotations

from dataclasses import dataclass, replace

import bpy

from ..core.effects import effects_of
from ..core.effects_room import place_card
from ..core.effects_types import (
    Card,
    CurveCard,
    Effects,
    NormCard,
    OddsCard,
    RankingCard,
    SoftmaxCard,
    Tag,
    TurnCard,
)
from ..core.layout import Layout
from ..core.names import Cover
from ..core.shots import NARROW, film
from ..core.story import Story
from ..core.trace import Trace
from ..core.values import Values
from ..core.wording import wording_of
from ..core.words import Catalog
from .effects_curve import draw_curve
from .effects_flights import add_flight
from .effects_letters import Letters
from .effects_material import overlay_material, solid_material
from .effects_norm import draw_norm
from .effects_odds import draw_odds, draw_ranking, rows_size
from .effects_pen import Landing, Pen
from .effects_sheet import Sheet
from .effects_softmax import draw_softmax
from .effects_tag import draw_tag
from .effects_turn import draw_turn
from .groups import Groups
from .merge import Shapes
from .overlay import TOP, Overlay
from .running_text import place_running_text
from .slices import Slices

# Width and height of cards, in frame heights.
TAG, SIZE = (0.46, 0.10), (0.72, 0.47)


def effect_slices(
    overlay: Overlay,
    shapes: Shapes,
    groups: Groups,
    values: Values,
    trace: Trace,
    placed: PlacedEffects,
    words: Catalog,
) -> Slices[None]:
    """Adds what is seen between the multiplies to the scene, in slices: the objects `flights`, `panels`, `charts`."""
    effects = placed.effects
    solid = solid_material(groups)
    yield
    if effects.flights:
        flights = Sheet()
        for flight in effects.flights:
            add_flight(flights, flight, values)
        overlay.collection.objects.link(_item("flights", flights, solid))
    yield
    if effects.cards:
        panels, charts, letters = Sheet(), Sheet(), Letters(shapes, overlay.font)
        landings = _landings(overlay, trace)
        for card, place in zip(effects.cards, placed.places, strict=True):
            window = card.start, card.end
            pen = Pen(panels, charts, letters, place.middle, place.scale, size_of(card), window, words)
            _draw(card, pen, landings)
            yield
        overlay.put(_item("panels", panels, solid), 0.0, 0.0, 0.0005)
        yield
        painted = overlay_material(groups)
        yield
        overlay.put(_item("charts", charts, painted), 0.0, 0.0, 0.001)
        yield


def _item(name: str, sheet: Sheet, material: bpy.types.Material) -> bpy.types.Object:
    item = bpy.data.objects.new(name, sheet.mesh(name, material))
    item["fp_kind"] = "effects"
    item.hide_select = True  # all of a film's pieces lie before its blocks, unseen: a click means a block
    return item


@dataclass(frozen=True)
class Place:
    """Where a card stands, in frame heights from the middle of the frame, and by how much it is scaled."""

    middle: tuple[float, float]
    scale: float


@dataclass(frozen=True)
class PlacedEffects:
    """What happens between the multiplies of a run, with a place for each card, and what cards take of the frame."""

    effects: Effects
    places: tuple[Place, ...]
    covers: tuple[Cover, ...]


def place_effects(trace: Trace, layout: Layout, story: Story, aspect: float) -> PlacedEffects:
    """All effects of a run, each card where it hides least in a frame of that aspect."""
    effects = effects_of(trace, layout, story)
    if aspect < NARROW:  # a card that no shot keeps room for would stand over what is seen
        cards = [card for card in effects.cards if isinstance(card, Tag) or _has_room(card, story)]
        effects = replace(effects, cards=tuple(cards))
    keys = film(story.shots, story.duration, aspect)
    others = [block for block in layout.blocks if block.step == 0]
    places = []
    for card in effects.cards:
        room = _has_room(card, story)
        clear = [layout.by_key[key] for key in card.clear]
        x, y, scale = place_card(keys, card.shot, aspect, clear, others, size_of(card), room)
        places.append(Place((x, y), scale))
    covers = [_cover(card, place, aspect) for card, place in zip(effects.cards, places, strict=True)]
    return PlacedEffects(effects, tuple(places), tuple(covers))


def _cover(card: Card, place: Place, aspect: float) -> Cover:
    (x, y), (width, height) = place.middle, (0.5 * place.scale * side for side in size_of(card))
    box = ((x - width) / aspect + 0.5, y - height + 0.5, (x + width) / aspect + 0.5, y + height + 0.5)
    return Cover(card.start, card.end, box)


def size_of(card: Card) -> tuple[float, float]:
    """Width and height that a card is drawn for, in frame heights."""
    match card:
        case Tag():
            return TAG
        case OddsCard() | RankingCard():
            return rows_size(card)
    return SIZE


def _has_room(card: Card, story: Story) -> bool:
    return any(shot.aside > 0 for shot in story.shots if shot.start == _shot_at(card.shot, story))


def _shot_at(second: float, story: Story) -> float:
    """When the shot began that is seen then."""
    return max((shot.start for shot in story.shots if shot.start <= second), default=0.0)


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
