# SPDX-License-Identifier: GPL-3.0-or-later
"""Negative controls: a capture is put before models that hide their work or spoil it, the second reader before files
that were tampered with. Nothing may be wrong in silence."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import trace
from forward_pass.tracer.subject import Subject

from . import numpy_check
from .numpy_check import File

C, T, V = 12, 5, 11
IDS = (2, 7, 1, 7, 10)


class Numbers:
    """A codec that writes token ids as numbers."""

    def encode(self, text: str) -> tuple[int, ...]:
        """The numbers in a text."""
        return tuple(map(int, text.split()))

    def text(self, token: int) -> str:
        """A number with the space before it."""
        return f" {token}"


class Odd(nn.Module):
    """Embedding, something odd [1, T, C] -> [1, T, C] in a module of its own, and a head."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.inner, self.head = nn.Embedding(V, C), inner, nn.Linear(C, V)
        for parameter in inner.parameters():
            nn.init.normal_(parameter, std=0.3)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids [1, T] -> logits [1, T, V]."""
        logits: Tensor = self.head(self.inner(self.embed(ids)))
        return logits


class Does(nn.Module):
    """A function of what comes in and of a square weight [C, C]."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.weight = function, nn.Parameter(torch.empty(C, C))

    def forward(self, x: Tensor) -> Tensor:
        """[1, T, C] -> [1, T, C]."""
        return self.function(x, self.weight)


def subject(model: nn.Module, kind: Any = "builtin", checkpoint: tuple[Path, ...] = ()) -> Subject:
    """A model as the tracer takes it."""
    return Subject(
        model=model.eval(),
        name="odd",
        architecture=type(model).__name__,
        config={},
        source="test",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        codec=Numbers(),
        limit=None,
        vocabulary=V,
        ends=frozenset(),
        kind=kind,
        checkpoint=checkpoint,
        transformers=None,
        warnings=(),
    )


def traced(inner: nn.Module, path: Path) -> File:
    """The trace of one pass, which has the logits that the model gives when nobody watches."""
    model = Odd(inner).eval()
    with torch.no_grad():
        plain = model(torch.tensor([IDS])).numpy()
    trace(subject(model), IDS, Choices(1, check="full"), path, say=lambda message: None)
    file = File(path)
    np.testing.assert_allclose(file.array(file.manifest["steps"][0]["logits"]), plain, atol=1e-5)
    return file


def inside(file: File) -> list[dict[str, Any]]:
    """The multiplies of the odd part."""
    return [operation for operation in file.of_kind("matmul") if operation["module"].startswith("inner")]


def reported(file: File) -> bool:
    """Whether the file itself says that something is amiss."""
    counts = file.manifest["witness"]
    inexact = any(operation["exact"] is False for operation in file.of_kind("matmul"))
    return inexact or counts["aten_matmuls"] != counts["captured"] or bool(file.manifest["warnings"])


def wrong(file: File) -> list[str]:
    """Multiplies that say they are exact and are not."""
    doubtful = {operation["name"] for operation in file.of_kind("matmul") if operation["exact"] is False}
    return [fault for fault in numpy_check.multiplies(file) if fault.split()[0] not in doubtful]


def heads(x: Tensor, n: int = 3) -> Tensor:
    """[1, T, C] -> [1, n, T, C / n]."""
    return x.view(1, T, n, C // n).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    """[1, n, T, d] -> [1, T, n d]."""
    return x.transpose(1, 2).reshape(1, T, -1)


def fused(x: Tensor, weight: Tensor, kv_heads: int = 3, **options: Any) -> Tensor:
    """The fused attention of x with itself."""
    y = F.linear(x, weight)
    keys = heads(y)[:, :kv_heads]
    return joined(F.scaled_dot_product_attention(heads(x), keys, keys + 1.0, **options))


def in_one_call(x: Tensor, weight: Tensor) -> Tensor:
    """torch's own multi-head attention, as a function."""
    turned = x.transpose(0, 1)  # [T, 1, C]
    out, _ = F.multi_head_attention_forward(
        turned, turned, turned, C, 3, weight.repeat(3, 1), weight[0].repeat(3), None, None, False, 0.0, weight,
        weight[1], training=False,
    )  # fmt: skip
    return out.transpose(0, 1)


CAUGHT: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    "einsum": (lambda x, w: torch.einsum("btc,fc->btf", x, w), 1),
    "einsum of three": (lambda x, w: torch.einsum("btc,fc,gf->btg", x, w, w), 2),
    "bmm": (lambda x, w: torch.bmm(x, w.unsqueeze(0)), 1),
    "addmm": (lambda x, w: torch.addmm(x[0], x[0], w, alpha=0.5).unsqueeze(0), 1),
    "baddbmm": (lambda x, w: torch.baddbmm(x, x, w.unsqueeze(0), alpha=0.25), 1),
    "matmul of a matrix and many": (lambda x, w: torch.matmul(w, x.transpose(1, 2)).transpose(1, 2), 1),
    "the operator @": (lambda x, w: x @ w, 1),
    "aten called directly": (lambda x, w: torch.ops.aten.mm(x[0], w).unsqueeze(0), 1),
    "aten called directly, batched": (lambda x, w: torch.ops.aten.bmm(x, w.unsqueeze(0)), 1),
    "multi_head_attention_forward": (in_one_call, 4),
    "fused attention": (fused, 3),
    "fused attention, causal": (partial(fused, is_causal=True), 3),
    "fused attention, scaled": (partial(fused, scale=0.7), 3),
    "fused attention, grouped": (partial(fused, kv_heads=1, enable_gqa=True), 3),
    "fused attention, masked": (partial(fused, attn_mask=torch.ones(T, T, dtype=torch.bool).tril()), 3),
    "fused attention, biased": (partial(fused, attn_mask=torch.linspace(-1, 1, T * T).view(1, 1, T, T)), 3),
}
"""Work that must be captured whole: what is done, and how many multiplies it is."""


