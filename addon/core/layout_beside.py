# SPDX-License-Identifier: GPL-3.0-or-later
"""Several models side by side, at one scale, each with its name and how many parameters it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .layout_types import Block, Bounds, Card, Label, Layout, Operation, Plate, Ribbon, Vector, text_width
from .placement import LABEL_Z

APART = 0.08  # between two models, in the width of the widest
LETTERS = 0.035  # size of a model's name, in the width of all


def side_by_side(layouts: Sequence[Layout]) -> Layout:
    """One layout of several, from left to right, their spines on one line. A step along an axis is as long in each of
    them as in the others.

    Keys begin with the place in the row ("0.s0.l1.w_o"), collections and bounds with it and the name ("0 GPT-3 / layer
    1"); "model" is all of them. Raises ValueError where there is none, or two do not agree on a pitch.
    """
    if not layouts:
        raise ValueError("there is nothing to put side by side")
    pitch = layouts[0].pitch
    if any(layout.pitch != pitch for layout in layouts):
        raise ValueError("the layouts have different scales")
    boxes = [layout.bounds["model"] for layout in layouts]
    gap = APART * max(box.high[0] - box.low[0] for box in boxes)
    total = sum(box.high[0] - box.low[0] + gap for box in boxes) - gap
    front = min(box.low[1] for box in boxes)
    at, moved, titles = 0.0, [], []
    for number, (layout, box) in enumerate(zip(layouts, boxes, strict=True)):
        moved.append(move_layout(layout, number, (at - box.low[0], 0.0, 0.0)))
        titles += _titles(layout, at, front, total, max(box.high[0] - box.low[0], 0.5 * gap))
        at += box.high[0] - box.low[0] + gap
    bounds = {name: found for one in moved for name, found in one.bounds.items()}
    corners = [corner for one in moved for corner in one.bounds["model"].corners()]
    corners += [corner for label in titles for corner in label.extent().corners()]
    return Layout(
        blocks=tuple(block for one in moved for block in one.blocks),
        operations=tuple(operation for one in moved for operation in one.operations),
        labels=(*(label for one in moved for label in one.labels), *titles),
        ribbons=tuple(ribbon for one in moved for ribbon in one.ribbons),
        plates=tuple(plate for one in moved for plate in one.plates),
        bounds=bounds | {"model": Bounds.around(corners)},
        pitch=dict(pitch),
        title=titles[0].position,
        cards=tuple(card for one in moved for card in one.cards),
        name=", ".join(layout.name for layout in layouts),
        parameters=sum(layout.parameters for layout in layouts),
    )


def _titles(layout: Layout, x: float, front: float, total: float, room: float) -> list[Label]:
    """The name and the parameters of a model, on the floor before it, in letters of one size where there is room."""
    lines = (layout.name, f"{layout.parameters:,} parameters")
    size = min(LETTERS * total, *(room / text_width(line, 1.0) for line in lines if line))
    labels = []
    for number, (line, color) in enumerate(zip(lines, ("text", "secondary"), strict=True)):
        place = (x, front - (1.6 + 1.4 * number) * size, LABEL_Z)
        labels.append(Label(line, place, size, "floor", "left", 0, color))
    return labels


def move_layout(layout: Layout, number: int, by: Vector) -> Layout:
    """A layout moved as a whole, its keys and names with a number before them: its place among several."""
    stem, whole = f"{number}.", f"{number} {layout.name}".strip()

    def key(keys: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(stem + one for one in keys)

    def inside(names: tuple[str, ...]) -> tuple[str, ...]:
        return (whole, *(f"{whole} / {name}" for name in names))

    def vector(v: Vector) -> Vector:
        return v[0] + by[0], v[1] + by[1], v[2] + by[2]

    def block(one: Block) -> Block:
        moved = vector(one.origin)
        return replace(one, key=stem + one.key, origin=moved, collection=inside(one.collection))

    def operation(one: Operation) -> Operation:
        return replace(
            one,
            left=key(one.left),
            right=key(one.right),
            out=key(one.out),
            bias=key(one.bias),
            collection=inside(one.collection),
        )

    def label(one: Label) -> Label:
        return replace(one, position=vector(one.position), collection=inside(one.collection))

    def ribbon(one: Ribbon) -> Ribbon:
        return replace(one, points=tuple(vector(point) for point in one.points))

    def flat(v: tuple[float, float]) -> tuple[float, float]:
        return v[0] + by[0], v[1] + by[1]

    def plate(one: Plate) -> Plate:
        return replace(one, low=flat(one.low), high=flat(one.high), z=one.z + by[2])

    def card(one: Card) -> Card:
        return replace(one, position=vector(one.position))

    bounds = {
        "model" if name == "model" else f"{whole} / {name}": Bounds(vector(box.low), vector(box.high))
        for name, box in layout.bounds.items()
    }
    return replace(
        layout,
        blocks=tuple(map(block, layout.blocks)),
        operations=tuple(map(operation, layout.operations)),
        labels=tuple(map(label, layout.labels)),
        ribbons=tuple(map(ribbon, layout.ribbons)),
        plates=tuple(map(plate, layout.plates)),
        bounds={**bounds, whole: bounds["model"]},
        title=vector(layout.title),
        cards=tuple(map(card, layout.cards)),
    )
