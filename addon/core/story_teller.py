# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chapters of a story share while a run is told: the time line, the worked example, and the words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from .examples import Example
from .layout_parts import SHARED_EXPERT
from .layout_types import Layout
from .presets import BRIEF, DEEP
from .story_formulas import Formulas
from .story_stretches import Stretches, split
from .subjects import Subjects
from .timeline import Timeline, Window
from .trace import Trace
from .values import Values
from .wording import FEW, quoted, shortened, shown
from .words import WHY, Catalog

CAPTION_ODDS = 3  # of the likeliest tokens, where there are more than FEW
LONGEST_TITLE, LONGEST_QUOTE = 36, 30  # characters of a prompt or of an answer that a title and a caption hold


class Teller(Stretches, Formulas):
    """One run while it is told in sentences of a kind (DEEP, FULL, BRIEF) of a language, with an example worked.
    `own` are a person's words for some moments."""

    def __init__(
        self,
        trace: Trace,
        layout: Layout,
        values: Values,
        example: Example,
        words: str,
        catalog: Catalog,
        own: Mapping[str, str],
    ) -> None:
        super().__init__(trace, layout, values, example)
        self.words = words
        self.brief = words == BRIEF
        self.catalog = catalog
        self.own = own
        self._subjects = Subjects(layout)

    def begin(self, pace: float, spoken: Mapping[str, float] | None = None) -> None:
        """An empty time line at a pace; `spoken` as `Timeline` takes it."""
        self.line = Timeline(self._subjects, self.values, pace, spoken)

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

    # --- words

    def say(self, moment: str, **more: object) -> tuple[str, ...]:
        """The sentences of a moment with this run's own numbers: what happens, and in a story that is told in depth
        what it is for. `more` are numbers of this moment alone."""
        full, brief = self.catalog.captions[moment]
        said = [self.own.get(moment, brief if self.brief else full)]
        why = WHY + moment
        if why in self.own or self.words == DEEP:
            said.append(self.own.get(why, self.catalog.why.get(moment, "")))
        return tuple(sentence.format(**self._numbers, **more) for sentence in said if sentence)

    def act(self, name: str) -> str:
        """The name of an act."""
        unit = self.catalog.units[self.wording.unit]
        norm = self.catalog.label(self.label("norm")) if self.has("norm_rstd") else ""
        text = self.catalog.acts[name].format(norm=norm, unit=unit.one, next_unit=unit.next)
        return text[:1].upper() + text[1:]

    def legend(self, key: str, name: str, window: Window) -> None:
        """What the colours of a block mean, by a name of the catalog."""
        norm = self.catalog.label(self.label("norm")) if self.has("norm_rstd") else ""
        self.line.legend(key, self.catalog.legends[name].format(norm=norm), window)

    def title(self) -> tuple[str, str]:
        """The title card's two lines."""
        sorts, model = self.wording.sorts, self.trace.model
        title = self.catalog.titles[0 if sorts else 1]
        return (
            title.format(prompt=shortened(self.wording.prompt, LONGEST_TITLE, end=True)),
            self.catalog.subtitle.format(model=model.name, parameters=self.catalog.count(model.parameters)),
        )

    def likeliest(self, step: int, count: int) -> list[tuple[str, float]]:
        """The likeliest tokens after a step, with their shares."""
        shares = self.values.whole(f"s{step}.probabilities")[-1]
        return self.wording.likeliest(shares, count, self.catalog.unseen)

    @cached_property
    def _numbers(self) -> dict[str, object]:
        """What captions fill in."""
        return {**self._sizes_said(), **self._example_said(), **self._units_said(), **self._run_said()}

    def _sizes_said(self) -> dict[str, object]:
        example, shape = self.example, self.sizes
        query = self.values.blocks.get(f"{self.head}.q")
        size = query.shape[1] if query is not None else 0
        routed = self.has("router")
        return {
            "layers": shape.layers,
            "heads": shape.heads,
            "count_heads": sum(b.part == "scores" and b.step == 0 for b in self.layout.blocks),
            "size": size,
            "width": size * shape.heads,
            "groups": shape.heads // shape.shared,
            "shared": shape.shared,
            "experts": self.values.blocks[f"s0.l{example.layer}.router"].shape[1] if routed else 0,
            "chosen": self.values.blocks[f"s0.l{example.layer}.chosen"].shape[1] if routed else 0,
            "ran": self._experts_at_work(),
            "activation": self.catalog.label(self.label("gelu")) if self.has("gelu") else "",
            "channels": shape.channels,
            "neurons": shape.neurons,
        }

    def _example_said(self) -> dict[str, object]:
        example, unseen = self.example, self.catalog.unseen
        token, seen = example.texts
        return {
            "layer": example.layer + 1,
            "head": example.head + 1,
            "token": token + 1,
            "text": quoted(self.texts[token], unseen),
            "seen": seen + 1,
            "seen_text": quoted(self.texts[seen], unseen),
            "weight": example.weight,
        }

    def _units_said(self) -> dict[str, object]:
        unit, count = self.catalog.units[self.wording.unit], len(self.wording.vocabulary)
        few = count <= FEW
        return {
            "unit": unit.one,
            "units": unit.many,
            "each_unit": unit.each,
            "new_unit": unit.new,
            "with_new": unit.with_new,
            "for_each": unit.for_each if few else unit.for_each_of.format(count=self.catalog.count(count)),
        }

    def _run_said(self) -> dict[str, object]:
        wording, unseen, there = self.wording, self.catalog.unseen, self.has("probabilities")
        last = self.values.whole("s0.probabilities")[-1] if there else np.zeros(1, np.float32)
        odds = wording.likeliest(last, CAPTION_ODDS, unseen)
        operations = self.trace.operations
        return {
            "odds": ", ".join(f"{token} {share:.2f}" for token, share in odds),
            "likely": shown(wording.vocabulary[int(np.argmax(last))], unseen),
            "drawn": quoted(self.texts[self.prompt], unseen) if len(self.texts) > self.prompt else "",
            "end": shortened(wording.prompt, LONGEST_QUOTE, end=True),
            "answer": shortened(wording.answer, LONGEST_QUOTE),
            "operations": len(operations),
            "multiplies": sum(operation.kind == "matmul" for operation in operations),
            "parameters": self.catalog.count(self.trace.model.parameters),
        }

    def _experts_at_work(self) -> int:
        """How many experts the example's layer runs in the first step, without those that all tokens share."""
        blocks = (b for b in self.layout.blocks if b.part == "e_gelu" and b.layer == self.example.layer and b.step == 0)
        return len({b.head for b in blocks if b.head is not None and b.head < SHARED_EXPERT})
