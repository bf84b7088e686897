# SPDX-License-Identifier: GPL-3.0-or-later
"""Softmax of the worked row, in stages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .effects_context import Context
from .effects_flight import meet
from .effects_types import Effect, Numbers, SoftmaxCard
from .layout_types import Block
from .layout_types import Operation as Drawn
from .trace_manifest import Operation
from .values import masked

MOST = 16  # columns of the chart: of more, those with the largest shares, be they drawn in the block or not
LEAST = 1.5  # seconds that the stages need
STAGES = (0.16, 0.32, 0.55, 0.78, 0.97)  # of the time until the result is full


def soften(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """The row's chart where there is time for it, and the cells on their way to the result. Odds that a token is
    sampled from are shown where it is sampled."""
    if operation.id in context.sampled:
        return
    yield from meet(context, operation, drawn)
    results, sources = context.mine(context.results(drawn)), context.mine(context.activations(drawn))
    if not results or not sources or sources[0].shape != results[0].shape:
        return
    source, result = sources[0], results[0]
    start, end = context.span([*context.mine(context.statistics(drawn)), result])
    if end - start < LEAST:
        return
    row = context.row(result)
    scores, shares = context.whole(source, row), context.whole(result, row)
    kept = ~masked(scores, source.part)
    if not kept.any():
        return
    maximum, powers, total = parts(scores)
    columns = _columns(kept, shares)
    until = context.until(end)
    yield SoftmaxCard(
        operation=operation.id,
        start=start,
        duration=until - start,
        title=context.say("of", what=context.say("softmax"), token=context.token_title(result, row)),
        clear=(source.key, result.key),
        shot=0.5 * (start + end),
        names=tuple(_name(context, result, int(column)) for column in columns),
        scores=scores[columns],
        maximum=maximum,
        powers=powers[columns],
        total=total,
        shares=shares[columns],
        chosen=int(np.argmax(shares[columns])),
        stages=tuple(start + share * (end - start) for share in STAGES),  # type: ignore[arg-type]
    )


def parts(scores: Numbers) -> tuple[float, Numbers, float]:
    """The maximum of a row [n], exp(score - maximum) [n], and the sum of these."""
    maximum = float(scores.max())
    powers = np.exp(scores - maximum)
    return maximum, powers, float(powers.sum())


def _columns(kept: NDArray[np.bool_], shares: Numbers) -> NDArray[np.int64]:
    """The columns that the chart shows, in their order: all that are not masked, of many those with the largest
    shares."""
    seen = np.flatnonzero(kept)
    if len(seen) > MOST:
        seen = np.sort(seen[np.argsort(-shares[seen], kind="stable")[:MOST]])
    return seen


def _name(context: Context, result: Block, column: int) -> str:
    """What a column of a whole row is called."""
    number = int(result.column_numbers[0]) + column
    return context.vocabulary[number] if "vocab" in result.column_axis else context.token_name(number)
