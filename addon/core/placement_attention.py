# SPDX-License-Identifier: GPL-3.0-or-later
"""Attention as tiles and fences: the projections of each head behind the norm, its cell at their right, W_O last.

A band for each key head, from its front: the planes of scores, masked scores, statistics and softmax, one for each
query head that shares it; the flat K and V behind them; and at its left, one behind the other, the projections of the
queries, the key and the value. Bands never reach into each other.
"""

from __future__ import annotations

from .layout_parts import PITCH, collection_of
from .layout_types import THICKNESS, Label, text_width
from .placement import CLEAR, EDGE, SIDE, STRIP, Draft, Gaps
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
from .placement_shape import LayerShape


def place_attention(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """From the norm to the residual with attention's result added, from `x` on; the spine's face is at `y`."""
    shape, gaps, sizes = draft.shape, draft.gaps, draft.shape.layer(layer)
    c = shape.channels
    lane = y + gaps.lane
    name = min(1.3 * gaps.text, 0.5 * sizes.key)
    norm = x + margin(gaps, text_width("W_Q", name))
    place_norm(draft, "norm", "norm", norm, lane, layer, "attention")
    stub(draft, norm, y, layer)

    first = lane + gaps.front(sizes.key) + (sizes.shared - 1) * lanes(gaps)
    pitch = band(sizes, gaps)
    read: list[tuple[float, float]] = []  # of each head: the right of its result, and where that begins
    for group in range(sizes.groups):
        base = first + group * pitch
        place_projections(draft, layer, group, norm, base, name)
        read += [(at + THICKNESS, base) for at in place_group(draft, layer, group, norm + c + SIDE, base)]

    wide = sizes.heads * sizes.value
    merged = max(at for at, _ in read) + gaps.parallel
    output, base = merged + EDGE, lane + gaps.front(wide)
    draft.fence_y("merged", merged, base, wide, layer)
    name_top(draft, "merged", merged, base, layer, "attention", align="left")
    for head, source in enumerate(read):
        gather(draft, layer, head, source, (merged, base))
    draft.tile("w_o", output, base, wide, c, "y", layer)
    end = place_return(draft, "b_o", "attention_out", "residual_attention", output, y, layer, "attention")

    behind = name_behind(draft, "w_o", output, base + wide, layer, "attention") + 0.6 * gaps.section_text
    draft.name("attention", output, behind, gaps.section_text, 1, layer, section="attention")
    right = max(end, output + text_width("attention", gaps.section_text))
    back = max(first + sizes.groups * pitch - band_front(sizes, gaps), behind + 1.5 * gaps.section_text)
    edge = 0.35 * gaps.section
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (right + edge, back), 1, layer)
    return Extent(x, right, back)


def lanes(gaps: Gaps) -> float:
    """From the plane of one query head to that of the next, where several share their keys: past what it hides, and
    names."""
    return CLEAR * gaps.height + 1.8 * DROP * gaps.cell_text


def band_front(sizes: LayerShape, gaps: Gaps) -> float:
    """From the front of a band, before its names, to the front of its tiles; the planes of its heads stand there."""
    return gaps.front(sizes.key, EDGE) + 1.8 * DROP * gaps.cell_text + (sizes.shared - 1) * lanes(gaps)


def band(sizes: LayerShape, gaps: Gaps) -> float:
    """From the tiles of one key head to those of the next."""
    return tiles(sizes) + 2 * EDGE + gaps.between_heads + band_front(sizes, gaps)


def tiles(sizes: LayerShape) -> float:
    """How deep the projections of a key head and its query heads are, one behind the other, without the last gaps."""
    return (sizes.shared + 1) * sizes.key + (sizes.shared - 1) * EDGE + sizes.value


def place_projections(draft: Draft, layer: int, group: int, x: float, y: float, name: float) -> None:
    """W_Q of each query head, W_K and W_V of a group as C x d tiles from `x`, `y`, one behind the other, and Q, K, V at
    their right edge, with their norms at their right where they have one."""
    gaps, c, sizes = draft.gaps, draft.shape.channels, draft.shape.layer(layer)
    lead = group * sizes.shared
    right = x + c + SIDE
    base = y
    for letter, head in [*(("q", lead + i) for i in range(sizes.shared)), ("k", lead), ("v", lead)]:
        d = sizes.value if letter == "v" else sizes.key
        draft.tile(f"w_{letter}", x, base, c, d, "x", layer, head)
        draft.tile(f"b_{letter}", x + c + STRIP, base, 1, d, "x", layer, head)
        draft.fence_y(letter, right, base, d, layer, head)
        text = f"W_{letter.upper()}"
        low = base + 0.5 * d - 0.35 * name
        left = x - 1.5 * EDGE - text_width(text, name)
        draft.name(text, left, low, name, 3, layer, head=head, section="head")
        size = min(gaps.cell_text, 0.5 * d)
        name_top(draft, letter, right, base, layer, "head", size=size, head=head)
        if letter != "v" and draft.has(f"{letter}_norm", layer):
            draft.fence_y(f"{letter}_norm", right + beside(gaps), base, d, layer, head)
            name_top(draft, f"{letter}_norm", right + beside(gaps), base, layer, "head", size=size, head=head, line=1)
        base += d + EDGE


def beside(gaps: Gaps) -> float:
    """From one fence of a head to another that stands parallel to it, at its right."""
    return THICKNESS + gaps.cell


