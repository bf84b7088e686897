# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of two runs, chapter by chapter: what fills in a chapter decides, and every number is of the traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .differences import Difference, largest, root_mean_square
from .layout_types import Block, Bounds, Layout
from .story_types import Act, Story
from .trace import Trace
from .values import Values, masked
from .wording import shown, vocabulary_of
from .words.sides import Sentences

LIKELY = 3  # odds that a caption tells
PAIRS = 2  # of different tokens that it tells
APART = 0.01  # of the odds of a step, in all: less is not told
# What a column of a block is called, by its innermost axis.
COLUMNS = {
    "channel": "channel", "neuron": "neuron", "key_token": "key token", "vocab": "word", "key_dim": "feature",
    "value_dim": "feature",
}  # fmt: skip


@dataclass(frozen=True)
class Spoken:
    """A caption, and the cell that it speaks of where it does."""

    text: str
    cell: Difference | None = None


@dataclass(frozen=True)
class Pair:
    """Two runs with their layouts and numbers, what they are called, and whether the second stands above the first."""

    traces: tuple[Trace, Trace]
    layouts: tuple[Layout, Layout]
    values: tuple[Values, Values]
    names: tuple[str, str]
    stacked: bool
    say: Sentences

    def overview(self) -> list[Spoken]:
        """Of the first chapter."""
        moment = "overview above" if self.stacked else "overview beside"
        return [Spoken(self.say.say(moment, first=self.names[0], second=self.names[1]))]

    def captions(self, act: Act, story: Story) -> list[Spoken]:
        """Of a chapter of the first run's story."""
        filled = [fill.block for fill in story.fills if act.start <= fill.start < act.start + act.duration]
        blocks = [self.layouts[0].by_key[key] for key in filled]
        if any(block.step for block in blocks):
            return [Spoken(self._answers()), *self._parting()]
        special = self._special(blocks)
        if special is not None:
            return [special]
        keys = [b.key for b in blocks if b.kind == "activation" and b.row_axis == ("token",)]
        # What heads have read is what a chapter of all heads ends in; keys and values stand behind the queries.
        for part in ("mix", "q"):
            if any(self.layouts[0].by_key[key].part == part for key in keys):
                keys = [key for key in keys if self.layouts[0].by_key[key].part == part]
                break
        # Of what the camera looks at last in this chapter, where that is anything.
        looks = [shot.subject for shot in story.shots if act.start <= shot.start < act.start + act.duration]
        seen = [key for key in keys if looks and _inside(self.layouts[0].by_key[key], looks[-1])]
        difference = largest(*self.values, seen or keys)
        if difference is None:
            return [Spoken(self._sizes(seen or keys))]
        return [Spoken(self.say.say("equal"))] if difference.size == 0 else [self._generic(difference)]

    @property
    def _places(self) -> dict[str, str]:
        words = ("below", "above") if self.stacked else ("left", "right")
        return dict(zip(("here", "there"), map(self.say.say, words), strict=True))

    def _special(self, blocks: Sequence[Block]) -> Spoken | None:
        """The caption of a chapter that has one of its own."""
        parts = {block.part for block in blocks}
        if "token_embedding" in parts:
            return Spoken(self._tokens())
        if "probabilities" in parts:
            first, second = (self._odds(trace) for trace in self.traces)
            return Spoken(self.say.say("odds", first=first, second=second, **self._places))
        layers = {block.layer for block in blocks if block.part == "residual_mlp" and block.layer is not None}
        if len(layers) > 1 and (steps := self._drift()):
            return Spoken(self.say.say("layers", steps=steps))
        if "mix" in parts:  # the pattern of the worked head is told already
            return None
        difference = largest(*self.values, [block.key for block in blocks if block.part == "pattern"])
        if difference is None or difference.size == 0:
            return None
        text = self.say.say(
            "pattern",
            layer=(difference.block.layer or 0) + 1,
            head=(difference.block.head or 0) + 1,
            token=difference.row + 1,
            seen=difference.column + 1,
            a=self.say.number(difference.first, 2),
            b=self.say.number(difference.second, 2),
            **self._places,
        )
        return Spoken(text, difference)

    def _generic(self, difference: Difference) -> Spoken:
        axis = difference.block.column_axis[-1] if difference.block.column_axis else ""
        text = self.say.say(
            "generic",
            label=_label(difference.block),
            token=difference.row + 1,
            column=f"{self.say.say(COLUMNS.get(axis, 'column'))} {difference.column + 1}",
            a=self.say.number(difference.first, 2),
            b=self.say.number(difference.second, 2),
            **self._places,
        )
        return Spoken(text, difference)

    def _sizes(self, keys: Sequence[str]) -> str:
        """Of the widest of some blocks that both have: how large it is in each, and the largest number in it."""
        shared = [key for key in keys if key in self.values[1].blocks]
        if not shared:
            return self.say.say("alone")
        widest = max(shared, key=lambda key: self.values[0].blocks[key].counts[1])
        blocks = [values.blocks[widest] for values in self.values]
        tops = [_largest_number(values, widest) for values in self.values]
        sizes = [" × ".join(self.say.number(count) for count in block.counts) for block in blocks]
        first, second = (self.say.number(top, 2) for top in tops)
        label = _label(blocks[0])
        return self.say.say("sizes", label=label, size=sizes[0], other=sizes[1], a=first, b=second, **self._places)

    def _tokens(self) -> str:
        """Which tokens of the prompts differ, the first few by their texts."""
        first, second = ([token.text for token in trace.prompt_tokens] for trace in self.traces)
        apart = [i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b]
        count = len(apart) + abs(len(first) - len(second))
        if not count:
            difference = largest(*self.values, [key for key, b in self.values[0].blocks.items() if _is_embedding(b)])
            if difference is None:
                return self.say.say("alone")
            return self.say.say("equal") if difference.size == 0 else self._generic(difference).text
        told = (self.say.say("pair", token=i + 1, first=shown(first[i]), second=shown(second[i])) for i in apart)
        pairs = ", ".join(list(told)[:PAIRS]) or self.say.say("longer")
        moment = "tokens" if self.stacked else "tokens apart"
        return self.say.say(moment, count=count, tokens=max(len(first), len(second)), pairs=pairs)

    def _drift(self) -> str:
        """How far apart the residual streams are after each layer that both have."""
        blocks = self.values[0].blocks.values()
        keys = {b.layer: b.key for b in blocks if b.part == "residual_mlp" and b.step == 0 and b.layer is not None}
        apart = (root_mean_square(*self.values, keys[layer]) for layer in sorted(keys))
        return ", ".join(self.say.number(size, 2) for size in apart if size is not None)

    def _answers(self) -> str:
        answers = ["".join(token.text for token in trace.generated_tokens) for trace in self.traces]
        first, second = (shown(answer) if answer.strip() == "" else answer.strip() for answer in answers)
        return self.say.say("again", first=self.names[0], second=self.names[1], answer=first, other=second)

    def _odds(self, trace: Trace) -> str:
        """The likeliest tokens after the prompt with their shares."""
        row = next_shares(trace).get(0)
        if row is None:
            return self.say.say("unknown")
        best = np.argsort(-row, kind="stable")[:LIKELY]
        return ", ".join(self._share(trace, row, int(i)) for i in best)

    def _share(self, trace: Trace, row: NDArray[np.float32], word: int) -> str:
        return f"{shown(vocabulary_of(trace)[word])} {self.say.number(100 * float(row[word]), 1)} %"

    def _parting(self) -> list[Spoken]:
        """The new token whose odds differ most, where they do."""
        first, second = (next_shares(trace) for trace in self.traces)
        steps = [step for step in first if step in second and first[step].shape == second[step].shape]
        apart = {step: float(np.abs(first[step] - second[step]).sum()) for step in steps}
        step = max(apart, key=lambda one: apart[one], default=None)
        if step is None or apart[step] < APART:
            return []
        odds = [
            self._share(trace, row, int(row.argmax()))
            for trace, row in zip(self.traces, (first[step], second[step]), strict=True)
        ]
        return [Spoken(self.say.say("part", step=step + 1, first=odds[0], second=odds[1], **self._places))]


def next_shares(trace: Trace) -> dict[int, NDArray[np.float32]]:
    """The odds of the next token in each step, [vocabulary]."""
    found = {}
    for operation in trace.operations:
        if operation.kind == "softmax" and operation.layer is None:
            shares = trace.array(operation.outputs[0])
            found[operation.step] = shares.reshape(-1, shares.shape[-1])[-1]
    return found


def _label(block: Block) -> str:
    """A block's short name at the beginning of a sentence."""
    label = block.label.replace("_", " ")
    return label[:1].upper() + label[1:]


def _largest_number(values: Values, key: str) -> float:
    """The number of the largest magnitude in a block that is one and is not masked."""
    matrix = values.entire(key)
    found = matrix[np.isfinite(matrix) & ~masked(matrix, values.blocks[key].part)]
    return float(found[np.abs(found).argmax()]) if found.size else 0.0


def _is_embedding(block: Block) -> bool:
    return block.part == "residual_0" and block.step == 0


def _inside(block: Block, box: Bounds) -> bool:
    body = block.body()
    middle = [(low + high) / 2 for low, high in zip(body.low, body.high, strict=True)]
    return all(low - 1 <= at <= high + 1 for low, at, high in zip(box.low, middle, box.high, strict=True))
