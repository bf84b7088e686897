# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in model sorts everything there is to sort: in torch, in NumPy by its formulas, and as trained here."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from tests.tracer.formulas import Weights, forward, read_weights

HEADS = 3


@pytest.fixture(scope="module")
def weights(nano_sort: Path) -> Weights:
    return read_weights(nano_sort)


def test_it_sorts_all_729_inputs(weights: Weights) -> None:
    prompts = np.array(list(itertools.product(range(3), repeat=6)))
    ids = prompts
    for _ in range(6):
        ids = np.concatenate((ids, forward(weights, ids, HEADS)[:, -1].argmax(-1)[:, None]), axis=1)
    assert len(ids) == 729
    np.testing.assert_array_equal(ids[:, 6:], np.sort(prompts, axis=1))


def test_torch_and_the_formulas_agree(weights: Weights, nano_sort: Path) -> None:
    torch = pytest.importorskip("torch")
    from forward_pass.tracer.checkpoint import load
    from forward_pass.tracer.train_nano_sort import sorts_all

    model = load(nano_sort, torch.device("cpu"))
    assert sorts_all(model) == 729
    ids = np.random.default_rng(0).integers(0, 3, (50, 11))
    with torch.no_grad():
        found = model(torch.from_numpy(ids)).numpy()
    wanted = forward(weights, ids, HEADS)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_it_ships_small_and_says_what_it_takes(nano_sort: Path) -> None:
    assert (nano_sort / "model.safetensors").stat().st_size < 500_000
    config = json.loads((nano_sort / "config.json").read_text())
    assert (config["vocabulary"], config["prompt_length"], config["block_size"]) == (["A", "B", "C"], 6, 11)
    assert (config["n_layer"], config["n_head"], config["n_embd"]) == (3, 3, 48)


def test_training_is_the_same_every_time_and_learns() -> None:
    torch = pytest.importorskip("torch")
    from forward_pass.tracer.train_nano_sort import NANO_SORT, sorts_all, train

    first, second = (train(NANO_SORT, seed=1, steps=30).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = train(NANO_SORT, seed=2, steps=30)
    assert not torch.equal(first["lm_head.weight"], other.state_dict()["lm_head.weight"])
    assert sorts_all(train(NANO_SORT, seed=1, steps=250)) > 600
