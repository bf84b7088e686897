# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that stay in the checkpoint's own file: found where exactly they are in it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from forward_pass.core.trace import Trace
from forward_pass.core.trace_manifest import BufferSource, ConcatSource, ExternalSource
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import trace
from forward_pass.tracer.measure import summarise
from forward_pass.tracer.pooling import pool
from forward_pass.tracer.weights import Weights, first_names

from .architectures import PROMPT
from .subjects import folder_of, of_transformers, subject


class Small(nn.Module):
    """A table, two layers of the same shape, and a head that shares the table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(11, 6)
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.table.weight
        self.register_buffer("positions", torch.randn(7, 6))
        self.register_buffer("mask", torch.ones(7, 7, dtype=torch.bool))
        self.register_buffer("scratch", torch.randn(7, 7), persistent=False)


@pytest.fixture
def small() -> Small:
    torch.manual_seed(0)
    return Small()


def saved(model: nn.Module, file: Path, prefix: str = "", cut: str = "", dtype: torch.dtype | None = None) -> Path:
    """The parameters in a file, each under its first name with one prefix more or less."""
    named = {**first_names(dict(model.named_parameters(remove_duplicate=False))), **dict(model.named_buffers())}
    save_file(
        {prefix + name.removeprefix(cut): one.detach().to(dtype or one.dtype).clone() for name, one in named.items()},
        file,
    )
    return file


def places(model: nn.Module, *files: Path) -> dict[str, tuple[Path, str] | None]:
    weights = Weights(model, files)
    found = {name: weights.place(name) for name in weights.named}
    return {name: None if place is None else (place.file, place.key) for name, place in found.items()}


def test_every_weight_is_found_under_its_own_name(small: Small, tmp_path: Path) -> None:
    file = saved(small, tmp_path / "x.safetensors")
    names = ["table.weight", "one.weight", "one.bias", "two.weight", "positions"]
    wanted: dict[str, tuple[Path, str] | None] = {name: (file, name) for name in names}
    found = places(small, file)
    assert found.pop("head.weight") in (None, (file, "table.weight"))  # tied: it is asked for as table.weight
    assert found == wanted


def test_tied_weights_are_one_parameter_under_the_first_name(small: Small) -> None:
    assert list(first_names(Weights(small, ()).named)) == [
        "table.weight", "one.weight", "one.bias", "two.weight", "positions"
    ]  # fmt: skip


@pytest.mark.parametrize("prefix", ["transformer.", "model.", "a.b."])
def test_a_prefix_in_the_file_does_not_matter(small: Small, tmp_path: Path, prefix: str) -> None:
    file = saved(small, tmp_path / "x.safetensors", prefix)
    assert places(small, file)["one.weight"] == (file, f"{prefix}one.weight")


def test_a_prefix_in_the_model_does_not_matter(small: Small, tmp_path: Path) -> None:
    whole = nn.ModuleDict({"transformer": small})
    file = saved(whole, tmp_path / "x.safetensors", cut="transformer.")
    assert places(whole, file)["transformer.one.bias"] == (file, "one.bias")


def test_the_own_name_comes_before_others(small: Small, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    same = small.one.weight.detach()
    save_file({"a.one.weight": same.clone(), "one.weight": same.clone(), "z.one.weight": same.clone()}, file)
    assert places(small, file)["one.weight"] == (file, "one.weight")


def test_weights_of_another_layer_are_not_taken(small: Small, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"two.weight": small.one.weight.detach().clone(), "gone.weight": small.one.weight.detach().clone()}, file)
    found = places(small, file)
    assert found["one.weight"] is None and found["two.weight"] is None  # an end of a name alone is no name


def test_one_changed_element_is_enough(small: Small, tmp_path: Path) -> None:
    file = saved(small, tmp_path / "x.safetensors")
    with torch.no_grad():
        small.one.weight[4, 5] += 1e-6
    found = places(small, file)
    assert found["one.weight"] is None and found["one.bias"] == (file, "one.bias")


def test_a_transposed_weight_is_not_the_one_in_the_file(small: Small, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"one.weight": small.one.weight.detach().t().contiguous()}, file)
    assert places(small, file)["one.weight"] is None


def test_several_files_are_one_checkpoint(small: Small, tmp_path: Path) -> None:
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    save_file({"one.weight": small.one.weight.detach().clone()}, first)
    save_file({"two.weight": small.two.weight.detach().clone()}, second)
    found = places(small, first, second)
    assert (found["one.weight"], found["two.weight"]) == ((first, "one.weight"), (second, "two.weight"))


def test_a_checkpoint_that_is_not_there_or_broken_has_nothing(small: Small, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not weights at all")
    for file in (tmp_path / "missing.safetensors", broken):
        assert set(places(small, file).values()) == {None}


def test_a_checkpoint_that_goes_away_meanwhile_is_not_referred_to(small: Small, tmp_path: Path) -> None:
    weights = Weights(small, (saved(small, tmp_path / "x.safetensors"),))
    (tmp_path / "x.safetensors").unlink()
    assert weights.place("one.weight") is None


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16, torch.float64])
def test_a_file_of_another_number_type_holds_the_weights_it_gave(
    small: Small, tmp_path: Path, stored: torch.dtype
) -> None:
    file = saved(small, tmp_path / "x.safetensors", dtype=stored)
    with torch.no_grad():
        for name, one in load_file(file).items():
            small.get_parameter(name).copy_(one) if name in dict(small.named_parameters()) else None
    assert places(small, file)["one.weight"] == (file, "one.weight")
    with torch.no_grad():
        small.one.weight[0, 0] *= 1.0 + 1e-3  # lost in half precision, but the model has it
    assert places(small, file)["one.weight"] is None


def test_statistics_and_maps_are_those_of_the_parameter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Linear(300, 5)
    weights = Weights(model, ())
    weights.prepare()
    assert weights.stats("weight") == summarise(model.weight.detach())
    assert {how: (one.tolist(), stats) for how, (one, stats) in weights.maps("weight").items()} == {
        how: (one.tolist(), summarise(one)) for how, one in pool(model.weight.detach()).items()
    }
    assert weights.block("weight") == (1, 2)


def test_of_a_model_without_numbers_all_is_taken_to_be_in_a_file(tmp_path: Path) -> None:
    with torch.device("meta"):
        model = nn.Linear(3, 4)
    weights = Weights(model, (), assumed=True)
    place = weights.place("weight")
    assert place is not None and place.key == "weight"


# Through the trace.


def traced(folder: Path, path: Path, dtype: torch.dtype = torch.float32) -> tuple[Trace, torch.nn.Module]:
    model = of_transformers(folder, False, "eager", dtype)
    trace(subject(model, "causal", checkpoint=folder.glob("*.safetensors")), PROMPT, Choices(1), path, say=print)
    return Trace.open(path), model


@pytest.mark.parametrize("name", ["gpt2", "llama_tied", "mixtral"])
def test_weights_in_the_trace_are_those_of_the_model_and_cost_nothing(name: str, base: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    found, model = traced(folder_of(name, base), tmp_path / "x.trace.safetensors")
    parameters = dict(model.named_parameters(remove_duplicate=False))
    seen = set()
    for tensor in found.tensors:
        if tensor.parameter not in parameters:
            continue
        seen.add(tensor.parameter)
        source = tensor.source  # an expert's two matrices that are one in the model are two in the file
        parts = [found.tensor(key) for key in source.concat] if isinstance(source, ConcatSource) else [tensor]
        assert all(isinstance(part.source, ExternalSource) for part in parts), tensor.name
        whole = parameters[tensor.parameter].detach().numpy()
        array = found.array(tensor.id)
        if array.shape == whole.shape and array.shape != whole.T.shape:
            np.testing.assert_array_equal(array, whole)
        elif array.size == whole.size:
            assert np.array_equal(array, whole) or np.array_equal(array, whole.T)
    assert {name for name in first_names(parameters) if "expert" not in name} <= seen


def test_weights_of_a_half_precision_file_read_as_the_float32_model_has_them(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = folder_of("llama", base, torch.bfloat16)
    found, model = traced(folder, tmp_path / "x.trace.safetensors")
    tensor = next(one for one in found.tensors if one.parameter == "model.layers.0.mlp.up_proj.weight")
    assert isinstance(tensor.source, ExternalSource)
    weight = model.get_parameter("model.layers.0.mlp.up_proj.weight").detach().numpy()
    assert weight.dtype == np.float32
    np.testing.assert_array_equal(found.array(tensor.id), weight.T if tensor.shape == weight.T.shape else weight)


def test_what_is_not_in_the_file_is_in_the_trace(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    folder = folder_of("gpt2", base)
    model = of_transformers(folder, False, "eager")
    with torch.no_grad():
        model.transformer.h[0].mlp.c_fc.weight[3, 3] += 1.0
    path = tmp_path / "x.trace.safetensors"
    trace(subject(model, "causal", checkpoint=folder.glob("*.safetensors")), PROMPT, Choices(1), path, say=print)
    found = Trace.open(path)
    changed = next(one for one in found.tensors if one.parameter == "transformer.h.0.mlp.c_fc.weight")
    other = next(one for one in found.tensors if one.parameter == "transformer.h.1.mlp.c_fc.weight")
    assert isinstance(changed.source, BufferSource) and isinstance(other.source, ExternalSource)
    np.testing.assert_array_equal(found.array(changed.id), model.transformer.h[0].mlp.c_fc.weight.detach().numpy())
