# SPDX-License-Identifier: GPL-3.0-or-later
"""How a story ends: the odds of the next token, the tokens after it, and what it came to."""

from __future__ import annotations

from ..story_formulas import number
from ..story_teller import Teller
from ..timeline import PRODUCT, Window
from ..wording import CUT, FEW, quoted
from .chapter import Chapter, Look, nothing

ROUND, ODDS_FROM = 3.0, 0.55  # seconds of a pass that is told, and the share of it after which its odds are shown
LIT = 0.4  # seconds before the last light enters, and after it is through
FORMULA_ODDS = 4  # of the likeliest tokens, where there are more than FEW


def _many(teller: Teller) -> bool:
    return len(teller.wording.vocabulary) > FEW


def _output(teller: Teller) -> None:
    line, many = teller.line, _many(teller)
    parts = ("s0.final_norm", "s0.w_vocab", "s0.logits")
    a, b = line.beat(2.0, teller.say("logits"), ("logits", "output") if many else (parts, PRODUCT))
    second = _logits(teller, (a, b))
    teller.legend("s0.logits", "logits", second)
    line.shapes(second, *parts)
    if not teller.has("probabilities"):
        return
    a, b = line.beat(1.4, teller.say(teller.odds_moment()), ("odds", "odds") if many else OUTPUT.look(teller))
    _odds(teller, (a, b))
    teller.legend("s0.probabilities", "probability", (a, b))
    line.formula((a, b + 0.2), odds_formula(teller, 0))


def _logits(teller: Teller, window: Window) -> Window:
    """The norm after the last layer, and the logits; returns the window of these."""
    first, second = teller.split(window, (0.8, 1.2))
    teller.final_norm(0, first)
    teller.line.multiply(["s0.final_norm"], ["s0.w_vocab"], ["s0.logits"], second, "row")
    teller.plain(0, None, second, teller.operation_of("s0.residual_0") + 1)
    return second


def _odds(teller: Teller, window: Window) -> None:
    """The softmax over the vocabulary, and the token that comes of it."""
    line, (a, b) = teller.line, window
    line.use(["s0.logits"], (a, b), "left")
    line.fill(["s0.probability_max", "s0.probability_sum"], (a, b), "row")
    # The row that is drawn from fills first.
    last = teller.values.blocks["s0.probabilities"].shape[0] - 1 if _many(teller) else None
    line.fill(["s0.probabilities"], (a, b), "row", last, 0.6)
    if last is not None:
        line.use(["s0.probabilities"], (a + 0.6 * (b - a), b + 0.3), "left", last, 1.0)
    if len(teller.texts) > teller.prompt:
        line.arrive(teller.prompt, b)


def odds_formula(teller: Teller, step: int) -> list[tuple[str, str]]:
    """The likeliest tokens of a step with their shares."""
    odds, gap = teller.likeliest(step, FORMULA_ODDS), ("", "secondary")
    parts = [part for token, share in odds for part in (gap, (token, "positive"), (number(share), "text"))][1:]
    return [*parts, gap, ("⋯", "secondary")] if _many(teller) else parts


def _run_output(teller: Teller, window: Window) -> None:
    if not teller.has("probabilities"):
        _logits(teller, window)
        return
    first, second = teller.split(window, (0.6, 0.4))
    _logits(teller, first)
    _odds(teller, second)


def _passes_again(teller: Teller) -> bool:
    return len(teller.trace.steps) > 1


def _again(teller: Teller) -> None:
    """Each pass slowly, with the odds that it comes to."""
    line, steps = teller.line, len(teller.trace.steps)
    texts = [teller.say(_again_moment(teller)), teller.say(_new_moment(teller))]
    texts += [teller.say("next", **_drawn(teller, step)) for step in range(3, steps)]
    windows = line.told_rounds(ROUND, texts[: steps - 1], _pass_looks(teller, steps - 1))
    for step, (a, b) in enumerate(windows, start=1):
        _step(teller, step, (a, b))
        if f"s{step}.probabilities" in teller.values.blocks:
            line.formula((a + ODDS_FROM * (b - a), b + 0.3), odds_formula(teller, step))


