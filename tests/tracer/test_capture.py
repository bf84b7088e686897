# SPDX-License-Identifier: GPL-3.0-or-later
"""What the capture does with models that are not as expected: nothing is lost in silence."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("torch")

import torch

from forward_pass.core.messages import Message, ProgressMessage, WarningMessage
from forward_pass.core.trace import Operation, Trace
from forward_pass.tracer.checkpoint import load
from forward_pass.tracer.generate import trace
from forward_pass.tracer.recorder import relative_error, summarise

PROMPT = [2, 1, 0, 1, 1, 2]


class Wrapped(torch.nn.Module):
    """Something in the place of the built-in model's first MLP."""

    def __init__(self, mlp: Any, function: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.c_fc, self.function = mlp.c_fc, function

    def forward(self, x: Any) -> Any:
        """[B, T, C] -> [B, T, C]."""
        return self.function(x, self.c_fc.weight)


def traced(nano_sort: Path, path: Path, function: Callable[[Any, Any], Any] | None = None) -> Trace:
    """A trace of one pass, with `function(x, weight [4C, C])` in the place of an MLP."""
    model = load(nano_sort, torch.device("cpu"))
    if function is not None:
        model.transformer.h[0].mlp = Wrapped(model.transformer.h[0].mlp, function)
    trace(model, PROMPT, 1, path, seed=0, source="test", say=lambda message: None)
    return Trace.open(path)


def multiplies(trace: Trace) -> list[Operation]:
    return [operation for operation in trace.operations if operation.module == "transformer.h.0.mlp"]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x, w: torch.einsum("btc,fc->btf", x, w)[..., :48], ["bmm"]),
        (lambda x, w: torch.addmm(x[0], x[0], w[:48], beta=1, alpha=0.5).unsqueeze(0), ["addmm"]),
        (lambda x, w: torch.baddbmm(x, x, w[:48].unsqueeze(0)), ["baddbmm"]),
        (lambda x, w: torch.mm(x[0], w[:48]).mm(w[48:96]).unsqueeze(0), ["mm", "mm.2"]),
    ],
)
def test_multiplies_that_no_rule_knows_are_caught_below(
    nano_sort: Path, tmp_path: Path, function: Callable[[Any, Any], Any], names: list[str]
) -> None:
    found = traced(nano_sort, tmp_path / "x.trace.safetensors", function)
    assert found.witness.aten_matmuls == found.witness.captured == 17 + len(names)
    caught = [operation for operation in multiplies(found) if operation.kind == "matmul"]
    assert [operation.name for operation in caught] == [f"transformer.h.0.mlp.{name}" for name in names]
    for one in caught:
        assert one.exact and one.max_error is not None and one.max_error < 1e-6
        assert one.left is not None and one.right is not None and one.out is not None and one.scale is not None
        wanted = one.scale * (found.array(one.left).astype(float) @ found.array(one.right).astype(float))
        wanted = wanted + (0 if one.bias is None else found.array(one.bias))
        np.testing.assert_allclose(found.array(one.out), wanted, atol=1e-5)


def test_a_multiply_of_vectors_shows_in_the_witness_and_the_warnings(nano_sort: Path, tmp_path: Path) -> None:
    found = traced(nano_sort, tmp_path / "x.trace.safetensors", lambda x, w: x + torch.mv(w, x[0, 0])[:48])
    assert found.witness.aten_matmuls == found.witness.captured + 1
    assert found.warnings == ("A multiply of vectors in transformer.h.0.mlp was not captured.",)


def test_a_multiply_that_is_not_what_it_says_is_not_called_exact(nano_sort: Path, tmp_path: Path) -> None:
    found = traced(
        nano_sort, tmp_path / "x.trace.safetensors", lambda x, w: torch.addmm(x[0], x[0], w[:48], beta=3).unsqueeze(0)
    )
    (one,) = (operation for operation in multiplies(found) if operation.kind == "matmul")
    assert one.exact is False and one.max_error is not None and one.max_error > 0.01


def test_what_is_written_over_later_is_kept_as_it_was(nano_sort: Path, tmp_path: Path) -> None:
    def overwrite(x: Any, weight: Any) -> Any:
        hidden = torch.nn.functional.linear(x, weight)
        hidden.mul_(2.0)
        return torch.nn.functional.linear(hidden, weight.t())

    found = traced(nano_sort, tmp_path / "x.trace.safetensors", overwrite)
    first = next(operation for operation in multiplies(found) if operation.kind == "matmul")
    scaled = next(operation for operation in multiplies(found) if operation.kind == "scale")
    assert first.exact and first.out is not None
    np.testing.assert_array_equal(found.array(scaled.outputs[0]), 2 * found.array(first.out))


