# SPDX-License-Identifier: GPL-3.0-or-later
"""Trace files that are written, cut, spoilt and refused."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Manifest, Trace, TraceWriter
from forward_pass.core.trace_manifest import ManifestError
from forward_pass.core.trace_words import from_words, to_words

STATS = {"min": 0.0, "max": 5.0, "absmax": 5.0, "mean": 2.5, "std": 1.7, "nan": 0, "inf": 0}
LEFT = np.arange(6, dtype=np.float32).reshape(2, 3)
RIGHT = np.arange(12, dtype=np.float32).reshape(3, 4)


def tensor(key: int, shape: list[int], source: dict[str, Any], dtype: str = "F32") -> dict[str, Any]:
    return {
        "id": key,
        "name": f"t{key}",
        "shape": shape,
        "axes": [["?"] for _ in shape],
        "dtype": dtype,
        "parameter": None,
        "source": source,
        "stats": dict(STATS),
    }


def multiply() -> dict[str, Any]:
    """A manifest of one multiply, [2, 3] @ [3, 4] -> [2, 4], the right side a transposed view."""
    operation = {
        "id": 0, "kind": "matmul", "name": "lm_head", "module": "lm_head", "layer": None, "step": 0,
        "inputs": [0, 1], "outputs": [2], "left": 0, "right": 1, "bias": None, "out": 2, "scale": 1.0,
        "contracted": "channel", "exact": True, "max_error": 0.0, "flops": 48,
    }  # fmt: skip
    return {
        "version": 1,
        "model": {"name": "m", "architecture": "GPT", "parameters": 12, "config": {}, "source": "here"},
        "run": {"device": "cpu", "dtype": "float32", "seed": -1, "torch": "2", "transformers": None, "seconds": 0.1},
        "prompt": "A",
        "tokens": [{"id": 0, "text": "A", "step": 0}, {"id": 1, "text": "B", "step": 0}],
        "tensors": [
            tensor(0, [2, 3], {"buffer": "b0", "offset": 0, "strides": [3, 1]}),
            tensor(1, [3, 4], {"buffer": "b1", "offset": 0, "strides": [1, 3]}),
            tensor(2, [2, 4], {"buffer": "b2", "offset": 0, "strides": [4, 1]}),
        ],
        "operations": [operation],
        "modules": [{"path": "lm_head", "class": "Linear", "layer": None, "operations": [0, 0]}],
        "steps": [{"index": 0, "past": 0, "tokens": [0, 0], "logits": 2, "sampled": 1}],
        "witness": {"aten_matmuls": 1, "captured": 1},
        "warnings": [],
    }


def write(path: Path, words: dict[str, Any], reserved: int = 1 << 10) -> bytes:
    """A trace with this manifest and the buffers of the multiply; returns its bytes."""
    with TraceWriter(path, reserved) as writer:
        for data in (LEFT, np.ascontiguousarray(RIGHT.T), LEFT @ RIGHT):
            writer.add(data, "F32")
        writer.finish(from_words(words))
    return path.read_bytes()


def spoil(path: Path, words: dict[str, Any]) -> None:
    """The trace of the multiply with another manifest, which nothing has checked."""
    content = write(path, multiply())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    begin = header["manifest"]["data_offsets"][0]
    manifest = json.dumps(words).encode()
    header["manifest"] = {"dtype": "U8", "shape": [len(manifest)], "data_offsets": [begin, begin + len(manifest)]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[start : start + begin] + manifest)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces") / "small.trace.safetensors"
    write(path, multiply())
    return path


def read_all(path: Path) -> None:
    trace = Trace.open(path)
    for one in trace.tensors:
        trace.array(one.id)


def test_what_is_written_is_read(small: Path) -> None:
    trace = Trace.open(small)
    np.testing.assert_array_equal(trace.array("t0"), LEFT)
    np.testing.assert_array_equal(trace.array("t1"), RIGHT)
    np.testing.assert_array_equal(trace.array(2), LEFT @ RIGHT)
    assert json.loads(json.dumps(to_words(trace.manifest)["operations"])) == multiply()["operations"]
    assert (trace.run.seed, trace.steps[0].sampled, trace.modules[0].class_name) == (-1, 1, "Linear")


def test_a_header_larger_than_its_space_moves_the_data(small: Path, tmp_path: Path) -> None:
    for reserved in (0, 8, 100, 500):
        path = tmp_path / f"{reserved}.trace.safetensors"
        write(path, multiply(), reserved)
        for key in (0, 1, 2):
            np.testing.assert_array_equal(Trace.open(path).array(key), Trace.open(small).array(key))
        pytest.importorskip("safetensors").safe_open(path, "np")


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 100, -1, -2, -500])
def test_a_trace_that_was_cut_off_is_recognised(small: Path, tmp_path: Path, size: int) -> None:
    cut = tmp_path / "cut.trace.safetensors"
    cut.write_bytes(small.read_bytes()[:size])
    with pytest.raises(UserError, match=r"cut\.trace\.safetensors was cut off") as raised:
        Trace.open(cut)
    assert raised.value.code == 1 and raised.value.hint


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_length_of_a_cut_trace_opens(small: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = small.read_bytes()
    path = tmp_path / "cut.trace.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(UserError):
        Trace.open(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_spoilt_bytes_never_raise_anything_but_a_user_error(small: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(small.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        written = data.draw(st.sampled_from([b"9", b"-", b"0", b"]", b"e", b" ", b"{", b'"']) | st.binary(min_size=1))
        content[place : place + len(written)] = written
    path = tmp_path / "spoilt.trace.safetensors"
    path.write_bytes(content)
    try:
        read_all(path)
    except UserError as error:
        assert error.message.endswith(".") and "\n" not in error.message


odd_values: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.lists(st.integers(-2, 1 << 70), max_size=4),
    st.sampled_from([{}, [[]], [{}]]),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_value_in_the_manifest_is_taken_or_refused(small: Path, tmp_path: Path, data: st.DataObject) -> None:
    words: Any = multiply()
    at: Any = words
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not (isinstance(at[key], dict | list) and at[key] and data.draw(st.booleans())):
            break
        at = at[key]
    at[key] = data.draw(odd_values)
    path = tmp_path / "odd.trace.safetensors"
    spoil(path, words)
    try:
        read_all(path)
    except UserError as error:
        assert str(error)


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(version=2), "has version 2"),
        (lambda m: m.pop("version"), "has no version"),
        (lambda m: m.pop("model"), "no proper 'model'"),
        (lambda m: m["run"].update(seconds="1"), "'run' has no proper 'seconds'"),
        (lambda m: m["tensors"][0]["source"].update(offset=1), "'t0' reaches beyond its buffer"),
        (lambda m: m["tensors"][0]["source"].update(strides=[3, 2]), "'t0' reaches beyond its buffer"),
        (lambda m: m["tensors"][0]["source"].update(strides=[-3, 1]), "not a proper count"),
        (lambda m: m["tensors"][0]["source"].update(strides=[1]), "2 dimensions and 1 strides"),
        (lambda m: m["tensors"][0]["source"].update(buffer="b7"), "lies in 'b7', which is not there"),
        (lambda m: m["tensors"][0]["source"].update(buffer="manifest"), "lies in 'manifest', which is not there"),
        (lambda m: m["tensors"][0].update(source={"cloud": 1}), "of no known sort"),
        (lambda m: m["tensors"][0].update(source={"concat": [1], "axis": 0}), "'t0' names tensor 1"),
        (lambda m: m["tensors"][2].update(source={"concat": [0, 0], "axis": 0}), "not made of its parts"),
        (lambda m: m["tensors"][0].update(dtype="I32"), "I32 in a buffer of F32"),
        (lambda m: m["tensors"][0].update(shape=[1 << 61, 1 << 61]), "'t0' is too large"),
        (lambda m: m["tensors"][0].update(shape=[1 << 63]), "not a proper count"),
        (lambda m: m["tensors"][0].update(axes=[["?"]]), "2 dimensions and 1 names"),
        (lambda m: m["tensors"][0].update(id=1), "two tensors have the id 1"),
        (lambda m: m["tensors"][0].update(name="t1"), "two tensors have the same name"),
        (lambda m: m["operations"][0].update(kind="magic"), "unknown kind 'magic'"),
        (lambda m: m["operations"][0].update(left=2), "shapes that do not fit"),
        (lambda m: m["operations"][0].update(left=9), "'lm_head' names tensor 9"),
        (lambda m: m["operations"][0].update(bias=1), "shapes that do not fit"),
        (lambda m: m["operations"][0].update(id=3), "operation 0 has the id 3"),
        (lambda m: m["operations"][0].update(step=1), "a step that is not there"),
        (lambda m: m["modules"][0].update(operations=[0, 1]), "range 0 to 1 out of 1"),
        (lambda m: m["steps"][0].update(tokens=[0, 2]), "range 0 to 2 out of 2"),
        (lambda m: m["steps"][0].update(tokens=[0]), "not a first and a last"),
        (lambda m: m["steps"][0].update(logits=True), "no proper 'logits'"),
        (lambda m: m["tensors"][0]["stats"].update(max=float("inf")), "its manifest is not JSON"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused_with_its_reason(tmp_path: Path, change: Change, says: str) -> None:
    words = multiply()
    change(words)
    path = tmp_path / "odd.trace.safetensors"
    spoil(path, words)
    with pytest.raises(UserError) as raised:
        Trace.open(path)
    assert says in raised.value.message and "odd.trace.safetensors" in raised.value.message


def test_keys_of_later_versions_are_ignored(tmp_path: Path) -> None:
    words = multiply()
    words["later"], words["tensors"][0]["later"], words["operations"][0]["parts"] = 1, {}, []
    spoil(tmp_path / "more.trace.safetensors", words)
    read_all(tmp_path / "more.trace.safetensors")


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (
            {"format": "forward_pass.trace", "version": "2"},
            "has version 2, and this Forward Pass reads up to version 1",
        ),
        ({"format": "forward_pass.trace", "version": "one"}, "has no version"),
        ({"format": "pt"}, "not a trace of Forward Pass"),
        (None, "not a trace of Forward Pass"),
    ],
)
def test_another_format_and_a_newer_version_are_refused(tmp_path: Path, metadata: object, says: str) -> None:
    path = tmp_path / "other.safetensors"
    header = json.dumps({"__metadata__": metadata} if metadata is not None else {}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(UserError, match=says):
        Trace.open(path)


def test_files_that_are_no_traces_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Once upon a time there was a file that was no trace at all.")
    with pytest.raises(UserError, match="text is not a trace of Forward Pass"):
        Trace.open(tmp_path / "text")
    with pytest.raises(UserError, match="is not there"):
        Trace.open(tmp_path / "nothing")
    with pytest.raises(UserError, match="cannot be opened"):
        Trace.open(tmp_path)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"dtype": "F99", "shape": [6], "data_offsets": [0, 24]}, "'b0' is not properly described"),
        ({"dtype": "F32", "shape": [5], "data_offsets": [0, 24]}, "'b0' does not have the size it says"),
        ({"dtype": "F32", "shape": [4], "data_offsets": [8, 24]}, "overlap or leave holes"),
        ({"dtype": "F32", "shape": [-6], "data_offsets": [0, 24]}, "'b0' is not properly described"),
        ("b0", "'b0' is not described"),
    ],
)
def test_a_header_that_does_not_add_up_is_refused(small: Path, tmp_path: Path, entry: object, says: str) -> None:
    content = small.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["b0"] = entry
    text = json.dumps(header).encode()
    path = tmp_path / "odd.trace.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[start:])
    with pytest.raises(UserError, match=says):
        Trace.open(path)


def test_bytes_behind_the_last_buffer_are_refused(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.trace.safetensors"
    path.write_bytes(small.read_bytes() + b"\0")
    with pytest.raises(UserError, match="bytes that belong to no buffer"):
        Trace.open(path)


def test_sources_of_every_sort_are_read_or_refused(tmp_path: Path) -> None:
    words = multiply()
    words["tensors"] += [
        tensor(3, [4, 3], {"concat": [0, 0], "axis": 0}),
        tensor(4, [2, 2], {"buffer": "b3", "offset": 1, "strides": [2, 1]}, "BF16"),
        tensor(5, [3], {"buffer": "b4", "offset": 0, "strides": [0]}, "I64"),
        tensor(6, [1000, 1000], {"pooled": 0, "how": "mean", "block": [500, 334]}),
        tensor(7, [1000, 1000], {"external": "model.safetensors", "key": "w", "strides": [1000, 1]}),
    ]
    path = tmp_path / "sorts.trace.safetensors"
    numbers = np.array([9, 1.5, -2, 3e38, 0.15625], np.float32)
    with TraceWriter(path) as writer:
        for data in (LEFT, np.ascontiguousarray(RIGHT.T), LEFT @ RIGHT):
            writer.add(data, "F32")
        writer.add((numbers.view(np.uint32) >> 16).astype(np.uint16), "BF16")
        writer.add(np.array([7]), "I64")
        writer.finish(from_words(words))
    trace = Trace.open(path)
    np.testing.assert_array_equal(trace.array("t3"), np.concatenate((LEFT, LEFT)))
    np.testing.assert_allclose(trace.array("t4"), [[1.5, -2], [3e38, 0.15625]], rtol=2**-8)
    np.testing.assert_array_equal(trace.array("t5"), [7, 7, 7])
    for name in ("t6", "t7"):
        with pytest.raises(UserError, match=f"does not hold the numbers of {name}"):
            trace.array(name)


def test_a_max_error_that_is_not_a_number_survives_as_null(tmp_path: Path) -> None:
    words = multiply()
    words["operations"][0].update(max_error=None, exact=False)
    content = write(tmp_path / "nan.trace.safetensors", words)
    assert b'"max_error":null' in content and b"NaN" not in content
    error = Trace.open(tmp_path / "nan.trace.safetensors").operations[0].max_error
    assert error is not None and np.isnan(error)


# Writing that fails.


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def manifest() -> Manifest:
    return from_words(multiply())


def test_a_writer_that_is_left_early_leaves_nothing_and_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x.trace.safetensors"
    path.write_bytes(b"an earlier trace")
    for stop in (KeyboardInterrupt, ValueError):
        with pytest.raises(stop), TraceWriter(path) as writer:
            writer.add(LEFT, "F32")
            assert len(files(tmp_path)) == 2  # the earlier one, and the new one under another name
            raise stop
    with TraceWriter(path) as writer:
        writer.add(LEFT, "F32")
    assert files(tmp_path) == {path.name: b"an earlier trace"}


def test_a_manifest_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="lies in 'b1'"), TraceWriter(tmp_path / "x") as writer:
        writer.add(LEFT, "F32")
        writer.finish(manifest())
    assert files(tmp_path) == {}


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be written to .*: No such file"), TraceWriter(tmp_path / "no" / "x"):
        pass
    with pytest.raises(UserError, match="it is a folder"), TraceWriter(tmp_path):
        pass
    assert files(tmp_path) == {}


def test_a_move_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.trace.safetensors"
    path.write_bytes(b"an earlier trace")
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(UserError, match="Permission denied"):
        write(path, multiply())
    assert files(tmp_path) == {path.name: b"an earlier trace"}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes there")
def test_a_disk_that_is_full_is_said_and_nothing_left(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 18, before[1]))
    try:
        says = r"cannot be written to .*: File too large"
        with pytest.raises(UserError, match=says), TraceWriter(tmp_path / "x.trace.safetensors") as writer:
            writer.add(np.zeros(1 << 20, np.float32), "F32")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert files(tmp_path) == {}