@pytest.mark.parametrize("name", CAUGHT)
def test_what_must_be_captured_is_captured_exactly(name: str, tmp_path: Path) -> None:
    function, multiplies = CAUGHT[name]
    file = traced(Does(function), tmp_path / "x.trace.safetensors")
    assert numpy_check.faults(file) == []
    assert file.manifest["warnings"] == []
    assert len(inside(file)) == multiplies


class Hidden(torch.autograd.Function):
    """A multiply inside a function with its own gradient, which the function mode does not look into."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """[T, C] @ [C, C]."""
        return x @ weight


def vmapped(x: Tensor, weight: Tensor) -> Tensor:
    """One multiply of a vector for every token."""
    one: Tensor = torch.vmap(lambda row: row @ weight)(x[0])
    return one.unsqueeze(0)


def in_place(x: Tensor, weight: Tensor) -> Tensor:
    """Overwrites what it adds to."""
    sums = torch.ones(T, C)
    return sums.addmm_(x[0], weight, beta=0.5).unsqueeze(0)


def into_another(x: Tensor, weight: Tensor) -> Tensor:
    """Writes its result where it is told."""
    out = torch.zeros(T, C)
    torch.mm(x[0], weight, out=out)
    return out.unsqueeze(0)


def convolved(x: Tensor, weight: Tensor) -> Tensor:
    """A causal convolution over tokens, two wide."""
    kernel = torch.stack([weight, 2 * weight], dim=-1)  # [C, C, 2]
    return F.conv1d(F.pad(x.transpose(1, 2), (1, 0)), kernel).transpose(1, 2)


ODD: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], int]] = {
    "a function with its own gradient": (lambda x, w: Hidden.apply(x[0], w).unsqueeze(0), 1),
    "vmap": (vmapped, 1),
    "addmm_ with beta": (in_place, 1),
    "addmm with beta": (lambda x, w: torch.addmm(x[0], x[0], w, beta=3).unsqueeze(0), 1),
    "baddbmm with beta": (lambda x, w: torch.baddbmm(x, x, w.unsqueeze(0), beta=0.5, alpha=2.0), 1),
    "out=": (into_another, 1),
    "a matrix and a vector": (lambda x, w: x + torch.mv(w, x[0, 0]), 1),
    "two vectors": (lambda x, w: x * torch.dot(w[0], x[0, 0]), 1),
    "an outer product": (lambda x, w: torch.outer(x[0, :, 0], w[0]).unsqueeze(0), 0),
    "bilinear": (lambda x, w: F.bilinear(x, x, w.repeat(C, 1, 1)), 1),
    "a convolution": (convolved, 0),  # an operation of its own kind
    "tensordot": (lambda x, w: torch.tensordot(x, w, dims=([2], [1])), 1),
    "a chain": (lambda x, w: torch.linalg.multi_dot([x[0], w, w]).unsqueeze(0), 2),
    "a power of a matrix": (lambda x, w: x @ torch.linalg.matrix_power(w / 4, 3), 3),
    "distances": (lambda x, w: x + torch.cdist(x, x).sum(-1, keepdim=True), 0),
    "complex numbers": (lambda x, w: (torch.complex(x, x) @ torch.complex(w, w)).imag, 1),
    "double precision": (lambda x, w: (x.double() @ w.double()).float(), 1),
    "whole numbers": (lambda x, w: ((8 * x).long() @ (8 * w).long()).float(), 1),
    "sparse": (lambda x, w: torch.sparse.mm(w.to_sparse(), x[0].t()).t().unsqueeze(0), 1),
}
"""Work that may be more than the capture can say: what is done, and at most how many multiplies it is."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_captured_exactly_or_reported(name: str, tmp_path: Path) -> None:
    function, multiplies = ODD[name]
    file = traced(Does(function), tmp_path / "x.trace.safetensors")
    assert wrong(file) == []
    assert len(inside(file)) >= multiplies or reported(file)


