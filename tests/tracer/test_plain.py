# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in models without torch: the same trace, by NumPy alone."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Trace
from forward_pass.core.trace_verify import verify
from forward_pass.process import job, python
from forward_pass.process.models import assets_folder, is_built_in
from forward_pass.process.options import TraceOptions
from forward_pass.process.trace_prompt import estimate_prompt, trace_prompt

# Of one and the same model, what may differ between two ways to run it: the time, and how much was checked how well.
MEASURED = ("seconds", "max_error", "checked")
HIDES = """
import importlib.util, sys
sys.modules["torch"] = sys.modules["safetensors"] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else find(name, package)
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This Python, without torch."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(HIDES)
    program = folder / "python3"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{folder}" exec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def alone(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Python with torch anywhere, as inside a Blender just installed."""
    monkeypatch.delenv(python.VARIABLE, raising=False)
    monkeypatch.setattr(python, "candidates", lambda: iter([bare]))
    monkeypatch.setattr(job, "own_python", lambda: bare)


@pytest.mark.parametrize(
    ("model", "prompt", "steps"), [("nano-sort", "CBABBC", None), ("tiny-shakespeare", "To be, or not to b", 2)]
)
@pytest.mark.usefixtures("alone")
def test_it_is_the_trace_that_torch_makes(model: str, prompt: str, steps: int | None, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    found = Trace.open(trace_prompt(prompt, model, tmp_path / "plain.trace.safetensors", steps=steps))
    wanted = Trace.open(
        trace_prompt(prompt, model, tmp_path / "torch.trace.safetensors", "cpu", Path(sys.executable), steps=steps)
    )
    assert found.run.engine == f"NumPy {np.__version__}" and wanted.run.engine is None
    for mine, theirs in zip(found.tensors, wanted.tensors, strict=True):
        assert dataclasses.replace(mine, stats=theirs.stats) == theirs
        a, b = found.array(mine.id), wanted.array(theirs.id)
        finite = np.isfinite(b)
        np.testing.assert_array_equal(np.isfinite(a), finite)
        largest = np.abs(b[finite]).max(initial=1e-9)
        np.testing.assert_allclose(a[finite], b[finite], rtol=0, atol=1e-5 * largest)
        assert mine.stats.mean == pytest.approx(theirs.stats.mean, abs=1e-5 * max(theirs.stats.absmax, 1e-9))
        assert (mine.stats.nan, mine.stats.inf) == (theirs.stats.nan, theirs.stats.inf)
    for one, other in zip(found.operations, wanted.operations, strict=True):
        assert {k: v for k, v in vars(one).items() if k not in MEASURED} == {
            k: v for k, v in vars(other).items() if k not in MEASURED
        }
    assert (found.modules, found.composites, found.steps) == (wanted.modules, wanted.composites, wanted.steps)
    assert (found.tokens, found.witness, found.model) == (wanted.tokens, wanted.witness, wanted.model)


@pytest.mark.usefixtures("alone")
def test_its_numbers_are_right(tmp_path: Path) -> None:
    path = trace_prompt("BBACAC", "nano-sort", tmp_path / "x.trace.safetensors", steps=2)
    result = verify(Trace.open(path))
    assert not [finding for check in result.checks for finding in (*check.wrong, *check.unchecked)]
    assert [path.name for path in tmp_path.iterdir()] == ["x.trace.safetensors"]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    ("options", "what"),
    [
        (TraceOptions(temperature=0.8), "drawing tokens at random"),
        (TraceOptions(max_bytes="1MB"), "a limit of the file's size"),
        (TraceOptions(keep=("lm_head.weight",)), "parts of tensors"),
        (TraceOptions(dtype="bfloat16"), "the number type bfloat16"),
    ],
)
def test_what_needs_torch_says_so(options: TraceOptions, what: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"There is no torch, which {what} needs") as caught:
        trace_prompt("CBABBC", "nano-sort", tmp_path / "x.trace.safetensors", options=options)
    assert "Install torch" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("alone")
def test_an_estimate_and_other_models_need_torch(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="an estimate needs"):
        estimate_prompt("CBABBC", "nano-sort")
    assets = assets_folder()
    assert assets is not None
    other = shutil.copytree(assets / "models" / "nano-sort", tmp_path / "nano-sort")
    assert is_built_in(str(assets / "models" / "nano-sort")) and not is_built_in(str(other))
    with pytest.raises(UserError, match="No Python with torch was found"):
        trace_prompt("CBABBC", other, tmp_path / "x.trace.safetensors")


def test_a_python_that_was_chosen_is_the_one(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="has no torch"):
        trace_prompt("CBABBC", "nano-sort", tmp_path / "x.trace.safetensors", python=bare)
    monkeypatch.setenv(python.VARIABLE, str(bare))
    with pytest.raises(UserError, match="has no torch"):
        trace_prompt("CBABBC", "nano-sort", tmp_path / "x.trace.safetensors")


def test_a_damaged_model(tmp_path: Path) -> None:
    from forward_pass.tracer.config import read_config
    from forward_pass.tracer.plain.weights import read_weights

    assets = assets_folder()
    assert assets is not None
    folder = shutil.copytree(assets / "models" / "nano-sort", tmp_path / "model")
    config, path = read_config(folder), folder / "model.safetensors"
    whole = path.read_bytes()
    assert read_weights(folder, config)["lm_head.weight"].shape == (3, 48)
    for content in (whole[:100], whole[:-8], b"", (1 << 40).to_bytes(8, "little") + whole[8:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match="corrupt"):
            read_weights(folder, config)
    path.write_bytes(whole.replace(b"lm_head.weight", b"lm_tail.weight"))
    with pytest.raises(UserError, match=r"has no lm_head\.weight"):
        read_weights(folder, config)
    path.write_bytes(whole)
    words = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(words | {"n_layer": 2}))
    with pytest.raises(UserError, match=r"transformer\.h\.2.* which this kind of model has not"):
        read_weights(folder, read_config(folder))
