# SPDX-License-Identifier: GPL-3.0-or-later
"""Generation with a cache: the same tokens and logits as without the tracer, in steps that can be told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from .architectures import PROMPT, is_encoder
from .numpy_check import File
from .subjects import STEPS, Traced, cases, traced

CASES = [case for case in cases() if not is_encoder(case[0])]


every = pytest.mark.parametrize("one", CASES, ids="-".join, indirect=True)

OTHER_POSITIONS = {"roberta"}
"""Models that `generate()` gives other positions than they count themselves: their own count."""


def tokens(file: File) -> tuple[int, ...]:
    """The whole sequence of a trace."""
    return tuple(token["id"] for token in file.manifest["tokens"])


@every
def test_greedy_steps_are_those_of_generate(one: Traced, request: pytest.FixtureRequest) -> None:
    file = one.file
    found = tokens(file)[len(PROMPT) :]
    assert found == tuple(step["sampled"] for step in file.manifest["steps"])
    if request.node.callspec.params["one"][0] not in OTHER_POSITIONS:
        assert found == one.tokens


@every
def test_every_step_has_the_logits_of_a_pass_without_a_cache(one: Traced) -> None:
    file = one.file
    sequence = torch.tensor([tokens(file)[:-1]])
    with torch.no_grad():
        plain = one.model(input_ids=sequence, use_cache=False).logits[0].numpy()
    for step in file.manifest["steps"]:
        found = file.array(step["logits"])[0, -1]
        np.testing.assert_allclose(found, plain[len(PROMPT) - 1 + step["index"]], rtol=0, atol=1e-4)
        assert step["sampled"] == found.argmax()


WITHOUT_CACHE = {"openai-gpt"}
"""Models that have none: every step reads all."""


@every
def test_tokens_say_which_step_made_them(one: Traced) -> None:
    assert [token["step"] for token in one.file.manifest["tokens"]] == [0] * len(PROMPT) + list(range(STEPS))


@every
def test_passes_after_the_first_are_given_one_token(one: Traced, request: pytest.FixtureRequest) -> None:
    steps = one.file.manifest["steps"]
    if request.node.callspec.params["one"][0] in WITHOUT_CACHE:
        assert [(step["past"], tuple(step["tokens"])) for step in steps] == [(0, (0, 4)), (0, (0, 5)), (0, (0, 6))]
    else:
        assert [(step["past"], tuple(step["tokens"])) for step in steps] == [(0, (0, 4)), (5, (5, 5)), (6, (6, 6))]


def keys(file: File, step: int) -> list[dict[str, Any]]:
    """What the scores of a step take for keys: [1, heads, d, n]."""
    return [
        file.tensors[operation["right"]]
        for operation in file.of_kind("matmul")
        if operation["step"] == step and file.tensors[operation["out"]]["axes"][-1] == ["key_token"]
    ]


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "gpt_neox"])
def test_cached_columns_are_told_from_new_ones(name: str, base: Path) -> None:
    """A cache is not written again: it is what earlier steps made, one behind the other."""
    file = traced(name, "eager", base).file
    born = {key: operation["step"] for operation in file.operations for key in operation["outputs"]}
    joined = [tensor for tensor in file.tensors.values() if "concat" in tensor["source"] and not tensor["parameter"]]
    ages = [[born.get(key) for key in tensor["source"]["concat"]] for tensor in joined]
    assert ages.count([0, 1]) == 4  # keys and values of two layers
    assert sum(age in ([0, 1, 2], [1, 2]) for age in ages) == 4  # and again, whole or on top of what was joined before
    for step, columns in enumerate((5, 6, 7)):
        assert [key["shape"][-1] for key in keys(file, step)] == [columns, columns]


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_cache_does_not_grow_the_file_with_every_step(name: str, base: Path) -> None:
    """Bytes of a step after the first: about those of one token, not of the sequence."""
    file = traced(name, "eager", base).file
    sizes = [0] * STEPS
    seen: set[str] = set()
    for operation in file.operations:
        for key in operation["outputs"]:
            buffer = file.tensors[key]["source"].get("buffer")
            if buffer is not None and buffer not in seen:
                seen.add(buffer)
                sizes[operation["step"]] += len(file.buffers[buffer][1])
    assert sizes[1] < sizes[0] / 3
    assert sizes[2] < 1.2 * sizes[1]
