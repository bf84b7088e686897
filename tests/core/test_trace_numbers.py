# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that lie elsewhere: in a checkpoint's own file, in several tensors joined, in a piece of a larger one."""

from __future__ import annotations

import shutil
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Trace
from forward_pass.core.trace_manifest import BufferSource, ConcatSource, ExternalSource
from forward_pass.core.trace_numbers import rounded

from .making import Maker, checkpoint, halves

WEIGHT = np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 7


def refer(folder: Path, source: ExternalSource, shape: tuple[int, ...], dtype: str = "F32") -> Trace:
    """A trace of one tensor that lies in a checkpoint."""
    made = Maker()
    made.refer("weight", shape, source, dtype=dtype, parameter="weight")
    return made.write(folder / "small.trace.safetensors")


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_a_weight_is_read_where_it_lies(tmp_path: Path, shift: int) -> None:
    """Also where the header's length leaves its numbers at no proper address for them."""
    stored = {"a": (np.zeros(3, np.int8), "I8"), "w": (WEIGHT, "F32")}
    path = checkpoint(tmp_path / "m.safetensors", stored, shift)
    trace = refer(tmp_path, ExternalSource(str(path), "w", (1, 4)), (4, 3))
    np.testing.assert_array_equal(trace.array("weight"), WEIGHT.T)
    assert not trace.array("weight").flags.writeable


