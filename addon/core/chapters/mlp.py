# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows the heads in a layer: the projection, the MLP or the experts, and the way back into the stream."""

from __future__ import annotations

from ..story_stretches import PROJECTING
from ..story_teller import Teller
from ..timeline import PRODUCT, Window
from .chapter import Chapter

PASSING = ("GELU", "ReLU", "SiLU")  # activations that let what is above zero pass


def _projection(teller: Teller) -> None:
    line, layer, stem = teller.line, teller.example.layer, teller.stem
    parts = (f"{stem}.merged", f"{stem}.w_o", f"{stem}.attention_out")
    a, b = line.beat(3.2, teller.say(_projection_moment(teller)), (parts, PRODUCT))
    teller.project(0, layer, (a, b))
    _gathered, multiplied, joined = teller.split((a, b), PROJECTING)
    line.close_up(multiplied, *parts)
    line.turn_to(joined, PROJECTION.look(teller))
    teller.legend(f"{stem}.attention_out", "attention", (a, b))
    line.shapes((a, multiplied[1]), *parts)
    added = f"{stem}.attention_post" if teller.has("attention_post") else f"{stem}.attention_out"
    window = (a + (b - a) * 0.65, b + 0.2)
    teller.sum_formula(window, teller.stream_before(0, layer)[0], added, f"{stem}.residual_attention")


def _projection_moment(teller: Teller) -> str:
    if teller.has("attention_post"):
        return "projection, norm"
    return "projection" if teller.has("residual_attention") else "projection alone"


def _alone(teller: Teller) -> bool:
    """Whether the MLP joins the stream by itself, not together with attention."""
    return teller.has("residual_attention") or not teller.has("scores")


def _mlp(teller: Teller) -> None:
    line, layer, stem = teller.line, teller.example.layer, teller.stem
    gated = teller.has("product")
    fanned = [f"{stem}.{part}" for part in ("mlp_norm", "w_gate", "w_up", "gate", "hidden")]
    a, b = line.beat(4.0, teller.say("gate" if gated else "up"), (line.there(fanned), PRODUCT))
    windows = teller.split((a, b), (0.3, 1.7))
    line.close_up(windows[1], f"{stem}.mlp_norm", f"{stem}.w_up", f"{stem}.hidden", back=False)
    teller.mlp_norm(0, layer, windows[0])
    teller.up(0, layer, windows[1])
    line.legend(f"{stem}.hidden", teller.catalog.label(teller.label("hidden")), windows[1])
    line.shapes(windows[1], f"{stem}.mlp_norm", f"{stem}.w_up", f"{stem}.hidden")
    plain = "down" if teller.label("gelu") in PASSING else "bent down"
    words = teller.say("gated down" if gated else plain if _alone(teller) else "parallel down")
    bent = [f"{stem}.{part}" for part in ("gate", "hidden", "gelu", "product")]
    a, b = line.beat(4.8, words, (line.there(bent), "deep"))
    windows = teller.split((a, b), (0.7, 2.0, 0.5))
    teller.activate(0, layer, windows[0])
    teller.activation_formula((windows[0][0], windows[1][0] + (windows[1][1] - windows[1][0]) * 0.4), layer)
    teller.down(0, layer, windows[1:])
    operand = f"{stem}.product" if gated else f"{stem}.gelu"
    folded = (operand, f"{stem}.w_down", f"{stem}.mlp_out")
    line.turn_to(windows[1], (folded, PRODUCT))
    line.close_up((windows[1][0], b), *folded, back=False)
    line.shapes(windows[1], *folded)
    if gated and not _alone(teller):
        line.beat(0.8, teller.say("parallel"))


def _run_mlp(teller: Teller, window: Window) -> None:
    layer = teller.example.layer
    norm, up, activate, down, add = teller.split(window, (0.4, 0.9, 0.4, 0.7, 0.3))
    teller.mlp_norm(0, layer, norm)
    teller.up(0, layer, up)
    teller.activate(0, layer, activate)
    teller.down(0, layer, (down, add))


def _experts(teller: Teller) -> None:
    line, layer, stem = teller.line, teller.example.layer, teller.stem
    a, b = line.beat(2.0, teller.say("router"), (f"layer {layer} / router", "multiply"))
    norm, route = teller.split((a, b), (0.5, 1.5))
    teller.mlp_norm(0, layer, norm)
    teller.route(0, layer, route)
    teller.legend(f"{stem}.router", "router", route)
    line.shapes(route, f"{stem}.mlp_norm", f"{stem}.w_router", f"{stem}.router")
    teller.choice_formula((b - 0.4 * (b - a), b + 0.2), stem, teller.example.token)
    a, b = line.beat(3.2, teller.say("experts"), (f"layer {layer} / mlp", "deep"))
    teller.experts(0, layer, (a, b))
    teller.legend(f"{stem}.mlp_out", "experts", (a, b))
    teller.plain(0, layer, (a, b), teller.operation_of(f"{stem}.router"))


def _run_experts(teller: Teller, window: Window) -> None:
    layer = teller.example.layer
    norm, route, experts = teller.split(window, (0.4, 0.8, 1.8))
    teller.mlp_norm(0, layer, norm)
    teller.route(0, layer, route)
    teller.experts(0, layer, experts)
    teller.plain(0, layer, experts, teller.operation_of(f"{teller.stem}.router"))


PROJECTION = Chapter(
    name="projection",
    applies=lambda teller: teller.has("scores") and teller.has("w_o"),
    act=lambda teller: "projection" if teller.has("residual_attention") else "projection alone",
    worked=_projection,
    run=lambda teller, window: teller.project(0, teller.example.layer, window),
    look=lambda teller: (f"layer {teller.example.layer} / projection", "multiply"),
    moment=_projection_moment,
)
MLP = Chapter(
    name="mlp",
    applies=lambda teller: teller.has("w_down"),
    act=lambda teller: "mlp",
    worked=_mlp,
    run=_run_mlp,
    look=lambda teller: (f"layer {teller.example.layer} / mlp", "deep"),
    moment=lambda teller: "gate" if teller.has("product") else "up",
    seconds=2.4,
    legend=lambda teller: (f"{teller.stem}.mlp_out", "stream"),
)
EXPERTS = Chapter(
    name="experts",
    applies=lambda teller: teller.has("router"),
    act=lambda teller: "experts",
    worked=_experts,
    run=_run_experts,
    look=lambda teller: (f"layer {teller.example.layer} / mlp", "deep"),
    moment=lambda teller: "experts",
    seconds=3.2,
)
