# SPDX-License-Identifier: GPL-3.0-or-later
"""An attention whose heads are too many to be drawn one by one: the projections of all of them as one tile each, and
the cell of the first head, which says how many there are."""

from __future__ import annotations

from .layout_parts import PITCH
from .layout_types import THICKNESS, text_width
from .placement import EDGE, SIDE, STRIP, Draft
from .placement_attention import gather, lanes, name_head, place_plane
from .placement_pieces import STATISTICS, Extent, margin, name_behind, name_top, place_norm, place_return, stub


def place_merged(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """From the norm to the residual with attention's result added, from `x` on; the spine's face is at `y`."""
    gaps, sizes, c = draft.gaps, draft.shape.layer(layer), draft.shape.channels
    lane, tokens = y + gaps.lane, draft.shape.tokens
    size = min(gaps.text, 0.5 * sizes.groups * sizes.key)
    norm = x + margin(gaps, text_width("W_Q", size))
    place_norm(draft, "norm", "norm", norm, lane, layer, "attention")
    stub(draft, norm, y, layer)

    first = lane + gaps.front(sizes.key) + lanes(gaps)
    base, right = first, norm + c + SIDE
    for letter, wide in (
        ("q", sizes.heads * sizes.key),
        ("k", sizes.groups * sizes.key),
        ("v", sizes.groups * sizes.value),
    ):
        draft.tile(f"w_{letter}", norm, base, c, wide, "x", layer)
        draft.tile(f"b_{letter}", norm + c + STRIP, base, 1, wide, "x", layer)
        draft.fence_y(letter, right, base, wide, layer)
        text = f"W_{letter.upper()}"
        left = norm - 1.5 * EDGE - text_width(text, size)
        draft.name(text, left, base + 0.5 * wide - 0.35 * size, size, 2, layer, section="attention")
        base += wide + EDGE

    # The first head's queries are the first columns of all: its keys stand beside them.
    reach = PITCH["key_token"] * tokens
    keys = right + THICKNESS + EDGE
    masked = keys + reach + gaps.cell
    statistics = masked + reach + gaps.cell
    values = statistics + STATISTICS + gaps.cell
    mix = values + reach + EDGE
    plane = first - gaps.front(sizes.key, EDGE)
    draft.tile("k_flat", keys, first, sizes.key, tokens, "y", layer, 0)
    place_plane(draft, layer, 0, plane, (keys, masked, statistics, values))
    draft.tile("v_flat", values, first, tokens, sizes.value, "x", layer, 0)
    draft.fence_y("mix", mix, first, sizes.value, layer, 0)
    name_head(draft, layer, 0, (keys, masked, statistics, values, mix), plane, first)
    count = f"1 of {sizes.heads} heads"
    if sizes.shared > 1:
        count += f", {sizes.shared} to a key"
    behind = first + max(sizes.key, sizes.value) + gaps.text
    room = max(mix - keys, text_width(count, gaps.text))
    draft.name(count, keys, behind, gaps.text, 2, layer, section="attention", width=room)

    whole = sizes.heads * sizes.value
    merged = max(mix + THICKNESS + gaps.parallel, keys + room + gaps.parallel)
    output, base_o = merged + EDGE, lane + gaps.front(whole)
    draft.fence_y("merged", merged, base_o, whole, layer)
    name_top(draft, "merged", merged, base_o, layer, "attention", align="left")
    gather(draft, layer, 0, (mix + THICKNESS, first), (merged, base_o))
    draft.tile("w_o", output, base_o, whole, c, "y", layer)
    end = place_return(draft, "b_o", "attention_out", "residual_attention", output, y, layer, "attention")
    far = name_behind(draft, "w_o", output, base_o + whole, layer, "attention") + 0.6 * gaps.section_text
    draft.name("attention", output, far, gaps.section_text, 1, layer, section="attention")
    back = max(base, far + 1.5 * gaps.section_text)
    edge = 0.35 * gaps.section
    stop = max(end, output + text_width("attention", gaps.section_text))
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (stop + edge, back), 1, layer)
    return Extent(x, stop, back)
