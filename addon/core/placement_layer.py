# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer: attention, then the MLP at its right, both behind the spine that runs along their front."""

from __future__ import annotations

from .layout_types import THICKNESS, text_width
from .placement import EDGE, SIDE, STRIP, Draft
from .placement_attention import place_attention
from .placement_pieces import Extent, margin, name_behind, name_top, place_norm, place_return, stub


def place_layer(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """A whole layer from `x` on; the face of the spine is at `y`."""
    attention = place_attention(draft, layer, x, y)
    mlp = place_mlp(draft, layer, attention.right + draft.gaps.section, y)
    text, size = f"layer {layer + 1}", draft.gaps.layer_text
    # The last head's fences would stand before a name right behind them.
    low = max(attention.back + 0.6 * draft.gaps.height, mlp.back) + 0.4 * size
    draft.name(text, x, low, size, 0, layer, section="attention")
    return Extent(x, max(mlp.right, x + text_width(text, size)), low + size)


def place_mlp(draft: Draft, layer: int, x: float, y: float) -> Extent:
    """From the norm to the residual with the MLP's result added, from `x` on; the face of the spine is at `y`."""
    gaps, c, f = draft.gaps, draft.shape.channels, draft.shape.neurons
    lane = y + gaps.lane
    up = x + margin(gaps)
    hidden = up + c + SIDE
    gelu = hidden + THICKNESS + max(gaps.parallel, text_width("hidden GELU", 0.5 * gaps.text))
    down, base = gelu + EDGE, lane + gaps.front(f)
    place_norm(draft, "mlp_norm", "mlp_norm", up, lane, layer, "mlp")
    stub(draft, up, y, layer)
    draft.tile("w_up", up, base, c, f, "x", layer)
    draft.tile("b_up", up + c + STRIP, base, 1, f, "x", layer)
    draft.fence_y("hidden", hidden, base, f, layer)
    draft.fence_y("gelu", gelu, base, f, layer)
    draft.tile("w_down", down, base, f, c, "y", layer)
    place_return(draft, "b_down", "mlp_out", "residual_mlp", down, y, layer, "mlp")

    name_top(draft, "hidden", hidden, base, layer, "mlp", align="right")
    name_top(draft, "gelu", gelu, base, layer, "mlp", align="left")
    name_behind(draft, "w_down", down, base + f, layer, "mlp")
    behind = name_behind(draft, "w_up", up, base + f, layer, "mlp") + 0.3 * gaps.section_text
    draft.name("MLP", up, behind, gaps.section_text, 1, layer, section="mlp")
    right, back = down + c, behind + gaps.section_text
    edge = 0.35 * gaps.section
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (right + edge, base + f + edge), 1, layer)
    return Extent(x, right, back)
