# SPDX-License-Identifier: GPL-3.0-or-later
"""Attention as tiles and fences: the projections of each head behind the norm, its cell at their right, W_O last.

A head's band, from its front: the plane of scores, masked scores, statistics and softmax; the flat K and V behind it;
and at its left, one behind the other, the projections Q, K and V. Bands never reach into each other.
"""

from __future__ import annotations

from .layout_parts import PITCH
from .layout_types import THICKNESS, text_width
from .placement import EDGE, SIDE, STRIP, Draft, Gaps, ModelShape
from .placement_pieces import (
    DROP,
    STATISTICS,
    Extent,
    margin,
    name_behind,
    name_top,
    place_norm,
    place_return,
    stub,
)


def place_attention(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """From the norm to the residual with attention's result added, from `x` on; the spine's face is at `y`."""
    shape, gaps = draft.shape, draft.gaps
    c, d = shape.channels, shape.head_dim
    lane = y + gaps.lane
    name = min(1.3 * gaps.text, 0.5 * d)
    norm = x + margin(gaps, text_width("W_Q", name))
    place_norm(draft, "norm", "norm", norm, lane, layer, "attention")
    stub(draft, norm, y, layer)

    first = lane + gaps.front(d)
    pitch = band(shape, gaps)
    mixes = 0.0
    for head in range(shape.heads):
        place_projections(draft, layer, head, norm, first + head * pitch, name)
        mixes = place_head(draft, layer, head, norm + c + SIDE, first + head * pitch)

    merged = mixes + THICKNESS + gaps.parallel
    output, base = merged + EDGE, lane + gaps.front(c)
    draft.fence_y("merged", merged, base, c, layer)
    name_top(draft, "merged", merged, base, layer, "attention", align="right")
    for head in range(shape.heads):
        gather(draft, layer, head, (mixes + THICKNESS, first + head * pitch), (merged, base))
    draft.tile("w_o", output, base, c, c, "y", layer)
    place_return(draft, "b_o", "attention_out", "residual_attention", output, y, layer, "attention")

    behind = name_behind(draft, "w_o", output, base + c, layer, "attention") + 0.6 * gaps.section_text
    draft.name("attention", output, behind, gaps.section_text, 1, layer, section="attention")
    right = output + max(c, text_width("attention", gaps.section_text))
    back = max(first + shape.heads * pitch - band_front(shape, gaps), behind + 1.5 * gaps.section_text)
    edge = 0.35 * gaps.section
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (right + edge, back), 1, layer)
    return Extent(x, right, back)


def band_front(shape: ModelShape, gaps: Gaps) -> float:
    """From the front of a head's band, before its names, to the front of its tiles."""
    return gaps.front(shape.head_dim, EDGE) + 1.8 * DROP * gaps.cell_text


def band(shape: ModelShape, gaps: Gaps) -> float:
    """From one head's tiles to the next head's."""
    return 3 * shape.head_dim + 2 * EDGE + gaps.between_heads + band_front(shape, gaps)


def place_projections(draft: Draft, layer: int, head: int, x: float, y: float, name: float) -> None:
    """W_Q, W_K, W_V of a head as C x d tiles from `x`, `y`, one behind the other, and Q, K, V at their right edge."""
    c, d = draft.shape.channels, draft.shape.head_dim
    for slot, letter in enumerate("qkv"):
        base = y + slot * (d + EDGE)
        column = slot * c + head * d  # of the fused projection [C, 3C]
        draft.tile(f"w_{letter}", x, base, c, d, "x", layer, head, column)
        draft.tile(f"b_{letter}", x + c + STRIP, base, 1, d, "x", layer, head, column)
        draft.fence_y(letter, x + c + SIDE, base, d, layer, head, column)
        text = f"W_{letter.upper()}"
        low = base + 0.5 * d - 0.35 * name
        left = x - 1.5 * EDGE - text_width(text, name)
        draft.name(text, left, low, name, 3, layer, head=head, section="head")
        name_top(draft, letter, x + c + SIDE, base, layer, "head", size=min(draft.gaps.cell_text, 0.5 * d), head=head)


