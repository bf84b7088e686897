# SPDX-License-Identifier: GPL-3.0-or-later
"""A router and its experts: the router behind the norm, the experts that ran in a stack behind it, each an MLP of its
own with the rows of its own tokens; the others are counted, not drawn."""

from __future__ import annotations

from .layout_types import THICKNESS, text_width
from .placement import EDGE, FRONT, SIDE, STRIP, Draft
from .placement_pieces import DROP, Extent, margin, name_top, place_norm, place_return, stub
from .placement_shape import ExpertShape


def place_experts(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """From the norm to the residual with what the experts gave added, from `x` on; the face of the spine is at `y`."""
    gaps, c, sizes = draft.gaps, draft.shape.channels, draft.shape.layer(layer)
    lane, text = y + gaps.lane, gaps.text
    names = max(text_width(expert.name, text) for expert in sizes.experts)
    norm = x + margin(gaps, names)
    place_norm(draft, "mlp_norm", "mlp_norm", norm, lane, layer, "mlp")
    stub(draft, norm, y, layer)
    back = place_router(draft, layer, norm, lane + gaps.front(sizes.routed))

    right = norm
    for expert in sizes.experts:
        place = back + 2 * text + gaps.front(expert.neurons)
        back, down = place_expert(draft, layer, expert, norm, place)
        draft.name(expert.name, norm - 3 * EDGE, place, text, 2, layer, section="mlp", align="right")
        right = max(right, down)
    end = place_return(draft, "b_down", "mlp_out", "residual_mlp", right, y, layer, "mlp")
    drawn = f"{len(sizes.experts)} of {sizes.routed}" if len(sizes.experts) < sizes.routed else f"{sizes.routed}"
    count = f"{drawn} experts, {sizes.chosen} for each token"
    shared = sum(expert.name == "shared expert" for expert in sizes.experts)
    if shared:
        count = f"{len(sizes.experts) - shared} of {sizes.routed} experts, and a shared one"
    behind = back + 1.2 * text
    draft.name(count, norm, behind, text, 2, layer, section="mlp", width=2.0 * c)
    behind += 2.0 * text + 0.3 * gaps.section_text
    draft.name("experts", norm, behind, gaps.section_text, 1, layer, section="mlp")
    far = behind + gaps.section_text
    edge = 0.35 * gaps.section
    end = max(end, norm + text_width("experts", gaps.section_text), norm + 2.0 * c)
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (end + edge, back + edge), 1, layer)
    return Extent(x, end, far)


def place_router(draft: Draft, layer: int, x: float, y: float) -> float:
    """The router's weight from `x`, `y`, its scores for each expert at the right edge, and beside them their shares and
    the largest ones; returns how far back it reaches."""
    gaps, c, sizes = draft.gaps, draft.shape.channels, draft.shape.layer(layer)
    draft.tile("w_router", x, y, c, sizes.routed, "x", layer)
    draft.tile("b_router", x + c + STRIP, y, 1, sizes.routed, "x", layer)
    at = x + c + SIDE
    for part, columns in (("router", sizes.routed), ("router_share", sizes.routed), ("chosen", sizes.chosen)):
        if draft.has(part, layer):
            draft.fence_y(part, at, y, columns, layer)
            name_top(draft, part, at, y, layer, "mlp", align="left", size=0.6 * gaps.text)
            at += THICKNESS + max(gaps.cell, text_width("chosen", 0.6 * gaps.text))
    size = min(gaps.text, c / text_width("router", 1.0))
    draft.name("router", x, y + sizes.routed + 0.5 * size, size, 2, layer, section="mlp")
    return y + sizes.routed + 2 * size


def place_expert(draft: Draft, layer: int, expert: ExpertShape, x: float, y: float) -> tuple[float, float]:
    """An expert's tiles from `x`, `y` on, its tokens before them and its result before the way back; returns how far
    back it reaches, and where its result stands."""
    gaps, c, f, number = draft.gaps, draft.shape.channels, expert.neurons, expert.number
    plane = y - FRONT
    draft.fence_x("e_in", x, plane, c, layer, number)
    gated = draft.has("e_product", layer)
    slots = (("gate", "e_gate"), ("up", "e_hidden")) if gated else (("up", "e_hidden"),)
    for slot, (weight, result) in enumerate(slots):
        base = y + slot * (f + EDGE)
        draft.tile(f"w_e_{weight}", x, base, c, f, "x", layer, number)
        draft.tile(f"b_e_{weight}", x + c + STRIP, base, 1, f, "x", layer, number)
        draft.fence_y(result, x + c + SIDE, base, f, layer, number)
    last = x + c + SIDE + THICKNESS + gaps.parallel
    draft.fence_y("e_gelu", last, y, f, layer, number)
    if gated:
        last += THICKNESS + gaps.parallel
        draft.fence_y("e_product", last, y, f, layer, number)
    down = last + EDGE
    draft.tile("w_e_down", down, y, f, c, "y", layer, number)
    draft.tile("b_e_down", down, y - STRIP - 1, 1, c, "y", layer, number)
    draft.fence_x("e_out", down, plane, c, layer, number)
    draft.name("out", down, plane - DROP * 0.6 * gaps.text, 0.6 * gaps.text, 3, layer, section="mlp")
    return y + len(slots) * f + EDGE, down