def spoilt_by_a_call(x: Tensor, weight: Tensor) -> Tensor:
    """Writes over what was captured, as anybody may."""
    hidden = F.linear(x, weight)
    hidden[0, 2, 3] += 100.0
    return hidden


def spoilt_below(x: Tensor, weight: Tensor) -> Tensor:
    """Writes past the function mode."""
    hidden = F.linear(x, weight)
    torch.ops.aten.mul_.Tensor(hidden, torch.tensor(2.0))
    return hidden


def spoilt_through_data(x: Tensor, weight: Tensor) -> Tensor:
    """Writes past what torch counts."""
    hidden = F.linear(x, weight)
    hidden.data[0, 2, 3] = 100.0
    return hidden


def spoilt_through_a_view(x: Tensor, weight: Tensor) -> Tensor:
    """Writes through a view that was made before the capture's own."""
    hidden = F.linear(x, weight)
    row = hidden.view(-1)
    row[7:9].fill_(3.0)
    return hidden


def spoilt_operand(x: Tensor, weight: Tensor) -> Tensor:
    """Writes over what went in, when it is done with it."""
    given = x * 2.0
    hidden = F.linear(given, weight)
    given.zero_()
    return hidden + given


def spoilt_weight(x: Tensor, weight: Tensor) -> Tensor:
    """Changes its weight while it runs, and uses it again."""
    hidden = F.linear(x, weight)
    with torch.no_grad():
        weight[1, 4] += 50.0
        hidden = F.linear(hidden, weight)
        weight[1, 4] -= 50.0
    return hidden


def spoilt_from_outside(x: Tensor, weight: Tensor) -> Tensor:
    """Writes with NumPy, of which torch never hears."""
    hidden = F.linear(x, weight)
    hidden.detach().numpy()[0, 2, 3] = 100.0
    return hidden


