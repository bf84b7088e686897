# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of what the built-in models do not have, in models of transformers that ran with a cache."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from forward_pass.core.effects import effects_of
from forward_pass.core.effects_types import Effects, Flight, OddsCard, RankingCard, SoftmaxCard, TurnCard
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.story import tell
from forward_pass.core.trace import Trace
from tests.tracer.subjects import traced


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trace, Layout, Effects]:
    """A Mixtral: rotary embedding, shared keys, a router with experts, a cache."""
    trace = Trace.open(traced("mixtral", "eager", tmp_path_factory.mktemp("models")).path)
    layout = lay_out(trace)
    return trace, layout, effects_of(trace, layout, tell(trace, layout))


def flights(run: tuple[Trace, Layout, Effects], kind: str, step: int = 0) -> list[Flight]:
    trace, _layout, effects = run
    made = ((flight, trace.operations[flight.operation]) for flight in effects.flights)
    return [flight for flight, operation in made if operation.kind == kind and operation.step == step]


def test_pairs_turn_by_their_place_in_the_text(run: tuple[Trace, Layout, Effects]) -> None:
    """Su et al., 2021: pair i of d / 2 turns by position / theta^(2 i / d), here with a theta of a million."""
    (card,) = (card for card in run[2].cards if isinstance(card, TurnCard))
    angles = card.position / 1e6 ** (np.arange(card.pairs) / card.pairs)
    assert card.position > 0
    assert card.angles == pytest.approx((angles[: len(card.angles)] + np.pi) % (2 * np.pi) - np.pi, abs=1e-4)


def test_keys_turn_and_lie_down_at_once(run: tuple[Trace, Layout, Effects]) -> None:
    assert [flight.turned for flight in flights(run, "rotary")] == [False, True]


def test_what_is_masked_without_an_infinity_falls_away_too(run: tuple[Trace, Layout, Effects]) -> None:
    (flight,) = flights(run, "mask")
    assert np.array_equal(~flight.kept, flight.cells[:, 3] > flight.cells[:, 2])
    card = next(card for card in run[2].cards if isinstance(card, SoftmaxCard))
    assert card.scores.min() > -1e3 and card.shares.sum() == pytest.approx(1.0, abs=1e-5)


def test_the_router_chooses_and_tokens_fly_to_their_experts(run: tuple[Trace, Layout, Effects]) -> None:
    trace, layout, effects = run
    (card,) = (card for card in effects.cards if isinstance(card, RankingCard))
    best = np.argsort(-card.scores)[: len(card.chosen)]
    assert set(best.tolist()) == set(card.chosen)
    assert card.weights == pytest.approx(card.scores[list(card.chosen)])
    # Every token goes to as many experts as are chosen for it.
    chosen = trace.array(trace.operations[card.operation].outputs[1])
    to_experts = flights(run, "other")
    heads = {layout.by_key[flight.target].head for flight in to_experts}
    assert heads == set(np.unique(chosen).astype(int).tolist())
    for expert in heads:
        rows = [f.cells[:, 0] for f in to_experts if layout.by_key[f.target].head == expert]
        assert set(np.concatenate(rows).tolist()) == set(np.nonzero((chosen == expert).any(-1).ravel())[0].tolist())


def test_new_values_join_those_that_are_kept(run: tuple[Trace, Layout, Effects]) -> None:
    trace, layout, _effects = run
    for step in trace.steps[1:]:
        values = [flight for flight in flights(run, "concat", step.index) if flight.target.endswith("v_flat")]
        assert len(values) == 2  # layers
        for flight in values:
            assert layout.by_key[flight.target].step == step.index


def test_the_odds_of_every_step(run: tuple[Trace, Layout, Effects]) -> None:
    trace, _layout, effects = run
    cards = [card for card in effects.cards if isinstance(card, OddsCard)]
    assert len(cards) == len(trace.steps)
    for card, step in zip(cards, trace.steps, strict=True):
        assert step.logits is not None
        logits = trace.array(step.logits).reshape(-1, trace.tensor(step.logits).shape[-1])[-1].astype(float)
        odds = np.exp(logits - logits.max())
        assert card.shares[card.chosen] == pytest.approx((odds / odds.sum())[step.sampled], rel=1e-4)


def test_two_numbers_meet_that_make_the_third(run: tuple[Trace, Layout, Effects]) -> None:
    """Also where the layout names both halves of a tensor that was split."""
    made: dict[str, list[Flight]] = {}
    for flight in flights(run, "mul"):
        made.setdefault(flight.target, []).append(flight)
    assert made
    for pair in made.values():
        a, b = pair
        assert a.before * b.before == pytest.approx(a.after, rel=1e-3, abs=1e-5)


def test_a_card_has_its_time(run: tuple[Trace, Layout, Effects]) -> None:
    assert min(card.duration for card in run[2].cards) > 0.4
