# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of views, on numbers drawn at random; and the views that no built-in model has."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.activations import FUNCTIONS
from forward_pass.core.effects import effects_of
from forward_pass.core.effects_choice import temperature_of
from forward_pass.core.effects_curve import function_of
from forward_pass.core.effects_flight import correspond
from forward_pass.core.effects_room import FREE, FREE_NARROW, in_frame, place_card
from forward_pass.core.effects_turn import angles_of
from forward_pass.core.effects_types import CurveCard, Effects, NormCard, RankingCard, Tag, TurnCard
from forward_pass.core.layout_types import Block, Bounds, Layout
from forward_pass.core.layout_types import Operation as Drawn
from forward_pass.core.shots import film
from forward_pass.core.story_types import Caption, Fill, Shot, Story
from forward_pass.core.trace import Token, Trace
from tests.core.making import Maker

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_numbers_are_found_again_where_they_were_put(
    seed: int, rows: int, columns: int, parts: int, turn: bool
) -> None:
    chance = np.random.default_rng(seed)
    source = chance.normal(size=(rows, columns)).astype(np.float32)
    placed = source.T if turn else source
    whole = chance.normal(size=(placed.shape[0], placed.shape[1] * parts)).astype(np.float32)
    part = int(chance.integers(parts))
    whole[:, part * placed.shape[1] : (part + 1) * placed.shape[1]] = placed
    found = correspond(source, whole)
    assert found is not None
    cells, turned = found
    a, b, c, d = cells.T
    assert np.array_equal(whole[c, d], source[a, b]) and len(cells) == source.size
    assert turned == turn or min(source.shape) == 1
    assert correspond(source + 100, whole) is None


@given(seeds, st.floats(0.2, 3.0), st.integers(2, 70))
def test_a_temperature_is_read_off_the_odds(seed: int, temperature: float, count: int) -> None:
    logits = np.random.default_rng(seed).normal(size=count) * 3
    powers = np.exp((logits - logits.max()) / temperature)
    shares = powers / powers.sum()
    told = np.sum(shares > 1e-30) > 1 and np.ptp(logits[shares > 1e-30]) > 1e-6
    assert temperature_of(logits, shares) == pytest.approx(temperature if told else 1.0, rel=0.02)


@given(seeds, st.integers(1, 8), st.booleans())
def test_angles_are_read_off_the_pairs(seed: int, half: int, halves: bool) -> None:
    chance = np.random.default_rng(seed)
    pairs, angles = chance.normal(size=(5, half, 2)) + 0.1, chance.uniform(-3.1, 3.1, (5, half))
    turned = np.stack(
        [
            pairs[..., 0] * np.cos(angles) - pairs[..., 1] * np.sin(angles),
            pairs[..., 0] * np.sin(angles) + pairs[..., 1] * np.cos(angles),
        ],
        axis=-1,
    )
    before, after = ((p.swapaxes(1, 2) if halves else p).reshape(5, -1) for p in (pairs, turned))
    found = angles_of(before, after)
    assert found is not None
    assert np.allclose(found[0], pairs) and np.allclose(found[1], angles, atol=1e-3)


def test_what_does_not_turn_has_no_angles() -> None:
    assert angles_of(np.array([[1.0, 2.0]]), np.array([[2.0, 4.0]])) is None
    assert angles_of(np.ones((1, 3)), np.ones((1, 3))) is None


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_function_is_known_by_what_it_does(kind: str) -> None:
    x = np.linspace(-4, 4, 33)
    for _name, function in FUNCTIONS[kind]:
        found = function_of(kind, x, function(x))
        assert found is not None and np.allclose(found[1](x), function(x), atol=5e-3)
    assert function_of(kind, x, np.cos(x)) is None