def place_group(draft: Draft, layer: int, group: int, x: float, y: float) -> list[float]:
    """The cell of a key head and its query heads right of their Q, K, V, which stand at `x`, from `y` on; returns where
    the result of each stands.

    K and V tip over to the right and slide to the front: K beside the queries, V beside the results. Queries that share
    them stand beside each other, and their scores one before the other.
    """
    gaps, sizes = draft.gaps, draft.shape.layer(layer)
    d, lead, tokens = sizes.key, group * sizes.shared, draft.shape.tokens
    wide = PITCH["key_token"] * tokens
    queries = x
    if draft.has("q_norm", layer) or draft.has("k_norm", layer):
        queries += beside(gaps)
    if draft.has("q_rotary", layer):
        for head in range(sizes.shared):
            queries += beside(gaps)
            draft.fence_y("q_rotary", queries, y, d, layer, lead + head)
        size = min(gaps.cell_text, 0.5 * d)
        name_top(draft, "q_rotary", queries, y, layer, "head", align="left", size=size, head=lead, line=2)
    keys = queries + THICKNESS + EDGE
    masked = keys + wide + gaps.cell
    statistics = masked + wide + gaps.cell
    values = statistics + STATISTICS + gaps.cell
    mix = values + wide + EDGE
    draft.tile("k_flat", keys, y, d, tokens, "y", layer, lead)
    results = [mix + i * beside(gaps) for i in range(sizes.shared)]
    for i, result in enumerate(results):
        plane = y - gaps.front(d, EDGE) - i * lanes(gaps)
        place_plane(draft, layer, lead + i, plane, (keys, masked, statistics, values))
        name_head(draft, layer, lead + i, (keys, masked, statistics, values, result), plane, y)
    draft.tile("v_flat", values, y, tokens, sizes.value, "x", layer, lead)
    for i, result in enumerate(results):
        draft.fence_y("mix", result, y, sizes.value, layer, lead + i)
    first = y + sizes.shared * (d + EDGE)
    slots = (("key", keys, first, d), ("value", values, first + d + EDGE, sizes.value))
    for color, at, low, deep in slots:
        middle = low + 0.5 * deep
        path = [(x + THICKNESS, middle), (at + 0.5 * wide, middle), (at + 0.5 * wide, y + deep)]
        draft.road(path, 0.3 * min(wide, deep), color, layer)
    front = y - band_front(sizes, gaps)
    draft.plate((x - 0.5 * STRIP, front), (results[-1] + 2.5, y + tiles(sizes) + 2 * EDGE + 0.5), 3, layer)
    return results


def place_plane(draft: Draft, layer: int, head: int, plane: float, at: tuple[float, ...]) -> None:
    """A query head's scores, masked scores, statistics and softmax, all with their faces at `plane`; `at` are their
    left edges."""
    tokens = draft.shape.tokens
    keys, masked, statistics, values = at
    draft.fence_x("scores", keys, plane, tokens, layer, head)
    draft.fence_x("masked", masked, plane, tokens, layer, head)
    draft.fence_x("softmax_max", statistics, plane, 1, layer, head)
    draft.fence_x("softmax_sum", statistics + STATISTICS - 1, plane, 1, layer, head)
    draft.fence_x("pattern", values, plane, tokens, layer, head)


def name_head(draft: Draft, layer: int, head: int, at: tuple[float, ...], plane: float, y: float) -> None:
    """The names in a head's cell; `at` are the left edges of scores, masked, statistics, softmax and result, `plane`
    the face of the first four and `y` where the tiles behind them begin."""
    gaps, sizes = draft.gaps, draft.shape.layer(layer)
    size = gaps.cell_text
    floor = plane - DROP * size
    wide = PITCH["key_token"] * draft.shape.tokens
    for part, x in (("scores", at[0]), ("masked", at[1]), ("pattern", at[3])):
        if draft.has(part, layer):
            text = draft.shape.label(part)
            draft.name(text, x, floor, size, 3, layer, head=head, section="head", width=wide)
    if draft.has("softmax_max", layer):
        draft.name(
            "max, sum",
            at[2] + 0.5 * STATISTICS,
            floor,
            0.6 * size,
            3,
            layer,
            head=head,
            section="head",
            align="center",
            color="secondary",
            width=STATISTICS + 1.6 * gaps.cell,
        )
    # Behind the masked scores; where another head stands there, on top of its scores.
    text, large = f"head {head + 1}", 1.5 * size
    if head % sizes.shared == 0:
        draft.name(text, at[1], y + 0.5 * sizes.key, large, 3, layer, head=head, section="head", width=wide)
    else:
        large = min(large, wide / text_width(text, 1.0))
        place = (at[0], plane, gaps.height + 0.35 * large)
        collection = collection_of("head", layer, head)
        draft.labels.append(Label(text, place, large, "front", "left", 3, "text", layer, collection))
    if head % sizes.shared == 0:
        size = min(size, 0.5 * sizes.value)
        name_top(draft, "mix", at[4], y, layer, "head", align="left", size=size, head=head)


def gather(draft: Draft, layer: int, head: int, source: tuple[float, float], target: tuple[float, float]) -> None:
    """The way of a head's result to its columns of the merged fence. `source` and `target` are the right of the
    results and the face of the merged fence with the y where they begin. Farther heads turn later: no crossings."""
    sizes = draft.shape.layer(layer)
    heads, d = sizes.heads, sizes.value
    reach = target[0] - source[0]
    turn = source[0] + reach * (0.2 + 0.6 * (head + 0.5) / heads)
    start, end = source[1] + 0.5 * d, target[1] + head * d + 0.5 * d
    width = min(0.4 * reach / heads, 0.4 * d)
    draft.road([(source[0], start), (turn, start), (turn, end), (target[0], end)], width, "flow", layer)