def test_a_piece_of_a_weight_begins_at_its_offset(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m.safetensors", {"w": (WEIGHT, "F32")})
    trace = refer(tmp_path, ExternalSource(str(path), "w", (4, 1), 5), (2, 3))
    np.testing.assert_array_equal(trace.array("weight"), WEIGHT[1:, 1:])


def test_a_weight_is_found_beside_the_trace_when_its_file_has_moved(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    path = checkpoint(tmp_path / "models" / "m.safetensors", {"w": (WEIGHT, "F32")})
    for external in (str(path), "C:\\models\\m.safetensors", "m.safetensors"):
        refer(tmp_path, ExternalSource(external, "w", (4, 1)), (3, 4))
        assert Trace.open(tmp_path / "small.trace.safetensors").tensor("weight")
    with pytest.raises(UserError, match=r"the model file m\.safetensors, which does, is not there"):
        Trace.open(tmp_path / "small.trace.safetensors").array("weight")
    shutil.move(path, tmp_path)
    for external in (str(path), "C:\\models\\m.safetensors", "m.safetensors"):
        trace = refer(tmp_path, ExternalSource(external, "w", (4, 1)), (3, 4))
        np.testing.assert_array_equal(trace.array("weight"), WEIGHT)


def test_a_checkpoint_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkpoint(tmp_path / "m.safetensors", {"w": (WEIGHT, "F32")})
    trace = refer(tmp_path, ExternalSource(str(path), "w", (4, 1)), (3, 4))
    trace.array("weight")

    def refuse(*_: object) -> None:
        raise AssertionError("opened again")

    monkeypatch.setattr("forward_pass.core.trace_external.map_bytes", refuse)
    np.testing.assert_array_equal(trace.array("weight"), WEIGHT)


def write_wrong(path: Path, what: str) -> None:
    """A checkpoint with something wrong with it."""
    if what == "text":
        path.write_text("Once upon a time there was a model that was no model at all.")
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "cut":
        checkpoint(path, {"w": (WEIGHT, "F32")})
        path.write_bytes(path.read_bytes()[:-1])
    elif what == "no header":
        path.write_bytes((3).to_bytes(8, "little") + b"[1]")
    elif what == "folder":
        path.mkdir()
    elif what == "size":
        content = checkpoint(path, {"w": (WEIGHT, "F32")}).read_bytes()
        path.write_bytes(content.replace(b"[3, 4]", b"[3, 5]"))


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("text", "m.safetensors is damaged: it is cut off, or no safetensors file"),
        ("empty", "m.safetensors cannot be opened: cannot mmap an empty file"),
        ("cut", "m.safetensors is damaged: its end is missing"),
        ("no header", "m.safetensors is damaged: its header is not an object"),
        ("folder", "is not there"),
        ("size", "m.safetensors is damaged: buffer 'w' does not have the size it says"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_is_said(tmp_path: Path, what: str, says: str) -> None:
    path = tmp_path / "m.safetensors"
    write_wrong(path, what)
    trace = refer(tmp_path, ExternalSource(str(path), "w", (4, 1)), (3, 4))
    with pytest.raises(UserError) as raised:
        trace.array("weight")
    assert says in raised.value.message and raised.value.hint and "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("source", "shape", "dtype", "says"),
    [
        (("v", (4, 1), 0), (3, 4), "F32", "has no v, which weight is"),
        (("w", (4, 1), 1), (3, 4), "F32", "w in the model file .* is smaller than weight"),
        (("w", (5, 1), 0), (3, 4), "F32", "w in the model file .* is smaller than weight"),
        (("w", (4, 1), 0), (3, 4), "I32", "w in the model file .* is F32, and weight I32"),
        (("q", (4, 1), 0), (3, 4), "F32", "q in the model file .* is F8_E4M3, and weight F32"),
        (("__metadata__", (4, 1), 0), (3, 4), "F32", "__metadata__ in the model file .* is None, and weight F32"),
    ],
)
def test_a_checkpoint_of_another_model_is_said(
    tmp_path: Path, source: tuple[str, tuple[int, ...], int], shape: tuple[int, ...], dtype: str, says: str
) -> None:
    stored = {"w": (WEIGHT, "F32"), "q": (np.zeros(12, np.uint8), "F8_E4M3")}
    path = checkpoint(tmp_path / "m.safetensors", stored)
    trace = refer(tmp_path, ExternalSource(str(path), *source), shape, dtype)
    with pytest.raises(UserError, match=says) as raised:
        trace.array("weight")
    assert "not the model that was traced" in raised.value.hint


ODD = [0.0, -0.0, 1.0, 1 / 3, -2.7e-5, 1e-40, 6e-8, 65519.0, 65520.0, 7e4, 3.4e38, -3.4e38, np.inf, -np.inf, np.nan]


def test_a_cast_of_the_tracer_is_done_again(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    numbers = np.concatenate([np.array(ODD, np.float32), np.random.default_rng(0).normal(size=500).astype(np.float32)])
    ties = (np.arange(0x3F80_0000, 0x3F88_0000, 0x1000, dtype=np.uint32)).view(np.float32)  # halfway between two, too
    numbers = np.concatenate([numbers, ties])
    path = checkpoint(tmp_path / "m.safetensors", {"w": (numbers, "F32")})
    for name, dtype in (("BF16", torch.bfloat16), ("F16", torch.float16), ("F32", torch.float32)):
        trace = refer(tmp_path, ExternalSource(str(path), "w", (1,)), numbers.shape, name)
        wanted = torch.from_numpy(numbers).to(dtype).float().numpy()
        np.testing.assert_array_equal(trace.array("weight"), wanted)


def test_widening_is_exact(tmp_path: Path) -> None:
    numbers = np.array([1.5, -2.25, 0.15625, 3e38], np.float32)
    stored = {"half": (numbers[:3].astype(np.float16), "F16"), "brain": (halves(numbers), "BF16")}
    path = checkpoint(tmp_path / "m.safetensors", stored)
    half = refer(tmp_path, ExternalSource(str(path), "half", (1,)), (3,)).array("weight")
    np.testing.assert_array_equal(half, numbers[:3])
    brain = refer(tmp_path, ExternalSource(str(path), "brain", (1,)), (4,)).array("weight")
    np.testing.assert_array_equal(brain, (halves(numbers).astype(np.uint32) << 16).view(np.float32))
    assert brain[:3].tolist() == [1.5, -2.25, 0.15625]


@given(hnp.arrays(np.uint32, 20).map(lambda bits: bits.view(np.float32)))
def test_rounding_gives_the_nearer_neighbour(numbers: np.ndarray) -> None:
    numbers = numbers[np.isfinite(numbers) & (np.abs(numbers) < 3e38)]
    found = rounded(numbers, "BF16").astype(np.float64)
    below = (numbers.view(np.uint32) & 0xFFFF0000).astype(np.uint32)
    above = (below + 0x10000).view(np.float32).astype(np.float64)
    least = np.minimum(np.abs(numbers - below.view(np.float32).astype(np.float64)), np.abs(numbers - above))
    assert (rounded(numbers, "BF16").view(np.uint32) & 0xFFFF == 0).all()
    np.testing.assert_array_equal(np.abs(found - numbers), least)


# Joined tensors.


def test_joined_tensors_may_nest_and_repeat(tmp_path: Path) -> None:
    made = Maker()
    heads = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    both = made.tensor("both", heads)
    buffer = made.tensors[both].source
    assert isinstance(buffer, BufferSource)
    one, two = (
        made.refer(f"head{i}", (1, 1, 3, 4), BufferSource(buffer.buffer, 12 * i, buffer.strides)) for i in range(2)
    )
    grouped = made.refer("grouped", (1, 6, 3, 4), ConcatSource((one, one, one, two, two, two), 1))
    new = made.tensor("new", -np.ones((1, 6, 1, 4)))
    made.refer("cache", (1, 6, 4, 4), ConcatSource((grouped, new), 2))
    trace = made.write(tmp_path / "joined.trace.safetensors")
    wanted = np.concatenate([np.repeat(heads, 3, axis=1), -np.ones((1, 6, 1, 4), np.float32)], axis=2)
    np.testing.assert_array_equal(trace.array("cache"), wanted)
    np.testing.assert_array_equal(trace.piece("cache", ((0, 1), (2, 5), (1, 4), (2, 3))), wanted[:, 2:5, 1:4, 2:3])
    np.testing.assert_array_equal(trace.crop("cache", (2, 3), (0, 1)), wanted[..., 2:4, 0:2])
    assert {leaf.name for leaf in trace.leaves("cache")} == {"head0", "head1", "new"}


def test_a_cache_may_be_joined_of_more_than_python_may_recurse(tmp_path: Path) -> None:
    made = Maker()
    last = made.tensor("k0", [[0.0]])
    for step in range(1, sys.getrecursionlimit() + 500):
        new = made.tensor(f"k{step}", [[float(step)]])
        last = made.refer(f"cache{step}", (step + 1, 1), ConcatSource((last, new), 0))
    trace = made.write(tmp_path / "deep.trace.safetensors")
    np.testing.assert_array_equal(trace.array(last)[:, 0], np.arange(step + 1))


@settings(max_examples=50)
@given(st.data())
def test_any_piece_is_that_of_the_whole(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    made = Maker()
    axis = data.draw(st.integers(0, 2))
    shape = [2, 3, 4]
    parts = []
    for number, n in enumerate(data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))):
        sizes = tuple(n if i == axis else size for i, size in enumerate(shape))
        parts.append(np.random.default_rng(number).normal(size=sizes).astype(np.float32))
        made.tensor(f"part{number}", parts[-1])
    whole = np.concatenate(parts, axis)
    made.refer("whole", whole.shape, ConcatSource(tuple(range(len(parts))), axis))
    trace = made.write(tmp_path_factory.mktemp("pieces") / "p.trace.safetensors")
    at = tuple(tuple(sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))) for n in whole.shape)
    wanted = whole[tuple(slice(*span) for span in at)]
    np.testing.assert_array_equal(trace.piece("whole", at), wanted)  # type: ignore[arg-type]


def test_a_piece_of_a_large_weight_needs_no_more_memory_than_itself(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "m.safetensors", {"w": (np.ones((4096, 2048), np.uint16), "BF16")})  # 16 MB
    trace = refer(tmp_path, ExternalSource(str(path), "w", (1, 2048)), (2048, 4096), "BF16")
    tracemalloc.start()
    found = trace.piece("weight", ((0, 2048), (7, 9)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (2048, 2) and peak < 1 << 20


def test_what_goes_beyond_a_tensor_is_refused(tmp_path: Path) -> None:
    made = Maker()
    made.tensor("a", np.zeros((2, 3)))
    trace = made.write(tmp_path / "a.trace.safetensors")
    for at in (((0, 3), (0, 1)), ((1, 0), (0, 1)), ((-1, 1), (0, 1))):
        with pytest.raises(UserError, match="has the shape 2 by 3, and something beyond it was asked for"):
            trace.piece("a", at)
