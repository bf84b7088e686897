# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample trace, read with NumPy alone: every number in it is the one that the operation before it gives."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Operation, Trace
from forward_pass.core.trace_manifest import BufferSource

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "CBABBC.trace.safetensors"
LAYERS, HEADS, CHANNELS = 3, 3, 48


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace.open(SAMPLE)


def read_by_hand(path: Path) -> tuple[dict[str, Any], dict[int, np.ndarray]]:
    """The manifest and every tensor, by the format's own words and nothing of ours."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    raw = {
        name: content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]]
        for name, entry in header.items()
        if name != "__metadata__"
    }
    manifest = json.loads(raw["manifest"])
    arrays = {}
    for tensor in manifest["tensors"]:
        dtype = {"F32": "<f4", "I64": "<i8"}[tensor["dtype"]]
        flat = np.frombuffer(raw[tensor["source"]["buffer"]], dtype)
        index = np.full(tensor["shape"], tensor["source"]["offset"])
        for axis, stride in enumerate(tensor["source"]["strides"]):
            steps = np.arange(tensor["shape"][axis]) * stride
            index += steps.reshape([-1 if a == axis else 1 for a in range(index.ndim)])
        arrays[tensor["id"]] = flat[index]
    return manifest, arrays


def test_every_multiply_is_right_when_read_by_hand() -> None:
    manifest, arrays = read_by_hand(SAMPLE)
    multiplies = [operation for operation in manifest["operations"] if operation["kind"] == "matmul"]
    assert len(multiplies) == 6 * (LAYERS * 6 + 1) == manifest["witness"]["aten_matmuls"]
    assert manifest["witness"]["captured"] == manifest["witness"]["aten_matmuls"]
    for one in multiplies:
        wanted = one["scale"] * (arrays[one["left"]].astype(float) @ arrays[one["right"]].astype(float))
        wanted = wanted + (0 if one["bias"] is None else arrays[one["bias"]])
        error = np.abs(wanted - arrays[one["out"]]).max() / np.abs(wanted).max()
        assert error <= 1e-5 and one["exact"] is True
        assert error == pytest.approx(one["max_error"], abs=1e-9)
        left, right = arrays[one["left"]], arrays[one["right"]]
        assert one["flops"] == 2 * math.prod(left.shape) * right.shape[-1]


def test_the_reader_gives_what_is_read_by_hand(trace: Trace) -> None:
    manifest, arrays = read_by_hand(SAMPLE)
    assert [tensor.name for tensor in trace.tensors] == [tensor["name"] for tensor in manifest["tensors"]]
    for tensor in trace.tensors:
        found = trace.array(tensor.id)
        assert found.dtype == np.float32 and found.shape == tensor.shape
        np.testing.assert_array_equal(found, arrays[tensor.id])


def between(trace: Trace, operation: Operation) -> np.ndarray:
    """What the first output of an operation that is no multiply should be, in float64."""
    x, *others = (trace.array(key).astype(np.float64) for key in operation.inputs)
    match operation.kind:
        case "embedding":
            return others[0][x.astype(int)]
        case "add":
            return x + others[0]
        case "scale":
            assert operation.scale is not None
            return x * operation.scale
        case "mask":
            return np.where(np.tri(x.shape[-1], dtype=bool), x, -np.inf)
        case "softmax":
            powers = np.exp(x - x.max(-1, keepdims=True))
            return powers / powers.sum(-1, keepdims=True)
        case "layer_norm":
            gain, shift = others
            return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * gain + shift
        case "gelu":
            return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        case "split":  # q, the first third: [1, T, 3C] -> [1, H, T, d]
            return x[..., :CHANNELS].reshape(1, x.shape[1], HEADS, -1).transpose(0, 2, 1, 3)
        case "merge":  # [1, H, T, d] -> [1, T, C]
            return x.transpose(0, 2, 1, 3).reshape(1, x.shape[2], -1)
        case "sample":
            return x[:, -1].argmax(-1)[:, None]
    raise AssertionError(operation.kind)


def test_everything_between_the_multiplies_is_right(trace: Trace) -> None:
    kinds = set()
    for operation in trace.operations:
        if operation.kind != "matmul":
            kinds.add(operation.kind)
            found = trace.array(operation.outputs[0])
            np.testing.assert_allclose(found, between(trace, operation), rtol=1e-5, atol=2e-6, err_msg=operation.name)
    assert len(kinds) == 10  # all but the multiply


def test_the_statistics_of_norms_and_softmaxes_are_right(trace: Trace) -> None:
    for operation in trace.operations:
        if operation.kind not in ("layer_norm", "softmax"):
            continue
        x = trace.array(operation.inputs[0]).astype(np.float64)
        first, second = (trace.array(key) for key in operation.outputs[1:])
        assert first.shape == second.shape == (*x.shape[:-1], 1)
        if operation.kind == "layer_norm":
            wanted = x.mean(-1, keepdims=True), 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        else:
            wanted = x.max(-1, keepdims=True), np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)
        np.testing.assert_allclose(first, wanted[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(second, wanted[1], rtol=1e-5)


def test_the_operations_of_a_pass_have_their_names(trace: Trace) -> None:
    attention = ["c_attn", "split", "scores", "scale", "mask", "softmax", "mix", "merge", "c_proj"]
    layer = ["ln_1", *(f"attn.{name}" for name in attention), "attn_residual"]
    layer += ["ln_2", "mlp.c_fc", "mlp.gelu", "mlp.c_proj", "mlp_residual"]
    wanted = ["transformer.wte", "transformer.wpe", "transformer.embed"]
    wanted += [f"transformer.h.{i}.{name}" for i in range(LAYERS) for name in layer]
    wanted += ["transformer.ln_f", "lm_head", "probabilities", "sample"]
    for step in range(6):
        assert [operation.name for operation in trace.operations if operation.step == step] == wanted
        assert all(operation.layer in (None, 0, 1, 2) for operation in trace.operations)
        assert trace.operation(step, "transformer.h.2.mlp.gelu").layer == 2


def test_the_axes_of_a_layer_are_named(trace: Trace) -> None:
    path = "transformer.h.1"
    named = {
        f"step3.{path}.attn.q": [["batch"], ["head"], ["token"], ["key_dim"]],
        f"step3.{path}.attn.k": [["batch"], ["head"], ["key_token"], ["key_dim"]],
        f"step3.{path}.attn.k_transposed": [["batch"], ["head"], ["key_dim"], ["key_token"]],
        f"step3.{path}.attn.v": [["batch"], ["head"], ["key_token"], ["value_dim"]],
        f"step3.{path}.attn.softmax": [["batch"], ["head"], ["token"], ["key_token"]],
        f"step3.{path}.attn.merge": [["batch"], ["token"], ["head", "value_dim"]],
        f"{path}.attn.c_proj.weight": [["head", "value_dim"], ["channel"]],
        f"{path}.mlp.c_fc.weight": [["channel"], ["neuron"]],
        "transformer.wte.weight": [["vocab"], ["channel"]],
        "transformer.wpe.weight": [["position"], ["channel"]],
        "lm_head.weight": [["channel"], ["vocab"]],
        "step3.ids": [["batch"], ["token"]],
    }
    for name, axes in named.items():
        assert [list(axis) for axis in trace.tensor(name).axes] == axes, name


def test_contracted_dimensions_have_one_name_on_both_sides(trace: Trace) -> None:
    for operation in trace.operations:
        if operation.kind == "matmul":
            assert operation.left is not None and operation.right is not None and operation.out is not None
            left, right, out = (trace.tensor(key).axes for key in (operation.left, operation.right, operation.out))
            assert left[-1] == right[-2] and operation.contracted == " ".join(left[-1])
            assert out[-2:] == (left[-2], right[-1]), operation.name


def test_q_k_and_v_lie_in_the_buffer_of_qkv(trace: Trace) -> None:
    for step in range(6):
        path = f"step{step}.transformer.h.0.attn"
        sources = [trace.tensor(f"{path}.{name}").source for name in ("c_attn", "q", "k", "k_transposed", "v")]
        assert len({source.buffer for source in sources if isinstance(source, BufferSource)}) == 1
        keys = trace.array(f"{path}.k")
        assert np.shares_memory(keys, trace.array(f"{path}.c_attn")) and not keys.flags.writeable
        np.testing.assert_array_equal(trace.array(f"{path}.k_transposed"), keys.swapaxes(-1, -2))


def test_weights_are_stored_once_and_point_to_their_parameter(trace: Trace) -> None:
    parameters = [tensor for tensor in trace.tensors if tensor.parameter is not None]
    assert sum(math.prod(tensor.shape) for tensor in parameters) == trace.model.parameters == 85_728
    assert all(tensor.name == tensor.parameter for tensor in parameters)


def test_the_sequence_is_the_prompt_and_then_it_sorted(trace: Trace) -> None:
    assert "".join(token.text for token in trace.prompt_tokens) == trace.prompt == "CBABBC"
    assert "".join(token.text for token in trace.generated_tokens) == "".join(sorted(trace.prompt))
    assert [token.step for token in trace.tokens] == [0] * 6 + [0, 1, 2, 3, 4, 5]
    for step in trace.steps:
        assert step.past == 0 and step.tokens == (0, 5 + step.index)
        logits = trace.array(step.logits)
        assert logits.shape == (1, 6 + step.index, 3) and trace.tensor(step.logits).name == f"step{step.index}.lm_head"
        assert step.sampled == logits[0, -1].argmax() == trace.tokens[6 + step.index].id
        given = trace.array(f"step{step.index}.ids")[0]
        assert given.tolist() == [token.id for token in trace.tokens[: 6 + step.index]]


def test_a_module_spans_the_operations_that_ran_in_it(trace: Trace) -> None:
    for module in trace.modules:
        first, last = module.operations
        inside = trace.operations[first : last + 1]
        assert inside and all(operation.module.startswith(module.path) for operation in inside)
        assert {operation.step for operation in inside} == {module.step}
    block = next(module for module in trace.modules if module.path == "transformer.h.1" and module.step == 2)
    assert (block.class_name, block.layer, block.operations[1] - block.operations[0] + 1) == ("Block", 1, 16)


def test_stats_are_those_of_the_finite_values(trace: Trace) -> None:
    masked = trace.tensor("step0.transformer.h.0.attn.mask")
    values = trace.array(masked.id)
    finite = values[np.isfinite(values)].astype(np.float64)
    assert (masked.stats.inf, masked.stats.nan) == (3 * 15, 0)
    assert masked.stats.min == finite.min() and masked.stats.max == finite.max()
    assert masked.stats.absmax == np.abs(finite).max()
    assert masked.stats.mean == pytest.approx(finite.mean()) and masked.stats.std == pytest.approx(finite.std())


def test_the_official_library_opens_it(trace: Trace) -> None:
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(SAMPLE, "np") as file:
        assert file.metadata() == {"format": "forward_pass.trace", "version": "1"}
        source = trace.tensor("lm_head.weight").source
        assert isinstance(source, BufferSource)
        weight = file.get_tensor(source.buffer).reshape(3, 48)  # [out, in], as torch holds it
        np.testing.assert_array_equal(weight.T, trace.array("lm_head.weight"))


def test_the_checksum_is_that_of_the_file(trace: Trace) -> None:
    assert trace.sha256 == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()


def test_what_is_not_there_is_said(trace: Trace) -> None:
    with pytest.raises(UserError, match=r"no tensor 'step9\.lm_head'"):
        trace.array("step9.lm_head")
    with pytest.raises(UserError, match="no operation 'lm_head' in step 9"):
        trace.operation(9, "lm_head")
    assert "step0.lm_head" in trace and "step9.lm_head" not in trace


def test_the_sample_was_made_with_the_weights_that_ship(trace: Trace, root: Path) -> None:
    load_file = pytest.importorskip("safetensors.numpy").load_file
    for name, weight in load_file(root / "assets" / "models" / "nano-sort" / "model.safetensors").items():
        drawn = weight if "wte" in name or "wpe" in name else weight.T  # [out, in] -> [in, out]
        np.testing.assert_array_equal(trace.array(name), drawn, err_msg=name)