def _pass_looks(teller: Teller, count: int) -> list[Look]:
    """Where each of some passes is watched: from afar, then what it adds to the first layer, then what comes of it."""
    first: Look = ("layer 0 / attention", "attention") if teller.has("scores", 0) else ("model", "model")
    return [("model", "model"), first, *[OUTPUT.look(teller)] * count][:count]


def _drawn(teller: Teller, step: int) -> dict[str, object]:
    """What a pass comes to."""
    if teller.prompt + step >= len(teller.texts):
        return {"pass": step + 1, "next": CUT}
    return {"pass": step + 1, "next": quoted(teller.texts[teller.prompt + step], teller.catalog.unseen)}


def _all_again(teller: Teller) -> None:
    """Pass after pass, quickly."""
    line, steps = teller.line, len(teller.trace.steps)
    words = [*teller.say(_again_moment(teller)), *teller.say(_new_moment(teller))]
    for step, window in enumerate(line.rounds(steps - 1, 1.25, words, ("model", "model")), start=1):
        _step(teller, step, window)


def _again_moment(teller: Teller) -> str:
    if teller.trace.steps[1].past == 0:
        return "again"
    return "again cached" if teller.attends else "again kept"


def _new_moment(teller: Teller) -> str:
    """What a pass adds to what there is."""
    return "cache" if _again_moment(teller) == "again cached" else "one_row"


def _step(teller: Teller, step: int, window: Window) -> None:
    teller.whole_step(step, window)
    teller.line.pulse(window)
    if teller.prompt + step < len(teller.texts):
        teller.line.arrive(teller.prompt + step, window[1])


def _run_again(teller: Teller, window: Window) -> None:
    steps = len(teller.trace.steps) - 1
    for step, part in enumerate(teller.split(window, [1.0] * steps), start=1):
        _step(teller, step, part)


def _end(teller: Teller) -> None:
    start = teller.line.now
    if teller.wording.answer:
        shot = None if teller.line.sees("model") else ("model", "model")
        teller.line.beat(0.4, teller.say("sorted" if teller.wording.sorts else "continued"), shot)
    teller.line.beat(1.2, teller.say("count"), None if teller.line.sees("model") else ("model", "model"))
    teller.line.pulse((start + LIT, teller.line.now - LIT))


def _pull_back(teller: Teller) -> None:
    """The end, seen from where the whole model is seen."""
    start = teller.line.now
    teller.line.beat(1.6, teller.say("count"), ("model", "model"))
    teller.line.pulse((start + LIT, teller.line.now - LIT))


OUTPUT = Chapter(
    name="output",
    applies=lambda teller: teller.has("logits"),
    act=lambda teller: "output",
    worked=_output,
    run=_run_output,
    look=lambda teller: ("odds" if _many(teller) and teller.has("probabilities") else "output", "output"),
    moment=lambda teller: teller.odds_moment() if teller.has("probabilities") else "logits",
    seconds=2.6,
    legend=lambda teller: (
        ("s0.probabilities", "probability") if teller.has("probabilities") else ("s0.logits", "logits")
    ),
)
AGAIN = Chapter(
    name="again",
    applies=_passes_again,
    act=lambda teller: "sorting" if teller.wording.sorts else "again",
    worked=_again,
    run=_run_again,
    look=lambda teller: ("model", "model"),
    moment=_again_moment,
    passed=_all_again,
)
END = Chapter(
    name="end",
    applies=lambda teller: True,
    act=lambda teller: "end",
    worked=_end,
    run=nothing,
    look=lambda teller: ("model", "model"),
    moment=lambda teller: "count",
    joins="again",
    passed=_pull_back,
)