@given(st.floats(0.45, 2.5), st.floats(-80, 80), st.floats(20, 80), st.integers(0, 20))
def test_cards_stay_in_the_free_part_of_the_frame(aspect: float, azimuth: float, elevation: float, at: int) -> None:
    shot = Shot(0.0, 0.0, Bounds((0.0, 0.0, 0.0), (100.0, 60.0, 12.0)), azimuth, elevation, 50.0, "all")
    keys = film((shot,), 10.0, aspect)
    block = make_block("b", "t", (4, 20), origin=(4.0 * at, 3.0 * at, 12.0))
    x, y, shrink = place_card(keys, 5.0, aspect, [block], [], (0.72, 0.47))
    low, high = FREE if aspect > 1.4 else FREE_NARROW
    assert 0.3 < shrink <= 1.0
    assert abs(x) + 0.36 * shrink <= aspect / 2 - 0.03
    assert low - 1e-9 <= y - 0.235 * shrink and y + 0.235 * shrink <= high + 1e-9


def test_a_card_leaves_free_what_it_is_about() -> None:
    shot = Shot(0.0, 0.0, Bounds((0.0, 0.0, 0.0), (160.0, 10.0, 40.0)), 0.0, 20.0, 50.0, "all")
    keys = film((shot,), 10.0, 16 / 9)
    for x, side in ((0.0, 1), (140.0, -1)):
        block = make_block("b", "t", (10, 20), origin=(x, 0.0, 40.0))
        seen = in_frame(keys, 5.0, 16 / 9, np.array(block.corners()))
        assert np.sign(seen[:, 0]).tolist() == [-side] * 4
        assert np.sign(place_card(keys, 5.0, 16 / 9, [block], [], (0.72, 0.47))[0]) == side


# --- views of operations that no built-in model has


def make_block(
    key: str, tensor: str, shape: tuple[int, ...], origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Block:
    """A fence of a layer."""
    rows, columns = shape
    return Block(
        key=key,
        tensor=tensor,
        index=(0,),
        rows=(0, rows - 1),
        columns=(0, columns - 1),
        role="out",
        kind="activation",
        operation=0,
        step=0,
        layer=0,
        head=None,
        part=key,
        label=key,
        origin=origin,
        row_step=(0.0, 0.0, -2.0),
        column_step=(1.0, 0.0, 0.0),
        row_axis=("token",),
        column_axis=("channel",),
        collection=("layer 0",),
    )


def perform(
    path: Path,
    kind: str,
    given: list[np.ndarray],
    made: list[np.ndarray],
    drawn_as: int | None = 0,
    focus: int = 0,
    **more,
) -> tuple[Effects, Trace]:
    """What is seen of one operation: its inputs are drawn as blocks "in 0", ..., its outputs as "out 0", ..."""
    maker = Maker()
    ids = [maker.tensor(f"in {i}", numbers) for i, numbers in enumerate(given)]
    results = [maker.tensor(f"out {i}", numbers) for i, numbers in enumerate(made)]
    maker.operation(kind, f"layer.0.{kind}_thing", ids, results, layer=0, **more)
    trace = maker.write(
        path / "made.trace.safetensors", tokens=tuple(Token(i, letter, 0) for i, letter in enumerate("abcdefgh"))
    )
    blocks = [make_block(f"in {i}", f"in {i}", n.shape[-2:]) for i, n in enumerate(given)]
    if drawn_as is not None:
        shape = made[drawn_as].shape[-2:]
        blocks.append(make_block("out", f"out {drawn_as}", shape, origin=(40.0, 0.0, 0.0)))
    left = tuple(block.key for block in blocks if block.key != "out")
    out = ("out",) if drawn_as is not None else ()
    operation = Drawn(0, kind, 0, 0, left, (), out, ("layer 0",))
    layout = Layout(tuple(blocks), (operation,), (), (), (), {}, {}, (0.0, 0.0, 0.0))
    fills = [Fill(block.key, 1.0, 2.0, "row", None, 0.0, 9.0) for block in blocks if block.key != "out"]
    fills += [Fill("out", 4.0, 3.0, "row", focus, 0.4, 12.0)] if out else []
    caption = Caption(0.5, 9.0, "so it goes")
    story = Story(10.0, (), (caption,), (), (), tuple(fills), ())
    return effects_of(trace, layout, story), trace


def batch(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, *shape)).astype(np.float32)


