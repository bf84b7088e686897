# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace would take, and a limit to it, against the files that are then written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Trace
from forward_pass.core.trace_manifest import BufferSource, PooledSource
from forward_pass.tracer.budget import keeping_for
from forward_pass.tracer.checkpoint import load
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.estimate import Estimate, estimate, estimate_of, like, size
from forward_pass.tracer.generate import trace
from forward_pass.tracer.pooling import pool
from forward_pass.tracer.sampling import Sampling
from forward_pass.tracer.sources import Keeping
from forward_pass.tracer.subject import Subject

from .architectures import ARCHITECTURES, PROMPT
from .conftest import built_in
from .subjects import folder_of, of_transformers, subject

LONG = tuple(range(3, 63))  # 60 tokens, so that activations are the most of a trace


def of(name: str, base: Path, dtype: torch.dtype = torch.float32) -> Subject:
    """A small model of an architecture, with its checkpoint."""
    folder = folder_of(name, base, dtype)
    encoder = name.endswith("_masked")
    model = of_transformers(folder, encoder, "eager", dtype)
    return subject(model, "encoder" if encoder else "causal", checkpoint=folder.glob("*.safetensors"))


def written(
    one: Subject, path: Path, choices: Choices, ids: tuple[int, ...] = PROMPT, keeping: Keeping | None = None
) -> Trace:
    trace(one, ids, choices, path, say=lambda message: None, keeping=keeping)
    return Trace.open(path)


def work(found: Trace) -> tuple[int, int, int, int]:
    """Operations, multiplies, passes and the work of them all."""
    flops = [operation.flops or 0 for operation in found.operations if operation.kind == "matmul"]
    return len(found.operations), len(flops), len(found.steps), sum(flops)


def told(one: Estimate) -> tuple[int, int, int, int]:
    return one.operations, one.multiplies, one.passes, one.flops


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma2"])
def test_an_estimate_is_what_the_trace_then_takes(name: str, steps: int, base: Path, tmp_path: Path) -> None:
    one, path = of(name, base), tmp_path / "x.trace.safetensors"
    choices = Choices(steps)
    from_config = estimate(ARCHITECTURES[name](), len(PROMPT), choices)
    from_model = estimate_of(like(one), one.kind, one.vocabulary, len(PROMPT), choices)
    found = written(one, path, choices)
    assert told(from_config) == told(from_model) == work(found)
    assert from_config.bytes == pytest.approx(path.stat().st_size, rel=0.02)
    assert from_model.bytes == pytest.approx(path.stat().st_size, rel=0.02)
    assert from_config.parameters == one.parameters and from_config.tokens == len(PROMPT)
    assert from_config.weights == 4 * one.parameters


@pytest.mark.parametrize(("name", "dtype"), [("gpt2", torch.bfloat16), ("llama", torch.float16)])
def test_an_estimate_counts_the_number_type(name: str, dtype: torch.dtype, base: Path, tmp_path: Path) -> None:
    one, path = of(name, base, dtype), tmp_path / "x.trace.safetensors"
    found = estimate_of(like(one), one.kind, one.vocabulary, 60, Choices(1))
    written(one, path, Choices(1), LONG)
    assert found.bytes == pytest.approx(path.stat().st_size, rel=0.02) and found.weights == 2 * one.parameters


def test_an_estimate_of_an_encoder(base: Path, tmp_path: Path) -> None:
    one, path = of("bert_masked", base), tmp_path / "x.trace.safetensors"
    found = estimate_of(like(one), one.kind, one.vocabulary, len(PROMPT), Choices(1))
    assert told(found) == work(written(one, path, Choices(1)))
    assert found.bytes == pytest.approx(path.stat().st_size, rel=0.02)


def test_an_estimate_of_the_built_in_model(nano_sort: Path, tmp_path: Path) -> None:
    one, path = built_in(load(nano_sort, torch.device("cpu"))), tmp_path / "x.trace.safetensors"
    found = estimate(one.model.config, 6, Choices(6))
    assert told(found) == work(written(one, path, Choices(6), (2, 1, 0, 1, 1, 2)))
    assert found.parameters == one.parameters


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("name", ["mixtral", "qwen3_moe"])
def test_an_estimate_of_routed_experts_is_near(name: str, steps: int, base: Path, tmp_path: Path) -> None:
    one, path = of(name, base), tmp_path / "x.trace.safetensors"
    found = estimate(ARCHITECTURES[name](), len(PROMPT), Choices(steps))
    operations, multiplies, passes, flops = work(written(one, path, Choices(steps)))
    assert found.passes == passes
    assert found.bytes == pytest.approx(path.stat().st_size, rel=0.25)
    assert found.multiplies == pytest.approx(multiplies, rel=0.25)
    assert found.operations == pytest.approx(operations, rel=0.25)
    assert found.flops == pytest.approx(flops, rel=0.25)


