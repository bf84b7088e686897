# SPDX-License-Identifier: GPL-3.0-or-later
"""Attention, step by step: norm, query, key and value, rotation, scores, softmax, the weighted sum, all the heads."""

from __future__ import annotations

from ..story_teller import Teller
from ..timeline import PRODUCT, Window
from .chapter import Chapter, Look, nothing
from .multiply import Multiply


def _has_heads(teller: Teller) -> bool:
    return teller.has("scores")


def _one_head(teller: Teller) -> None:
    """The head that is to be watched, before anything happens in it."""
    HEAD.passes(teller)


# --- norm


def _norm(teller: Teller) -> None:
    line, example = teller.line, teller.example
    norm = f"{teller.stem}.norm"
    a, b = line.beat(1.6, teller.say(_norm_moment(teller)), _norm_look(teller))
    middle = a + (b - a) * 0.4
    line.use(teller.stream_before(0, example.layer), (a, middle), "left")
    line.fill([f"{norm}_mean", f"{norm}_rstd"], (a, middle), "row")
    line.fill([norm], (middle, b), "row")
    teller.legend(norm, "after", (a, b))
    teller.norm_formula((middle, b), teller.stream_before(0, example.layer)[0], norm, example.token)


def _norm_moment(teller: Teller) -> str:
    return "norm" if teller.has("norm_mean") else "root norm"


def _norm_look(teller: Teller) -> Look:
    norm = f"{teller.stem}.norm"
    source = teller.stream_before(0, teller.example.layer)[0]
    return (source, f"{norm}_mean" if teller.has("norm_mean") else f"{norm}_rstd", norm), "sum"


def _run_norm(teller: Teller, window: Window) -> None:
    teller.line.use(teller.stream_before(0, teller.example.layer), window, "left")
    teller.norm(0, teller.example.layer, "norm", window)


# --- query, key, value


def _query_key_value(teller: Teller) -> None:
    line, example = teller.line, teller.example
    layer, head, token = example.layer, example.head, example.token
    norm, weight, out = f"{teller.stem}.norm", f"{teller.head}.w_q", f"{teller.head}.q"
    a, b = line.beat(8.0, teller.say("query"), ((norm, weight, out), PRODUCT))
    teller.legend(out, "query", (a, b))
    if not teller.has("norm_rstd"):
        line.fill([norm], (a - 0.6, a), "row")
    share = 0.8
    line.multiply([norm], [weight], [out], (a, b), "dot", token, share)
    worked = (a, a + (b - a) * share)
    line.products(worked, norm, weight, token)
    line.close_up((a, b), norm, weight, out, token)
    line.shapes((a, b), norm, weight, out)
    teller.worked_formulas(worked, norm, weight, out, token, f"{teller.head}.b_q", every=2)
    shared = teller.kv(0, layer, head)
    keys = (norm, *(f"{shared}.{part}" for part in ("w_k", "w_v", "k", "v")))
    window = line.beat(1.6, teller.say("key_value"), (keys, PRODUCT))
    for part, half in zip("kv", teller.split(window, (0.5, 0.5)), strict=True):
        line.shapes(half, norm, f"{shared}.w_{part}", f"{shared}.{part}")
    _keys_and_values(teller, window)


def _keys_and_values(teller: Teller, window: Window) -> None:
    shared = teller.kv(0, teller.example.layer, teller.example.head)
    for part, half in zip("kv", teller.split(window, (0.5, 0.5)), strict=True):
        teller.line.multiply([f"{teller.stem}.norm"], [f"{shared}.w_{part}"], [f"{shared}.{part}"], half, "row")
    teller.plain(0, teller.example.layer, window, before=teller.operation_of(f"{teller.head}.scores"))


def _run_query_key_value(teller: Teller, window: Window) -> None:
    line, (first, second, third) = teller.line, teller.split(window, (0.2, 0.3, 0.5))
    if not teller.has("norm_rstd"):
        line.fill([f"{teller.stem}.norm"], first, "row")
    line.multiply([f"{teller.stem}.norm"], [f"{teller.head}.w_q"], [f"{teller.head}.q"], second, "row")
    _keys_and_values(teller, third)


# --- rotary embedding, norms of queries and keys