SPOILT = {
    "by a call": spoilt_by_a_call,
    "below the function mode": spoilt_below,
    "through .data": spoilt_through_data,
    "through a view": spoilt_through_a_view,
    "what went in": spoilt_operand,
    "the weight": spoilt_weight,
    "by NumPy": spoilt_from_outside,
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_written_over_after_the_capture_is_kept_as_it_was_or_reported(name: str, tmp_path: Path) -> None:
    file = traced(Does(SPOILT[name]), tmp_path / "x.trace.safetensors")
    assert wrong(file) == []
    assert numpy_check.witness(file) == []


class Layered(nn.Module):
    """torch's own encoder layer, which has a path of its own where nobody learns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(C, 3, 20, batch_first=True, norm_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """[1, T, C] -> [1, T, C]."""
        out: Tensor = self.layer(x)
        return out


def test_the_encoder_layer_of_torch_is_captured(tmp_path: Path) -> None:
    file = traced(Layered(), tmp_path / "x.trace.safetensors")
    assert wrong(file) == []
    assert len(inside(file)) >= 6 or reported(file)


def test_a_compiled_module_is_captured_or_reported(tmp_path: Path) -> None:
    inner = Does(lambda x, w: F.gelu(x @ w) @ w.t())
    inner.compile(backend="eager")
    file = traced(inner, tmp_path / "x.trace.safetensors")
    assert wrong(file) == []
    assert len(inside(file)) >= 2 or reported(file)


def test_weights_that_are_not_those_of_the_checkpoint_are_not_referred_to(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.torch").save_file
    model = Odd(Does(lambda x, w: x @ w))
    weights = tmp_path / "model.safetensors"
    save_file(model.state_dict(), weights)
    with torch.no_grad():
        model.inner.weight[3, 4] += 1.0
    path = tmp_path / "x.trace.safetensors"
    trace(subject(model, checkpoint=(weights,)), IDS, Choices(1, check="full"), path, say=lambda message: None)
    file = File(path)
    assert wrong(file) == []
    assert numpy_check.complaints(path) == [] or reported(file)


# Files that were tampered with.


def rewritten(path: Path, to: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> Path:
    """A copy of a trace in which `change(manifest, buffers)` changed something."""
    buffers = {name: (dtype, data.copy()) for name, (dtype, data) in File(path).buffers.items()}
    manifest = json.loads(buffers.pop("manifest")[1].tobytes())
    change(manifest, buffers)
    buffers["manifest"] = ("U8", np.frombuffer(json.dumps(manifest).encode(), np.uint8))
    header, end = {}, 0
    for name, (dtype, data) in buffers.items():
        shape = [len(data) // np.dtype(numpy_check.NUMPY[dtype]).itemsize]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
        end += len(data)
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    to.write_bytes(struct.pack("<Q", len(words)) + words + b"".join(data.tobytes() for _, data in buffers.values()))
    return to


@pytest.fixture(scope="module")
def good(root: Path) -> Path:
    """A trace in which nothing is wrong, of a model with three layers."""
    return root / "tests" / "data" / "CBABBC.trace.safetensors"


def faults(path: Path) -> list[str]:
    """What the second reader says about a file of the built-in model."""
    file = File(path)
    return [*numpy_check.faults(file), *numpy_check.gaps(file), *numpy_check.residual(file, 6)]


def of_kind(manifest: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Operations of a kind."""
    return [operation for operation in manifest["operations"] if operation["kind"] == kind]


def test_a_rewritten_file_is_as_good_as_before(good: Path, tmp_path: Path) -> None:
    assert faults(good) == []
    assert faults(rewritten(good, tmp_path / "same", lambda manifest, buffers: None)) == []


@pytest.mark.parametrize("role", ["left", "right", "out", "bias"])
@pytest.mark.parametrize("where", [0, 4, 5, -1])
def test_a_changed_element_is_found(role: str, where: int, good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        multiplies = [one for one in of_kind(manifest, "matmul") if one[role] is not None]
        source = manifest["tensors"][multiplies[where][role]]["source"]
        buffers[source["buffer"]][1].view("<f4")[source["offset"]] += 0.01

    assert faults(rewritten(good, tmp_path / "changed", change)) != []


@pytest.mark.parametrize("role", ["left", "right", "out"])
@pytest.mark.parametrize("where", [0, 1, 2, -1])
def test_a_swapped_axis_is_found(role: str, where: int, good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        tensor = manifest["tensors"][of_kind(manifest, "matmul")[where][role]]
        *outer, rows, columns = tensor["source"]["strides"]
        contiguous = columns == 1
        swapped = (1, tensor["shape"][-2]) if contiguous else (tensor["shape"][-1], 1)
        assert swapped != (rows, columns)
        tensor["source"]["strides"] = [*outer, *swapped]

    assert faults(rewritten(good, tmp_path / "swapped", change)) != []


@pytest.mark.parametrize("kind", ["matmul", "add", "embedding", "layer_norm", "softmax", "gelu", "mask", "scale"])
@pytest.mark.parametrize("where", [0, 1, -1])
def test_a_dropped_operation_is_found(kind: str, where: int, good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        manifest["operations"].remove(of_kind(manifest, kind)[where])
        for index, operation in enumerate(manifest["operations"]):
            operation["id"] = index
        written = len(of_kind(manifest, "matmul"))
        if where == 1:  # and whoever dropped it covered it up
            manifest["witness"] = {"aten_matmuls": written, "captured": written}

    assert faults(rewritten(good, tmp_path / "dropped", change)) != []


def test_a_multiply_captured_twice_is_found(good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        manifest["operations"].append(of_kind(manifest, "matmul")[3])

    assert faults(rewritten(good, tmp_path / "twice", change)) != []


@pytest.mark.parametrize("factor", [1.01, -1.0])
def test_a_wrong_scale_is_found(factor: float, good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        of_kind(manifest, "matmul")[7]["scale"] *= factor

    assert faults(rewritten(good, tmp_path / "scaled", change)) != []


def test_attention_that_does_not_sum_to_one_is_found(good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        source = manifest["tensors"][of_kind(manifest, "softmax")[1]["outputs"][0]]["source"]
        buffers[source["buffer"]][1].view("<f4")[source["offset"]] += 0.01

    assert any("sum to" in fault for fault in faults(rewritten(good, tmp_path / "sums", change)))


def test_another_token_in_the_ids_is_found(good: Path, tmp_path: Path) -> None:
    def change(manifest: dict[str, Any], buffers: dict[str, Any]) -> None:
        source = manifest["tensors"][of_kind(manifest, "embedding")[0]["inputs"][0]]["source"]
        ids = buffers[source["buffer"]][1].view("<i8")
        ids[0] = (ids[0] + 1) % 3

    assert any("in the table" in fault for fault in faults(rewritten(good, tmp_path / "ids", change)))
