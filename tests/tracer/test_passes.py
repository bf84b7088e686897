# SPDX-License-Identifier: GPL-3.0-or-later
"""The forward passes: what each kind of model is given, how tokens are drawn, and where a text ends."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import torch

from forward_pass.core.trace import Trace
from forward_pass.tracer.checkpoint import load
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import MORE_GIVEN, NO_CACHE, trace
from forward_pass.tracer.passes import CACHES, Pass, passes
from forward_pass.tracer.sampling import GREEDY, Sampling, filtered
from forward_pass.tracer.subject import Subject

from .architectures import PROMPT, VOCAB, is_encoder
from .conftest import built_in
from .subjects import folder_of, of_transformers, subject

LIBRARY = transformers.__version__.split(".")[0]
DRAWN = Sampling(temperature=0.8, top_k=20, top_p=0.9, seed=3)


def of(name: str, base: Path) -> Subject:
    """A small model of an architecture."""
    encoder = is_encoder(name)
    model = of_transformers(folder_of(name, base), encoder, "eager")
    return subject(model, "encoder" if encoder else "causal")


@torch.no_grad()
def run(
    one: Subject, steps: int, sampling: Sampling = GREEDY, ids: tuple[int, ...] = PROMPT, seed: int = 0
) -> tuple[list[Pass], list[int]]:
    """The passes, and the number of tokens that each was said to begin with."""
    begun: list[int] = []
    generator = torch.Generator().manual_seed(seed)
    done = list(passes(one, ids, steps, sampling, lambda index, given: begun.append(given.shape[1]), generator))
    return done, begun


def written(one: Subject, path: Path, choices: Choices, ids: tuple[int, ...] = PROMPT) -> Trace:
    trace(one, ids, choices, path, say=lambda message: None)
    return Trace.open(path)


def drawn(found: Trace) -> list[int]:
    return [token.id for token in found.generated_tokens]


# What a model is given.


def test_a_model_with_a_cache_is_given_what_is_new(base: Path) -> None:
    done, begun = run(of("gpt2", base), 3)
    assert begun == [5, 1, 1] and [one.past for one in done] == [0, 5, 6]
    assert [one.given.tolist()[0] for one in done] == [list(PROMPT), [done[0].chosen], [done[1].chosen]]


def test_a_built_in_model_is_given_all_each_time(nano_sort: Path) -> None:
    one = built_in(load(nano_sort, torch.device("cpu")))
    done, begun = run(one, 6, ids=(2, 1, 0, 1, 1, 2))
    assert begun == [6, 7, 8, 9, 10, 11] and {one.past for one in done} == {0}
    assert [one.chosen for one in done] == [0, 1, 1, 1, 2, 2]


def test_an_encoder_reads_once_and_chooses_nothing(base: Path, tmp_path: Path) -> None:
    one = of("bert_masked", base)
    done, begun = run(one, 4)
    assert begun == [5] and len(done) == 1 and done[0].chosen is None
    found = written(one, tmp_path / "x.trace.safetensors", Choices(1))
    assert len(found.steps) == 1 and found.steps[0].sampled is None
    assert [token.id for token in found.tokens] == list(PROMPT) and drawn(found) == []
    with torch.no_grad():
        plain = one.model(input_ids=torch.tensor([PROMPT])).logits.numpy()
    np.testing.assert_allclose(found.array(found.steps[0].logits), plain, atol=1e-5)
    assert not any(operation.kind == "sample" for operation in found.operations)
    assert found.witness.captured == found.witness.aten_matmuls > 0


def test_an_encoder_without_a_head_gives_its_last_hidden_state(base: Path, tmp_path: Path) -> None:
    whole = of("bert_masked", base)
    one = subject(whole.model.bert, "encoder")
    found = written(one, tmp_path / "x.trace.safetensors", Choices(1))
    with torch.no_grad():
        plain = one.model(input_ids=torch.tensor([PROMPT])).last_hidden_state.numpy()
    np.testing.assert_allclose(found.array(found.steps[0].logits), plain, atol=1e-5)
    assert found.tensor(found.steps[0].logits).axes[-1] == ("channel",)


def test_a_model_without_generate_is_given_all_each_time(base: Path, tmp_path: Path) -> None:
    one = of("gpt2", base)
    wanted = [each.chosen for each in run(one, 3)[0]]
    changed(one.model, generate=property(absent))
    done, begun = run(one, 3)
    assert begun == [5, 6, 7] and [each.past for each in done] == [0, 0, 0]
    assert [each.chosen for each in done] == wanted
    found = written(one, tmp_path / "x.trace.safetensors", Choices(2))
    assert found.manifest.warnings == (f"test {NO_CACHE}",)


def absent(model: Any) -> None:
    """As an attribute that is not there."""
    raise AttributeError


def changed(model: Any, **parts: Any) -> None:
    """Makes a model one of a class of its own, with other methods."""
    model.__class__ = type("Changed", (type(model),), parts)


# What a model prepares for itself.


def test_a_model_is_given_what_it_prepares(base: Path) -> None:
    one = of("gpt2", base)
    asked: list[dict[str, Any]] = []

    def prepare(model: Any, ids: torch.Tensor, **arguments: Any) -> dict[str, Any]:
        asked.append(arguments)
        return {"input_ids": torch.cat((ids, ids[:, :1]), -1), "logits_to_keep": 1, "unheard_of": 1, "use_cache": False}

    changed(one.model, prepare_inputs_for_generation=prepare)
    done, begun = run(one, 3)
    assert begun == [6, 7, 8] and [(each.tokens, each.past) for each in done] == [(5, 0), (6, 0), (7, 0)]
    for each in done:
        with torch.no_grad():
            plain = one.model(input_ids=each.given).logits
        torch.testing.assert_close(each.scores, plain, atol=0, rtol=0)  # of all, not only of the last
    assert [each["next_sequence_length"] for each in asked] == [5, 6, 7]
    assert all(each["is_first_iteration"] for each in asked)


@pytest.mark.parametrize("answer", [{}, {"inputs_embeds": torch.zeros(1, 5, 32)}, None])
def test_a_model_whose_preparation_does_not_work_is_given_what_is_new(base: Path, answer: object) -> None:
    one = of("gpt2", base)
    wanted = [each.chosen for each in run(one, 3)[0]]
    changed(one.model, prepare_inputs_for_generation=lambda model, ids, **arguments: answer)
    done, begun = run(one, 3)
    assert begun == [5, 1, 1] and [each.chosen for each in done] == wanted


def test_positions_that_are_not_those_of_what_is_given_are_left_to_the_model(base: Path) -> None:
    one = of("gpt2", base)
    wanted = run(one, 3)[0]

    def prepare(model: Any, ids: torch.Tensor, position_ids: torch.Tensor, **arguments: Any) -> dict[str, Any]:
        new = ids[:, -arguments["next_sequence_length"] :]
        positions = position_ids[:, : 5 if new.shape[1] == 5 else 0]
        return {"input_ids": new, "position_ids": positions, "use_cache": True, **found(arguments)}

    changed(one.model, prepare_inputs_for_generation=prepare)
    done, begun = run(one, 3)
    assert begun == [5, 1, 1]
    for each, plain in zip(done, wanted, strict=True):
        torch.testing.assert_close(each.scores, plain.scores, atol=0, rtol=0)


def found(arguments: dict[str, Any]) -> dict[str, Any]:
    """The cache, whatever this transformers calls it."""
    return {name: one for name, one in arguments.items() if name in CACHES}


def test_a_model_that_drops_its_cache_reads_all_again(tmp_path: Path) -> None:
    """Phi-3 turns its positions differently once the text is long, and what was kept serves no more."""
    from transformers import AutoConfig, AutoModelForCausalLM

    factors = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4}
    scaling = {"rope_type": "longrope", "rope_theta": 100.0, "original_max_position_embeddings": 6, **factors}
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        "phi3",
        vocab_size=VOCAB,
        hidden_size=32,
        intermediate_size=44,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        original_max_position_embeddings=6,
        pad_token_id=2,
        eos_token_id=None,
        rope_parameters=scaling,
        rope_scaling=scaling if LIBRARY == "5" else {"type": "longrope", **factors},
    )
    one = subject(AutoModelForCausalLM.from_config(config, attn_implementation="eager"), "causal")
    done, begun = run(one, 4)
    assert begun == [5, 1, 7, 1]
    with torch.no_grad():
        made = one.model.generate(torch.tensor([PROMPT]), max_new_tokens=4, do_sample=False)
    assert [each.chosen for each in done] == made[0, 5:].tolist()
    assert run(one, 1)[0][0].past == 0


@pytest.mark.parametrize(("name", "asks"), [("xlnet", True), ("gpt2", False)])
def test_ids_that_the_text_does_not_have_are_told_of(name: str, asks: bool, base: Path, tmp_path: Path) -> None:
    found = written(of(name, base), tmp_path / "x.trace.safetensors", Choices(2))
    assert (f"test {MORE_GIVEN}" in found.manifest.warnings) == asks
    assert [step.tokens for step in found.steps] == [(0, 4), (5, 5)]
    assert [token.id for token in found.prompt_tokens] == list(PROMPT)


# How a token is chosen.


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_draws_are_those_of_the_same_draws_by_hand(name: str, base: Path) -> None:
    one = of(name, base)
    done, _ = run(one, 4, DRAWN, seed=7)
    generator, sequence = torch.Generator().manual_seed(7), list(PROMPT)
    for each in done:
        with torch.no_grad():
            logits = one.model(input_ids=torch.tensor([sequence])).logits[0, -1].float()
        shares = torch.softmax(filtered(logits, DRAWN), -1)
        assert each.chosen == int(torch.multinomial(shares, 1, generator=generator))
        assert each.chosen is not None
        sequence.append(each.chosen)


@pytest.mark.parametrize(
    ("sampling", "kinds"),
    [
        (Sampling(temperature=0.8, seed=3), {"scale", "softmax", "sample"}),
        (Sampling(temperature=1.0, top_k=9, seed=3), {"topk", "softmax", "sample"}),
        (Sampling(temperature=0.8, top_k=9, seed=3), {"scale", "topk", "softmax", "sample"}),
        (Sampling(temperature=0.8, top_p=0.9, seed=3), {"scale", "softmax", "sample"}),
        (DRAWN, {"scale", "topk", "softmax", "sample"}),
    ],
)
def test_a_draw_shows_in_operations_of_its_own(sampling: Sampling, kinds: set[str], base: Path, tmp_path: Path) -> None:
    found = written(of("gpt2", base), tmp_path / "x.trace.safetensors", Choices(3, sampling))
    for step in found.steps:
        outside = [one for one in found.operations if one.step == step.index and not one.module]
        assert kinds <= {one.kind for one in outside}
        assert ("topk" in kinds) == any(one.kind == "topk" for one in outside)
        (sample,) = (one for one in outside if one.kind == "sample")
        assert found.array(sample.outputs[0]).reshape(-1).tolist() == [step.sampled]
        softmax = [one for one in outside if one.kind == "softmax"][-1]
        shares = found.array(softmax.outputs[0]).reshape(-1)
        assert shares.shape == (VOCAB,) and shares.sum() == pytest.approx(1.0, abs=1e-5)
        assert step.sampled is not None and shares[step.sampled] > 0
        if sampling.top_k is not None:
            assert (shares > 0).sum() <= sampling.top_k
        logits = found.array(step.logits)[0, -1]
        wanted = torch.softmax(filtered(torch.from_numpy(logits.copy()), sampling), -1).numpy()
        np.testing.assert_allclose(shares, wanted, atol=1e-6)


def test_the_same_seed_draws_the_same_tokens_and_another_one_others(base: Path, tmp_path: Path) -> None:
    one = of("llama", base)
    hot = Sampling(temperature=2.0, top_k=50, top_p=0.99, seed=5)
    torch.manual_seed(1)
    first = drawn(written(one, tmp_path / "a", Choices(6, hot)))
    torch.manual_seed(2)  # the seed of everybody else does not matter
    assert drawn(written(one, tmp_path / "b", Choices(6, hot))) == first
    assert drawn(written(one, tmp_path / "c", Choices(6, dataclasses.replace(hot, seed=6)))) != first
    assert Trace.open(tmp_path / "a").run.seed == 5


def test_one_token_to_draw_from_is_the_likeliest(base: Path, tmp_path: Path) -> None:
    one = of("gpt2", base)
    greedy = drawn(written(one, tmp_path / "a", Choices(3)))
    assert drawn(written(one, tmp_path / "b", Choices(3, Sampling(temperature=1.5, top_k=1)))) == greedy
    assert drawn(written(one, tmp_path / "c", Choices(3, Sampling(temperature=1.5, top_p=1e-6)))) == greedy


def test_a_greedy_choice_is_an_operation_on_the_logits(base: Path, tmp_path: Path) -> None:
    found = written(of("gpt2", base), tmp_path / "x.trace.safetensors", Choices(2))
    for step in found.steps:
        (sample,) = (one for one in found.operations if one.kind == "sample" and one.step == step.index)
        (source,) = sample.inputs
        assert found.array(source).reshape(-1).argmax() == step.sampled
        assert found.tensor(source).axes[-1] == ("vocab",)


def test_a_built_in_model_draws_too(nano_sort: Path, tmp_path: Path) -> None:
    one = built_in(load(nano_sort, torch.device("cpu")))
    hot = Choices(6, Sampling(temperature=30.0, seed=1))
    first, second = (drawn(written(one, tmp_path / name, hot, (2, 1, 0, 1, 1, 2))) for name in "ab")
    assert first == second != [0, 1, 1, 1, 2, 2]


# Where a text ends.


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_text_ends_at_an_end_token(at: int, base: Path, tmp_path: Path) -> None:
    one = of("gpt2", base)
    greedy = [each.chosen for each in run(one, 5)[0]]
    end = greedy[at]
    assert end is not None
    ends = dataclasses.replace(one, ends=frozenset((end, VOCAB - 3)))
    found = written(ends, tmp_path / "x.trace.safetensors", Choices(5))
    wanted = greedy[: greedy.index(end) + 1]
    assert drawn(found) == wanted and len(found.steps) == len(wanted)  # the end itself is the last token
    assert found.steps[-1].sampled == end


def test_without_an_end_all_tokens_are_generated(base: Path) -> None:
    one = dataclasses.replace(of("gpt2", base), ends=frozenset((VOCAB,)))
    assert len(run(one, 5)[0]) == 5


def test_an_end_in_the_prompt_ends_nothing(base: Path) -> None:
    one = dataclasses.replace(of("gpt2", base), ends=frozenset((PROMPT[0],)))
    assert len(run(one, 2)[0]) == 2


def test_scores_are_the_logits_of_all_that_was_given(base: Path) -> None:
    one = of("llama", base)
    done, _ = run(one, 3)
    with torch.no_grad():
        plain = one.model(input_ids=torch.tensor([[*PROMPT, done[0].chosen, done[1].chosen]])).logits
    assert done[0].scores.shape == (1, 5, VOCAB)
    torch.testing.assert_close(done[0].scores, plain[:, :5], atol=1e-5, rtol=0)
    torch.testing.assert_close(done[2].scores, plain[:, 6:], atol=1e-5, rtol=0)
    assert math.isfinite(float(done[2].scores.sum()))
