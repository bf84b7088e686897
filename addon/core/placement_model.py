# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole model: layers in rows as in writing, the spine through them, embedding first and vocabulary last.

How many layers stand in a row is whatever covers most of the frame; a road on the floor brings the spine back to the
beginning of the next row.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, radians, sin

import numpy as np

from .camera import fit, project
from .layout_parts import PITCH
from .layout_types import Card, Vector
from .placement import LABEL_Z, Draft, Gaps
from .placement_ends import CARD, place_cards, place_embedding, place_output
from .placement_layer import place_layer
from .placement_pieces import Extent
from .placement_shape import ModelShape

MANY, LIKELY = 24, 2  # layers from which on not every folding is tried, and how many are then
THREAD = 0.16  # width of a token's line in the spine


@dataclass(frozen=True)
class Plan:
    """A placed model. `per_row` layers stand in each row."""

    draft: Draft
    cards: tuple[Card, ...]
    title: Vector
    per_row: int


def place_model(shape: ModelShape, name: str, cards: int, aspect: float) -> Plan:
    """The plan whose blocks cover most of a frame of this aspect (width over height); `cards` tokens get one."""
    # Every number of rows needs at least this many layers a row; more would only leave the last row emptier.
    choices = sorted({ceil(shape.layers / rows) for rows in range(1, shape.layers + 1)})
    if shape.layers > MANY:
        choices = likely(shape, choices, aspect)
    plans = [place_rows(shape, name, cards, per_row) for per_row in choices]
    return max(plans, key=lambda plan: coverage(plan, aspect))


def likely(shape: ModelShape, choices: list[int], aspect: float) -> list[int]:
    """Of many ways to fold a deep model those that fill the frame best, judged by one layer."""

    def misfit(per_row: int) -> float:
        rows = ceil(shape.layers / per_row)
        gaps = Gaps.of(shape, rows)
        one = place_layer(Draft(shape, gaps), 0, 0.0, 0.0)
        wide, deep = per_row * (one.right + 2 * gaps.section), rows * (one.back + row_gap(gaps))
        return abs(log(wide / (deep * sin(radians(36.0))) / aspect))

    return sorted(sorted(choices, key=misfit)[:LIKELY])


def coverage(plan: Plan, aspect: float) -> float:
    """Share of the frame that the faces of all blocks fill in the establishing shot, overlaps counted twice."""
    faces = np.array([place.corners() for place in plan.draft.places])  # [blocks, 4, 3]
    azimuth, elevation, lens = (-4.0, 36.0, 85.0) if aspect >= 1 else (-3.0, 45.0, 120.0)
    pose = fit(faces.reshape(-1, 3), azimuth, elevation, lens, aspect)
    seen = project(faces.reshape(-1, 3), pose)[:, :2].reshape(-1, 4, 2)
    a, b = seen[:, 2] - seen[:, 0], seen[:, 3] - seen[:, 1]  # the diagonals: half their cross product is the area
    return float(np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2)


def place_rows(shape: ModelShape, name: str, cards: int, per_row: int) -> Plan:
    """The model with `per_row` layers in each row."""
    rows = ceil(shape.layers / per_row)
    gaps = Gaps.of(shape, rows)
    draft = Draft(shape, gaps)
    trial = Draft(shape, gaps)
    kinds = {shape.layer(layer): layer for layer in range(shape.layers)}  # one layer of each shape
    ones = [place_layer(trial, layer, 0.0, 0.0) for layer in kinds.values()]
    one = Extent(0.0, max(extent.right for extent in ones), max(extent.back for extent in ones))
    back = max(one.back, place_output(trial, 0.0, 0.0).back)
    wide, deep = one.right + 2 * gaps.section, back + row_gap(gaps)

    embedding = place_embedding(draft, -2.4 * gaps.section, 0.0)
    spans: list[tuple[float, float, float]] = []  # of each row: where its spine begins and ends, and its y
    for row in range(rows):
        y = -row * deep
        layers = range(row * per_row, min((row + 1) * per_row, shape.layers))
        ends = [place_layer(draft, layer, (layer % per_row) * wide, y).right for layer in layers]
        spans.append((-gaps.section, ends[-1], y))
    first = -2.4 * gaps.section - shape.channels - gaps.stage
    stack = place_cards(draft, first, cards)
    draft.name("tokens", first, -2.0 * gaps.text, gaps.text, 2, section="tokens", align="right")
    spans[0] = (first, spans[0][1], 0.0)
    begin, end, y = spans[-1]
    output = place_output(draft, end + 2 * gaps.section, y)
    spans[-1] = (begin, end + 2 * gaps.section + shape.channels, y)
    place_spine(draft, spans)

    left = min(embedding.left, first - CARD[0])
    free = rows * per_row > shape.layers  # the last row has room for a title
    title = place_title(
        draft,
        name,
        (output.right + 3 * gaps.section, y + 0.45 * one.back)
        if free
        else (left, y - 2.0 * gaps.layer_text - gaps.road - 2.5 * gaps.text),
    )
    return Plan(draft, stack, title, per_row)


def row_gap(gaps: Gaps) -> float:
    """Between the farthest name of one row and the spine of the row behind it: its names and the road back."""
    return 3.2 * gaps.text + 2 * gaps.road + 0.5 * gaps.layer_text


def place_spine(draft: Draft, spans: list[tuple[float, float, float]]) -> None:
    """A road under every row and a line for each token above it, and the way from the end of a row to the next."""
    gaps, pitch = draft.gaps, PITCH["token"]
    for row, (begin, end, y) in enumerate(spans):
        last = row == len(spans) - 1
        begin = begin - gaps.section if row else begin
        end = end if last else end + gaps.section
        draft.road([(begin, y), (end, y)], gaps.road, "spine")
        for token in range(draft.shape.tokens):
            z = gaps.height - (token + 0.5) * pitch
            draft.thread(begin, end, y + 0.3, z, THREAD)
        if not last:
            back, low = spans[row + 1][0] - gaps.section, y - 3.2 * gaps.text - gaps.road
            draft.road([(end, y), (end, low), (back, low), (back, spans[row + 1][2])], gaps.road, "spine")


def place_title(draft: Draft, name: str, at: tuple[float, float]) -> Vector:
    """The model's name and size in letters that the whole view can read; returns where the name begins."""
    shape, size = draft.shape, 1.6 * draft.gaps.layer_text
    x, y = at
    draft.name(name, x, y, size, 0)
    groups = min((shape.layer(layer).groups for layer in range(shape.layers)), default=shape.heads)
    shared = f" on {groups} keys" if groups < shape.heads and shape.layer(0).shared > 1 else ""
    known = any(shape.layer(layer).has("scores") for layer in range(shape.layers))
    lines = (
        f"{shape.layers} layers   {shape.heads} heads{shared}" if known else f"{shape.layers} layers",
        f"{shape.channels} channels   {shape.steps[-1]} tokens",
    )
    for line, text in enumerate(lines):
        draft.name(text, x, y - size * (0.95 + 0.62 * line), 0.4 * size, 0, color="secondary")
    return x, y, LABEL_Z
