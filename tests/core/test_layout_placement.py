# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model's tiles and fences stand, for the built-in shape and for shapes drawn at random."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_pass.core.layout_blocks import Shown, cells, draw_blocks, key_of
from forward_pass.core.layout_parts import GPT2, PARTS, PITCH
from forward_pass.core.layout_rest import draw_rest
from forward_pass.core.layout_types import Block
from forward_pass.core.placement import CLEAR, EDGE, FRONT, SIDE, LayerShape, ModelShape
from forward_pass.core.placement_ends import CARD
from forward_pass.core.placement_model import Plan, coverage, place_model, place_rows
from forward_pass.core.placement_shape import Plain

NANO = ModelShape(3, 3, 48, 16, 192, 3, 11, (6, 7, 8, 9, 10, 11))
SMALL = 1e-6


class Nominal:
    """A model that has every part; tensors are named by step, layer and part."""

    def find(self, part, step, layer, head):
        return Shown(f"step{step}.{layer}.{part.name}", (), hash((step, layer, part.name)) % 10**6)


@st.composite
def shapes(draw):
    heads, head_dim = draw(st.integers(1, 5)), draw(st.integers(1, 40))
    first = draw(st.integers(1, 30))
    steps = tuple(first + n for n in range(draw(st.integers(1, 4))))
    return ModelShape(
        layers=draw(st.integers(1, 7)),
        heads=heads,
        channels=heads * head_dim,
        head_dim=head_dim,
        neurons=draw(st.integers(1, 4)) * heads * head_dim,
        vocab=draw(st.integers(2, 60)),
        context=steps[-1] + draw(st.integers(0, 20)),
        steps=steps,
    )


@st.composite
def modern_shapes(draw):
    """Shapes whose layers differ from each other and from GPT-2's: shared keys, gates, norms of many kinds, what is
    drawn plainly; values of another size than keys, heads that do not make up the channels."""
    first = draw(st.integers(1, 12))
    steps = tuple(first + n for n in range(draw(st.integers(1, 3))))
    layers = draw(st.integers(1, 4))
    kinds = [draw(layer_shapes(steps[-1])) for _ in range(draw(st.integers(1, 2)))]
    absent = draw(st.sampled_from([(), ("position_table", "position_embedding", "token_embedding")]))
    return ModelShape(
        layers=layers,
        heads=max(kind.heads for kind in kinds),
        channels=draw(st.integers(1, 70)),
        head_dim=max(kind.key for kind in kinds),
        neurons=max(kind.neurons for kind in kinds),
        vocab=draw(st.integers(2, 60)),
        context=1,
        steps=steps,
        kinds=tuple(kinds[layer % len(kinds)] for layer in range(layers)),
        parts=GPT2 - set(absent),
        names=(("norm_rstd", "1/rms"), ("gelu", "SiLU")),
        rest=tuple(draw(st.lists(plains(steps[-1]), max_size=3))),
    )


OPTIONAL = (
    ("q_norm", "k_norm"),
    ("q_rotary",),
    ("w_gate", "gate", "product"),
    ("attention_post", "attention_post_rstd", "attention_post_gain"),
    ("mlp_post", "mlp_post_rstd", "mlp_post_gain"),
    ("branches",),
)
BARE = ("b_q", "b_k", "b_v", "b_o", "b_up", "b_down", "norm_mean", "norm_shift", "mlp_norm_mean", "mlp_norm_shift")


@st.composite
def layer_shapes(draw, tokens):
    groups, shared = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    parts = set(GPT2)
    for more in OPTIONAL:
        parts |= set(more) if draw(st.booleans()) else set()
    parts -= set(draw(st.lists(st.sampled_from([*BARE, "masked", "residual_attention"]), max_size=8)))
    if shared > 1:
        parts.add("q_rotary")
    return LayerShape(
        heads=groups * shared,
        groups=groups,
        key=draw(st.integers(1, 24)),
        value=draw(st.integers(1, 24)),
        neurons=draw(st.integers(1, 90)),
        parts=frozenset(parts),
        rest=tuple(draw(st.lists(plains(tokens), max_size=8))),
    )


@st.composite
def plains(draw, tokens):
    standing = draw(st.booleans())
    rows = draw(st.integers(1, tokens if standing else 40))
    return Plain(
        name=draw(st.sampled_from(["mul", "concat", "gather", "softplus, 1 of 24"])),
        rows=rows,
        columns=draw(st.integers(1, 60)),
        standing=standing,
        first=tokens - rows if standing else 0,
        down=("token",) if standing else (),
        across=draw(st.sampled_from([(), ("channel",), ("key_token",)])),
        tensor="t",
        index=(),
        operation=0,
        step=draw(st.integers(0, 2)),
        kind=draw(st.sampled_from(["activation", "weight"])),
    )