def test_rms_norm(tmp_path: Path) -> None:
    x, gain = batch(2, 6), np.linspace(0.5, 1.5, 6, dtype=np.float32)
    rstd = 1 / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 1e-5)
    effects, _trace = perform(tmp_path, "rms_norm", [x], [(x * rstd * gain).astype(np.float32), rstd.astype("f4")])
    (card,) = (card for card in effects.cards if isinstance(card, NormCard))
    assert not card.centred and card.mean == 0.0
    assert card.rstd == pytest.approx(float(rstd[0, 0, 0]), rel=1e-5)
    assert card.scaled * gain == pytest.approx(card.after, abs=1e-5)
    assert len(effects.flights) == 1


def test_rotary(tmp_path: Path) -> None:
    x, angle = batch(3, 4), np.array([[0.0, 0.0], [1.0, 0.1], [2.0, 0.2]])  # token x pair
    a, b = x[0, :, :2], x[0, :, 2:]
    turned = np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=1)
    effects, _trace = perform(tmp_path, "rotary", [x], [turned[None].astype(np.float32)], focus=2)
    (card,) = (card for card in effects.cards if isinstance(card, TurnCard))
    row = card.position
    assert row == 2
    assert card.angles == pytest.approx(angle[row], abs=1e-4)
    assert card.before == pytest.approx(np.stack([a[row], b[row]], axis=1))


def test_gating_brings_both_rows(tmp_path: Path) -> None:
    a, b = batch(2, 5), batch(2, 5, seed=1)
    effects, _trace = perform(tmp_path, "mul", [a, b], [a * b])
    assert {flight.source for flight in effects.flights} == {"in 0", "in 1"}
    for flight in effects.flights:
        assert flight.after == pytest.approx((a * b)[0].ravel())


def test_silu(tmp_path: Path) -> None:
    x = 3 * batch(2, 5)
    effects, _trace = perform(tmp_path, "silu", [x], [(x / (1 + np.exp(-x))).astype(np.float32)])
    (card,) = (card for card in effects.cards if isinstance(card, CurveCard))
    assert card.function == "SiLU"
    assert card.y == pytest.approx(card.x / (1 + math.exp(-card.x)), rel=1e-4)


def test_what_is_no_known_curve_has_none(tmp_path: Path) -> None:
    x = batch(2, 5)
    effects, _trace = perform(tmp_path, "gelu", [x], [np.cos(x)])
    assert not effects.cards and len(effects.flights) == 1


def test_a_router_chooses_its_experts(tmp_path: Path) -> None:
    scores = batch(2, 4)[0]
    order = np.argsort(-scores, axis=-1)[:, :2]
    weights = np.take_along_axis(scores, order, axis=-1)
    effects, _trace = perform(tmp_path, "topk", [scores], [weights, order.astype(np.float32)], drawn_as=None)
    (card,) = (card for card in effects.cards if isinstance(card, RankingCard))
    assert card.scores == pytest.approx(scores[0])
    assert card.chosen == tuple(order[0]) and card.weights == pytest.approx(weights[0])


def test_a_growing_cache_takes_the_new_row_in(tmp_path: Path) -> None:
    old, new = batch(3, 4), batch(1, 4, seed=1)
    effects, _trace = perform(tmp_path, "concat", [old, new], [np.concatenate([old, new], axis=1)])
    by_source = {flight.source: flight for flight in effects.flights}
    assert set(by_source) == {"in 0", "in 1"} or set(by_source) == {"in 0"}


def test_tokens_fly_to_their_expert(tmp_path: Path) -> None:
    x = batch(5, 6)
    effects, _trace = perform(tmp_path, "other", [x], [x[:, [3, 1]]])
    (flight,) = effects.flights
    assert flight.cells[::6, 0].tolist() == [3, 1] and flight.cells[::6, 2].tolist() == [0, 1]
    assert not effects.cards


def test_an_unknown_operation_is_named(tmp_path: Path) -> None:
    x = batch(2, 6)
    effects, _trace = perform(tmp_path, "other", [x], [x + 1])
    (card,) = effects.cards
    assert isinstance(card, Tag) and card.parts == (("other thing", "text"),)


def test_what_the_layout_does_not_have_is_passed_over(tmp_path: Path) -> None:
    x = batch(2, 3)
    for kind in ("add", "softmax", "layer_norm", "gelu", "rotary", "split", "merge", "concat", "mask", "sample"):
        effects, _trace = perform(tmp_path, kind, [x], [x + 1], drawn_as=None)
        assert not effects.all, kind
