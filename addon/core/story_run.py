# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has to tell of: its parts and their names, its sizes, single numbers.

Parts that a model or a step does not have are passed over: one telling serves every model.
"""

from __future__ import annotations

from dataclasses import dataclass

from .examples import Example
from .layout_types import Block, Layout
from .timeline import Timeline
from .trace import Trace
from .values import Values
from .wording import FEW, wording_of


@dataclass(frozen=True)
class Sizes:
    """What the captions count."""

    layers: int
    heads: int
    shared: int  # query heads to a key head
    channels: int
    neurons: int


class Run:
    """One run while it is told."""

    line: Timeline

    def __init__(self, trace: Trace, layout: Layout, values: Values, example: Example) -> None:
        self.trace = trace
        self.layout = layout
        self.values = values
        self.example = example
        self.sizes = self._sizes()
        self.texts = [token.text for token in trace.tokens]
        self.wording = wording_of(trace)
        self.prompt = len(trace.prompt_tokens)
        self.rest: dict[tuple[int, int | None], list[Block]] = {}
        for block in layout.blocks:
            if block.part == "rest":
                self.rest.setdefault((block.step, block.layer), []).append(block)
        self.expert_blocks: dict[tuple[int, int | None, str], list[str]] = {}
        for block in layout.blocks:
            if block.part.startswith(("e_", "w_e_")):
                self.expert_blocks.setdefault((block.step, block.layer, block.part), []).append(block.key)

    def _sizes(self) -> Sizes:
        blocks = self.layout.blocks
        layer = self.example.layer
        mine = [block for block in blocks if block.layer == layer and block.step == 0]
        heads = 1 + max((b.head for b in mine if b.head is not None and b.part == "scores"), default=0)
        keys = sum(block.part == "k_flat" for block in mine) or heads
        wide = {block.part: block.shape[1] for block in blocks if block.step == 0}
        return Sizes(
            layers=1 + max(b.layer for b in blocks if b.layer is not None),
            heads=heads,
            shared=max(1, heads // keys),
            channels=wide.get("residual_0", wide.get("final_norm", 1)),
            neurons=next((b.shape[1] for b in mine if b.part == "gelu"), 1),
        )

    def has(self, part: str, layer: int | None = None) -> bool:
        """Whether the first step has a part, in the example's layer if not told."""
        layer = self.example.layer if layer is None else layer
        stem = f"s0.l{layer}"
        return any(f"{start}.{part}" in self.values.blocks for start in ("s0", stem, f"{stem}.h{self.example.head}"))

    @property
    def attends(self) -> bool:
        """Whether a layer has heads of attention that are known as such."""
        return any(block.part == "scores" for block in self.layout.blocks)

    def label(self, part: str) -> str:
        """What the example's layer calls a part."""
        return self.values.blocks[f"s0.l{self.example.layer}.{part}"].label

    def query(self, stem: str) -> str:
        """The queries that a head's scores are made of: turned, or normed, or as they came."""
        keys = (f"{stem}.{part}" for part in ("q_rotary", "q_norm", "q"))
        return next((key for key in keys if key in self.values.blocks), f"{stem}.q")

    def kv(self, step: int, layer: int, head: int) -> str:
        """The beginning of the keys of what a head shares with others: keys and values bear the first one's number."""
        return f"s{step}.l{layer}.h{head - head % self.sizes.shared}"

    def heads_of(self, layer: int) -> int:
        """How many heads of a layer are drawn."""
        scores = (b for b in self.layout.blocks if b.layer == layer and b.part == "scores")
        return 1 + max((b.head for b in scores if b.head is not None), default=-1)

    def stream_before(self, step: int, layer: int) -> list[str]:
        """The residual stream that a layer reads."""
        for earlier in range(layer - 1, -1, -1):
            for part in ("residual_mlp", "residual_attention"):
                key = f"s{step}.l{earlier}.{part}"
                if key in self.values.blocks:
                    return [key]
        return [f"s{step}.residual_0"]

    def cell(self, key: str, row: int, column: int) -> float:
        """One drawn number of a block."""
        return float(self.values.matrix(key)[row, column])

    def operation_of(self, key: str) -> int:
        """The operation that a block belongs to; the first one where there is no such block."""
        block = self.values.blocks.get(key)
        return 0 if block is None else block.operation

    def scale_of(self, key: str) -> float:
        """The plain factors that a block's numbers are multiplied by before they are used."""
        made = self.trace.operations[self.values.blocks[key].operation]
        factor, outputs = 1.0, set(made.outputs)
        for operation in self.trace.operations[made.id + 1 :]:
            if operation.kind == "scale" and outputs & set(operation.inputs):
                factor *= operation.scale or 1.0
                outputs = set(operation.outputs)
        return factor

    def odds_moment(self) -> str:
        """How the next token came up: the likeliest of few or of many, or drawn by chance."""
        shares = self.values.whole("s0.probabilities")[-1]
        drawn = self.trace.steps[0].sampled
        if drawn is not None and shares[drawn] < shares.max():
            return "drawn odds"
        return "many odds" if len(shares) > FEW else "odds"