def blocks_of(plan: Plan) -> tuple[Block, ...]:
    draft = plan.draft
    return (*draw_blocks(draft.places, draft.shape, Nominal()), *draw_rest(draft.plains, draft.gaps.height))


def nano() -> Plan:
    return place_model(NANO, "nano-sort", 12, 16 / 9)


def boxes(items) -> tuple[np.ndarray, np.ndarray]:
    """Low and high corners, [n, 3] each."""
    return np.array([item.low for item in items]), np.array([item.high for item in items])


def meetings(a, b, same: bool) -> list[tuple[int, int]]:
    """Pairs of boxes that share some room; of one set with itself each pair once."""
    (low_a, high_a), (low_b, high_b) = boxes(a), boxes(b)
    meet = np.all((low_a[:, None] < high_b - SMALL) & (low_b < high_a[:, None] - SMALL), axis=2)
    if same:
        meet = np.triu(meet, 1)
    return [(int(i), int(j)) for i, j in zip(*np.nonzero(meet), strict=True)]


def thick(bounds):
    """A flat box as something that can be met: a quarter of a unit to both sides."""
    low, high = np.array(bounds.low), np.array(bounds.high)
    flat = high - low < SMALL
    return dataclasses.replace(bounds, low=tuple(low - 0.25 * flat), high=tuple(high + 0.25 * flat))


def check_overlaps(plan: Plan) -> None:
    blocks = blocks_of(plan)
    bodies = [block.body() for block in blocks]
    assert [(blocks[i].key, blocks[j].key) for i, j in meetings(bodies, bodies, True)] == []
    cards = [thick(card.bounds()) for card in plan.cards]
    assert meetings(cards, cards, True) == [] and meetings(cards, bodies, False) == []


def check_labels(plan: Plan) -> None:
    blocks, labels = blocks_of(plan), plan.draft.labels
    extents = [thick(label.extent()) for label in labels]
    met = meetings(extents, extents, True)
    assert [(labels[i].text, labels[i].layer, labels[j].text, labels[j].layer) for i, j in met] == []
    met = meetings(extents, [block.body() for block in blocks], False)
    assert [(labels[i].text, blocks[j].key) for i, j in met] == []
    met = meetings(extents, [thick(card.bounds()) for card in plan.cards], False)
    assert [(labels[i].text, j) for i, j in met] == []


def test_nothing_overlaps_in_the_built_in_model():
    check_overlaps(nano())
    check_labels(nano())


@settings(max_examples=40)
@given(shapes(), st.sampled_from([16 / 9, 1.0, 9 / 16]))
def test_nothing_overlaps_in_any_model(shape, aspect):
    plan = place_model(shape, "a model", shape.tokens + 1, aspect)
    check_overlaps(plan)
    check_labels(plan)


@settings(max_examples=60)
@given(modern_shapes(), st.sampled_from([16 / 9, 9 / 16]))
def test_nothing_overlaps_in_any_modern_model(shape, aspect):
    plan = place_model(shape, "a model", shape.tokens + 1, aspect)
    check_overlaps(plan)
    check_labels(plan)


@settings(max_examples=60)
@given(modern_shapes())
def test_everything_that_a_modern_model_has_is_placed_and_nothing_else(shape):
    plan = place_rows(shape, "a model", 1, 2)
    for layer in range(shape.layers):
        placed = {p.part for p in plan.draft.places if p.layer == layer}
        assert placed == shape.layer(layer).parts & LAYER_PARTS - dropped(shape.layer(layer))
        assert [plain for at, plain, _ in plan.draft.plains if at == layer] == list(shape.layer(layer).rest)
    assert {p.part for p in plan.draft.places if p.layer is None} == shape.parts - LAYER_PARTS


LAYER_PARTS = frozenset(name for name, part in PARTS.items() if part.section in ("attention", "head", "mlp"))


def dropped(kind: LayerShape) -> set[str]:
    """A sum of branches stands where the norm after an MLP would."""
    return {"branches"} if kind.has("mlp_post") else set()


