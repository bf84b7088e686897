# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices: experts by a router's scores, and the next token by its odds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .effects_context import SHOWN_TEXT, Context
from .effects_types import Effect, Numbers, OddsCard, RankingCard
from .layout_types import Block
from .layout_types import Operation as Drawn
from .trace_manifest import Operation
from .wording import FEW, shown

MOST = 6  # tokens in the chart, with which it still reads in a small frame
MOST_EXPERTS = 8
MOST_STEPS = 12  # later steps whose odds are shown too
LEAST, LATER = 1.5, 1.0  # seconds that a chart needs, in the first step and in later ones
FLIGHT = 0.6  # of the chosen token to its place in the text


def rank(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """The scores of the worked row with the largest lit: what a top-k chooses."""
    tensor = context.trace.tensor(operation.inputs[0])
    block = next((b for b in context.blocks(drawn.left) if b.kind != "weight"), None)
    if block is None or len(operation.outputs) < 2 or len(tensor.shape) < 2:
        return
    start, end = context.span([block])
    row = context.row(block)
    scores = context.trace.array(operation.inputs[0]).reshape(-1, tensor.shape[-1])[row].astype(np.float64)
    chosen = tuple(int(i) for i in context.trace.array(operation.outputs[1]).reshape(-1, _k(context, operation))[row])
    weights = context.trace.array(operation.outputs[0]).reshape(-1, _k(context, operation))[row].astype(np.float64)
    until = context.until(end)
    if len(scores) > MOST_EXPERTS or until - start < LEAST:
        return
    yield RankingCard(
        operation=operation.id,
        start=start,
        duration=until - start,
        title=context.say("of", what=context.say("experts"), token=context.token_title(block, row)),
        clear=(block.key,),
        shot=0.5 * (start + end),
        names=tuple(context.say("expert", number=i) for i in range(len(scores))),
        scores=scores,
        chosen=chosen,
        weights=weights,
        stages=(start + 0.35 * (until - start), start + 0.6 * (until - start)),
    )


def _k(context: Context, operation: Operation) -> int:
    return context.trace.tensor(operation.outputs[1]).shape[-1]


def draw(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """From the last row's logits to the token that joins the text."""
    if operation.step > MOST_STEPS:
        return
    softmax = context.odds_of(operation)
    if softmax is None:
        return
    placed = context.drawn[softmax.id]
    results, sources = context.results(placed), context.blocks(placed.left)
    arrival = next((a for a in context.story.arrivals if a.token == _token(context, operation)), None)
    if not results or not sources or arrival is None or results[0].shape[1] != sources[0].shape[1]:
        return
    source, result = sources[0], results[0]
    start, full = context.span([*context.statistics(placed), result])
    start = min(start, context.span([source])[1]) if operation.step == 0 else arrival.start - LATER - FLIGHT
    end = arrival.start
    if end - start < (LEAST if operation.step == 0 else LATER):
        return
    yield _odds(context, operation, source, result, (start, min(full, end), end))


def _odds(
    context: Context, operation: Operation, source: Block, result: Block, times: tuple[float, float, float]
) -> OddsCard:
    """The chart; `times` are its start, when the odds are full, and when the token arrives."""
    start, full, end = times
    logits, shares = (context.values.whole(block.key)[-1].astype(np.float64) for block in (source, result))
    sampled = context.trace.steps[operation.step].sampled
    order = _order(shares, sampled)
    names = tuple(shown(context.vocabulary[result.columns[0] + int(i)])[: SHOWN_TEXT + 3] for i in order)
    ready = end - FLIGHT
    return OddsCard(
        operation=operation.id,
        start=start,
        duration=end - start,
        title=context.say("next"),
        clear=(source.key, result.key) if operation.step == 0 else (),
        shot=0.5 * (start + full),
        names=names,
        logits=logits[order],
        temperature=temperature_of(logits, shares),
        shares=shares[order],
        rest=max(0.0, 1.0 - float(shares[order].sum())) if len(order) < len(shares) else 0.0,
        chosen=int(np.flatnonzero(order == sampled)[0]) if sampled in order else -1,
        token=_token(context, operation),
        text=context.token_name(_token(context, operation)),
        drawn=sampled is not None and float(shares[sampled]) < float(shares.max()),
        brief=operation.step > 0,
        stages=(start + 0.25 * (ready - start), start + 0.6 * (ready - start), start + 0.85 * (ready - start)),
    )


def _order(shares: Numbers, sampled: int | None) -> np.ndarray:
    """The tokens of the chart: all of a few in their own order, else the likeliest, and the chosen one among them."""
    if len(shares) <= FEW:
        return np.arange(len(shares))
    order = np.argsort(-shares, kind="stable")[:MOST]
    if sampled is not None and sampled not in order:
        order[-1] = sampled
    return order


def temperature_of(logits: Numbers, shares: Numbers) -> float:
    """By what the logits [n] were divided before the softmax that made these shares [n]: the slope between both, of
    those large enough to tell. 1 where there is nothing to tell it by."""
    seen = (shares > 1e-30) & np.isfinite(logits)
    if seen.sum() < 2 or np.ptp(logits[seen]) < 1e-6:
        return 1.0
    slope = np.polyfit(logits[seen], np.log(shares[seen]), 1)[0]
    return 1.0 if abs(slope - 1.0) < 0.005 or slope <= 0 else float(1.0 / slope)


def _token(context: Context, operation: Operation) -> int:
    return len(context.trace.prompt_tokens) + operation.step