def test_a_model_that_looks_for_padding_can_be_estimated() -> None:
    """It asks whether a tensor without numbers contains one."""
    config = ARCHITECTURES["gpt2"]()
    assert config.pad_token_id is not None
    assert estimate(config, 5, Choices(1)).multiplies == 13


def test_an_estimate_draws_nothing_and_leaves_the_model_as_it_was(base: Path) -> None:
    one = of("gpt2", base)
    before = {name: parameter.clone() for name, parameter in one.model.named_parameters()}
    state = torch.random.get_rng_state()
    choices = Choices(2, Sampling(temperature=0.7, top_k=5))
    estimate_of(like(one), one.kind, one.vocabulary, 5, choices)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(before[name], parameter) for name, parameter in one.model.named_parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in one.model.modules())


def test_longer_prompts_and_more_tokens_take_more(base: Path) -> None:
    config = ARCHITECTURES["llama"]()
    sizes = [estimate(config, tokens, Choices(steps)) for tokens, steps in ((5, 1), (20, 1), (20, 3))]
    assert sizes[0].bytes < sizes[1].bytes < sizes[2].bytes
    assert sizes[0].flops < sizes[1].flops < sizes[2].flops and sizes[0].multiplies == sizes[1].multiplies


def test_a_model_that_asks_for_numbers_is_one_clear_error() -> None:
    class Asks(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(11, 4)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.table(ids).masked_select(ids.unsqueeze(-1) > 3)

    with torch.device("meta"):
        model = Asks()
    with pytest.raises(UserError, match=r"^Asks cannot be estimated: what it does next depends on numbers") as caught:
        estimate_of(model, "builtin", 11, 5, Choices(1))
    assert caught.value.hint


def test_what_an_estimate_says_to_people() -> None:
    one = Estimate("Name", 1_234_567, 5, 2, 300, 40, 2_500_000_000, 3_000_000, 4_938_268, 0.1, {"a": 1_000_000})
    assert one.lines() == [
        "Name: 1,234,567 parameters; 5 tokens, 2 forward passes",
        "300 operations, 40 of them multiplies, 2.5 GFLOP",
        "The trace takes 3.0 MB: 1.0 MB of activations, 2.0 MB of the rest.",
        "The weights, 4.9 MB, stay in the model's own file.",
    ]
    assert [size(n) for n in (999, 1000, 1_500_000, 2_000_000_000)] == ["999 bytes", "1.0 kB", "1.5 MB", "2.0 GB"]


# A limit.


def limited(one: Subject, most: int, path: Path, steps: int = 1) -> tuple[Trace, tuple[str, ...]]:
    choices = Choices(steps, max_bytes=most)
    keeping, said = keeping_for(one, len(LONG), choices)
    return written(one, path, choices, LONG, keeping), said


@pytest.fixture(scope="module")
def gpt2(base: Path) -> Subject:
    return of("gpt2", base)


@pytest.fixture(scope="module")
def whole(gpt2: Subject, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The trace with nothing left out."""
    return written(gpt2, tmp_path_factory.mktemp("whole") / "x.trace.safetensors", Choices(1), LONG)


def test_a_limit_that_suffices_changes_nothing(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    most = 2 * whole.path.stat().st_size
    found, said = limited(gpt2, most, tmp_path / "x.trace.safetensors")
    assert said == () and not any(isinstance(tensor.source, PooledSource) for tensor in found.tensors)
    assert keeping_for(gpt2, len(LONG), Choices(1)) == (Keeping(), ())


@pytest.mark.parametrize("share", [0.999, 0.95, 0.8, 0.7])
def test_a_file_is_not_larger_than_was_asked_for(share: float, gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    most = int(share * whole.path.stat().st_size)
    found, said = limited(gpt2, most, tmp_path / "x.trace.safetensors")
    assert found.path.stat().st_size <= most
    (warning,) = said
    assert warning.startswith(f"To stay under {size(most)}, ") and "only as maps of at most" in warning
    pooled = [tensor for tensor in found.tensors if isinstance(tensor.source, PooledSource)]
    assert pooled and any(tensor.name in warning for tensor in pooled)


def test_a_limit_of_what_is_estimated_is_kept_too(gpt2: Subject, tmp_path: Path) -> None:
    most = estimate_of(like(gpt2), gpt2.kind, gpt2.vocabulary, len(LONG), Choices(1)).bytes
    for less in (0, 1, 100):
        found, _ = limited(gpt2, most - less, tmp_path / "x.trace.safetensors")
        assert found.path.stat().st_size <= most - less


def test_what_is_left_out_is_the_middle_and_never_the_result(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    found, _ = limited(gpt2, int(0.9 * whole.path.stat().st_size), tmp_path / "x.trace.safetensors")
    pooled = {tensor.name for tensor in found.tensors if isinstance(tensor.source, PooledSource)}
    assert pooled and not any(".h.0." in name for name in pooled)
    np.testing.assert_array_equal(found.array(found.steps[0].logits), whole.array(whole.steps[0].logits))


def test_maps_of_what_is_left_out_are_those_of_its_numbers(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    found, _ = limited(gpt2, int(0.75 * whole.path.stat().st_size), tmp_path / "x.trace.safetensors")
    looked_at = 0
    for tensor in found.tensors:
        if not isinstance(tensor.source, PooledSource) or len(tensor.shape) < 2:
            continue
        values = torch.from_numpy(whole.array(tensor.name).copy())
        most = max(found.map(tensor.id, how).shape[-1] for how in ("mean", "absmax"))
        for side in (256, 64, 16):
            wanted = pool(values, side)
            if wanted["mean"].shape == found.map(tensor.id, "mean").shape:
                break
        for how in ("mean", "absmax"):
            np.testing.assert_allclose(found.map(tensor.id, how), wanted[how].numpy(), rtol=1e-5, atol=1e-6)
        assert most <= 256 and tensor.stats == whole.tensor(tensor.name).stats
        with pytest.raises(UserError):
            found.array(tensor.id)
        looked_at += 1
    assert looked_at


def test_a_multiply_of_which_a_part_was_left_out_is_checked_and_not_called_exact(
    gpt2: Subject, whole: Trace, tmp_path: Path
) -> None:
    found, _ = limited(gpt2, int(0.8 * whole.path.stat().st_size), tmp_path / "x.trace.safetensors")
    for operation in found.operations:
        if operation.kind != "matmul":
            continue
        there = (*operation.inputs, *operation.outputs)
        kept = not any(isinstance(found.tensor(key).source, PooledSource) for key in there)
        assert operation.exact is kept
        assert operation.max_error is not None and operation.max_error < 1e-5
    assert any(operation.exact is False for operation in found.operations)


def test_a_crop_stays_where_the_rest_is_left_out(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    from forward_pass.tracer.choices import read_crop

    path, most = tmp_path / "x.trace.safetensors", int(0.75 * whole.path.stat().st_size)
    name = "transformer.h.1.mlp.c_fc"
    choices = Choices(1, keep=(read_crop(f"{name}[2:5, 10:20]"),), max_bytes=most)
    keeping, _ = keeping_for(gpt2, len(LONG), choices)
    found = written(gpt2, path, choices, LONG, keeping)
    assert isinstance(found.tensor(name).source, PooledSource) and path.stat().st_size <= most
    np.testing.assert_array_equal(found.crop(name, (2, 4), (10, 19)), whole.array(name)[..., 2:5, 10:20])


def test_several_steps_keep_the_limit(base: Path, tmp_path: Path) -> None:
    one = of("llama", base)
    whole = written(one, tmp_path / "whole", Choices(3), LONG)
    most = int(0.85 * whole.path.stat().st_size)
    found, said = limited(one, most, tmp_path / "x.trace.safetensors", 3)
    assert found.path.stat().st_size <= most and len(said) == 1
    assert [token.id for token in found.tokens] == [token.id for token in whole.tokens]


@pytest.mark.parametrize("most", [1, 50_000])
def test_a_limit_that_cannot_be_kept_is_wrong_use(most: int, gpt2: Subject) -> None:
    with pytest.raises(UserError, match=r"^This trace cannot be smaller than [\d.]+ kB\.") as caught:
        keeping_for(gpt2, len(LONG), Choices(1, max_bytes=most))
    assert caught.value.code == 2 and caught.value.hint.startswith("Allow at least ")


def test_what_is_kept_whole_lies_in_the_file(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    """A storage that is kept is kept for all that look at it, one that is left out for none."""
    found, _ = limited(gpt2, int(0.8 * whole.path.stat().st_size), tmp_path / "x.trace.safetensors")
    for tensor in found.tensors:
        if isinstance(tensor.source, BufferSource) and tensor.parameter is None and tensor.name in whole:
            np.testing.assert_array_equal(found.array(tensor.id), whole.array(tensor.name))
