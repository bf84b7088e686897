# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer: attention, then the MLP at its right, both behind the spine that runs along their front."""

from __future__ import annotations

from .layout_types import THICKNESS, text_width
from .placement import EDGE, SIDE, STRIP, Draft
from .placement_attention import place_attention
from .placement_experts import place_experts
from .placement_merged import place_merged
from .placement_pieces import (
    Extent,
    margin,
    name_behind,
    name_front,
    name_top,
    place_norm,
    place_rest,
    place_return,
    stub,
)


def place_layer(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """A whole layer from `x` on; the face of the spine is at `y`."""
    sizes = draft.shape.layer(layer)
    attention = mlp = Extent(x, x, y + draft.gaps.lane)
    if sizes.has("scores"):
        attention = mlp = (place_merged if sizes.merged else place_attention)(draft, layer, x, y)
    if sizes.has("w_down"):
        mlp = place_mlp(draft, layer, attention.right + draft.gaps.section * (attention.right > x), y)
    elif sizes.experts:
        mlp = place_experts(draft, layer, attention.right + draft.gaps.section * (attention.right > x), y)
    elif sizes.has("residual_mlp"):
        mlp = place_bare(draft, layer, attention.right + draft.gaps.section, y)
    text, size = f"layer {layer + 1}", draft.gaps.layer_text
    # The last head's fences would stand before a name right behind them.
    low = max(attention.back + 0.6 * draft.gaps.height, mlp.back) + 0.4 * size
    right, c = max(mlp.right, x + text_width(text, size)), draft.shape.channels
    names, plains = len(draft.labels), len(draft.plains)
    if sizes.rest:
        # Behind the attention, where it is less deep than what stands at its right.
        beside = attention.right > x and attention.back < mlp.back
        behind = attention.back + 0.6 * draft.gaps.height if beside else low
        rest = place_rest(draft, layer, x, behind, (attention.right if beside else max(right, x + 4 * c)) - x)
        if beside and rest.right > attention.right:  # one of them is wider than the attention
            del draft.labels[names:], draft.plains[plains:]
            rest = place_rest(draft, layer, x, low, max(right - x, 4 * c))
        low, right = max(low, rest.back + draft.gaps.stage + 0.4 * size), max(right, rest.right)
    draft.name(text, x, low, size, 0, layer, section="attention")
    return Extent(x, right, low + size)


def place_mlp(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """From the norm to the residual with the MLP's result added, from `x` on; the face of the spine is at `y`.

    Where there is a gate, its weights stand nearest to the norm and those of up behind them; what up gives slides to
    the front, to be multiplied with what the gate lets through.
    """
    gaps, c, f = draft.gaps, draft.shape.channels, draft.shape.layer(layer).neurons
    lane = y + gaps.lane
    gated = draft.has("product", layer)
    size = min(gaps.text, 0.5 * f)
    up = x + margin(gaps, text_width("W_gate", size) if gated else 0.0)
    hidden = up + c + SIDE
    gelu = hidden + THICKNESS + max(gaps.parallel, text_width("hidden GELU", 0.5 * gaps.text))
    base, last, back = lane + gaps.front(f), gelu, lane + gaps.front(f) + f
    place_norm(draft, "mlp_norm", "mlp_norm", up, lane, layer, "mlp")
    stub(draft, up, y, layer)
    if gated:
        for weight, low in (("w_gate", base), ("w_up", base + f + EDGE)):
            text = draft.shape.label(weight)
            left = up - 1.5 * EDGE - text_width(text, size)
            draft.name(text, left, low + 0.5 * f - 0.35 * size, size, 2, layer, section="mlp")
        place_linear(draft, "gate", "gate", up, base, layer)
        place_linear(draft, "up", "hidden", up, base + f + EDGE, layer)
        last, back = gelu + THICKNESS + gaps.parallel, base + 2 * f + EDGE
        draft.fence_y("product", last, base, f, layer)
        name_top(draft, "gate", hidden, base, layer, "mlp", align="right")
        name_top(draft, "product", last, base, layer, "mlp", align="left", size=0.7 * gaps.text)
        middle, turn = base + 1.5 * f + EDGE, last - 0.5 * gaps.parallel
        path = [(hidden + THICKNESS, middle), (turn, middle), (turn, base + 0.5 * f), (last, base + 0.5 * f)]
        draft.road(path, 0.3 * min(gaps.parallel, f), "flow", layer)
    else:
        place_linear(draft, "up", "hidden", up, base, layer)
    draft.fence_y("gelu", gelu, base, f, layer)
    down = last + EDGE
    draft.tile("w_down", down, base, f, c, "y", layer)
    end = place_return(draft, "b_down", "mlp_out", "residual_mlp", down, y, layer, "mlp")

    name_top(draft, "hidden", hidden, back - f, layer, "mlp", align="right")
    name_top(draft, "gelu", gelu, base, layer, "mlp", align="left")
    name_behind(draft, "w_down", down, base + f, layer, "mlp")
    behind = back + 0.5 * gaps.text if gated else name_behind(draft, "w_up", up, back, layer, "mlp")
    behind += 0.3 * gaps.section_text
    draft.name("MLP", up, behind, gaps.section_text, 1, layer, section="mlp")
    right, far = max(end, down + c), behind + gaps.section_text
    edge = 0.35 * gaps.section
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (right + edge, back + edge), 1, layer)
    return Extent(x, right, far)


def place_bare(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """The residual after a branch that is drawn plainly, and the branch's way into it."""
    c = draft.shape.channels
    draft.fence_x("residual_mlp", x, y, c, layer)
    name_front(draft, "residual_mlp", x, y - 0.5 * draft.gaps.road, layer, "mlp", color="token")
    stub(draft, x, y, layer)
    return Extent(x, x + c, y + draft.gaps.lane)


def place_linear(draft: Draft, weight: str, result: str, x: float, y: float, layer: int) -> None:
    """A weight as a C x F tile from `x`, `y` with its bias and its result at its right edge."""
    c, f = draft.shape.channels, draft.shape.layer(layer).neurons
    draft.tile(f"w_{weight}", x, y, c, f, "x", layer)
    draft.tile(f"b_{weight}", x + c + STRIP, y, 1, f, "x", layer)
    draft.fence_y(result, x + c + SIDE, y, f, layer)
