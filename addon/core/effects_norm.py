# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer norm and RMS norm of the worked row: shifted by the mean, rescaled, then gain and shift."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .effects_context import Context
from .effects_flight import meet
from .effects_types import Effect, NormCard
from .layout_types import Operation as Drawn
from .trace_manifest import Operation

MOST = 32  # channels that the chart has room for
REST = 1.2  # seconds that the finished chart stays
LEAST = 2.0  # seconds that the stages need
STAGES = (0.2, 0.45, 0.7, 0.97)  # of the time until the result is full


def normalise(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """The row's chart where there is time for it, and the rows on their way to the result."""
    yield from meet(context, operation, drawn)
    results, sources = context.results(drawn), context.activations(drawn)
    if not results or not sources or sources[0].shape != results[0].shape:
        return
    source, result = sources[0], results[0]
    start, end = context.span([*context.statistics(drawn), result])
    if end - start < LEAST:
        return
    row = context.row(result)
    before, after = context.numbers(source, row), context.numbers(result, row)
    centred = operation.kind == "layer_norm"
    mean = float(before.mean()) if centred else 0.0
    rstd = _rstd(context, operation, int(result.row_numbers[row]), before, mean)
    shown = min(MOST, len(before))
    yield NormCard(
        operation=operation.id,
        start=start,
        duration=min(context.until(end), end + REST) - start,
        title=context.say(
            "of",
            what=context.say("layer norm" if centred else "RMS norm"),
            token=context.token_title(result, row),
        ),
        clear=(source.key, result.key),
        shot=0.5 * (start + end),
        channels=len(before),
        before=before[:shown],
        mean=mean,
        rstd=rstd,
        scaled=(before[:shown] - mean) * rstd,
        after=after[:shown],
        centred=centred,
        stages=tuple(start + share * (end - start) for share in STAGES),  # type: ignore[arg-type]
    )


def _rstd(context: Context, operation: Operation, row: int, before: np.ndarray, mean: float) -> float:
    """1/std of the row: as the trace has it, else from the row itself."""
    for output in operation.outputs[:0:-1]:
        tensor = context.trace.tensor(output)
        column = context.trace.array(output).reshape(-1)
        if tensor.shape[-1:] == (1,) and row < len(column):
            return float(column[row])
    return float(1.0 / np.sqrt(np.mean((before - mean) ** 2) + 1e-5))
