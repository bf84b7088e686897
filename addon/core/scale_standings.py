# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models stand that are compared by size: beside each other at one scale, with their names and a ruler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .known_models import KnownModel
from .layout_config import lay_out_config, parameters_of
from .layout_types import Bounds, Label, Layout, Ribbon, Vector, text_width
from .layout_words import labels_in_words
from .words.sides import Sentences

TOKENS = 8  # of the text that activations are drawn for
APART = 0.12  # between two models, in widths of the smaller one
LETTERS = 0.044  # height of a capital of a model's name, in widths of the model
SLAB = 0.0045  # how thick a model's slabs are, in its widths: thickness is no axis
NARROWEST = 0.55  # of the picture: for how much of its width a model is folded, as others stand beside it


@dataclass(frozen=True)
class Standing:
    """A model where it stands: its layout in coordinates of its own, which begin at `at` in the scene."""

    model: KnownModel
    layout: Layout
    at: Vector
    box: Bounds  # in the scene, without its name
    titles: tuple[Label, ...]  # before it on the floor, in the scene
    ruler: Ribbon  # as long as one row of the residual stream, in the scene
    thickness: float  # of its slabs, in units

    @property
    def width(self) -> float:
        """From side to side, in units."""
        return self.box.high[0] - self.box.low[0]

    @property
    def foot(self) -> Vector:
        """Where its sign stands: at its front left corner."""
        return self.box.low[0], self.box.low[1], 0.0

    def corners(self) -> tuple[Vector, ...]:
        """What a camera has to see of it: the model and its name."""
        words = (corner for label in self.titles for corner in label.extent().corners())
        return (*self.box.corners(), *words)


def line_up(models: Sequence[KnownModel], aspect: float, say: Sentences) -> tuple[Standing, ...]:
    """Where models stand, the smallest first: their fronts on one line, from left to right; in a picture that is
    higher than wide one behind the other. A step along an axis is as long in each as in the others."""
    ordered = sorted(models, key=lambda model: parameters_of(model.config))
    standings: list[Standing] = []
    at = 0.0
    for model in ordered:
        fold = aspect if aspect < 1 else aspect * _share(standings, model)
        layout = lay_out_config(model.config, model.name, tokens=TOKENS, aspect=fold)
        layout = labels_in_words(layout, say.catalog)
        box = _box(layout)
        width, depth = box.high[0] - box.low[0], box.high[1] - box.low[1]
        front = 0.0 if aspect >= 1 else at + _titles_depth(width)
        left = at if aspect >= 1 else 0.0
        move = (left - box.low[0], front - box.low[1], 0.0)
        standings.append(_stand(model, layout, move, say))
        at += (width + APART * width) if aspect >= 1 else _titles_depth(width) + depth + 0.05 * depth
    return tuple(standings)


def _share(before: Sequence[Standing], model: KnownModel) -> float:
    """About which share of the picture's width is left for a model beside those before it."""
    if not before:
        return 1.0
    last = before[-1]
    width = last.width * math.sqrt(parameters_of(model.config) / last.layout.parameters)
    return max(NARROWEST, width / (width + last.box.high[0]))


def _box(layout: Layout) -> Bounds:
    """The box around the blocks alone: without the title that a layout leaves room for."""
    low, high = layout.bodies[:, 0].min(0), layout.bodies[:, 1].max(0)
    return Bounds((float(low[0]), float(low[1]), float(low[2])), (float(high[0]), float(high[1]), float(high[2])))


def _titles_depth(width: float) -> float:
    return 5.2 * LETTERS * width


def _stand(model: KnownModel, layout: Layout, at: Vector, say: Sentences) -> Standing:
    box = _box(layout)
    low = (box.low[0] + at[0], box.low[1] + at[1], box.low[2])
    high = (box.high[0] + at[0], box.high[1] + at[1], box.high[2])
    width = high[0] - low[0]
    channels = _channels(layout)
    lines = (
        (model.name, 1.0, "text"),
        (say.say("parameters", count=layout.parameters), 0.62, "secondary"),
        # What the green ruler before it stands for comes first.
        (say.say("sizes", channels=channels, layers=layers_of(layout)), 0.5, "channel"),
    )
    size = min(LETTERS * width, *(0.9 * width / text_width(words, share) for words, share, _hue in lines))
    titles, y = [], low[1] - 0.5 * size
    for words, share, hue in lines:
        y -= 1.5 * share * size
        titles.append(Label(words, (low[0], y, 0.0), share * size, "floor", "left", 0, hue))
    y -= 0.4 * size
    ruler = Ribbon(((low[0], y, 0.0), (low[0] + channels, y, 0.0)), 0.16 * size, "flow")
    thickness = max(0.6, SLAB * width)
    return Standing(model, layout, at, Bounds(low, high), tuple(titles), ruler, thickness)


def layers_of(layout: Layout) -> int:
    """How many layers a layout has."""
    return len({block.layer for block in layout.blocks if block.layer is not None})


def _channels(layout: Layout) -> int:
    return next(block.counts[1] for block in layout.blocks if block.part == "residual_0")
