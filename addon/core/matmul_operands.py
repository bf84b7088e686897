# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of one multiply of a trace, cut to what can be shown: rows and columns to a window around the worked
cell, the sum only where it is very long, and then with what the rest of it adds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .axis_colors import axis_color
from .errors import UserError
from .layout_types import Block
from .matmul import MOST_INNER
from .matmul_choice import Choice
from .matmul_room import Ticks
from .trace import Trace
from .trace_manifest import Operation, Tensor
from .wording import printable, shown, vocabulary_of, wording_of

Floats = NDArray[np.float64]
Span = tuple[int, int]  # first and after the last

MOST_ROWS, MOST_COLUMNS = 20, 48  # that are shown whole
ROWS, COLUMNS, INNER, WORDS = 16, 32, 128, 12  # that are shown of more; columns that are named in words
STEP = 8  # windows begin at a multiple of it
LONGEST = 48.0  # units of the axis that is summed over
TALLEST = 27.0  # units of an axis of single letters, about
LETTERS = 6  # of a token's text beside a cell
FEW_TICKS = 7
MOST_TEXTS = 12
SPACE = "·"

NOUNS = {
    "token": "token", "key_token": "token", "position": "position", "channel": "channel", "key_dim": "feature",
    "value_dim": "feature", "neuron": "neuron", "expert": "expert", "head": "head",
}  # fmt: skip
UNNAMED = ("row", "step", "column")


