# SPDX-License-Identifier: GPL-3.0-or-later
"""Which multiply of a trace a film is about: found by an operation's id or name, a tensor's name, or in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import UserError
from .examples import Example, choose_example
from .layout import Block, Layout
from .layout_parts import SHARED_EXPERT
from .trace import Trace
from .trace_manifest import Operation
from .values import Values

# What the result of a multiply is called in plain words, by the part of the model that it is; the first is its name.
SPOKEN = {
    "q": ("query", "queries", "q"),
    "k": ("key", "keys", "k"),
    "v": ("value", "values", "v"),
    "scores": ("scores", "attention scores", "score"),
    "mix": ("weighted sum", "mix", "mixed values"),
    "attention_out": ("projection", "attention out", "output projection"),
    "gate": ("gate",),
    "hidden": ("up", "mlp up", "hidden", "up projection"),
    "mlp_out": ("down", "mlp down", "mlp out", "down projection"),
    "router": ("router",),
    "logits": ("logits", "unembedding", "lm head"),
    "e_gate": ("expert gate",),
    "e_hidden": ("expert up",),
    "e_out": ("expert down",),
}
PLACES = {
    "layer": r"\blayer\s+(\d+)",
    "head": r"\bhead\s+(\d+)",
    "expert": r"\bexpert\s+(\d+)",
    "step": r"\bstep\s+(\d+)",
}


@dataclass(frozen=True)
class Choice:
    """A multiply of a trace: the operation, the block that it fills (None where the layout draws none of its own), and
    the token and the token that it looks at which are worked slowly (None where the choice is left to the numbers)."""

    operation: Operation
    block: Block | None
    token: int | None = None
    seen: int | None = None


def choose_multiply(trace: Trace, layout: Layout, wanted: str | int | None = None) -> Choice:
    """The multiply that is `wanted`: an operation's id or name, the name of a tensor that it makes, or words such as
    "layer 2 head 1 scores" (layers, heads and experts counted from 1, "step 1" for the first pass). None takes the one
    that has most to show: the scores of the head whose look at another token stands out, or the first multiply.

    Raises UserError (code 2) where there is none of that name, with those that there are.
    """
    finder = _Finder(trace, layout)
    if wanted is None:
        return finder.usual()
    return finder.by_id(wanted) if isinstance(wanted, int) or wanted.strip().isdigit() else finder.by_name(wanted)


def multiplies(trace: Trace, layout: Layout, step: int = 0) -> list[str]:
    """The multiplies of a step as `choose_multiply` takes them in plain words."""
    return list(
        dict.fromkeys(spoken(block) for _o, block in _Finder(trace, layout).drawn(step) if block.part in SPOKEN)
    )


def spoken(block: Block) -> str:
    """What the multiply that fills a block is called: "layer 2 head 1 scores"."""
    words = [] if block.layer is None else [f"layer {block.layer + 1}"]
    if block.head is not None and block.head < SHARED_EXPERT:
        words.append(f"{'expert' if block.part.startswith('e_') else 'head'} {block.head + 1}")
    return " ".join([*words, SPOKEN.get(block.part, (block.label,))[0].removeprefix("expert ")])


class _Finder:
    def __init__(self, trace: Trace, layout: Layout) -> None:
        self.trace, self.layout = trace, layout
        self.operations = {operation.id: operation for operation in trace.operations if operation.kind == "matmul"}
        self.drawings = {drawn.operation: drawn for drawn in layout.operations if drawn.kind == "matmul"}

    def drawn(self, step: int) -> list[tuple[Operation, Block]]:
        """Every block that a multiply of a step fills."""
        found = []
        for id, operation in self.operations.items():
            if operation.step == step:
                keys = self.drawings[id].out if id in self.drawings else ()
                found += [(operation, self.layout.by_key[key]) for key in keys]
        return [(operation, block) for operation, block in found if block.operation == operation.id]

    def example(self) -> Example:
        """What the other films work slowly too."""
        return choose_example(Values(self.trace, self.layout))

    def usual(self) -> Choice:
        if not self.operations:
            raise UserError("This trace has no multiply.", "Trace a model that has weights.", 2)
        example = self.example()
        for part in ("scores", "q"):
            for operation, block in self.drawn(0):
                if (block.part, block.layer, block.head) == (part, example.layer, example.head):
                    return self._with_example(operation, block, example)
        operation = next(iter(self.operations.values()))
        return Choice(operation, self._first(operation))

    def by_id(self, wanted: str | int) -> Choice:
        operation = self.operations.get(int(wanted))
        if operation is None:
            raise self._none(str(wanted))
        block = self._first(operation)
        return Choice(operation, block) if block is None else self._with_example(operation, block, self.example())

    def by_name(self, wanted: str) -> Choice:
        name = wanted.strip()
        for operation in self.operations.values():
            made = self.trace.tensor(operation.out) if operation.out is not None else None
            known = {operation.name, f"step{operation.step}.{operation.name}"}
            if name in known | ({made.name, *made.aliases} if made else set()):
                return self.by_id(operation.id)
        return self._by_words(name)

    def _by_words(self, name: str) -> Choice:
        rest, said = name.lower().replace("_", " "), dict[str, int]()
        for place, pattern in PLACES.items():
            if found := re.search(pattern, rest):
                said[place] = int(found[1]) - 1
                rest = rest.replace(found[0], " ")
        rest = " ".join(rest.replace(",", " ").split())
        example = self.example()
        numbered = said.get("head", said.get("expert"))
        fits = [
            (operation, block)
            for operation, block in self.drawn(said.get("step", 0))
            if self._is(block, rest) and said.get("layer", block.layer) == block.layer
            and (numbered is None or block.head == numbered)
        ]  # fmt: skip
        if not fits:
            raise self._none(name)
        # Of those that the words leave open, the worked layer and head first.
        near = [one for one in fits if one[1].layer in (None, example.layer)] or fits
        operation, block = next((one for one in near if one[1].head in (None, example.head)), near[0])
        return self._with_example(operation, block, example)

    def _is(self, block: Block, words: str) -> bool:
        if block.part not in SPOKEN:
            return words == block.label.lower()
        # "expert 2 up" has lost its first word to the number.
        return words in {w for word in SPOKEN[block.part] for w in (word, word.removeprefix("expert "))}

    def _with_example(self, operation: Operation, block: Block, example: Example) -> Choice:
        if operation.step or block.layer not in (None, example.layer):
            return Choice(operation, block)
        if block.layer is None:
            return Choice(operation, block, len(self.trace.prompt_tokens) - 1)
        token, other = example.texts
        return Choice(operation, block, token, other if block.part == "scores" and block.head == example.head else None)

    def _first(self, operation: Operation) -> Block | None:
        blocks = [block for other, block in self.drawn(operation.step) if other.id == operation.id]
        example = self.example() if len(blocks) > 1 else None
        mine = [block for block in blocks if example is None or block.head in (None, example.head)]
        return next(iter(mine or blocks), None)

    def _none(self, name: str) -> UserError:
        blocks = [block for _operation, block in self.drawn(0) if block.part in SPOKEN]
        kinds = dict.fromkeys(SPOKEN[block.part][0] for block in blocks)
        most = [max((n + 1 for n in found if n is not None), default=1) for found in (
            [block.layer for block in blocks],
            [block.head for block in blocks if not block.part.startswith("e_")],
        )]  # fmt: skip
        where = f'with "layer 1" to "layer {most[0]}" and "head 1" to "head {most[1]}" before it'
        hint = f"There are: {', '.join(kinds)}, {where}; or an operation's id or name, or a tensor's."
        return UserError(f"No multiply is called {name!r}.", hint, 2)
