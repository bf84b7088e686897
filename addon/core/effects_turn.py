# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotary embedding: pairs of numbers as arrows that turn, the further the later the token."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .effects_context import Context
from .effects_flight import meet
from .effects_types import Effect, Numbers, TurnCard
from .layout_types import Operation as Drawn
from .trace_manifest import Operation

MOST = 6  # arrows
LEAST = 0.5  # seconds that they need to turn


def turn(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """The worked row's pairs, and the cells on their way to the result."""
    yield from meet(context, operation, drawn)
    for result in context.mine(context.results(drawn)):
        same = [b for b in context.activations(drawn) if b.shape == result.shape and b.head in (None, result.head)]
        if not same:
            continue
        start, end = context.span([result])
        until = max(end, min(context.until(end), start + 4.0))
        row = context.row(result)
        found = angles_of(*(context.values.matrix(block.key).astype(np.float64) for block in (same[0], result)))
        if found is None or until - start < LEAST:
            continue
        before, angles = found[0][row], found[1][row]
        yield TurnCard(
            operation=operation.id,
            start=start,
            duration=until - start,
            title=context.say("of", what=context.say("rotary"), token=context.token_title(result, row)),
            clear=(same[0].key, result.key),
            shot=0.5 * (start + end),
            before=before[:MOST],
            angles=angles[:MOST],
            pairs=len(angles),
            position=int(result.row_numbers[row]),
            stages=(start + 0.25 * (until - start), until - 0.25 * (until - start)),
        )
        return


def angles_of(before: Numbers, after: Numbers) -> tuple[Numbers, Numbers] | None:
    """The pairs of rows [rows, n] that turned, [rows, n / 2, 2], and by which angles, [rows, n / 2] (radians, -pi to
    pi): pairs of neighbours, or of the first half with the second (which of both keeps every pair's length); None
    where neither does."""
    if before.shape[-1] % 2:
        return None
    half = before.shape[-1] // 2
    order = np.arange(2 * half)
    for pairs in (order.reshape(half, 2), order.reshape(2, half).T):
        a, b = before[:, pairs], after[:, pairs]
        if np.allclose(np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1), rtol=1e-3, atol=1e-4):
            angle = np.arctan2(b[..., 1], b[..., 0]) - np.arctan2(a[..., 1], a[..., 0])
            return a, (angle + np.pi) % (2.0 * np.pi) - np.pi
    return None
