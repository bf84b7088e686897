# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen between the multiplies: every kind has a view, every view tells the truth, and each has its time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from forward_pass.core.effects import VIEWS, effects_of
from forward_pass.core.effects_context import reveal
from forward_pass.core.effects_flight import FALL
from forward_pass.core.effects_types import CurveCard, Effects, Flight, NormCard, OddsCard, SoftmaxCard, Tag
from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.layout import Operation as Drawn
from forward_pass.core.story import Story, tell
from forward_pass.core.story_types import Fill
from forward_pass.core.trace import Trace
from forward_pass.core.trace_manifest import KINDS, Operation
from forward_pass.core.values import Values
from forward_pass.process.trace_prompt import trace_prompt

STYLES = ("dot", "row", "column", "outer", "all")


@dataclass(frozen=True)
class Told:
    """A run from its trace to what is seen between its multiplies."""

    trace: Trace
    layout: Layout
    story: Story
    effects: Effects
    values: Values
    fills: dict[str, Fill]
    drawn: dict[int, Drawn]

    def of(self, number: int) -> Operation:
        """An operation of the trace."""
        return self.trace.operations[number]

    def window(self, operation: int) -> tuple[float, float]:
        """From when all that an operation takes begins to be there until all that it makes is there."""
        drawn = self.drawn[operation]
        made = [self.fills[key] for key in (drawn.out or drawn.left) if key in self.fills]
        taken = [self.fills[key] for key in drawn.left if key in self.fills]
        first = min(fill.start for fill in taken) if taken else min(fill.start for fill in made) - 1.6
        return first, max(fill.start + fill.duration for fill in made)

    def matrix(self, tensor: int, row: int) -> np.ndarray:
        """A row of a tensor of the trace, its other dimensions but the last one taken for rows."""
        array = self.trace.array(tensor)
        return array.reshape(-1, array.shape[-1])[row].astype(np.float64)


def told(trace: Trace) -> Told:
    layout = lay_out(trace)
    story = tell(trace, layout)
    fills = {fill.block: fill for fill in story.fills}
    drawn = {operation.operation: operation for operation in layout.operations}
    return Told(trace, layout, story, effects_of(trace, layout, story), Values(trace, layout), fills, drawn)


