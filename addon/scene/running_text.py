# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of the run along the top of the frame, each on a chip, and slots for those to come."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.story import Arrival
from ..core.wording import printable
from .merge import Piece
from .overlay import EDGE, LEGEND_WIDTH, TOP, Overlay, rounded
from .text import during, width_of

RUNNING = 0.056  # text size, as a share of the frame's height
SMALLEST = 0.8  # of RUNNING: before the running text gets smaller it is cut
NARROW = 0.5  # the same in a picture that is no wider than high, whose height says little of how near one sits
ELLIPSIS = 0.7  # its width in chips


def add_running_text(
    overlay: Overlay,
    tokens: tuple[str, ...],
    prompt: int,
    arrivals: tuple[Arrival, ...],
    duration: float,
    *,
    text: bool,
) -> None:
    """The tokens along the top: the prompt in the tokens' colour, then a slot for each token to come, filled when
    it arrives. Where it is a `text` that goes on, chips stand as close as its characters; otherwise an arrow leads
    from the prompt to the answer. What does not fit goes at the front, for an ellipsis."""
    run = place_running_text(overlay, tokens, prompt, text)
    when = {arrival.token: arrival.start for arrival in arrivals}
    material, size, chip = overlay.materials.overlay, run.size, run.size * 1.1
    for name, sign, x in run.signs:
        overlay.put(overlay.text(f"running text {name}", sign, size, "secondary"), x, TOP, 0.004)
    for i, x, wide in run.chips:
        hue = "token" if i < prompt else "positive"
        for name, extra, radius, color, depth in (
            ("slot", 0.98, 0.2, "line", -0.002),
            ("back", 0.90, 0.17, "pill", 0.0),
        ):
            less = (1 - extra) * chip
            back = rounded(f"token {i} {name}", wide * chip - less, chip - less, chip * radius, color, material)
            overlay.put(back, x, TOP, depth)
        for item, lower in _token_ink(overlay, f"token {i}", tokens[i], size, hue, text):
            start = when.get(i, 0.0)
            overlay.put(during(item, start, duration - start + 1.0), x, TOP - lower, 0.004)


@dataclass(frozen=True)
class RunningText:
    """Where the running text goes: its size, chips as (token, x, width in chips), signs as (name, sign, x)."""

    size: float
    chips: tuple[tuple[int, float, float], ...]
    signs: tuple[tuple[str, str, float], ...]


def place_running_text(overlay: Overlay, tokens: tuple[str, ...], prompt: int, text: bool) -> RunningText:
    """The running text in the middle of the frame, or of what the legend leaves free of it."""
    gap, arrow = (0.04, 0.0) if text else (0.16, 0.9)
    widths = [max(0.78, width_of(printable(token), 1 / 1.1) + 0.3) if text else 1.0 for token in tokens]
    room = overlay.aspect - 2 * EDGE
    beside = room - (LEGEND_WIDTH + EDGE if overlay.wide else 0.0)
    least = RUNNING * smallest(overlay.aspect)
    first = 0
    while _length(widths[first:], gap, arrow, first) * 1.1 * least > beside and first < prompt - 1:
        first += 1
    length = _length(widths[first:], gap, arrow, first)
    size = RUNNING * min(1.0, beside / (length * RUNNING * 1.1))
    chip = size * 1.1
    centred = overlay.aspect / 2 - EDGE - LEGEND_WIDTH - EDGE > length * chip / 2 or not overlay.wide
    x = -length * chip / 2 + (0.0 if centred else (beside - room) / 2)
    signs: list[tuple[str, str, float]] = []
    if first:
        signs.append(("ellipsis", "⋯", x + chip * ELLIPSIS / 2))
        x += chip * (ELLIPSIS + gap)
    chips = []
    for i in range(first, len(tokens)):
        if i == prompt and arrow:
            signs.append(("arrow", "→", x + chip * (arrow - gap) / 2))
            x += chip * arrow
        chips.append((i, x + chip * widths[i] / 2, widths[i]))
        x += chip * (widths[i] + gap)
    return RunningText(size, tuple(chips), tuple(signs))


def smallest(aspect: float) -> float:
    """Down to which share of RUNNING the running text of a picture of that width over height shrinks."""
    return SMALLEST if aspect > 1.0 else NARROW


def _length(widths: list[float], gap: float, arrow: float, first: int) -> float:
    """Of a running text, in chips."""
    return sum(widths) + gap * (len(widths) - 1) + arrow + (ELLIPSIS + gap if first else 0.0)


def _token_ink(overlay: Overlay, name: str, token: str, size: float, hue: str, text: bool) -> list[tuple[Piece, float]]:
    """What stands on a chip, with how far below its middle: the token's text, or a bar that stands for a space."""
    if text and token == " ":
        bar = rounded(f"{name} text", size * 0.36, size * 0.07, size * 0.03, hue, overlay.materials.overlay)
        return [(bar, size * 0.24)]
    return [(overlay.text(f"{name} text", printable(token), size, hue), 0.0)]
