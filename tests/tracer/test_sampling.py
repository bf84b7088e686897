# SPDX-License-Identifier: GPL-3.0-or-later
"""Temperature, top-k and top-p as transformers has them, and numbers that cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest

from forward_pass.core.errors import UserError
from forward_pass.tracer.sampling import MOST_SEED, Sampling, filtered

torch = pytest.importorskip("torch")


def scores(seed: int, size: int = 30) -> Any:
    return 3 * torch.randn(size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(20))
def test_it_keeps_what_generate_keeps(seed: int) -> None:
    process = pytest.importorskip("transformers.generation.logits_process")
    sampling = Sampling(0.3 + seed / 8, 1 + seed % 33, (seed + 1) / 21)
    wanted = scores(seed)[None]
    for warper in (
        process.TemperatureLogitsWarper(sampling.temperature),
        process.TopKLogitsWarper(sampling.top_k),
        process.TopPLogitsWarper(sampling.top_p),
    ):
        wanted = warper(None, wanted)
    assert torch.equal(filtered(scores(seed), sampling), wanted[0])


def test_greedy_changes_nothing() -> None:
    logits = scores(1)
    assert filtered(logits, Sampling(0.0, 3, 0.5)) is logits
    assert Sampling().is_greedy and not Sampling(0.1).is_greedy


def test_one_token_always_stays() -> None:
    logits = scores(2)
    for sampling in (Sampling(1.0, 1), Sampling(1.0, None, 1e-6)):
        kept = filtered(logits, sampling).isfinite()
        assert kept.sum() == 1 and kept[logits.argmax()]


def test_equals_stay_together_and_a_k_beyond_the_vocabulary_keeps_all() -> None:
    assert filtered(torch.tensor([1.0, 2.0, 2.0, 0.0]), Sampling(1.0, 1)).isfinite().tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert torch.equal(filtered(scores(3), Sampling(1.0, 1000)), scores(3))


def test_top_p_counts_from_the_likeliest() -> None:
    logits = torch.tensor([0.1, 0.5, 0.4]).log()
    assert filtered(logits, Sampling(1.0, None, 0.6)).isfinite().tolist() == [False, True, True]
    assert filtered(logits, Sampling(1.0, None, 0.45)).isfinite().tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ({"temperature": -0.1}, "A temperature of -0.1 cannot be."),
        ({"temperature": math.nan}, "A temperature of nan cannot be."),
        ({"temperature": math.inf}, "A temperature of inf cannot be."),
        ({"top_k": 0}, "Top-k cannot keep 0 tokens."),
        ({"top_p": 0.0}, "Top-p cannot keep a share of 0."),
        ({"top_p": 1.5}, "Top-p cannot keep a share of 1.5."),
        ({"seed": -1}, "The seed -1 cannot be."),
        ({"seed": MOST_SEED + 1}, f"The seed {MOST_SEED + 1} cannot be."),
    ],
)
def test_numbers_that_cannot_be_are_wrong_use(numbers: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as caught:
        Sampling(**numbers)
    assert (caught.value.message, caught.value.code) == (says, 2) and caught.value.hint.startswith("Write ")