def _turns(teller: Teller) -> bool:
    return any(teller.has(part) for part in ("q_norm", "k_norm", "q_rotary"))


def _before_turn(teller: Teller) -> str:
    return f"{teller.head}.q_norm" if teller.has("q_norm") else f"{teller.head}.q"


def _rotary(teller: Teller) -> None:
    line, example = teller.line, teller.example
    if teller.has("q_norm") or teller.has("k_norm"):
        place = f"layer {example.layer} / head {example.head} / rotary"
        _norm_queries(teller, line.beat(1.4, teller.say("query norm"), (place, "multiply")))
    if not teller.has("q_rotary"):
        return
    before, after = _before_turn(teller), f"{teller.head}.q_rotary"
    if not _is_turned(teller):
        line.fill([after], (line.now - 0.3, line.now), "row")
        return
    a, b = line.beat(2.0, teller.say("rotary"), _rotary_look(teller))
    line.use([before], (a, b), "left")
    line.fill([after], (a, b), "row", example.token, 0.6)
    teller.legend(after, "turned", (a, b))
    teller.turn_formula((a + 0.2 * (b - a), b + 0.2), before, after, example.token)


def _is_turned(teller: Teller) -> bool:
    return teller.has("q_rotary") and teller.values.blocks[f"{teller.head}.q_rotary"].label == "Q turned"


def _norm_queries(teller: Teller, window: Window) -> None:
    shared = teller.kv(0, teller.example.layer, teller.example.head)
    teller.line.use([f"{teller.head}.q", f"{shared}.k"], window, "left")
    teller.line.fill([f"{teller.head}.q_norm", f"{shared}.k_norm"], window, "row")


def _run_rotary(teller: Teller, window: Window) -> None:
    first, second = teller.split(window, (0.5, 0.5))
    if teller.has("q_norm") or teller.has("k_norm"):
        _norm_queries(teller, first)
    if teller.has("q_rotary"):
        teller.line.use([_before_turn(teller)], second, "left")
        teller.line.fill([f"{teller.head}.q_rotary"], second, "row")


def _rotary_look(teller: Teller) -> Look:
    shared = teller.kv(0, teller.example.layer, teller.example.head)
    return teller.line.there([_before_turn(teller), f"{teller.head}.q_rotary", f"{shared}.k_flat"]), "head"


# --- scores


def _keys(teller: Teller) -> str:
    return f"{teller.kv(0, teller.example.layer, teller.example.head)}.k_flat"


SCORING = Multiply(
    blocks=lambda teller: (teller.query(teller.head), _keys(teller), f"{teller.head}.scores"),
    moment="scores", legend="scores", laid="column", seconds=4.2, share=0.75, every=1,
)  # fmt: skip


# --- softmax


def _masked(teller: Teller) -> str:
    return f"{teller.head}.masked" if teller.has("masked") else f"{teller.head}.scores"


def _softmax_look(teller: Teller) -> Look:
    head = teller.head
    return teller.line.there([_masked(teller), f"{head}.softmax_max", f"{head}.pattern"]), "softmax"


def _softmax(teller: Teller) -> None:
    line, token, seen = teller.line, teller.example.token, teller.example.seen
    masked, shot = _masked(teller), _softmax_look(teller)
    if teller.has("masked"):
        hides = bool(teller.values.masked(masked).any())
        a, b = line.beat(1.4, teller.say("mask" if hides else "shifted"), shot)
        line.use([f"{teller.head}.scores"], (a, b), "left")
        line.fill([masked], (a, b), "row")
    a, b = line.beat(1.8, teller.say("softmax"), None if teller.has("masked") else shot)
    middle = _share_out(teller, (a, b))
    teller.legend(f"{teller.head}.pattern", "share", (middle, b))
    parts = teller.share_formula(masked, teller.head, token, seen)
    line.formula((middle, b + 0.2), parts)
    if token != seen:
        pattern = f"{teller.head}.pattern"
        start = line.now
        a, b = line.beat(1.2, teller.say("look"), ([pattern], "share"))
        line.use([pattern], (a, b), "left", token, 1.0)
        line.formula((start, b + 0.2), parts)


