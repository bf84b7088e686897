# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ends of a model: the tokens with their embedding at the left, the vocabulary at the right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .layout_parts import PITCH
from .layout_types import COLUMN_TIER, THICKNESS, Card, Label, text_width
from .placement import EDGE, SIDE, STRIP, Draft
from .placement_pieces import DROP, STATISTICS, Extent, margin, name_front, name_top, place_norm, place_rest, stub
from .wording import FEW

COLUMN_NAME, COLUMN_LINES = 2.0, 3  # size of a column's name, and how many lines they take turns in to have room
MOST_COLUMNS = 160  # that are named one by one
UNSEEN_SIGNS = {" ": "_", "\n": "↵", "\t": "→"}
BESIDE_LOGITS, BESIDE_SHARES = 0.6, 0.45  # of a fence's height: where a name beside it stands
LOWER = 0.3  # from a break in the rows down to the line on which its words stand, in rows
CARD = (6.0, 1.8)  # width and height: the height leaves a seam between the rows


def place_embedding(draft: Draft, right: float, y: float) -> Extent:
    """Both tables and what is looked up in them, up to the first residual, ending at `right`; the spine's face is at
    `y`. From the front: residual, positions with their table, tokens with theirs."""
    shape, gaps = draft.shape, draft.gaps
    c, x = shape.channels, right - shape.channels
    lane = y + gaps.lane
    deep = PITCH["position"] * shape.context
    draft.fence_x("residual_0", x, y, c)
    name_front(draft, "residual_0", x, y - 0.5 * gaps.road, None, "embedding", color="token")
    tables: list[tuple[str, str, float]] = []  # name, part and far edge of each
    behind, free = lane, lane  # where the next look-up can stand, and where the floor is free
    if draft.has("position_table", None):
        draft.fence_x("position_embedding", x, lane, c)
        name_front(draft, "position_embedding", x, lane, None, "embedding")
        table = lane + gaps.front(deep, EDGE)
        draft.tile("position_table", x, table, shape.context, c, "y")
        tables.append(("W_position", "position_table", table + deep))
        behind = free = table + deep + gaps.stage + 2 * DROP * gaps.text
    stub(draft, x, y, None)
    words = free
    if draft.has("token_table", None):
        wide, tokens = shape.embedded or c, behind
        draft.fence_x("token_embedding", x, tokens, wide)
        name_front(draft, "token_embedding", x, tokens, None, "embedding")
        words = tokens + gaps.front(shape.vocab, EDGE)
        draft.tile("token_table", x, words, shape.vocab, wide, "y")
        side = right + 0.5 * gaps.stage
        if behind > lane:
            draft.road(
                [(x + 0.85 * c, tokens - 1), (x + 0.85 * c, tokens - 3), (side, tokens - 3), (side, y)],
                0.08 * c,
                "flow",
            )
        words += shape.vocab
        tables.append(("W_token", "token_table", words))
    for text, part, back in tables:
        size = min(gaps.text, 0.5 * c / text_width(text, 1.0))
        if part == "token_table":
            draft.name(text, x, back + 0.5 * size, size, 2, section="embedding")
        else:
            left = x - EDGE - text_width(text, size)
            draft.name(text, left, back - size, size, 2, section="embedding")
    size = 0.75 * gaps.layer_text
    low = words + 2 * gaps.text + 0.4 * size
    draft.name("embedding", right, low, size, 0, section="embedding", align="right")
    edge = 0.35 * gaps.section
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (right + edge, words + 2 * gaps.text + edge), 1)
    left = min(x, right - text_width("embedding", size), x - EDGE - text_width("W_position", gaps.text))
    return Extent(left, right, low + size)


def place_cards(draft: Draft, right: float, count: int) -> tuple[Card, ...]:
    """A column of cards for the `count` tokens of a run that ends at `right` in the spine lane: each where its token's
    row is. The last token was never read, so its card hangs one row below the fences. Where tokens are left out, the
    column says how many."""
    shape, height, pitch = draft.shape, draft.gaps.height, PITCH["token"]
    x, last = right - 0.5 * CARD[0], shape.steps[-1]
    tokens = [t for a, b in (*shape.stretches, (last, count - 1)) for t in range(a, min(b + 1, count))]
    for (_, before), (after, _) in pairwise(shape.drawn):
        z = height - (tokens.index(after) + LOWER) * pitch
        text = f"⋯ {after - before - 1:,} more ⋯"
        draft.labels.append(
            Label(text, (right - 1.5 * CARD[0], 0.0, z), CARD[1], "front", "right", 2, "secondary", None, ("tokens",))
        )
    return tuple(Card(token, (x, 0.0, height - (row + 0.5) * pitch), CARD) for row, token in enumerate(tokens))


