# SPDX-License-Identifier: GPL-3.0-or-later
"""Generation with a cache: the same tokens and logits as without the tracer, in steps that can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from .architectures import PROMPT, is_encoder
from .numpy_check import File
from .subjects import ASKS, STEPS, Traced, cases, passed, traced

CASES = [case for case in cases() if not is_encoder(case[0])]


every = pytest.mark.parametrize("one", CASES, ids="-".join, indirect=True)


def tokens(file: File) -> tuple[int, ...]:
    """The whole sequence of a trace."""
    return tuple(token["id"] for token in file.manifest["tokens"])


@every
def test_greedy_steps_are_those_of_generate(one: Traced) -> None:
    found = tokens(one.file)[len(PROMPT) :]
    assert found == one.tokens
    assert found == tuple(step["sampled"] for step in one.file.manifest["steps"])


@every
def test_every_step_has_the_logits_of_generate(one: Traced) -> None:
    file = one.file
    for step, wanted in zip(file.manifest["steps"], one.scores, strict=True):
        found = file.array(step["logits"])[0, -1]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
        assert step["sampled"] == found.argmax()


@every
def test_every_step_has_the_logits_of_a_pass_without_a_cache(one: Traced) -> None:
    if one.name in ASKS:
        pytest.skip("its passes have no row for a token that is there")
    file = one.file
    plain = passed(one.model, one.name, tokens(file)[:-1], use_cache=False)[0]  # [T, V]
    for step, score in zip(file.manifest["steps"], one.scores, strict=True):
        wanted = plain[len(PROMPT) - 1 + step["index"]]
        if np.abs(score - wanted).max() < 1e-4:  # else the library itself says something else with its cache
            np.testing.assert_allclose(file.array(step["logits"])[0, -1], wanted, rtol=0, atol=1e-4)


def test_the_cache_of_the_library_changes_nothing_but_for_few(base: Path) -> None:
    other = set()
    for name, attention in CASES:
        if attention == "eager" and name not in ASKS:
            one = traced(name, attention, base)
            plain = passed(one.model, name, tokens(one.file)[:-1], use_cache=False)[0]
            if np.abs(np.stack(one.scores) - plain[len(PROMPT) - 1 :]).max() >= 1e-4:
                other.add(name)
    assert len(other) <= 3, other


WITHOUT_CACHE = {"openai-gpt", "recurrent_gemma", "xlm"}
"""Models that have none, or none that can be handed to them: every step reads all."""


@every
def test_tokens_say_which_step_made_them(one: Traced) -> None:
    assert [token["step"] for token in one.file.manifest["tokens"]] == [0] * len(PROMPT) + list(range(STEPS))


@every
def test_passes_after_the_first_are_given_one_token(one: Traced) -> None:
    steps = one.file.manifest["steps"]
    if one.name in WITHOUT_CACHE:
        assert [(step["past"], tuple(step["tokens"])) for step in steps] == [(0, (0, 4)), (0, (0, 5)), (0, (0, 6))]
    else:
        assert [(step["past"], tuple(step["tokens"])) for step in steps] == [(0, (0, 4)), (5, (5, 5)), (6, (6, 6))]


def born(file: File, key: int) -> set[int | None]:
    """The steps that made a tensor, or what it is joined from; None for what nothing made."""
    joined = file.tensors[key]["source"].get("concat")
    if joined is not None:
        return {step for part in joined for step in born(file, part)}
    maker = file.maker(key)
    return {None if maker is None else maker["step"]}


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "gpt_neox"])
@pytest.mark.parametrize("over", ["scores", "mix"])
def test_cached_columns_are_told_from_new_ones(over: str, name: str, base: Path) -> None:
    """What a query is multiplied with is not written again: it is what each step made, one behind the other."""
    file = traced(name, "eager", base).file
    contracted = {"scores": "key_dim", "mix": "key_token"}[over]
    for operation in file.of_kind("matmul"):
        if operation["contracted"] != contracted or not operation["step"]:
            continue
        right = file.tensors[operation["right"]]
        axis = right["source"]["axis"]
        parts = [file.tensors[key] for key in right["source"]["concat"]]
        assert [part["shape"][axis] for part in parts] == [5, 1, 1][: operation["step"] + 1]
        assert right["axes"][axis] == ["key_token"]
        assert [born(file, part["id"]) for part in parts] == [{step} for step in range(operation["step"] + 1)]


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
