# SPDX-License-Identifier: GPL-3.0-or-later
"""What every view asks of the run: its numbers, when each block fills, and which row is worked slowly."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from .effects_types import Numbers
from .haste import reached
from .layout_types import Block, Layout
from .layout_types import Operation as Drawn
from .story_types import Fill, Story
from .trace import Trace
from .trace_manifest import Operation
from .values import Values
from .wording import printable, shown, vocabulary_of
from .words import catalog

SHOWN_TEXT = 6  # letters of a token in a chart


class Context:
    """One run, with its layout and its finished story."""

    def __init__(self, trace: Trace, layout: Layout, story: Story) -> None:
        self.trace = trace
        self.layout = layout
        self.story = story
        self.values = Values(trace, layout)
        self.fills = {fill.block: fill for fill in story.fills}
        self.drawn = {operation.operation: operation for operation in layout.operations}

    @cached_property
    def focus(self) -> tuple[int | None, int | None, int]:
        """Layer, head and token that the story works slowly: those of the first fill with a focus."""
        for fill in self.story.fills:
            block = self.layout.by_key.get(fill.block)
            if block is not None and fill.focus is not None and block.layer is not None:
                return block.layer, block.head, fill.focus
        layers = [block.layer for block in self.layout.blocks if block.layer is not None]
        return (min(layers) if layers else None), 0, len(self.trace.prompt_tokens) - 1

    def worked(self, operation: Operation) -> bool:
        """Whether an operation is of the pass and the layer that are shown in full."""
        return operation.step == 0 and operation.layer in (None, self.focus[0])

    def odds_of(self, sample: Operation) -> Operation | None:
        """The softmax of which a token is sampled: it makes what the sample takes, or takes the same logits."""
        for other in self.trace.operations:
            odds = other.kind == "softmax" and other.step == sample.step and other.layer is None
            if odds and set(sample.inputs) & {*other.inputs, *other.outputs}:
                return other
        return None

    @cached_property
    def sampled(self) -> frozenset[int]:
        """The operations that make odds from which tokens are sampled."""
        found = (self.odds_of(other) for other in self.trace.operations if other.kind == "sample")
        return frozenset(odds.id for odds in found if odds is not None)

    def blocks(self, keys: Iterable[str], *, filled: bool = True) -> list[Block]:
        """The blocks of these keys; with `filled` those that get their numbers in the story."""
        return [self.layout.by_key[key] for key in keys if not filled or key in self.fills]

    def mine(self, blocks: Iterable[Block]) -> list[Block]:
        """Of blocks that stand once for each head, those of the worked head."""
        return [block for block in blocks if block.head in (None, self.focus[1])]

    def results(self, drawn: Drawn) -> list[Block]:
        """What an operation makes, without its statistics."""
        return [block for block in self.blocks(drawn.out) if block.role != "statistic"]

    def statistics(self, drawn: Drawn) -> list[Block]:
        """The statistics that an operation makes on its way."""
        return [block for block in self.blocks(drawn.out) if block.role == "statistic"]

    def activations(self, drawn: Drawn) -> list[Block]:
        """What an operation takes that is no weight."""
        return [block for block in self.blocks(drawn.left, filled=False) if block.kind != "weight"]

    def row(self, block: Block) -> int:
        """The drawn row of a block that is worked slowly: the worked token's, or the last."""
        fill = self.fills.get(block.key)
        if fill is not None and fill.focus is not None:
            return fill.focus
        if block.layer is None and block.step == 0:
            return min(len(self.trace.prompt_tokens), block.shape[0]) - 1
        return min(self.focus[2], block.shape[0] - 1)

    def numbers(self, block: Block, row: int) -> Numbers:
        """A drawn row of a block."""
        return self.values.matrix(block.key)[row].astype(np.float64)

    def whole(self, block: Block, row: int) -> Numbers:
        """A drawn row of a block with all its columns, also those that are elided."""
        return self.values.whole(block.key)[row].astype(np.float64)

    def span(self, blocks: Iterable[Block]) -> tuple[float, float]:
        """From when the first of these blocks starts to fill until the last is full."""
        fills = [self.fills[block.key] for block in blocks]
        return min(fill.start for fill in fills), max(fill.start + fill.duration for fill in fills)

    def until(self, second: float) -> float:
        """How long what is shown at a second may stay: as long as the caption that is read then."""
        ends = [c.start + c.duration for c in self.story.captions if c.start <= second < c.start + c.duration]
        return max([second, *ends])

    def token_name(self, index: int) -> str:
        """A token of the run, short enough for a chart, without spaces around it."""
        text = self.trace.tokens[index].text
        return (printable(text).strip() or shown(text))[:SHOWN_TEXT]

    def token_title(self, block: Block, row: int) -> str:
        """What a row of a block is called in a title: its token, or its number where the block has not a row for each
        token (an expert's)."""
        first, last = self.trace.steps[block.step].tokens if block.step < len(self.trace.steps) else (0, -1)
        number = int(block.row_numbers[row])
        if block.counts[0] != last - first + 1:
            return self.say("row", number=number + 1)
        text = shown(self.trace.tokens[number].text, catalog(self.story.language).unseen)[: 2 * SHOWN_TEXT]
        return self.say("token", number=number + 1, text=text)

    def say(self, name: str, **values: object) -> str:
        """What a chart says, in the story's language."""
        return catalog(self.story.language).cards[name].format(**values)

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The text of every token of the model."""
        return vocabulary_of(self.trace)


def reveal(fill: Fill, shape: tuple[int, int]) -> Numbers:
    """When each cell of a block shows its number, [rows, columns]: the middle of its fading in, as the scene's cells
    do it for the fill's style."""
    rows, columns = shape
    row = np.arange(rows)[:, None] + np.zeros((1, columns))
    inside = (np.arange(columns) + 0.5)[None, :] / columns + np.zeros((rows, 1))
    order = {"dot": (row + inside) / rows, "column": inside}.get(fill.style, (row + 0.6 * inside) / rows)
    share = fill.share if fill.focus is not None else 0.0
    mine = row == (-1 if fill.focus is None else fill.focus)
    place = np.where(mine, reached(inside) * share, share + order * (1.0 - share))
    width = np.where(mine, 0.5 * share / columns, 0.6 / rows)
    if fill.style in ("all", "outer"):
        place, width = np.zeros_like(place), np.ones_like(width)
    width = np.clip(width, 0.002, 1.0)
    return fill.start + fill.duration * (place * (1.0 - width) + 0.5 * width)
