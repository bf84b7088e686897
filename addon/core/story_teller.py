# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chapters of a story share while a run is told: the time line, the worked example, and the words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .examples import Example
from .layout_parts import SHARED_EXPERT
from .layout_types import Layout
from .presets import BRIEF
from .story_stretches import Stretches, split
from .timeline import Timeline, Window
from .trace import Trace
from .values import Values
from .wording import quoted, shortened, shown
from .words import LONGEST_QUOTE, caption, last_act

CAPTION_ODDS = 3  # of the likeliest tokens, where there are more than FEW


class Teller(Stretches):
    """One run while it is told in sentences of a kind (DEEP, FULL, BRIEF), at a pace, with an example worked."""

    def __init__(self, trace: Trace, layout: Layout, values: Values, words: str, example: Example) -> None:
        super().__init__(trace, layout, values, example)
        self.words = words
        self.brief = words == BRIEF

    def begin(self, pace: float) -> None:
        """An empty time line at a pace."""
        self.line = Timeline(self.layout, self.values, pace)

    @property
    def stem(self) -> str:
        """The beginning of the keys of the worked layer."""
        return f"s0.l{self.example.layer}"

    @property
    def head(self) -> str:
        """The beginning of the keys of the worked head."""
        return f"{self.stem}.h{self.example.head}"

    def split(self, window: Window, shares: Iterable[float]) -> list[Window]:
        """Consecutive parts of a window, by their shares."""
        return split(window, shares)

    def last_act(self) -> str:
        """The name of the act in which the later steps run."""
        return last_act(self.wording)

    def say(self, moment: str) -> str:
        """The caption of a moment, full or brief, with this run's own numbers."""
        example, shape, wording = self.example, self.sizes, self.wording
        last = self.values.whole("s0.probabilities")[-1] if self.has("probabilities") else np.zeros(1, np.float32)
        return caption(
            moment,
            self.brief,
            layers=shape.layers,
            heads=shape.heads,
            groups=shape.heads // shape.shared,
            shared=shape.shared,
            experts=self.values.blocks[f"s0.l{example.layer}.router"].shape[1] if self.has("router") else 0,
            chosen=self.values.blocks[f"s0.l{example.layer}.chosen"].shape[1] if self.has("router") else 0,
            ran=self._experts_at_work(),
            activation=self.label("gelu") if self.has("gelu") else "",
            channels=shape.channels,
            neurons=shape.neurons,
            unit=wording.unit,
            each=wording.each,
            token=example.token + 1,
            text=quoted(self.texts[example.token]),
            seen=example.seen + 1,
            seen_text=quoted(self.texts[example.seen]),
            weight=example.weight,
            odds=", ".join(f"{token} {share:.2f}" for token, share in wording.likeliest(last, CAPTION_ODDS)),
            likely=shown(wording.vocabulary[int(np.argmax(last))]),
            drawn=quoted(self.texts[self.prompt]) if len(self.texts) > self.prompt else "",
            end=shortened(wording.prompt, LONGEST_QUOTE, end=True),
            answer=shortened(wording.answer, LONGEST_QUOTE),
            operations=len(self.trace.operations),
            multiplies=sum(operation.kind == "matmul" for operation in self.trace.operations),
        )

    def _experts_at_work(self) -> int:
        """How many experts the example's layer runs in the first step, without those that all tokens share."""
        blocks = (b for b in self.layout.blocks if b.part == "e_gelu" and b.layer == self.example.layer and b.step == 0)
        return len({b.head for b in blocks if b.head is not None and b.head < SHARED_EXPERT})
