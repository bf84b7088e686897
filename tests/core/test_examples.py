# SPDX-License-Identifier: GPL-3.0-or-later
"""Which example is worked slowly."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.examples import Example, choose_example
from forward_pass.core.layout import lay_out
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values


def even(heads: int, tokens: int) -> np.ndarray:
    """Attention without a preference: [heads, tokens, tokens], each row even over what it may see."""
    pattern = np.tri(tokens) / np.arange(1, tokens + 1)[:, None]
    return np.repeat(pattern[None], heads, axis=0)


def choose(pattern: np.ndarray, layer: int = 0) -> Example:
    blocks = {
        f"s0.l{layer}.h{head}.pattern": SimpleNamespace(
            key=f"s0.l{layer}.h{head}.pattern", step=0, layer=layer, head=head
        )
        for head in range(len(pattern))
    }
    for block in blocks.values():
        block.part = "pattern"
        block.row_numbers = block.column_numbers = np.arange(pattern.shape[-1])
    numbers = dict(zip(blocks, pattern.astype(np.float32), strict=True))
    values: object = SimpleNamespace(blocks=blocks, matrix=numbers.__getitem__)
    return choose_example(values)  # type: ignore[arg-type]


def parts(example: Example) -> tuple[float, ...]:
    return example.layer, example.head, example.token, example.seen, example.weight


def look(pattern: np.ndarray, head: int, token: int, seen: int, weight: float) -> None:
    """Let a token look at another with that weight, and evenly at the rest."""
    row = np.zeros(pattern.shape[-1])
    row[: token + 1] = (1 - weight) / token
    row[seen] = weight
    pattern[head, token] = row


def test_the_look_that_stands_out_is_chosen():
    pattern = even(3, 6)
    look(pattern, 1, 4, 2, 0.8)
    look(pattern, 2, 5, 0, 0.5)
    assert parts(choose(pattern)) == pytest.approx((0, 1, 4, 2, 0.8))


def test_a_certain_first_row_is_no_news():
    """The first token can only look at itself, with weight 1; a weight of a half on one of two is even."""
    pattern = even(2, 4)
    look(pattern, 0, 3, 1, 0.4)
    assert parts(choose(pattern)) == pytest.approx((0, 0, 3, 1, 0.4))


def test_a_look_at_oneself_is_never_chosen():
    pattern = even(1, 5)
    look(pattern, 0, 3, 3, 0.9)
    look(pattern, 0, 4, 1, 0.3)
    assert parts(choose(pattern)) == pytest.approx((0, 0, 4, 1, 0.3))


@pytest.mark.parametrize(("other", "head"), [(0.55, 0), (0.7, 2)])
def test_the_nearest_head_is_preferred_unless_another_is_half_again_as_clear(other, head):
    pattern = even(3, 6)
    look(pattern, 0, 5, 1, 0.5)  # a third above even
    look(pattern, 2, 5, 3, other)
    assert choose(pattern).head == head


def test_the_first_layer_that_has_heads_is_taken():
    pattern = even(2, 3)
    look(pattern, 0, 2, 1, 0.9)
    assert choose(pattern, layer=2).layer == 2


def test_a_head_that_is_asked_for_is_worked_and_any_layer_may_be_searched(root):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    values = Values(trace, lay_out(trace))
    patterns = {
        (layer, head): np.tril(trace.array(f"step0.transformer.h.{layer}.attn.softmax")[0, head], -1)
        for layer in range(3)
        for head in range(3)
    }
    for place, pattern in patterns.items():
        example = choose_example(values, place)
        assert (example.layer, example.head) == place
        assert example.weight == pytest.approx(pattern[example.token, example.seen], abs=1e-5)
    found = choose_example(values, anywhere=True)
    excess = {p: (m - np.tril(1 / np.arange(1, len(m) + 1)[:, None], -1)).max() for p, m in patterns.items()}
    most = max(excess.values())
    assert excess[found.layer, found.head] >= most / 1.5
    with pytest.raises(UserError, match="no head 4 in layer 1"):
        choose_example(values, (0, 3))


@given(st.integers(1, 4), st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_the_example_is_always_a_look_back(heads, tokens, seed):
    scores = np.random.default_rng(seed).normal(size=(heads, tokens, tokens)) * 3
    powers = np.exp(scores) * np.tri(tokens)
    pattern = powers / powers.sum(-1, keepdims=True)
    example = choose(pattern)
    assert 0 <= example.seen < example.token < tokens
    assert example.weight == pytest.approx(pattern[example.head, example.token, example.seen], rel=1e-6)


def test_the_example_of_a_real_run_has_its_weight(root):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    example = choose_example(Values(trace, lay_out(trace)))
    scores = trace.array("step0.transformer.h.0.attn.scale")[0, example.head, example.token].astype(np.float64)
    powers = np.exp(scores[: example.token + 1])  # a token sees itself and what comes before it
    assert example.weight == pytest.approx(powers[example.seen] / powers.sum(), abs=1e-6)
    assert example.weight > 1.5 / (example.token + 1)


def test_without_heads_the_last_token_stands_for_all():
    block = SimpleNamespace(key="s0.residual_0", step=0, layer=None, part="residual_0", row_numbers=np.arange(7))
    values: object = SimpleNamespace(blocks={block.key: block})
    assert parts(choose_example(values)) == (0, 0, 6, 0, 0.0)  # type: ignore[arg-type]