# Of each multiply of a layer: left, right and out, and whether the last two are a head's. The first stands beside the
# second, and the third at its other side: which edges are one.
GROUPED = (
    ("norm", "w_q", "q"),
    ("norm", "w_k", "k"),
    ("norm", "w_v", "v"),
    ("q_rotary", "k_flat", "scores"),
    ("pattern", "v_flat", "mix"),
    ("merged", "w_o", "attention_out"),
    ("mlp_norm", "w_up", "hidden"),
    ("mlp_norm", "w_gate", "gate"),
    ("product", "w_down", "mlp_out"),
)


@settings(max_examples=60)
@given(modern_shapes())
def test_operands_and_results_of_modern_models_share_their_edges(shape):
    plan = place_rows(shape, "a model", 1, 2)
    at = {(p.part, p.layer, p.head): p for p in plan.draft.places}
    checked = 0
    for out_place in plan.draft.places:
        for left_part, right_part, out_part in GROUPED:
            if out_place.part != out_part or out_place.layer is None:
                continue
            kind, head = shape.layer(out_place.layer), out_place.head
            if not kind.has(left_part):
                left_part = {"q_rotary": "q_norm" if kind.has("q_norm") else "q", "product": "gelu"}[left_part]
            first = None if head is None else head - head % kind.shared
            right = at.get((right_part, out_place.layer, head)) or at[right_part, out_place.layer, first]
            left = at.get((left_part, out_place.layer, head)) or at[left_part, out_place.layer, None]
            assert edge(left, left.column_step) == pytest.approx(edge(right, right.row_step)), out_part
            assert edge(right, right.column_step) == pytest.approx(edge(out_place, out_place.column_step)), out_part
            assert edge(left, left.row_step) == pytest.approx(edge(out_place, out_place.row_step)), out_part
            checked += 1
    assert checked


@settings(max_examples=40)
@given(shapes())
def test_a_step_along_an_axis_has_one_length_everywhere(shape):
    for block in blocks_of(place_rows(shape, "a model", 1, 2)):
        for axis, step in ((block.row_axis, block.row_step), (block.column_axis, block.column_step)):
            length = float(np.linalg.norm(step))
            assert length == pytest.approx(PITCH[axis[-1]] if axis else max(1.0, length), abs=1e-12), block.key


@settings(max_examples=40)
@given(shapes())
def test_a_tokens_row_has_one_height_everywhere(shape):
    heights = defaultdict(set)
    for block in blocks_of(place_rows(shape, "a model", 1, 2)):
        if block.row_axis == ("token",):
            assert block.row_step == (0.0, 0.0, -PITCH["token"])
            for row in range(block.shape[0]):
                heights[block.rows[0] + row].add(block.origin[2] - row * PITCH["token"])
    assert {row: {(shape.tokens - row) * PITCH["token"]} for row in range(shape.tokens)} == dict(heights)


# Of each multiply: left, right, out, and the parts of a head (whose projections after the first stand farther behind).
MULTIPLIES = (
    ("norm", "w_q", "q"),
    ("norm", "w_k", "k"),
    ("norm", "w_v", "v"),
    ("q", "k_flat", "scores"),
    ("pattern", "v_flat", "mix"),
    ("merged", "w_o", "attention_out"),
    ("mlp_norm", "w_up", "hidden"),
    ("gelu", "w_down", "mlp_out"),
    ("final_norm", "w_vocab", "logits"),
)


def face(place) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array(place.corners())
    return corners.min(0), corners.max(0)


def edge(place, step) -> tuple[int, float, float]:
    """The world axis that a side runs along, and where it begins and ends."""
    axis = int(np.argmax(np.abs(step)))
    low, high = face(place)
    return axis, float(low[axis]), float(high[axis])


@settings(max_examples=40)
@given(shapes())
def test_operands_and_results_share_their_edges(shape):
    plan = place_rows(shape, "a model", 1, 2)
    at = {(p.part, p.layer, p.head): p for p in plan.draft.places}
    gaps, heads = plan.draft.gaps, range(shape.heads)
    farthest = max(FRONT, CLEAR * gaps.height)
    for left_part, right_part, out_part in MULTIPLIES:
        layers = [None] if right_part == "w_vocab" else range(shape.layers)
        for layer in layers:
            for head in [None] if (right_part, layer, None) in at else heads:
                left = at.get((left_part, layer, head)) or at[left_part, layer, None]
                right, out = at[right_part, layer, head], at[out_part, layer, head]
                if left_part == "merged":
                    assert left.columns == right.rows
                contracted, shared = edge(left, left.column_step), edge(right, right.column_step)
                assert contracted == pytest.approx(edge(right, right.row_step))
                assert shared == pytest.approx(edge(out, out.column_step))
                assert edge(left, left.row_step) == pytest.approx(edge(out, out.row_step))
                assert {contracted[0], shared[0]} == {0, 1}  # one along x, the other along y
                # The operand stands before or left of the tile, the result right of it or before it.
                across = shared[0]
                to_operand = face(right)[0][across] - face(left)[1][across]
                if right_part[:2] != "w_" or out_part not in "qkv" or (head == 0 and out_part == "q"):
                    assert 0 < to_operand <= farthest + SMALL, (left_part, right_part)
                along = contracted[0]
                if along == 0 and out_part not in ("attention_out", "mlp_out", "scores"):
                    assert EDGE - SMALL <= face(out)[0][along] - face(right)[1][along] <= SIDE + SMALL
                else:
                    assert 0 < face(right)[0][along] - face(out)[1][along] <= farthest + SMALL