@pytest.fixture(scope="module", params=["nano-sort", "tiny-shakespeare"])
def run(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Both built-in models at work."""
    if request.param == "nano-sort":
        return told(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"))
    path = tmp_path_factory.mktemp("run") / "tiny.trace.safetensors"
    return told(Trace.open(trace_prompt("To be", request.param, path, "cpu", steps=2)))


def test_every_kind_of_operation_has_a_view() -> None:
    assert set(VIEWS) == KINDS


def test_every_worked_operation_is_seen_in_its_time(run: Told) -> None:
    """Not before what it takes is there, and, where cells arrive, not after what it makes is there."""
    worked = [o for o in run.trace.operations if o.step == 0 and o.layer in (None, 0) and o.kind != "matmul"]
    seen = {effect.operation for effect in run.effects.all}
    odds = {o.inputs[0] for o in run.trace.operations if o.kind == "sample"}
    missing = [o.name for o in worked if o.id not in seen and not odds & set(o.outputs)]
    assert not missing
    for effect in run.effects.all:
        if run.of(effect.operation).kind == "sample":
            continue
        start, end = run.window(effect.operation)
        early = 0.25 if run.of(effect.operation).step else 0.0  # later passes are too quick for the eye otherwise
        assert start - early <= effect.start < end, effect
        assert effect.duration > 0.2
        if isinstance(effect, Flight):
            assert effect.end <= end + (0.0 if effect.kept.all() else FALL) + 1e-9
        else:
            assert effect.end <= run.story.duration


def test_only_one_card_is_shown_at_a_time(run: Told) -> None:
    cards = run.effects.cards
    assert len(cards) > 4
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(cards))


def test_what_flies_is_what_stands_there(run: Told) -> None:
    """Every copy has the number of the cell that it leaves, and becomes that of the cell that it reaches."""
    for flight in run.effects.flights:
        source, target = run.values.matrix(flight.source), run.values.matrix(flight.target)
        a, b, c, d = flight.cells.T
        assert np.array_equal(source[a, b], flight.before.astype(np.float32))
        assert np.array_equal(target[c, d][flight.kept], flight.after.astype(np.float32)[flight.kept])
        assert np.isneginf(target[c, d][~flight.kept]).all()
        assert len(np.unique(flight.cells[:, 2:], axis=0)) == len(flight.cells)
        if run.of(flight.operation).kind in ("split", "merge", "concat", "embedding"):
            assert np.array_equal(flight.before, flight.after)


def test_copies_leave_before_they_arrive_and_wait_for_their_cell(run: Told) -> None:
    for flight in run.effects.flights:
        fill = run.fills[flight.target]
        assert (flight.leave < flight.arrive).all() and (flight.arrive <= flight.settle + 1e-9).all()
        assert (flight.settle > fill.start).all() and (flight.settle <= fill.start + fill.duration).all()
        before = run.fills.get(flight.source)
        if before is not None:
            assert (flight.leave >= min(before.start + before.duration, float(flight.arrive.min()) - 0.25) - 1e-9).all()


def test_a_token_looks_up_its_own_row(run: Told) -> None:
    flights = [f for f in run.effects.flights if run.of(f.operation).name == "transformer.wte" and f.lit]
    assert len(flights) == len(run.trace.steps)
    first = flights[0]
    rows = dict(zip(first.cells[:, 2].tolist(), first.cells[:, 0].tolist(), strict=True))
    assert [rows[i] for i in sorted(rows)] == [token.id for token in run.trace.prompt_tokens]
    for step, flight in enumerate(flights[1:], start=1):
        new = run.trace.tokens[len(run.trace.prompt_tokens) + step - 1]
        assert set(flight.cells[:, 0].tolist()) == {new.id}


def test_keys_lie_down_transposed(run: Told) -> None:
    turned = [flight for flight in run.effects.flights if flight.turned]
    assert {run.of(flight.operation).kind for flight in turned} == {"split"}
    for flight in turned:
        assert np.array_equal(run.values.matrix(flight.source).T, run.values.matrix(flight.target))


def test_the_future_falls_away(run: Told) -> None:
    (flight,) = (f for f in run.effects.flights if run.of(f.operation).kind == "mask")
    assert np.array_equal(~flight.kept, flight.cells[:, 3] > flight.cells[:, 2])


def test_all_heads_gather(run: Told) -> None:
    heads = [f for f in run.effects.flights if run.of(f.operation).kind == "merge"]
    assert len(heads) == 1 + max(block.head for block in run.layout.blocks if block.head is not None)
    columns = np.unique(np.concatenate([flight.cells[:, 3] for flight in heads]))
    assert len(columns) == run.values.matrix(heads[0].target).shape[1]


def test_softmax_is_worked_with_the_traces_numbers(run: Told) -> None:
    cards = [card for card in run.effects.cards if isinstance(card, SoftmaxCard)]
    assert cards
    for card in cards:
        _shares, largest, total = run.of(card.operation).outputs
        row = int(card.title.split("token ")[1].split(",")[0]) - 1
        drawn = run.drawn[card.operation].out
        head = max(run.layout.by_key[key].head or 0 for key in drawn if run.fills[key].start == card.start)
        assert card.maximum == pytest.approx(float(run.trace.array(largest)[0, head, row, 0]), rel=1e-6)
        assert card.total == pytest.approx(float(run.trace.array(total)[0, head, row, 0]), rel=1e-5)
        assert card.powers / card.total == pytest.approx(card.shares, rel=1e-4)
        assert card.shares.sum() == pytest.approx(1.0, abs=1e-5)
        assert list(card.stages) == sorted(card.stages) and card.start < card.stages[0] < card.stages[-1] < card.end


def test_a_norm_is_worked_with_the_traces_numbers(run: Told) -> None:
    cards = [card for card in run.effects.cards if isinstance(card, NormCard)]
    assert cards
    for card in cards:
        operation, shown = run.of(card.operation), len(card.before)
        row = int(card.title.split("token ")[1].split(",")[0]) - 1
        numbers, result = run.matrix(operation.inputs[0], row), run.matrix(operation.outputs[0], row)
        assert card.before == pytest.approx(numbers[:shown]) and card.after == pytest.approx(result[:shown])
        assert card.mean == pytest.approx(numbers.mean(), abs=1e-6)
        assert card.rstd == pytest.approx(1 / math.sqrt(numbers.var() + 1e-5), rel=1e-4)
        gain, shift = (run.matrix(key, 0)[:shown] for key in operation.inputs[1:3])
        assert card.scaled * gain + shift == pytest.approx(card.after, abs=1e-4)


def test_dots_lie_on_the_curve(run: Told) -> None:
    (card,) = (card for card in run.effects.cards if isinstance(card, CurveCard))
    curve = np.interp(card.others[:, 0], card.xs, card.ys)
    assert card.others[:, 1] == pytest.approx(curve, abs=0.02)
    assert card.y == pytest.approx(float(np.interp(card.x, card.xs, card.ys)), abs=0.02)


def test_the_chosen_token_joins_the_text_when_it_arrives(run: Told) -> None:
    cards = [card for card in run.effects.cards if isinstance(card, OddsCard)]
    assert len(cards) == len(run.trace.steps)
    arrivals = {arrival.token: arrival.start for arrival in run.story.arrivals}
    for step, card in enumerate(cards):
        sample = run.of(card.operation)
        odds = run.matrix(sample.inputs[0], -1)
        assert card.end == pytest.approx(arrivals[card.token])
        assert card.shares.sum() + card.rest == pytest.approx(1.0, abs=1e-5)
        assert card.shares[card.chosen] == pytest.approx(odds[run.trace.steps[step].sampled])
        assert card.temperature == 1.0
        if len(odds) > len(card.names):
            assert sorted(card.shares, reverse=True) == pytest.approx(sorted(odds, reverse=True)[: len(card.names)])


def test_a_plain_factor_is_named(run: Told) -> None:
    (tag,) = (card for card in run.effects.cards if isinstance(card, Tag))
    operation = run.of(tag.operation)
    assert operation.kind == "scale" and operation.scale is not None
    assert tag.parts[0][0] == "scale" and float(tag.parts[-1][0]) == pytest.approx(operation.scale, rel=0.01)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("focus", [None, 2])
def test_cells_are_revealed_inside_their_window(style: str, focus: int | None) -> None:
    fill = Fill("block", 10.0, 4.0, style, focus, 0.5 if focus is not None else 0.0, 15.0)
    times = reveal(fill, (5, 7))
    assert times.shape == (5, 7) and (times >= 10.0).all() and (times <= 14.0).all()
    if style in ("dot", "row"):
        others = [r for r in range(5) if r != focus]
        assert (np.diff(times[others, 0]) > 0).all() and (np.diff(times, axis=1) > 0).all()
    if focus is not None and style in ("dot", "row"):
        assert times[focus].max() < times[[r for r in range(5) if r != focus]].min() + 0.5
