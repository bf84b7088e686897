# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down of a run: crops, last rows of a large vocabulary, the largest scores, what was written over."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from torch.nn import functional as F

from forward_pass.core.trace import Trace
from forward_pass.core.trace_manifest import BufferSource, PooledSource
from forward_pass.tracer import clerk, generate, ledger
from forward_pass.tracer.axes import fresh
from forward_pass.tracer.choices import Choices, read_crop
from forward_pass.tracer.clerk import Clerk
from forward_pass.tracer.generate import TOP, trace
from forward_pass.tracer.graph import Graph
from forward_pass.tracer.ledger import Ledger
from forward_pass.tracer.measure import summarise
from forward_pass.tracer.pooling import pool
from forward_pass.tracer.sources import Keeping
from forward_pass.tracer.store import CountingStore
from forward_pass.tracer.subject import Subject
from forward_pass.tracer.values import Node, Value
from forward_pass.tracer.weights import Weights

from . import small_models
from .architectures import PROMPT, VOCAB, randomise
from .numpy_check import File, gaps
from .subjects import folder_of, of_transformers, subject

FC = "transformer.h.1.mlp.c_fc"


@pytest.fixture(scope="module")
def gpt2(base: Path) -> Subject:
    folder = folder_of("gpt2", base)
    return subject(of_transformers(folder, False, "eager"), "causal", checkpoint=folder.glob("*.safetensors"))


def written(
    one: Subject, path: Path, steps: int = 1, keep: tuple[str, ...] = (), keeping: Keeping | None = None
) -> Trace:
    choices = Choices(steps, keep=tuple(map(read_crop, keep)))
    trace(one, PROMPT, choices, path, say=lambda message: None, keeping=keeping)
    return Trace.open(path)


