# SPDX-License-Identifier: GPL-3.0-or-later
"""How a story opens: the whole model, and the tokens that become numbers."""

from __future__ import annotations

import math

from ..detail import MOST_VALUES
from ..story_teller import Teller
from ..timeline import Window
from .chapter import Chapter, Look, nothing

TITLE_SECONDS, OPENING_MOVE = 2.2, 2.0  # seconds: of the title, and of the flight from there to the whole model
LIGHT = -1.4  # second in which the light entered: the first picture shows it on its way
LIT = 0.8  # share of the overview after which it is through
TABLES = ("s0.token_table", "s0.token_embedding", "s0.position_table", "s0.position_embedding", "s0.residual_0")
LONG_TABLES = 3.0  # how many times as deep as wide both tables are together when they need a look each


def _overview(teller: Teller) -> None:
    """Where the tokens enter, under the title; then the whole model, with a light running through it."""
    line = teller.line
    line.beat(TITLE_SECONDS / line.pace, "", (_entrance(teller), "opening"))
    line.title(line.now - 0.2)
    lit = line.now
    weights = (f"s0.l{teller.example.layer}.w_up", "s0.w_vocab", "s0.token_table")
    teller.legend(next(iter(line.there(weights)), next(iter(teller.values.blocks))), "weights", (lit, lit + 1.0))
    what, *why = teller.say(_overview_moment(teller)) or ("",)
    line.beat(0.5, what, ("model", "model"), OPENING_MOVE)
    line.pulse((LIGHT, LIT * line.now))
    if why:
        line.beat(0.5, why, (f"layer {teller.example.layer}", "section"))


def _entrance(teller: Teller) -> str | list[str]:
    """What a story opens with: the first layer's attention, with the tokens before it where they stand close by."""
    if not teller.has("scores", 0):
        return "layer 0"
    tables = teller.line.there(TABLES)
    if not tables or _long(teller):
        return "layer 0 / attention"
    return [*tables, *teller.line.there(["s0.l0.norm", "s0.l0.merged", "s0.l0.attention_out"])]


def _overview_moment(teller: Teller) -> str:
    cells = sum(math.prod(block.counts) for block in teller.layout.blocks)
    if not teller.attends:
        return "large plain overview" if cells > MOST_VALUES else "plain overview"
    return "large overview" if cells > MOST_VALUES else "overview"


def _found(teller: Teller) -> str:
    return "s0.token_embedding" if teller.has("token_embedding") else "s0.residual_0"


def _long(teller: Teller) -> bool:
    """Whether both tables are too far from each other for one look: long ones stand one behind the other."""
    box = teller.layout.bounds_of(*teller.line.there(TABLES))
    return box.high[1] - box.low[1] > LONG_TABLES * (box.high[0] - box.low[0])


def _embedding(teller: Teller) -> None:
    line = teller.line
    there, long, positions, found = line.there(TABLES), _long(teller), teller.has("position_table"), _found(teller)
    a, b = line.beat(2.0, teller.say(_embedding_moment(teller)), ("lookup" if long and positions else there, "table"))
    teller.legend(found, "embedding", (a, b))
    _look_up(teller, (a, b))
    if positions:
        a, b = line.beat(1.8, teller.say("positions"), ("positions", "sum") if long else None)
        _add_positions(teller, (a, b))
    elif found != "s0.residual_0":
        line.fill(["s0.residual_0"], (b - 0.4 * (b - a), b), "row")


def _look_up(teller: Teller, window: Window) -> None:
    teller.line.use(["s0.token_table"], window, "left")
    teller.line.fill([_found(teller)], window, "row")
    teller.plain(0, None, window, before=teller.operation_of("s0.residual_0") + 1)


def _add_positions(teller: Teller, window: Window) -> None:
    line, (a, b) = teller.line, window
    middle = a + (b - a) * 0.45
    line.use(["s0.position_table"], (a, middle), "left")
    line.fill(["s0.position_embedding"], (a, middle), "row")
    line.use(["s0.token_embedding", "s0.position_embedding"], (middle, b), "left")
    line.fill(["s0.residual_0"], (middle, b), "row")


def _run_embedding(teller: Teller, window: Window) -> None:
    first, second = teller.split(window, (0.5, 0.5))
    _look_up(teller, first)
    if teller.has("position_table"):
        _add_positions(teller, second)
    elif _found(teller) != "s0.residual_0":
        teller.line.fill(["s0.residual_0"], second, "row")


def _embedding_moment(teller: Teller) -> str:
    return "tokens" if teller.has("position_table") else "tokens alone"


def _tables(teller: Teller) -> Look:
    return ("embedding" if _long(teller) else teller.line.there(TABLES)), "table"


OVERVIEW = Chapter(
    name="overview",
    applies=lambda teller: True,
    act=lambda teller: "overview",
    worked=_overview,
    run=nothing,
    look=lambda teller: ("model", "model"),
    moment=_overview_moment,
)
EMBEDDING = Chapter(
    name="embedding",
    applies=lambda teller: bool(teller.line.there(TABLES)),
    act=lambda teller: "embedding",
    worked=_embedding,
    run=_run_embedding,
    look=_tables,
    moment=lambda teller: "tokens at once" if teller.has("position_table") else "tokens alone",
    legend=lambda teller: (_found(teller), "embedding"),
)
