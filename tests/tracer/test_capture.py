# SPDX-License-Identifier: GPL-3.0-or-later
"""What the capture does with models that are not as expected: nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from forward_pass.core.messages import Message, ProgressMessage, WarningMessage
from forward_pass.core.trace import Operation, Trace
from forward_pass.tracer.checkpoint import load
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import trace

from .conftest import built_in

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
    trace(built_in(model), PROMPT, Choices(1), path, say=lambda message: None)
    return Trace.open(path)


def multiplies(trace: Trace) -> list[Operation]:
    return [operation for operation in trace.operations if operation.module == "transformer.h.0.mlp"]


@pytest.mark.parametrize("equation", ["bhte,bhse->bhts", "bhse,bhte->bhts", "bhte,bhse->tbhs", "bhte,bhse->bsht"])
def test_a_sum_written_as_letters_multiplies_what_was_made_before(
    nano_sort: Path, tmp_path: Path, equation: str
) -> None:
    made: list[Any] = []

    def function(x: Any, w: Any) -> Any:
        heads = [(x @ part.t()).view(1, -1, 4, 12).transpose(1, 2) for part in (w[:48], w[48:96])]  # [b, h, t or s, e]
        operands = [heads["s" in term] for term in equation[:9].split(",")]
        result = torch.einsum(equation, *operands)
        made.append(result.detach().clone())
        return x + torch.einsum("".join((equation[11:], "->bhts")), result).sum()

    found = traced(nano_sort, tmp_path / "x.trace.safetensors", function)
    assert found.warnings == () and found.witness.aten_matmuls == found.witness.captured
    (one,) = (each for each in multiplies(found) if each.name == "transformer.h.0.mlp.scores")
    assert one.exact and one.left is not None and one.right is not None and one.out is not None
    outputs = {key for each in found.operations for key in each.outputs}
    assert {_buffer(found, key) for key in (one.left, one.right)} <= {_buffer(found, key) for key in outputs}
    assert [found.tensor(one.left).axes[1], found.tensor(one.right).axes[2]] == [("token",), ("key_token",)]
    rows, columns = "ts" if equation[11:].index("t") < equation[11:].index("s") else "st"
    wanted = np.einsum(f"{equation[11:]}->h{rows}{columns}", made[0].numpy())
    np.testing.assert_allclose(found.array(one.out), wanted, atol=1e-5)
    (total,) = (each for each in multiplies(found) if each.name == "transformer.h.0.mlp.sum")
    np.testing.assert_allclose(found.array(total.inputs[0]), np.einsum(f"{equation[11:]}->bhts", made[0].numpy()))


def _buffer(found: Trace, key: int) -> object:
    return getattr(found.tensor(key).source, "buffer", key)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda x, w: torch.einsum("btc,fc->btf", x, w)[..., :48], ["matmul"]),
        (lambda x, w: torch.einsum("fc,btc->bft", w[:48], x).mT, ["matmul"]),
        (lambda x, w: torch.einsum("btc,fc,fg->btg", x, w, w), ["bmm", "bmm.2"]),
        (lambda x, w: torch.tensordot(x, w[:48], dims=([2], [1])), ["mm"]),
        (lambda x, w: torch.linalg.multi_dot([x[0], w[:48], w[48:96]]).unsqueeze(0), ["mm", "mm.2"]),
        (lambda x, w: torch.addmm(x[0], x[0], w[:48], beta=0, alpha=0.5).unsqueeze(0), ["addmm"]),
        (lambda x, w: torch.baddbmm(x, x, w[:48].unsqueeze(0), beta=2), ["baddbmm"]),
        (lambda x, w: torch.addmm(x[0], x[0], w[:48], beta=1, alpha=0.5).unsqueeze(0), ["linear"]),
        (lambda x, w: torch.baddbmm(x, x, w[:48].unsqueeze(0)), ["linear"]),
        (lambda x, w: torch.mm(x[0], w[:48]).mm(w[48:96]).unsqueeze(0), ["matmul", "matmul.2"]),
    ],
)
def test_multiplies_are_captured_however_they_are_written(
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


def of_a_row(x: Any, weight: Any) -> Any:
    """A matrix times a vector."""
    return x + torch.mv(weight, x[0, 0])[:48]


def of_two_vectors(x: Any, weight: Any) -> Any:
    """A vector times a vector."""
    return x + torch.dot(weight[5], x[0, 1])


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (of_a_row, ((192, 48), (48, 1), (192, 1))),
        (of_two_vectors, ((1, 48), (48, 1), (1, 1))),
        (lambda x, w: x + (x[0, 2] @ w.t())[:48], ((1, 48), (48, 192), (1, 192))),
        (lambda x, w: x + torch.addmv(x[0, 0], w[:48], x[0, 1]), ((48, 48), (48, 1), (48, 1))),
        (lambda x, w: x + torch.einsum("c,c->", x[0, 0], w[0]), None),
    ],
)
def test_a_multiply_of_vectors_is_one_of_matrices_of_one_row_or_column(
    nano_sort: Path, tmp_path: Path, function: Callable[[Any, Any], Any], shapes: tuple[tuple[int, ...], ...] | None
) -> None:
    found = traced(nano_sort, tmp_path / "x.trace.safetensors", function)
    assert found.witness.aten_matmuls == found.witness.captured == 18
    assert found.warnings == ()
    (one,) = (operation for operation in multiplies(found) if operation.kind == "matmul")
    assert one.exact and one.max_error is not None and one.max_error < 1e-6 and one.scale == 1.0
    assert one.left is not None and one.right is not None and one.out is not None
    left, right, out = (found.array(key) for key in (one.left, one.right, one.out))
    if shapes is not None:
        assert (left.shape, right.shape, out.shape) == shapes
    bias = 0 if one.bias is None else found.array(one.bias).astype(float)
    np.testing.assert_allclose(out, left.astype(float) @ right.astype(float) + bias, atol=1e-5)
    (added,) = (operation for operation in multiplies(found) if operation.kind == "add")
    buffers = {getattr(found.tensor(key).source, "buffer", None) for key in added.inputs}
    assert getattr(found.tensor(one.out).source, "buffer", "none") in buffers  # it goes on with this very result


def test_a_bias_that_is_taken_several_times_is_kept_as_often(nano_sort: Path, tmp_path: Path) -> None:
    found = traced(
        nano_sort, tmp_path / "x.trace.safetensors", lambda x, w: torch.addmm(x[0], x[0], w[:48], beta=3).unsqueeze(0)
    )
    (one,) = (operation for operation in multiplies(found) if operation.kind == "matmul")
    assert one.exact and one.bias is not None and one.left is not None and one.right is not None and one.out is not None
    np.testing.assert_allclose(found.array(one.bias), 3 * found.array(one.left), rtol=1e-6)
    wanted = found.array(one.left).astype(float) @ found.array(one.right).astype(float) + found.array(one.bias)
    np.testing.assert_allclose(found.array(one.out), wanted, atol=1e-5)


def test_a_multiply_that_is_not_what_it_says_is_not_called_exact(nano_sort: Path, tmp_path: Path) -> None:
    def spoil(x: Any, weight: Any) -> Any:
        hidden = torch.nn.functional.linear(x, weight[:48])
        hidden.numpy()[0, 2, 5] += 1.0  # where torch cannot see it
        return hidden

    found = traced(nano_sort, tmp_path / "x.trace.safetensors", spoil)
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
    trace(built_in(model), PROMPT, Choices(1), tmp_path / "x.trace.safetensors", say=said.append)
    found = Trace.open(tmp_path / "x.trace.safetensors")
    warning = "transformer.h.1.mlp.c_fc has 6 values that are not numbers in step 0; all after it may be wrong."
    assert found.warnings == (warning,) and WarningMessage(warning) in said
    assert found.tensor("step0.transformer.h.1.mlp.c_fc").stats.nan == 6
    assert all(operation.exact for operation in found.operations if operation.kind == "matmul")


def test_progress_runs_from_nothing_to_all(nano_sort: Path, tmp_path: Path) -> None:
    said: list[Message] = []
    model = load(nano_sort, torch.device("cpu"))
    trace(built_in(model), PROMPT, Choices(6), tmp_path / "x.trace.safetensors", say=said.append)
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
        trace(built_in(model), PROMPT, Choices(6), tmp_path / "x.trace.safetensors", say=stop)
    assert list(tmp_path.iterdir()) == []
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
