# SPDX-License-Identifier: GPL-3.0-or-later
"""What trace.py makes of its command line: two runs to compare, an estimate, one sentence for what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Trace
from forward_pass.process.options import DEFAULTS, TraceOptions
from scripts import trace as script
from scripts.trace import Wanted, also_name, other_of

WANTED = Wanted("nano-sort", "CBABBC", "cpu", 3, TraceOptions(seed=4, ids="1,2"))


@pytest.mark.parametrize(
    ("name", "other"),
    [("x.trace.safetensors", "x.also.trace.safetensors"), ("x.st", "x.also.st"), ("x", "x.also")],
)
def test_the_second_file_is_named_after_the_first(name: str, other: str) -> None:
    assert also_name(name) == other


@pytest.mark.parametrize(
    ("also", "model", "prompt"),
    [
        ("nano-sort", "nano-sort", "CBABBC"),
        ("org/name", "org/name", "CBABBC"),
        ("model:gpt2", "gpt2", "CBABBC"),
        ("AAABBB", "nano-sort", "AAABBB"),
        ("prompt:org/name", "nano-sort", "org/name"),
        ("To be: or not", "nano-sort", "To be: or not"),
        ("prompt:", "nano-sort", ""),
    ],
)
def test_a_model_or_a_prompt_to_compare_with(also: str, model: str, prompt: str) -> None:
    other = other_of(WANTED, also)
    assert (other.model, other.prompt, other.steps, other.options.seed) == (model, prompt, 3, 4)
    assert other.options.ids == ("1,2" if prompt == "CBABBC" else None)  # ids are of a prompt, not of its successor


def test_a_folder_with_a_model_is_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    assert other_of(WANTED, str(tmp_path)).model == str(tmp_path)


class Tracer:
    """Stands in for the tracer: writes what it was asked, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[Any, ...]] = []
        monkeypatch.setattr(script, "trace_prompt", self.trace)
        monkeypatch.setattr(script, "estimate_prompt", self.estimate)
        monkeypatch.setattr(script, "_summary", lambda trace: f"summary of {trace}")
        monkeypatch.setattr(Trace, "open", lambda path: path.name)

    def trace(
        self, prompt: str, model: str, out: Path, device: str, *_: Any, steps: int, options: TraceOptions
    ) -> None:
        if prompt == "bad":
            raise UserError("It is bad.", "Better it.", 2)
        self.asked.append((prompt, model, device, steps, options))
        out.write_text(f"{prompt} {options.also}")

    def estimate(
        self, prompt: str, model: str, device: str, *_: Any, steps: int, options: TraceOptions
    ) -> dict[str, Any]:
        self.asked.append((prompt, model, device, steps, options))
        return {"lines": ["1 MB", "2 s"]}


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tracer:
    monkeypatch.chdir(tmp_path)
    return Tracer(monkeypatch)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["trace.py", *words])
    return script.main()


def test_all_options_are_passed_on(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--model", "org/name", "--max-tokens", "5", "--temperature", "0.7", "--top-k", "50", "--top-p", "0.9"]
    words += ["--seed", "3", "--dtype", "bfloat16", "--attention", "sdpa", "--chat", "--online", "--trust-remote-code"]
    words += ["--max-bytes", "2GB", "--keep", "a[0:2]", "--keep", "b", "--check", "full", "--ids", "1,2"]
    assert run(monkeypatch, *words, "-o", "x.trace.safetensors", "--device", "cuda") == 0
    options = TraceOptions(
        "bfloat16", "sdpa", 0.7, 50, 0.9, 3, "1,2", True, True, True, ("a[0:2]", "b"), "2GB", "full", None
    )
    assert tracer.asked == [(None, "org/name", "cuda", 5, options)]


def test_two_runs_know_each_other(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "one", "--also", "another", "-o", "x.trace.safetensors") == 0
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {
        "x.trace.safetensors": "one x.also.trace.safetensors",
        "x.also.trace.safetensors": "another x.trace.safetensors",
    }
    assert capsys.readouterr().out == "summary of x.trace.safetensors\nsummary of x.also.trace.safetensors\n"


def test_two_runs_appear_together_or_not_at_all(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.trace.safetensors").write_text("earlier")
    assert run(monkeypatch, "one", "--also", "bad", "-o", "x.trace.safetensors") == 2
    assert capsys.readouterr().err == "Error: It is bad.\nBetter it.\n" and len(tracer.asked) == 1
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"x.trace.safetensors": "earlier"}
    assert run(monkeypatch, "one", "--also", "two", "-o", "no/x.trace.safetensors") == 1
    assert capsys.readouterr().err.startswith("Error: no/x.trace.safetensors cannot be written: ")


def test_an_estimate_is_printed(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "one", "--model", "org/name", "--estimate") == 0
    assert capsys.readouterr().out == "1 MB\n2 s\n" and tracer.asked == [("one", "org/name", "auto", None, DEFAULTS)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["one"], "There is no file to write."),
        (["one", "-o", "x", "--dtype", "int4"], "--dtype: invalid choice: 'int4'"),
        (["one", "-o", "x", "--max-tokens", "many"], "--max-tokens: invalid int value: 'many'."),
        (["one", "-o", "x", "--temp", "1"], "Unrecognized arguments: --temp 1."),
    ],
)
def test_wrong_use_is_a_sentence_and_a_hint(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert run(monkeypatch, *words) == 2 and tracer.asked == []
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith(f"Error: {says}") and error.endswith(".") and hint.endswith(".")
