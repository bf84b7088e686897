# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces that several sections of a model are placed with: a norm, the way back into the spine, names."""

from __future__ import annotations

from dataclasses import dataclass

from .layout_parts import collection_of
from .layout_types import Label, text_width
from .placement import CLEAR, EDGE, STRIP, Draft, Gaps, pitch_of

STATISTICS = 2.5  # two columns and the half cell between them
DROP = 1.35  # from the foot of what a name stands before to the name's base line, in its size
WEIGHT_NAME = 1.8  # size of a large weight's name, in that of a tensor's
SMALL = 0.45  # names of statistics, in the size of a tensor's
STUB = 0.16  # width of a branch, in channels


@dataclass(frozen=True)
class Extent:
    """How far a section reaches, with its names."""

    left: float
    right: float
    back: float


def margin(gaps: Gaps, names: float = 0.0) -> float:
    """Room at the left of a norm for its statistics and for `names` of this width beside the weights."""
    return max(2 * EDGE + text_width("mean, 1/std", SMALL * gaps.text), names + 3 * EDGE)


def place_norm(
    draft: Draft, stem: str, whole: str, x: float, y: float, layer: int | None, section: str, columns: int = 0
) -> None:
    """A norm's fence from `x`, its face at `y`: its statistics left of it, gain and shift on the floor before it. It
    has as many columns as the model has channels, if not told."""
    text, channels = draft.gaps.text, columns or draft.shape.channels
    draft.fence_x(f"{stem}_mean", x - STATISTICS - 2 * EDGE, y, 1, layer)
    draft.fence_x(f"{stem}_rstd", x - 1 - 2 * EDGE, y, 1, layer)
    draft.fence_x(whole, x, y, channels, layer)
    draft.tile(f"{stem}_gain", x, y - STRIP - 1, 1, channels, "y", layer)
    draft.tile(f"{stem}_shift", x, y - 2 * STRIP - 2, 1, channels, "y", layer)
    name_front(draft, whole, x, y - 2 * STRIP - 2, layer, section)
    small = SMALL * text
    statistics = [draft.shape.label(part) for part in (f"{stem}_mean", f"{stem}_rstd") if draft.has(part, layer)]
    if not statistics:
        return
    draft.name(
        ", ".join(statistics),
        x - 2 * EDGE,
        y - DROP * small,
        small,
        3,
        layer,
        section=section,
        align="right",
        color="secondary",
    )


def place_return(
    draft: Draft, bias: str, out: str, residual: str, x: float, y: float, layer: int, section: str
) -> float:
    """What comes back from a section into the spine, whose face is at `y`: the result's fence with its bias behind it
    (before the weight, whose tile the caller places), its norm or its sum with another branch at its right where there
    is one, the residual in the spine lane, and the branch between them. Returns where all of it ends."""
    gaps, channels = draft.gaps, draft.shape.channels
    lane = y + gaps.lane
    draft.tile(bias, x, lane + 2 * STRIP, 1, channels, "y", layer)
    draft.fence_x(out, x, lane, channels, layer)
    name_front(draft, out, x, lane, layer, section)
    post = out.replace("_out", "_post")
    more = post if draft.has(post, layer) else "branches" if section == "mlp" and draft.has("branches", layer) else ""
    if more:
        x += channels + max(margin(gaps), gaps.stage)
        if more == post:
            place_norm(draft, post, post, x, lane, layer, section)
        else:
            draft.fence_x(more, x, lane, channels, layer)
            name_front(draft, more, x, lane, layer, section)
    if draft.has(residual, layer):
        draft.fence_x(residual, x, y, channels, layer)
        name_front(draft, residual, x, y - 0.5 * gaps.road, layer, section, color="token")
        stub(draft, x, y, layer)
    return x + channels


def stub(draft: Draft, x: float, y: float, layer: int | None) -> None:
    """The branch between the spine, whose face is at `y`, and what stands from `x` in the operand lane."""
    channels = draft.shape.channels
    at = x + 0.85 * channels
    draft.road([(at, y), (at, y + draft.gaps.lane - 1)], STUB * channels, "spine", layer)


def name_front(
    draft: Draft, part: str, x: float, y: float, layer: int | None, section: str, color: str = "text"
) -> None:
    """The name of a fence along x, on the floor before it, clear of the branch at its right."""
    if not draft.has(part, layer):
        return
    room, size = 0.74 * draft.shape.channels, draft.gaps.text
    name = draft.shape.label(part)
    size = min(size, room / text_width(name, 1.0))
    draft.name(name, x, y - DROP * size, size, 2, layer, section=section, color=color)


def name_behind(draft: Draft, part: str, x: float, y: float, layer: int | None, section: str) -> float:
    """The name of a tile C wide, on the floor behind its far edge at `y`; returns where the next name can stand."""
    name = draft.shape.label(part)
    size = min(WEIGHT_NAME * draft.gaps.text, draft.shape.channels / text_width(name, 1.0))
    left = x + (draft.shape.channels - text_width(name, size)) / 2
    draft.name(name, left, y + 0.5 * size, size, 2, layer, section=section)
    return y + 2.2 * size


def name_top(
    draft: Draft,
    part: str,
    x: float,
    y: float,
    layer: int | None,
    section: str,
    *,
    align: str = "center",
    size: float | None = None,
    head: int | None = None,
    line: int = 0,
) -> None:
    """The name of a fence along y, standing on its near end; `line` lines higher, where others are beside it."""
    if not draft.has(part, layer):
        return
    size = draft.gaps.text if size is None else size
    place = (x, y, draft.gaps.height + (0.35 + 1.5 * line) * size)
    tier = 2 if head is None else 3
    draft.labels.append(
        Label(
            draft.shape.label(part),
            place,
            size,
            "front",
            align,
            tier,
            "text",
            layer,
            collection_of(section, layer, head),
        )
    )


def place_rest(draft: Draft, layer: int | None, x: float, y: float, width: float) -> Extent:
    """Everything that is drawn plainly, in lines from `x`, `y` on that are about `width` wide, each named before it."""
    shape, text = draft.shape, SMALL * draft.gaps.text
    plains = shape.rest if layer is None else shape.layer(layer).rest
    at, right, line, back, step = x, x, y, y, 0
    for plain in plains:
        wide = plain.columns * pitch_of(plain.across)
        size = min(text, 1.5 * max(wide, 4.0) / text_width(plain.name, 1.0))
        slot = max(wide, text_width(plain.name, size))
        if at > x and (at + slot > x + width or plain.step != step):
            at, line = x, back + draft.gaps.stage
        step = plain.step
        foot = line + 2 * text
        deep = CLEAR * draft.gaps.height if plain.standing else plain.rows * pitch_of(plain.down)
        draft.plains.append((layer, plain, (at, foot, 0.0)))
        draft.name(plain.name, at, foot - DROP * size, size, 3, layer, section="rest", color="secondary")
        right, back = max(right, at + slot), max(back, foot + deep)
        at += slot + 2 * EDGE
    return Extent(x, right, back)