def place_head(draft: Draft, layer: int, head: int, x: float, y: float) -> float:
    """A head's cell right of its Q, K, V, which stand at `x`, from `y` on; returns where its result stands.

    K and V tip over to the right and slide to the front: K beside Q, V beside the result.
    """
    gaps, d = draft.gaps, draft.shape.head_dim
    wide = PITCH["key_token"] * draft.shape.tokens
    plane = y - gaps.front(d, EDGE)  # the face of everything that stands in the band's front
    keys = x + THICKNESS + EDGE
    masked = keys + wide + gaps.cell
    statistics = masked + wide + gaps.cell
    values = statistics + STATISTICS + gaps.cell
    mix = values + wide + EDGE
    tokens = draft.shape.tokens
    draft.tile("k_flat", keys, y, d, tokens, "y", layer, head)
    draft.fence_x("scores", keys, plane, tokens, layer, head)
    draft.fence_x("masked", masked, plane, tokens, layer, head)
    draft.fence_x("softmax_max", statistics, plane, 1, layer, head)
    draft.fence_x("softmax_sum", statistics + STATISTICS - 1, plane, 1, layer, head)
    draft.fence_x("pattern", values, plane, tokens, layer, head)
    draft.tile("v_flat", values, y, tokens, d, "x", layer, head)
    draft.fence_y("mix", mix, y, d, layer, head)
    name_head(draft, layer, head, (keys, masked, statistics, values, mix), y)
    for slot, (color, at) in enumerate((("key", keys), ("value", values)), start=1):
        middle = y + slot * (d + EDGE) + 0.5 * d
        path = [(x + THICKNESS, middle), (at + 0.5 * wide, middle), (at + 0.5 * wide, y + d)]
        draft.road(path, 0.3 * min(wide, d), color, layer)
    front = y - band_front(draft.shape, gaps)
    draft.plate((x - 0.5 * STRIP, front), (mix + 2.5, y + 3 * d + 2 * EDGE + 0.5), 3, layer)
    return mix


def name_head(draft: Draft, layer: int, head: int, at: tuple[float, ...], y: float) -> None:
    """The names in a head's cell; `at` are the left edges of scores, masked, statistics, softmax and result."""
    gaps, d = draft.gaps, draft.shape.head_dim
    size = gaps.cell_text
    plane = y - gaps.front(d, EDGE) - DROP * size
    wide = PITCH["key_token"] * draft.shape.tokens
    for text, x in (("scores", at[0]), ("masked", at[1]), ("softmax", at[3])):
        draft.name(text, x, plane, size, 3, layer, head=head, section="head", width=wide)
    draft.name(
        "max, sum",
        at[2] + 0.5 * STATISTICS,
        plane,
        0.6 * size,
        3,
        layer,
        head=head,
        section="head",
        align="center",
        color="secondary",
        width=STATISTICS + 1.6 * gaps.cell,
    )
    draft.name(f"head {head + 1}", at[1], y + 0.5 * d, 1.5 * size, 3, layer, head=head, section="head", width=wide)
    name_top(draft, "mix", at[4], y, layer, "head", align="right", size=min(size, 0.5 * d), head=head)


def gather(draft: Draft, layer: int, head: int, source: tuple[float, float], target: tuple[float, float]) -> None:
    """The way of a head's result to its columns of the merged fence. `source` and `target` are the right of the
    results and the face of the merged fence with the y where they begin. Farther heads turn later: no crossings."""
    heads, d = draft.shape.heads, draft.shape.head_dim
    reach = target[0] - source[0]
    turn = source[0] + reach * (0.2 + 0.6 * (head + 0.5) / heads)
    start, end = source[1] + 0.5 * d, target[1] + head * d + 0.5 * d
    width = min(0.4 * reach / heads, 0.4 * d)
    draft.road([(source[0], start), (turn, start), (turn, end), (target[0], end)], width, "flow", layer)