def test_unknown_calls_become_operations_and_watching_changes_nothing(nano_sort: Path, tmp_path: Path) -> None:
    found = traced(nano_sort, tmp_path / "x.trace.safetensors", lambda x, w: torch.sin(x))
    (one,) = multiplies(found)
    assert (one.kind, one.name) == ("other", "transformer.h.0.mlp.sin")
    np.testing.assert_allclose(found.array(one.outputs[0]), np.sin(found.array(one.inputs[0])), rtol=1e-6, atol=1e-7)
    model = load(nano_sort, torch.device("cpu"))
    with torch.no_grad():
        plain = model(torch.tensor([PROMPT])).numpy()
    np.testing.assert_array_equal(traced(nano_sort, tmp_path / "y").array("step0.lm_head"), plain)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_numbers_that_are_none_are_counted_and_the_first_place_named(nano_sort: Path, tmp_path: Path) -> None:
    model = load(nano_sort, torch.device("cpu"))
    with torch.no_grad():
        model.transformer.h[1].mlp.c_fc.weight[3, 4] = float("nan")
    said: list[Message] = []
    trace(model, PROMPT, 1, tmp_path / "x.trace.safetensors", seed=0, source="test", say=said.append)
    found = Trace.open(tmp_path / "x.trace.safetensors")
    warning = "transformer.h.1.mlp.c_fc has 6 values that are not numbers in step 0; all after it may be wrong."
    assert found.warnings == (warning,) and WarningMessage(warning) in said
    assert found.tensor("step0.transformer.h.1.mlp.c_fc").stats.nan == 6
    assert all(operation.exact for operation in found.operations if operation.kind == "matmul")


def test_progress_runs_from_nothing_to_all(nano_sort: Path, tmp_path: Path) -> None:
    said: list[Message] = []
    model = load(nano_sort, torch.device("cpu"))
    trace(model, PROMPT, 6, tmp_path / "x.trace.safetensors", seed=0, source="test", say=said.append)
    for stage in ("trace", "write"):
        done = [message.done for message in said if isinstance(message, ProgressMessage) and message.stage == stage]
        assert done == sorted(done) and (done[0], done[-1]) == (0.0, 1.0)


def test_an_interrupt_in_the_middle_leaves_no_file(nano_sort: Path, tmp_path: Path) -> None:
    def stop(message: Message) -> None:
        if isinstance(message, ProgressMessage) and message.done >= 0.5:
            assert list(tmp_path.iterdir())
            raise KeyboardInterrupt

    model = load(nano_sort, torch.device("cpu"))
    with pytest.raises(KeyboardInterrupt):
        trace(model, PROMPT, 6, tmp_path / "x.trace.safetensors", seed=0, source="test", say=stop)
    assert list(tmp_path.iterdir()) == []
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


# The check itself.

odd = st.sampled_from([0.0, 1.0, -2.0, math.nan, math.inf, -math.inf])


@given(arrays(np.float32, 6, elements=odd), arrays(np.float32, 6, elements=odd))
def test_the_error_is_not_a_number_just_where_other_values_are_none(found: np.ndarray, wanted: np.ndarray) -> None:
    finite = np.isfinite(wanted)
    same = np.array_equal(np.where(finite, 0, wanted), np.where(np.isfinite(found), 0, found), equal_nan=True)
    error = relative_error(found, wanted.astype(np.float64))
    assert math.isnan(error) == (not same)
    if same and np.array_equal(found, wanted, equal_nan=True):
        assert error == 0.0


def test_the_error_is_relative_to_the_largest_value() -> None:
    assert relative_error(np.array([1.0, 4.5], np.float32), np.array([1.0, 5.0])) == pytest.approx(0.1)


@given(arrays(np.float32, st.integers(0, 8), elements=st.floats(-1e6, 1e6, width=32) | odd))
def test_stats_leave_out_what_is_no_number(values: np.ndarray) -> None:
    stats = summarise(values)
    finite = values[np.isfinite(values)].astype(float)
    assert stats.nan + stats.inf + len(finite) == len(values)
    assert stats.absmax == (np.abs(finite).max() if len(finite) else 0.0)
    assert all(map(math.isfinite, (stats.min, stats.max, stats.mean, stats.std)))