@pytest.fixture(scope="module")
def whole(gpt2: Subject, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The trace of three steps with nothing left out."""
    return written(gpt2, tmp_path_factory.mktemp("whole") / "x.trace.safetensors", 3)


# Statistics.


def test_the_statistics_of_every_tensor_are_those_of_its_numbers(whole: Trace) -> None:
    for tensor in whole.tensors:
        values = torch.from_numpy(np.array(whole.array(tensor.id)))
        found, wanted = tensor.stats, summarise(values)
        assert (found.min, found.max, found.absmax, found.nan, found.inf) == (
            wanted.min,
            wanted.max,
            wanted.absmax,
            wanted.nan,
            wanted.inf,
        ), tensor.name
        assert found.mean == pytest.approx(wanted.mean, rel=1e-4, abs=1e-6)
        assert found.std == pytest.approx(wanted.std, rel=1e-3, abs=1e-6)


# Crops.


def test_a_crop_is_the_part_that_was_asked_for(gpt2: Subject, tmp_path: Path) -> None:
    found = written(gpt2, tmp_path / "x", keep=(f"{FC}[1:4, 10:20]", "lm_head.weight[0:7]", f"{FC}.weight[:, 3]"))
    assert found.warnings == ()
    for name, rows, columns in (
        (FC, (1, 3), (10, 19)),
        ("transformer.wte.weight", (0, 6), None),
        (f"{FC}.weight", None, (3, 3)),
    ):
        if name not in found:
            continue
        tensor = found.tensor(name)
        array = found.array(name)
        at = [rows or (0, array.shape[-2] - 1), columns or (0, array.shape[-1] - 1)]
        (cut,) = tensor.crops
        assert (cut.rows, cut.columns) == tuple(at)
        wanted = array[..., at[0][0] : at[0][1] + 1, at[1][0] : at[1][1] + 1]
        piece = found.tensor(cut.tensor)
        np.testing.assert_array_equal(found.array(cut.tensor), wanted)
        assert piece.name == f"{tensor.name}[{at[0][0]}:{at[0][1] + 1}, {at[1][0]}:{at[1][1] + 1}]"
        assert piece.stats.absmax == np.abs(wanted).max()
        np.testing.assert_array_equal(found.crop(name, at[0], at[1]), wanted)


def test_a_crop_of_a_name_without_a_step_is_of_every_step(gpt2: Subject, tmp_path: Path) -> None:
    found = written(gpt2, tmp_path / "x", 3, (f"{FC}[0:1, 0:5]",))
    assert [len(found.tensor(f"step{step}.{FC}").crops) for step in range(3)] == [1, 1, 1]
    only = written(gpt2, tmp_path / "y", 3, (f"step1.{FC}[0:1, 0:5]",))
    assert [len(only.tensor(f"step{step}.{FC}").crops) for step in range(3)] == [0, 1, 0]


def test_a_crop_beyond_the_end_ends_there(gpt2: Subject, tmp_path: Path) -> None:
    found = written(gpt2, tmp_path / "x", keep=(f"{FC}[3:99, 40:1000]",))
    (cut,) = found.tensor(FC).crops
    assert (cut.rows, cut.columns) == ((3, 4), (40, 43))
    np.testing.assert_array_equal(found.array(cut.tensor), found.array(FC)[..., 3:5, 40:44])


def test_a_crop_of_all_that_stands_before_rows_and_columns(gpt2: Subject, tmp_path: Path) -> None:
    name = "transformer.h.0.attn.softmax"
    found = written(gpt2, tmp_path / "x", keep=(f"{name}[1:3, 0:2]",))
    (cut,) = found.tensor(name).crops
    np.testing.assert_array_equal(found.array(cut.tensor), found.array(name)[:, :, 1:3, 0:2])
    assert found.tensor(cut.tensor).shape == (1, 4, 2, 2)


def test_a_crop_of_nothing_that_there_is_is_said(gpt2: Subject, tmp_path: Path) -> None:
    found = written(gpt2, tmp_path / "x", keep=("no.such[0:1]", "no.such[1:2]", f"{FC}[0:1]"))
    assert found.warnings == ("There is no tensor no.such to keep a part of.",)


@pytest.mark.parametrize("name", ["blocks.1.mlp.hook_pre", "step0.blocks.1.attn.hook_pattern"])
def test_a_crop_by_a_name_of_transformer_lens(name: str, gpt2: Subject, tmp_path: Path) -> None:
    plain = name.removeprefix("step0.")
    found = written(gpt2, tmp_path / "x", keep=(f"{plain}[0:2, 0:3]",))
    assert found.warnings == ()
    (cut,) = found.tensor(plain).crops
    np.testing.assert_array_equal(found.array(cut.tensor), found.array(plain)[..., 0:2, 0:3])


# A large vocabulary.


@pytest.fixture(scope="module")
def last(gpt2: Subject, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """The trace of three steps where five rows of scores are too many to keep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "LOGITS", 4 * VOCAB)
        return written(gpt2, tmp_path_factory.mktemp("last") / "x.trace.safetensors", 3)


def head(found: Trace, step: int) -> Any:
    return next(one for one in found.operations if one.step == step and one.name.split(".")[0] == "lm_head")


def test_of_a_large_vocabulary_the_last_row_is_kept(whole: Trace, last: Trace) -> None:
    assert head(whole, 0).rows is None and head(whole, 0).of_rows is None
    operation = head(last, 0)
    assert (operation.rows, operation.of_rows) == ((4, 4), 5)
    assert last.tensor(operation.out).shape == (1, 1, VOCAB) and last.tensor(operation.left).shape[-2] == 1
    np.testing.assert_array_equal(last.array(operation.out), whole.array(head(whole, 0).out)[:, -1:])
    np.testing.assert_array_equal(last.array(operation.left), whole.array(head(whole, 0).left)[:, -1:])
    assert last.tensor(operation.out).axes == (("batch",), ("token",), ("vocab",))
    assert last.steps[0].logits == operation.out


def test_what_is_said_of_the_last_row_is_true_of_it(last: Trace) -> None:
    operation = head(last, 0)
    assert operation.exact and operation.max_error < 1e-6
    wanted = last.array(operation.left).astype(float) @ last.array(operation.right).astype(float)
    np.testing.assert_allclose(last.array(operation.out), wanted, atol=1e-5)
    stats = last.tensor(operation.out).stats
    assert (stats.min, stats.max) == (last.array(operation.out).min(), last.array(operation.out).max())


def test_a_single_row_is_whole_anyway(whole: Trace, last: Trace) -> None:
    for step in (1, 2):
        assert head(last, step).rows is None
        np.testing.assert_array_equal(last.array(head(last, step).out), whole.array(head(whole, step).out))