@dataclass(frozen=True)
class Axis:
    """One axis of a multiply: `count` steps of it are shown from `first` on, of `whole`; `texts` name those that are
    shown, where they are tokens. `color` is a palette name, `noun` what one step is."""

    noun: str
    color: str
    first: int
    count: int
    whole: int
    texts: tuple[str, ...] = ()
    atoms: tuple[str, ...] = ()

    @property
    def ticks(self) -> Ticks:
        """The names of its steps: the texts of its tokens, or of every second or third of many, so that they can be
        read; else every so many's number."""
        if self.texts:
            apart = -(-self.count // MOST_TEXTS)
            return tuple((i, shortest(text)) for i, text in enumerate(self.texts) if i % apart == 0)
        every = next(n for n in (1, 2, 4, 8, 16, 32, 64) if self.count <= n * FEW_TICKS or n == 64)
        numbers = [i for i in range(self.count) if (self.first + i + 1) % every == 0]
        first = [0] if every > 2 and (not numbers or numbers[0] >= every // 2) else []
        return tuple((i, str(self.first + i + 1)) for i in (*first, *numbers))

    @property
    def pitch(self) -> float:
        """The length of a step, in units: tokens wide enough for their texts, long axes thin."""
        if self.texts:
            longest = max(len(shortest(text)) for text in self.texts)
            return 3.0 if longest > 1 else min(3.0, max(TALLEST / self.count, 1.0))
        return next(
            (size for most, size in ((8, 3.0), (20, 2.0), (64, 1.0)) if self.count <= most), LONGEST / self.count
        )


@dataclass(frozen=True)
class Operands:
    """The numbers of a multiply: `left` [i, k], `right` [k, j], what is added to their product (`bias` [j], or `rest`
    [i, j]), the factor at the end, and the result [i, j] as the model computed it. `cell` is the worked one."""

    choice: Choice
    left: NDArray[np.float32]
    right: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    rest: NDArray[np.float32] | None
    scale: float
    result: NDArray[np.float32]
    axes: tuple[Axis, Axis, Axis]  # i, k, j
    names: tuple[str, str, str]
    cell: tuple[int, int]
    then_scaled: bool  # by the operation that follows
    tensors: tuple[tuple[str, tuple[int, ...]], ...]  # name and index of L, R, O
    spans: tuple[Span, Span, Span]  # of i, k and j, as those tensors count them

    @property
    def part(self) -> str:
        """What the result is in the model: "q", "scores", ... or "" """
        return self.choice.block.part if self.choice.block is not None else ""

    @property
    def pitch(self) -> tuple[float, float, float]:
        """The length of a step along i, k and j, in units: the same for axes of the same kind."""
        same = {axis.noun: min(a.pitch for a in self.axes if a.noun == axis.noun) for axis in self.axes}
        return tuple(same[axis.noun] for axis in self.axes)  # type: ignore[return-value]


def shortest(text: str) -> str:
    """A token's text beside a cell."""
    return (printable(text).strip() or (SPACE if text else shown(text)))[:LETTERS]


def read_operands(trace: Trace, choice: Choice) -> Operands:
    """The numbers of the multiply that was chosen.

    Raises UserError where the trace does not have them, or where they are not those of two matrices.
    """
    return _Reader(trace, choice).read()


class _Reader:
    def __init__(self, trace: Trace, choice: Choice) -> None:
        self.trace, self.choice, operation = trace, choice, choice.operation
        ids = (operation.left, operation.right, operation.out)
        if None in ids:
            raise UserError(f"{operation.name} has lost its operands.", "Trace the model again.", 2)
        self.left, self.right, self.out = (trace.tensor(id) for id in ids if id is not None)
        if (
            min(len(t.shape) for t in (self.left, self.right, self.out)) < 2
            or self.left.shape[-1] != self.right.shape[-2]
        ):
            raise UserError(f"{operation.name} is no multiply of two matrices.", "Choose another multiply.", 2)
        block = choice.block
        index = block.index if block is not None and block.tensor == self.out.name else ()
        self.index = (*index, *(0,) * (len(self.out.shape) - 2 - len(index)))

    def read(self) -> Operands:
        operation, block = self.choice.operation, self.choice.block
        base = self._columns(block)
        row, rows = self._row(), self.out.shape[-2]
        i = _window(row, (0, rows), MOST_ROWS, ROWS)
        whole = self._piece(self.out, (row, row + 1), base)[0]
        column = self._column(block, whole)
        words = self._texts(self.out.axes[-1], base)
        wordy = max(map(len, words), default=0) > 1 or len(words) > MOST_COLUMNS
        j = _window(base[0] + column, base, *((WORDS, WORDS) if words and wordy else (MOST_COLUMNS, COLUMNS)))
        inner = self.left.shape[-1]
        k = (0, inner if inner <= MOST_INNER else INNER)
        left = self._piece(self.left, i, k)
        right = self._piece(self.right, k, j)
        result = self._piece(self.out, i, j)
        bias, rest, scale, then_scaled = None, None, float(operation.scale or 1.0), False
        added = None if operation.bias is None else self._added(self.trace.tensor(operation.bias), i, j)
        names = self._names(block)
        if scale != 1.0 and (added is not None or k[1] < inner):
            # What is added comes after the scale: the one that can be shown is that of the left operand.
            names = (f"{scale:.2g} {names[0]}", *names[1:])
            left, scale = left * np.float32(scale), 1.0
        if k[1] < inner or (added is not None and added.ndim == 2):
            rest = (result - left.astype(np.float64) @ right).astype(np.float32)
        else:
            bias = added
        if block is not None and block.part == "scores" and scale == 1.0 and bias is None and rest is None:
            result, scale, then_scaled = self._scaled(result, i, j)
        axes = self._axes(i, k, j, base)
        return Operands(
            self.choice, left, right, bias, rest, scale, result, axes, names,
            (row - i[0], base[0] + column - j[0]), then_scaled,
            tuple((t.name, self._index(t)) for t in (self.left, self.right, self.out)), (i, k, j),
        )  # fmt: skip

    def _columns(self, block: Block | None) -> Span:
        """All columns of the block, or of the tensor."""
        if block is None or block.tensor != self.out.name or block.column_ranges:
            return 0, self.out.shape[-1]
        return block.columns[0], block.columns[1] + 1

    def _row(self) -> int:
        first = self._first_row()
        token = self.choice.token
        rows = self.out.shape[-2]
        return rows - 1 if token is None or not first <= token < first + rows else token - first

    def _first_row(self) -> int:
        rows = self.choice.operation.rows
        return 0 if rows is None else rows[0]

    def _column(self, block: Block | None, row: NDArray[np.float32]) -> int:
        """The worked column, counted in the block: the one that the token looks at, or the largest number."""
        if self.choice.seen is not None and self.choice.seen < len(row):
            return self.choice.seen
        numbers = np.nan_to_num(row if block is not None and block.part == "logits" else np.abs(row))
        if block is not None and block.part == "scores":
            numbers = numbers[: self._row() + 1]  # what comes later is masked
        return int(np.argmax(numbers))

    def _index(self, tensor: Tensor) -> tuple[int, ...]:
        """The matrix of a tensor that makes the result's: groups of heads may share one."""
        lead, mine = tensor.shape[:-2], self.index
        if not lead:
            return ()
        if math.prod(lead) == math.prod(self.out.shape[:-2]) and len(lead) != len(mine):
            flat = int(np.ravel_multi_index(mine, self.out.shape[:-2]))
            return tuple(int(n) for n in np.unravel_index(flat, lead))
        sizes = self.out.shape[:-2][len(mine) - len(lead) :]
        return tuple(at * n // size for at, n, size in zip(mine[len(mine) - len(lead) :], lead, sizes, strict=True))

    def _piece(self, tensor: Tensor, rows: Span, columns: Span) -> NDArray[np.float32]:
        at = (*((n, n + 1) for n in self._index(tensor)), rows, columns)
        found = self.trace.piece(tensor.id, at)
        return np.ascontiguousarray(found.reshape(rows[1] - rows[0], columns[1] - columns[0]), np.float32)

    def _added(self, tensor: Tensor, i: Span, j: Span) -> NDArray[np.float32] | None:
        """The bias of the shown columns; of the shown cells where it has a number for each."""
        if len(tensor.shape) == 1 or math.prod(tensor.shape) == tensor.shape[-1]:
            one = self.trace.array(tensor.id).reshape(-1)
            return np.ascontiguousarray(one[j[0] : j[1]] if len(one) > 1 else np.repeat(one, j[1] - j[0]), np.float32)
        return np.zeros((i[1] - i[0], j[1] - j[0]), np.float32)  # its numbers are told by the result

    def _scaled(self, result: NDArray[np.float32], i: Span, j: Span) -> tuple[NDArray[np.float32], float, bool]:
        """Scores that the next operation scales, with its factor."""
        for other in self.trace.operations[self.choice.operation.id + 1 :]:
            if other.kind == "scale" and self.out.id in other.inputs and other.scale and other.scale != 1.0:
                return self._piece(self.trace.tensor(other.outputs[0]), i, j), float(other.scale), True
            if other.kind == "matmul":
                break
        return result, 1.0, False

    def _axes(self, i: Span, k: Span, j: Span, base: Span) -> tuple[Axis, Axis, Axis]:
        operation: Operation = self.choice.operation
        first = self._first_row()
        named = (self.out.axes[-2], self.left.axes[-1], self.out.axes[-1])
        if "?" in named[1] or not named[1]:
            named = (named[0], self.right.axes[-2], named[2])
        rows, inner = operation.of_rows or self.out.shape[-2], self.left.shape[-1]
        spans = ((i[0] + first, i[1] + first), k, (j[0] - base[0], j[1] - base[0]))
        wholes = (rows, inner, base[1] - base[0])
        made = []
        for which, (atoms, span, whole) in enumerate(zip(named, spans, wholes, strict=True)):
            noun = self._noun(atoms, UNNAMED[which])
            texts = self._texts(atoms, (0, whole))[span[0] : span[1]]
            color = axis_color(atoms)
            made.append(
                Axis(noun, "text" if color == "vocab" else color, span[0], span[1] - span[0], whole, texts, atoms)
            )
        return made[0], made[1], made[2]

    def _noun(self, atoms: tuple[str, ...], unnamed: str) -> str:
        if "vocab" in atoms:
            return wording_of(self.trace).unit
        return next((NOUNS[atom] for atom in reversed(atoms) if atom in NOUNS), unnamed)

    def _texts(self, atoms: tuple[str, ...], span: Span) -> tuple[str, ...]:
        """The texts of the tokens along an axis of the whole span; none where its steps are no tokens."""
        count = span[1] - span[0]
        if atoms == ("vocab",):
            known = vocabulary_of(self.trace)
            return known[span[0] : span[1]] if len(known) >= span[1] else ()
        step = self.trace.steps[self.choice.operation.step] if self.trace.steps else None
        texts = [token.text for token in self.trace.tokens]
        if atoms == ("token",) and step is not None and count == step.tokens[1] - step.tokens[0] + 1:
            return tuple(texts[step.tokens[0] : step.tokens[1] + 1])
        if atoms == ("key_token",) and step is not None and count == step.tokens[1] + 1:
            return tuple(texts[:count])
        return ()

    def _names(self, block: Block | None) -> tuple[str, str, str]:
        """What L, R and O are called."""
        return NAMES.get(block.part if block is not None else "", ("X", "W", "Y"))


NAMES = {
    "q": ("X", "WQ", "Q"), "k": ("X", "WK", "K"), "v": ("X", "WV", "V"), "scores": ("Q", "K", "scores"),
    "mix": ("shares", "V", "mix"), "attention_out": ("heads", "WO", "out"), "gate": ("X", "Wgate", "gate"),
    "hidden": ("X", "Wup", "hidden"), "mlp_out": ("hidden", "Wdown", "out"), "router": ("X", "Wrouter", "router"),
    "logits": ("X", "Wvocab", "logits"), "e_gate": ("X", "Wgate", "gate"), "e_hidden": ("X", "Wup", "hidden"),
    "e_out": ("hidden", "Wdown", "out"),
}  # fmt: skip


def _window(at: int, span: Span, whole: int, most: int) -> Span:
    """All of a span where it is at most `whole` long, else `most` of it around a place, from a multiple of STEP on."""
    first, end = span
    if end - first <= whole:
        return span
    start = first + (at - first) // STEP * STEP
    start = max(first, min(start, end - most))
    return start, start + most