def test_deep_tiles_of_the_built_in_model_touch_their_fences():
    at = {(p.part, p.layer, p.head): p for p in nano().draft.places}
    for tile, fence in (("w_o", "attention_out"), ("w_down", "mlp_out"), ("w_up", "mlp_norm")):
        assert at[tile, 0, None].origin[1] - at[fence, 0, None].origin[1] == FRONT
    for fence, tile in (("merged", "w_o"), ("gelu", "w_down")):
        assert at[tile, 0, None].origin[0] - at[fence, 0, None].origin[0] == EDGE
    assert at["k_flat", 1, 2].origin[0] - at["q", 1, 2].origin[0] <= 2 * EDGE


@settings(max_examples=40)
@given(shapes())
def test_every_face_looks_to_the_camera_and_bodies_lie_behind(shape):
    for block in blocks_of(place_rows(shape, "a model", 1, 1)):
        normal = np.array(block.normal)
        cross = np.cross(block.row_step, block.column_step)
        assert tuple(normal) in {(0, 0, 1), (0, -1, 0), (-1, 0, 0)}
        assert np.sign(cross @ normal) == (-1 if block.mirrored else 1)
        low, high = np.array(block.body().low), np.array(block.body().high)
        corners = np.array(block.corners())
        front = corners @ normal
        assert front.max() == pytest.approx(front.min())
        assert max(low @ normal, high @ normal) == pytest.approx(front.max())
        assert (high - low) @ np.abs(normal) == pytest.approx(0.6)


@settings(max_examples=40)
@given(shapes())
def test_steps_add_up_to_whole_matrices_without_drawing_a_number_twice(shape):
    plan = place_rows(shape, "a model", 1, 3)
    room = {(p.part, p.layer, p.head): np.zeros((p.rows, p.columns), dtype=np.int64) for p in plan.draft.places}
    drawn = dict(room)
    for block in blocks_of(plan):
        counts = drawn[block.part, block.layer, block.head]
        counts[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1] += 1
    for place in plan.draft.places:
        counts = drawn[place.part, place.layer, place.head]
        want = np.zeros_like(counts)
        for step, count in enumerate(shape.steps):
            if PARTS[place.part].grows == "both":
                want[shape.steps[step - 1] if step else 0 : count, :count] = 1
        if PARTS[place.part].grows != "both":
            want[: place.rows, : place.columns] = 1
        assert np.array_equal(counts, want), place.part


def test_a_later_step_draws_its_new_row_only():
    at = {(p.part, p.layer, p.head): p for p in nano().draft.places}
    whole = Shown("", (), 0)
    assert cells(PARTS["pattern"], at["pattern", 0, 0], NANO.steps, 2, whole) == ((7, 7), (0, 7), (7, 0))
    assert cells(PARTS["k_flat"], at["k_flat", 0, 0], NANO.steps, 2, whole) == ((0, 15), (7, 7), (0, 7))
    slice_of = Shown("", (), 0, column=64)
    assert cells(PARTS["k"], at["k", 0, 1], NANO.steps, 0, slice_of) == ((0, 5), (64, 79), (0, 0))