def _share_out(teller: Teller, window: Window) -> float:
    """Softmax, and what is plain on the way; returns when the shares begin."""
    line, head, (a, b) = teller.line, teller.head, window
    teller.plain(
        0, teller.example.layer, window, teller.operation_of(f"{head}.scores"), teller.operation_of(f"{head}.mix")
    )
    middle = a + (b - a) * 0.4
    line.fill([f"{head}.softmax_max", f"{head}.softmax_sum"], (a, middle), "row")
    line.use([_masked(teller)], (a, b), "left")
    line.fill([f"{head}.pattern"], (middle, b), "row")
    return middle


def _run_softmax(teller: Teller, window: Window) -> None:
    first, second = teller.split(window, (0.4, 0.6))
    if teller.has("masked"):
        teller.line.use([f"{teller.head}.scores"], first, "left")
        teller.line.fill([_masked(teller)], first, "row")
    _share_out(teller, second)


# --- the weighted sum of the values


def _values_of(teller: Teller) -> str:
    return f"{teller.kv(0, teller.example.layer, teller.example.head)}.v_flat"


WEIGHING = Multiply(
    blocks=lambda teller: (f"{teller.head}.pattern", _values_of(teller), f"{teller.head}.mix"),
    moment="mix", legend="read", laid="row", seconds=2.6, share=0.7, every=4,
)  # fmt: skip


# --- all the heads


def _run_heads(teller: Teller, window: Window) -> None:
    layer, head = teller.example.layer, teller.example.head
    others = [other for other in range(teller.sizes.heads) if other != head]
    teller.heads(0, layer, others, teller.split(window, (1.2, 0.3, 0.8, 0.8, 0.7)), teller.kv(0, layer, head))


def _heads(teller: Teller) -> None:
    HEADS.passes(teller)


NORM = Chapter(
    name="norm",
    applies=lambda teller: _has_heads(teller) and teller.has("norm_rstd"),  # else the stream is read as it is
    act=lambda teller: "norm",
    worked=_norm,
    run=_run_norm,
    look=_norm_look,
    moment=_norm_moment,
)
QUERY_KEY_VALUE = Chapter(
    name="query-key-value",
    applies=_has_heads,
    act=lambda teller: "query-key-value",
    worked=_query_key_value,
    run=_run_query_key_value,
    look=lambda t: (f"layer {t.example.layer} / head {t.example.head} / qkv", "multiply"),
    moment=lambda teller: "query",
)
ROTARY = Chapter(
    name="rotary",
    applies=lambda teller: _has_heads(teller) and _turns(teller),
    act=lambda teller: "rotary" if _is_turned(teller) else "query norms",
    worked=_rotary,
    run=_run_rotary,
    look=_rotary_look,
    moment=lambda teller: "rotary" if _is_turned(teller) else "query norm",
)
SCORES = Chapter(
    name="scores",
    applies=_has_heads,
    act=lambda teller: "scores",
    worked=SCORING.worked,
    run=SCORING.run,
    look=SCORING.look,
    moment=lambda teller: "scores",
)
SOFTMAX = Chapter(
    name="softmax",
    applies=_has_heads,
    act=lambda teller: "softmax" if teller.has("masked") else "softmax alone",
    worked=_softmax,
    run=_run_softmax,
    look=_softmax_look,
    moment=lambda teller: "softmax",
)
VALUES = Chapter(
    name="values",
    applies=_has_heads,
    act=lambda teller: "values",
    worked=WEIGHING.worked,
    run=WEIGHING.run,
    look=WEIGHING.look,
    moment=lambda teller: "mix",
)
HEADS = Chapter(
    name="heads",
    applies=lambda teller: _has_heads(teller) and teller.sizes.heads > 1,
    act=lambda teller: "heads",
    worked=_heads,
    run=_run_heads,
    look=lambda teller: (f"layer {teller.example.layer} / attention", "attention"),
    moment=lambda teller: "heads" if teller.sizes.shared == 1 else "shared heads",
    joins="values",
    legend=lambda teller: (f"{teller.head}.mix", "read"),
)
HEAD = Chapter(
    name="head",
    applies=_has_heads,
    act=lambda teller: "head",
    worked=_one_head,
    run=nothing,
    look=lambda teller: (f"layer {teller.example.layer} / head {teller.example.head}", "attention"),
    moment=lambda teller: "one head",
)