def place_output(draft: Draft, x: float, y: float) -> Extent:
    """The last norm, the vocabulary, logits and probabilities, from `x` on; the spine's face is at `y`."""
    shape, gaps = draft.shape, draft.gaps
    c, v = shape.read or shape.channels, shape.outputs
    lane = y + gaps.lane
    norm = x + margin(gaps)
    place_norm(draft, "final", "final_norm", norm, lane, None, "output", c)
    stub(draft, norm, y, None)
    base = lane + gaps.front(v, EDGE)
    draft.tile("w_vocab", norm, base, c, v, "x")
    biased = draft.has("b_vocab", None)
    draft.tile("b_vocab", norm + c + STRIP, base, 1, v, "x")
    logits = norm + c + (SIDE if biased else EDGE)
    draft.fence_y("logits", logits, base, v)
    if draft.has("w_vocab", None):
        draft.name("W_vocab", norm, base + v + 0.5 * gaps.text, gaps.text, 2, width=c)
    # Short fences, clear of the norm's: their names stand beside them.
    beside = base - lane > gaps.height > 3.0 * gaps.text
    if beside and draft.has("logits", None):
        _name_beside(draft, shape.label("logits"), (logits - 3 * EDGE, base, BESIDE_LOGITS), "right")
    else:
        name_top(draft, "logits", logits, base, None, "output", align="left")

    statistics = logits + THICKNESS + max(gaps.parallel, text_width("logits", gaps.text))
    chances = statistics + STATISTICS + gaps.cell
    draft.fence_x("probability_max", statistics, base, 1)
    draft.fence_x("probability_sum", statistics + STATISTICS - 1, base, 1)
    middle, room = statistics + 0.5 * STATISTICS, STATISTICS + 1.6 * gaps.cell
    small = min(0.6 * gaps.text, room / text_width("max, sum", 1.0))
    if draft.has("probability_max", None):
        draft.name("max, sum", middle, base - DROP * small, small, 3, align="center", color="secondary")
    # No multiply shares their edge, so they turn to the viewer, unless there are too many to stand side by side.
    place = draft.fence_x if v <= c else draft.fence_y
    place("probabilities", chances, base, v)
    if draft.has("probabilities", None):
        if beside:
            _name_beside(draft, "softmax", (chances + v + 2 * EDGE, base, BESIDE_SHARES), "left")
        else:
            draft.name("softmax", chances + 0.5, base - DROP * gaps.text, gaps.text, 2)

    size = 0.75 * gaps.layer_text
    low = base + v + 2 * gaps.text + 0.4 * size
    wide = v if v <= c else THICKNESS
    right = max(chances + max(wide, text_width("softmax", gaps.text)), norm + text_width("vocabulary", size))
    if shape.rest:
        rest = place_rest(draft, None, norm, low, max(right - norm, 4.0 * c))
        low, right = rest.back + gaps.stage + 0.4 * size, max(right, rest.right)
    draft.name("vocabulary", norm, low, size, 0)
    edge = 0.35 * gaps.section
    draft.plate((x - edge, lane - 0.45 * gaps.lane), (right + edge, base + v + 2 * gaps.text + edge), 1)
    return Extent(x, right, low + size)


def _name_beside(draft: Draft, text: str, at: tuple[float, float, float], align: str) -> None:
    """A name that stands beside a short fence, which it ends or begins at `at`: x, y, and the share of its height."""
    x, y, share = at
    place = (x, y, share * draft.gaps.height)
    draft.labels.append(Label(text, place, draft.gaps.text, "front", align, 2, "text", None, ("output",)))


def name_columns(draft: Draft, vocabulary: Sequence[str]) -> None:
    """The characters of a vocabulary over their columns of the probabilities, where these face the viewer. A few need
    none: they are named wherever they matter."""
    place = next((place for place in draft.places if place.part == "probabilities"), None)
    if place is None:
        return
    fits = FEW < len(vocabulary) <= MOST_COLUMNS and all(len(text) == 1 for text in vocabulary)
    if not fits or place.columns != len(vocabulary) or place.column_step[1]:
        return
    for i, text in enumerate(vocabulary):
        x, y, z = place.corner(0, i + 0.5)
        at = (x, y, z + COLUMN_NAME * (0.45 + 1.3 * (i % COLUMN_LINES)))
        sign = UNSEEN_SIGNS.get(text, text)
        name = Label(sign, at, COLUMN_NAME, "front", "center", COLUMN_TIER, "secondary", None, ("output",))
        draft.labels.append(name)