def test_with_a_cache_a_step_has_its_new_rows_only():
    """Its tensors hold one row, which is the last token's; keys and values are those of all tokens so far."""
    at = {(p.part, p.layer, p.head): p for p in nano().draft.places}

    def of(part, rows, columns):
        return cells(PARTS[part], at[part, 0, 0], NANO.steps, 2, Shown("", (), 0, size=(rows, columns)))

    assert of("q", 1, 16) == ((0, 0), (0, 15), (7, 0))
    assert of("pattern", 1, 8) == ((0, 0), (0, 7), (7, 0))
    assert of("k_flat", 16, 8) == ((0, 15), (7, 7), (0, 7))
    assert of("v_flat", 8, 16) == ((7, 7), (0, 15), (7, 0))
    # A cache that slides holds the last three tokens, wherever they stand in the text.
    assert of("k_flat", 16, 3) == ((0, 15), (2, 2), (0, 7))
    assert of("pattern", 1, 3) == ((0, 0), (0, 2), (7, 5))
    assert cells(PARTS["logits"], at["logits", None, None], NANO.steps, 0, Shown("", (), 0, size=(1, 3))) == (
        (0, 0),
        (0, 2),
        (5, 0),
    )


def test_names_of_steps_and_layers():
    assert key_of("scores", 1, 0, 2) == "s1.l0.h2.scores" and key_of("w_vocab", 0, None, None) == "s0.w_vocab"


def test_features_are_counted_from_the_viewer_away():
    at = {(p.part, p.layer, p.head): p for p in nano().draft.places}
    for part in ("q", "mix", "hidden", "w_up", "logits"):
        layer = None if part == "logits" else 0
        place = at[part, layer, 0 if part in ("q", "mix") else None]
        assert place.column_step == (0.0, 1.0, 0.0)
    order = [at[f"w_{letter}", 0, head].origin[1] for head in range(3) for letter in "qkv"]
    assert order == sorted(order)


@pytest.mark.parametrize(("aspect", "per_row"), [(16 / 9, 2), (9 / 16, 1)])
def test_rows_fold_to_cover_most_of_the_frame(aspect, per_row):
    plan = place_model(NANO, "nano-sort", 12, aspect)
    assert plan.per_row == per_row
    shares = {n: coverage(place_rows(NANO, "nano-sort", 12, n), aspect) for n in (1, 2, 3)}
    assert max(shares, key=shares.__getitem__) == per_row
    assert 0.1 < shares[per_row] < 0.9


def test_rows_run_like_writing():
    plan = place_rows(NANO, "nano-sort", 12, 2)
    at = {(p.part, p.layer): p.origin for p in plan.draft.places if p.head is None}
    assert at["norm", 0][0] == at["norm", 2][0] < at["norm", 1][0]
    assert at["norm", 0][1] == at["norm", 1][1] > at["norm", 2][1]
    assert at["residual_0", None][0] < at["norm", 0][0] and at["logits", None][0] > at["w_down", 2][0]


def test_cards_stand_at_the_height_of_their_rows():
    plan = nano()
    rows = {p.part: p for p in plan.draft.places}["residual_0"]
    for card in plan.cards[:11]:
        assert card.position[2] == pytest.approx(rows.corner(card.token + 0.5, 0)[2])
        assert card.position[0] + CARD[0] / 2 < rows.origin[0]
    assert [card.token for card in plan.cards] == list(range(12))
    assert plan.cards[11].position[2] == pytest.approx(-1.0)  # below the fences: it was never read


def test_a_line_for_every_token_runs_through_the_spine():
    plan = nano()
    heights = {ribbon.points[0][2] for ribbon in plan.draft.ribbons if ribbon.points[0][2] > 0}
    assert heights == {1.0 + 2.0 * row for row in range(11)}


def test_names_of_the_built_in_model():
    texts = [label.text for label in nano().draft.labels]
    for once in ("nano-sort", "embedding", "vocabulary", "tokens", "layer 1", "layer 3", "3 layers   3 heads"):
        assert texts.count(once) == 1
    assert texts.count("W_Q") == 9 and texts.count("W_O") == 3 and texts.count("head 2") == 3
    assert {label.tier for label in nano().draft.labels} == {0, 1, 2, 3}


@settings(max_examples=20)
@given(shapes(), st.sampled_from([16 / 9, 9 / 16]))
def test_the_same_shape_always_gives_the_same_plan(shape, aspect):
    assert place_model(shape, "a", 3, aspect) == place_model(shape, "a", 3, aspect)
    per_row = place_model(shape, "a", 3, aspect).per_row
    rows = ceil(shape.layers / per_row)
    assert per_row * (rows - 1) < shape.layers <= per_row * rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 0}, "at least 1"),
        ({"kinds": (LayerShape(3, 2, 16, 16, 9),) * 3}, "shared evenly"),
        ({"kinds": (LayerShape(1, 1, 1, 1, 1),)}, "1 shapes for 3"),
        ({"steps": (6, 6)}, "more tokens"),
    ],
)
def test_shapes_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(NANO, **change)
