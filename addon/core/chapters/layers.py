# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole layers: those before the worked one, what is left of it, and those after."""

from __future__ import annotations

from ..layout_types import Block
from ..story_teller import Teller
from ..timeline import Window
from .chapter import Chapter


def _first_layers(teller: Teller) -> None:
    for layer in range(teller.example.layer):
        words = teller.say(_before_moment(teller)) if layer == 0 else ""
        teller.layer(0, layer, teller.line.beat(2.6, words, (f"layer {layer}", "section")))


def _before_moment(teller: Teller) -> str:
    return "layers before" if teller.has("scores", 0) else "first layers"


def _run_first_layers(teller: Teller, window: Window) -> None:
    layers = range(teller.example.layer)
    for layer, part in zip(layers, teller.split(window, [1.0] * len(layers)), strict=True):
        teller.layer(0, layer, part)


def _left(teller: Teller) -> list[Block]:
    """What the worked layer has that no chapter has told."""
    told = teller.line.filled()
    blocks = teller.rest.get((0, teller.example.layer), [])
    return [block for block in blocks if block.kind != "weight" and block.key not in told]


def _rest(teller: Teller) -> None:
    window = teller.line.beat(1.6, teller.say("rest"), ([block.key for block in _left(teller)], "section"))
    _run_rest(teller, window)


def _run_rest(teller: Teller, window: Window) -> None:
    left = _left(teller)
    for block, part in zip(left, teller.split(window, [1.0] * len(left)), strict=True):
        teller.line.fill([block.key], part, "all")
    if f"{teller.stem}.residual_mlp" not in teller.line.filled():  # where no MLP was told
        teller.line.fill([f"{teller.stem}.residual_mlp"], (window[1] - 0.1 * (window[1] - window[0]), window[1]), "row")


def _waiting(teller: Teller) -> list[int]:
    """The layers that nothing has been told of."""
    begun = {teller.values.blocks[key].layer for key in teller.line.filled() if teller.values.blocks[key].step == 0}
    return [layer for layer in range(teller.sizes.layers) if layer not in begun]


def _layers(teller: Teller) -> None:
    line, rest = teller.line, _waiting(teller)
    if teller.brief:
        # All of them in one shot of the whole model.
        window = line.beat(2.6 * len(rest), teller.say("layers"), ("model", "model"))
        for layer, part in zip(rest, teller.split(window, [1.0] * len(rest)), strict=True):
            _one(teller, layer, part)
        return
    for layer in rest:
        words = teller.say("layers") if layer == rest[0] else ""
        _one(teller, layer, line.beat(2.6, words, (f"layer {layer}", "section")))


def _one(teller: Teller, layer: int, window: Window) -> None:
    teller.legend(teller.stream_before(0, layer + 1)[0], "stream", window)
    teller.layer(0, layer, window)


def _run_layers(teller: Teller, window: Window) -> None:
    rest = _waiting(teller)
    for layer, part in zip(rest, teller.split(window, [1.0] * len(rest)), strict=True):
        teller.layer(0, layer, part)


def _at_once(teller: Teller) -> None:
    """The layers that wait in one look; where they are all that there are, the first of them in its two halves."""
    line, rest = teller.line, _waiting(teller)
    if rest[0] == 0 and teller.has("scores", 0) and _feeds_forward(teller) and not teller.has("branches", 0):
        reading = line.beat(2.4, teller.say("reading"), ("layer 0 / attention", "attention"))
        teller.attention(0, 0, reading)
        teller.legend("s0.l0.h0.mix", "read", reading)
        alone = line.beat(2.4, teller.say("alone"), ("layer 0 / mlp", "deep"))
        teller.feed_forward(0, 0, alone)
        teller.plain(0, 0, alone)
        rest = rest[1:]
    if not rest:
        return
    window = line.beat(LAYERS.seconds, teller.say(_layers_moment(teller)), ("model", "model"))
    teller.legend(teller.stream_before(0, teller.sizes.layers)[0], "stream", window)
    for layer, part in zip(rest, teller.split(window, [1.0] * len(rest)), strict=True):
        teller.layer(0, layer, part)


def _feeds_forward(teller: Teller) -> bool:
    """Whether the first layer has an MLP or experts that are known as such."""
    return teller.has("w_down", 0) or teller.has("router", 0)


def _layers_moment(teller: Teller) -> str:
    if 0 not in _waiting(teller):
        return "layers"
    return "all layers" if teller.attends and _feeds_forward(teller) else "all plain layers"


FIRST_LAYERS = Chapter(
    name="first-layers",
    applies=lambda teller: teller.example.layer > 0,
    act=lambda teller: "first-layers",
    worked=_first_layers,
    run=_run_first_layers,
    look=lambda teller: ("model", "model"),
    moment=_before_moment,
    seconds=2.6,
)
REST = Chapter(
    name="rest",
    applies=lambda teller: bool(_left(teller)),
    act=lambda teller: "rest",
    worked=_rest,
    run=_run_rest,
    look=lambda teller: ([block.key for block in _left(teller)], "section"),
    moment=lambda teller: "rest",
)
LAYERS = Chapter(
    name="layers",
    applies=lambda teller: bool(_waiting(teller)),
    act=lambda teller: "layers",
    worked=_layers,
    run=_run_layers,
    look=lambda teller: ("model", "model"),
    moment=_layers_moment,
    seconds=4.0,
    passed=_at_once,
)