def test_nothing_but_the_scores_loses_rows(whole: Trace, last: Trace) -> None:
    shortened = {one.name for one in last.operations if one.rows is not None}
    assert shortened == {"lm_head"}
    for tensor in last.tensors:
        if tensor.name in whole and tensor.shape == whole.tensor(tensor.name).shape:
            np.testing.assert_array_equal(last.array(tensor.id), whole.array(tensor.name))
    assert last.witness == whole.witness


class Capped(torch.nn.Module):
    """Scores that are squeezed after they were multiplied out, as Gemma 2 does."""

    def __init__(self, vocabulary: int = VOCAB) -> None:
        super().__init__()
        self.table, self.head = torch.nn.Embedding(vocabulary, 12), torch.nn.Linear(12, vocabulary, bias=False)
        randomise(self, 0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[B, T] -> [B, T, V]."""
        return torch.tanh(self.head(self.table(ids)) / 3.0) * 3.0


def test_what_is_done_to_scores_is_kept_of_the_same_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Capped().eval()
    with torch.no_grad():
        plain = model(torch.tensor([PROMPT])).numpy()
    monkeypatch.setattr(ledger, "LOGITS", 2 * VOCAB)
    found = written(subject(model, "builtin"), tmp_path / "x")
    changed = [one for one in found.operations if one.rows is not None]
    assert [one.kind for one in changed[:4]] == ["matmul", "scale", "tanh", "scale"]
    assert {(one.rows, one.of_rows) for one in changed} == {((4, 4), 5)}
    for one in changed:
        assert found.tensor(one.outputs[0]).shape == (1, 1, VOCAB)
    for one, after in pairwise(changed[:4]):
        assert one.outputs[0] == after.inputs[0]  # the same tensor, not another one of the same numbers
    np.testing.assert_allclose(found.array(found.steps[0].logits)[0, -1], plain[0, -1], atol=1e-6)


def test_rows_that_are_not_kept_take_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for most in (1 << 20, 1000):
        monkeypatch.setattr(ledger, "LOGITS", most)
        sizes.append(written(subject(Capped(3000), "builtin", 3000), tmp_path / "x").path.stat().st_size)
    before, after = 5 * 5, 5 + 5  # rows: five results, then one of each and the shares that are chosen from
    assert sizes[0] - sizes[1] == pytest.approx(4 * 3000 * (before - after), rel=0.02)


def test_the_choice_is_made_from_the_row_that_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small_models.gpt2(tmp_path / "model", 3000, tokenizer=False)
    one = subject(of_transformers(folder, False, "eager"), "causal", 3000, folder.glob("*.safetensors"))
    monkeypatch.setattr(ledger, "LOGITS", 1000)
    found = written(one, tmp_path / "x")
    operation = head(found, 0)
    assert operation.rows == (4, 4)
    softmax = next(one for one in found.operations if one.name == "probabilities")
    np.testing.assert_array_equal(found.array(softmax.inputs[0])[0], found.array(operation.out)[0, 0])
    assert [found.tensor(key).source.buffer for key in (softmax.inputs[0], operation.out)] == [
        found.tensor(operation.out).source.buffer
    ] * 2
    assert not [name for name in gaps(File(found.path)) if not name.endswith(".mask")]  # all come from somewhere


def test_the_largest_scores_of_each_token_are_kept_with_their_places(whole: Trace, last: Trace) -> None:
    for step in range(3):
        logits = whole.array(head(whole, step).out)[0]  # [T, V]
        wanted = np.argsort(-logits, axis=-1, kind="stable")[:, :TOP]
        for found in (whole, last):
            one = found.steps[step]
            assert one.top_values is not None and one.top_ids is not None
            assert found.tensor(one.top_ids).shape == (5 if step == 0 else 1, TOP)
            np.testing.assert_array_equal(found.array(one.top_ids), wanted)
            np.testing.assert_array_equal(found.array(one.top_values), np.take_along_axis(logits, wanted, axis=-1))
            assert found.array(one.top_ids)[-1, 0] == one.sampled


# What is left out.


def test_of_what_is_left_out_a_map_is_kept_of_every_view(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    name = "step0.transformer.h.0.attn.c_attn"
    found = written(gpt2, tmp_path / "x", keeping=Keeping(pooled=frozenset((name,)), most=4))
    pooled = [tensor for tensor in found.tensors if isinstance(tensor.source, PooledSource)]
    assert {"q", "v"} <= {tensor.name.rsplit(".", 1)[-1] for tensor in pooled} and len(pooled) >= 4
    for tensor in pooled:
        values = torch.from_numpy(np.array(whole.array(tensor.name)))
        wanted = pool(values, 4)
        for how in ("mean", "absmax"):
            np.testing.assert_allclose(found.map(tensor.id, how), wanted[how].numpy(), rtol=1e-6, atol=1e-6)
    touched = {tensor.id for tensor in pooled}
    for operation in found.operations:
        if operation.kind == "matmul":
            assert operation.exact is not bool(touched & {*operation.inputs, *operation.outputs})
            assert operation.max_error is not None and operation.max_error < 1e-6  # it was checked as it ran


def test_a_small_piece_of_a_large_storage_is_written_alone(tmp_path: Path) -> None:
    class Cuts(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(VOCAB, 8)
            self.register_buffer("rotary", torch.arange(80_000, dtype=torch.float32).reshape(-1, 8), persistent=False)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            """[B, T] -> [B, T, V]."""
            return (self.table(ids) + self.rotary[100:105]) @ self.table.weight.t()

    found = written(subject(Cuts(), "builtin"), tmp_path / "x")
    (added,) = (one for one in found.operations if one.kind == "add")
    np.testing.assert_array_equal(found.array(added.inputs[1]), np.arange(800, 840).reshape(5, 8))
    assert found.path.stat().st_size < 250_000  # of 320,000 that the whole table has


# What is written over.


def in_place(hidden: torch.Tensor) -> None:
    hidden.mul_(2.0)


def through_a_view(hidden: torch.Tensor) -> None:
    hidden[:, 1:3, ::2].zero_()


def by_an_index(hidden: torch.Tensor) -> None:
    hidden[0, 2] = 7.0


def by_a_curve(hidden: torch.Tensor) -> None:
    torch.relu_(hidden)


def as_a_result(hidden: torch.Tensor) -> None:
    torch.add(hidden, hidden, out=hidden)


def again_and_again(hidden: torch.Tensor) -> None:
    for number in range(5):
        hidden.add_(number)


def by_a_multiply(hidden: torch.Tensor) -> None:
    hidden[0].addmm_(hidden[0, :, :5].clone(), torch.ones(5, 20))


class Writes(torch.nn.Module):
    """Writes over what a multiply gave, then multiplies that."""

    def __init__(self, write: Callable[[torch.Tensor], None]) -> None:
        super().__init__()
        self.table, self.up = torch.nn.Embedding(VOCAB, 12), torch.nn.Linear(12, 20)
        self.down = torch.nn.Linear(20, VOCAB, bias=False)
        self.write = write
        randomise(self, 0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """[B, T] -> [B, T, V]."""
        hidden = self.up(self.table(ids))
        self.write(hidden)
        return self.down(hidden)


@pytest.mark.parametrize(
    "write", [in_place, through_a_view, by_an_index, by_a_curve, as_a_result, again_and_again, by_a_multiply]
)
def test_what_is_written_over_is_kept_as_it_was(write: Callable[[torch.Tensor], None], tmp_path: Path) -> None:
    model = Writes(write).eval()
    with torch.no_grad():
        before = model.up(model.table(torch.tensor([PROMPT])))
        after = before.clone()
        write(after)
        plain = model.down(after)
    found = written(subject(model, "builtin"), tmp_path / "x")
    up = next(one for one in found.operations if one.name == "up")
    down = next(one for one in found.operations if one.name == "down")
    assert up.exact and down.exact and up.out is not None and down.left is not None and down.out is not None
    np.testing.assert_array_equal(found.array(up.out), before.numpy())
    assert found.tensor(up.out).stats == summarise(before) and found.tensor(down.left).stats == summarise(after)
    np.testing.assert_array_equal(found.array(down.left), after.numpy())
    np.testing.assert_array_equal(found.array(down.out), plain.numpy())
    assert found.witness.captured == found.witness.aten_matmuls


def test_what_a_clerk_still_needs_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor that is registered but not yet written when the model writes over it."""
    import threading

    begun, may_end = threading.Event(), threading.Event()
    tensor = torch.ones(4)
    seen: list[list[float]] = []

    def slow() -> None:
        begun.set()
        assert may_end.wait(20.0)
        seen.append(tensor.tolist())

    with Clerk() as one:
        store = Ledger(CountingStore(), Weights(torch.nn.Identity(), ()), VOCAB, Keeping(), False, one)
        graph = Graph({}, store)
        one.do(slow, tensor)
        assert begun.wait(20.0)
        threading.Timer(0.05, may_end.set).start()
        graph.freeze(tensor[1:])
        tensor.zero_()
        one.settle()
    assert seen == [[1.0] * 4]


def test_a_value_that_waits_is_copied_once_for_all_its_views() -> None:
    store = Ledger(CountingStore(), Weights(torch.nn.Identity(), ()), VOCAB, Keeping(), False, Clerk())
    graph = Graph({}, store)
    tensor = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    turned = tensor.t()
    value = graph.put(Value(tensor, fresh(tensor.shape)))
    view = graph.view(value, turned, fresh(turned.shape))
    other = graph.put(Value(torch.ones(2), fresh((2,))))
    kept, apart = tensor.clone(), other.held()
    graph.freeze(tensor)
    tensor.zero_()
    assert torch.equal(value.held(), kept) and torch.equal(view.held(), kept.t())
    assert value.held().untyped_storage()._cdata == view.held().untyped_storage()._cdata
    assert other.held() is apart
    assert value.handle is tensor  # it is still found by the tensor that the model has


# Names.


def test_no_two_tensors_have_the_same_name(whole: Trace) -> None:
    names = [tensor.name for tensor in whole.tensors]
    assert len(set(names)) == len(names)
    aliases = [alias for tensor in whole.tensors for alias in tensor.aliases]
    assert len(set(aliases)) == len(aliases) and not set(aliases) & set(names)


def test_operations_of_one_step_are_told_apart(whole: Trace) -> None:
    for step in range(3):
        names = [one.name for one in whole.operations if one.step == step]
        assert len(set(names)) == len(names)


def test_a_name_that_looks_like_a_number_of_another_is_not_given_twice() -> None:
    store = Ledger(CountingStore(), Weights(torch.nn.Identity(), ()), VOCAB, Keeping(), False, Clerk())
    node = Node("", "", "", 0)
    wanted = ["x", "x.2", "x", "x", "x.2", "x.2"]
    for name in wanted:
        store.use(Value(torch.ones(3), fresh((3,))), node, name)
    names = [entry.name for entry in store.entries]
    assert len(set(names)) == len(wanted) and names[:2] == ["step0.x", "step0.x.2"]


def test_buffers_are_written_once_for_all_views(whole: Trace) -> None:
    q, v = (whole.tensor(f"transformer.h.0.attn.{name}") for name in "qv")
    assert isinstance(q.source, BufferSource) and isinstance(v.source, BufferSource)
    assert q.source.buffer == v.source.buffer and q.source.offset != v.source.offset


def test_the_clerk_waits_where_too_much_is_waiting(
    gpt2: Subject, whole: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clerk, "MOST", 100)
    monkeypatch.setattr(generate, "has_a_core_to_spare", lambda model: True)
    found = written(gpt2, tmp_path / "x", 3)
    for tensor in whole.tensors:
        np.testing.assert_array_equal(found.array(tensor.name), whole.array(tensor.name))


def test_a_trace_is_the_same_every_time(gpt2: Subject, whole: Trace, tmp_path: Path) -> None:
    found = written(gpt2, tmp_path / "x", 3)
    assert found.tensors == whole.tensors
    assert [(one.name, one.inputs, one.outputs, one.max_error) for one in found.operations] == [
        (one.name, one.inputs, one.outputs, one.max_error) for one in whole.operations
    ]


def test_the_gelu_of_an_mlp_is_that_of_torch(whole: Trace) -> None:
    gelu = next(one for one in whole.operations if one.kind == "gelu" and one.step == 0)
    wanted = F.gelu(torch.from_numpy(np.array(whole.array(gelu.inputs[0]))), approximate="tanh")
    np.testing.assert_allclose(whole.array(gelu.outputs[0]), wanted.numpy(), atol=1e-6)
