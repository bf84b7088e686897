# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer as a process: what it says, how it ends, and what it leaves."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forward_pass.core.messages import ErrorMessage, Message, ProgressMessage, ResultMessage, decode
from forward_pass.core.trace import Trace

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed in this Python")
NAME = "elsewhere_called_so"


@pytest.fixture(scope="module")
def package(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package under another name in another place, as in an installed extension."""
    folder = tmp_path_factory.mktemp("with space") / NAME
    shutil.copytree(root / "addon", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def start(package: Path, *words: str | Path, before: Path | None = None) -> subprocess.Popen[str]:
    paths = [package.parent] if before is None else [before, package.parent]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", f"{package.name}.tracer", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, list[Message], str]:
    """Status, messages, log. stdin stays open until the process has ended by itself."""
    assert process.stdout is not None and process.stderr is not None and process.stdin is not None
    said, log = process.stdout.read(), process.stderr.read()
    status = process.wait(60)
    process.stdin.close()
    return status, [decode(line) for line in said.splitlines()], log


def request(model: Path, out: Path, prompt: str = "CBABBC") -> list[str | Path]:
    return ["--prompt", prompt, "--model", model, "--out", out, "--device", "cpu"]


@needs_torch
def test_it_writes_a_trace_and_says_so(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    status, said, log = finish(start(package, *request(nano_sort, out)))
    assert (status, log) == (0, "")
    result = said[-1]
    assert isinstance(result, ResultMessage) and result.path == str(out)
    assert result.data["generated"] == "ABBBCC" and result.data["multiplies"] == 114
    assert result.data["max_error"] < 1e-5 and result.data["bytes"] == out.stat().st_size
    assert all(isinstance(message, ProgressMessage) for message in said[:-1])
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert Trace.open(out).witness.captured == 114


@needs_torch
def test_fewer_letters_can_be_asked_for(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    status, _, _ = finish(start(package, *request(nano_sort, out), "--steps", "2"))
    assert status == 0 and len(Trace.open(out).steps) == 2


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "The prompt is empty."),
        ("CBABB", "The prompt is too short: 5 letters, where nano-sort takes 6."),
        ("C", "The prompt is too short: 1 letter, where nano-sort takes 6."),
        ("CBABBCA", "The prompt is too long: 7 letters, where nano-sort takes 6."),
        ("cbabbc", 'The prompt has "c", which nano-sort does not know.'),
        ("CBAB C", 'The prompt has " ", which nano-sort does not know.'),
        ("CBABBÉ", 'The prompt has "É", which nano-sort does not know.'),
    ],
)
def test_a_prompt_that_will_not_do_is_wrong_use(
    package: Path, nano_sort: Path, tmp_path: Path, prompt: str, says: str
) -> None:
    status, said, log = finish(start(package, *request(nano_sort, tmp_path / "x", prompt)))
    hint = "Give 6 letters out of A, B, C, for example CBACBA."
    assert (status, said, log) == (2, [ErrorMessage(says, hint, 2)], "")
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_of_the_command_is_said_as_a_message(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    status, said, _ = finish(start(package, "--prompt", "CBABBC"))
    assert status == 2 and isinstance(said[0], ErrorMessage)
    assert said[0].message.startswith("The tracer was started wrongly: the following arguments are required")
    status, said, _ = finish(start(package, *request(nano_sort, tmp_path / "x"), "--steps", "7"))
    assert (status, said) == (2, [ErrorMessage("nano-sort cannot generate 7 tokens.", "Ask for 1 to 6.", 2)])


def test_a_path_that_cannot_be_written_is_said_before_the_work(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    status, said, _ = finish(start(package, *request(nano_sort, tmp_path / "no" / "x")))
    assert status == 1 and isinstance(said[0], ErrorMessage) and "there is no such folder" in said[0].message
    status, said, _ = finish(start(package, *request(nano_sort, tmp_path)))
    assert status == 2 and isinstance(said[0], ErrorMessage) and "it is a folder" in said[0].message


def test_a_python_without_torch_is_one_clear_error(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')\n")
    out = tmp_path / "x.trace.safetensors"
    status, said, log = finish(start(package, *request(nano_sort, out), before=blocked))
    assert (status, log) == (1, "")
    error = said[-1]
    assert isinstance(error, ErrorMessage) and error.message == f"The Python at {sys.executable} has no torch."
    assert "Install torch" in error.hint and not out.exists()


@needs_torch
def test_a_python_without_transformers_is_one_clear_error(package: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "transformers.py").write_text("raise ModuleNotFoundError('No such module', name='transformers')\n")
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "gpt2"}')
    status, said, log = finish(start(package, *request(model, tmp_path / "x"), before=blocked))
    assert (status, log) == (1, "")
    what = f"The Python at {sys.executable} has no transformers, which this model needs."
    hint = 'Install it there: pip install "transformers==5.24.0".'
    assert said[-1] == ErrorMessage(what, hint, remedies=["set_up", "python"])


def test_what_can_be_known_without_torch_is_said_at_once(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise SystemExit('torch was loaded')\n")
    gpt2 = tmp_path / "gpt2"
    gpt2.mkdir()
    (gpt2 / "config.json").write_text('{"model_type": "gpt2"}')
    asked: dict[str, list[str | Path]] = {
        "The prompt is empty.": request(gpt2, tmp_path / "x", ""),
        '"1,two" are no token ids.': [*request(gpt2, tmp_path / "x"), "--ids", "1,two"],
        "gpt2 cannot generate 0 tokens.": [*request(gpt2, tmp_path / "x"), "--steps", "0"],
        "nano-sort cannot generate 0 tokens.": [*request(nano_sort, tmp_path / "x"), "--steps", "0"],
        "nano-sort has no chat template.": [*request(nano_sort, tmp_path / "x"), "--chat"],
        "A temperature of -1 cannot be.": [*request(gpt2, tmp_path / "x"), "--temperature", "-1"],
        '"a[" is no part of a tensor.': [*request(gpt2, tmp_path / "x"), "--keep", "a["],
        '"much" is no size of a file.': [*request(gpt2, tmp_path / "x"), "--max-bytes", "much"],
        "There is no prompt.": ["--model", gpt2, "--out", tmp_path / "x"],
    }
    for says, words in asked.items():
        status, said, log = finish(start(package, *words, before=broken))
        assert (status, log, len(said)) == (2, "", 1), says
        assert isinstance(said[0], ErrorMessage) and said[0].message == says and said[0].hint


@needs_torch
def test_a_device_that_is_not_there_is_said(package: Path, nano_sort: Path, tmp_path: Path) -> None:
    import torch

    missing = next(
        name
        for name, there in (("mps", torch.backends.mps.is_available()), ("cuda", torch.cuda.is_available()))
        if not there
    )
    words = [*request(nano_sort, tmp_path / "x")[:-1], missing]
    status, said, _ = finish(start(package, *words))
    assert status == 1 and isinstance(said[-1], ErrorMessage)
    assert said[-1].message == f'This torch finds no device "{missing}" here.' and "cpu" in said[-1].hint


@pytest.mark.parametrize("end", ["cancel", "close", "SIGTERM", "SIGINT"])
def test_it_stops_when_told_and_leaves_nothing(package: Path, nano_sort: Path, tmp_path: Path, end: str) -> None:
    # A torch that takes an hour to import: the work is under way for certain when it is told to stop.
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "torch.py").write_text("import time\ntime.sleep(3600)\n")
    out = tmp_path / "x.trace.safetensors"
    process = start(package, *request(nano_sort, out), before=slow)
    assert process.stdout is not None and process.stdin is not None
    assert isinstance(decode(process.stdout.readline()), ProgressMessage)
    if end == "cancel":
        process.stdin.write('not for it\n{"type": "cancel"}\n')
        process.stdin.flush()
    elif end == "close":
        process.stdin.close()
    else:
        process.send_signal(getattr(signal, end))
    try:
        assert process.wait(30) == 130
    finally:
        process.kill()
    assert process.stderr is not None and process.stderr.read() == ""
    assert [path.name for path in tmp_path.iterdir()] == ["slow"]


# Models that will not do.


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_layer": 0}, "no proper 'n_layer' (it says 0)"),
        ({"n_layer": "3"}, "no proper 'n_layer' (it says '3')"),
        ({"n_head": 5}, "48 channels do not divide into 5 heads"),
        ({"vocabulary": ["A", "B"]}, "no vocabulary of 3 different letters"),
        ({"vocabulary": ["A", "B", "B"]}, "no vocabulary of 3 different letters"),
        ({"new_tokens": 7}, "more tokens than its context of 11"),
    ],
)
def test_a_config_that_cannot_be_is_refused(
    package: Path, nano_sort: Path, tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    shutil.copytree(nano_sort, tmp_path / "model")
    change_config(tmp_path / "model", **changes)
    status, said, _ = finish(start(package, *request(tmp_path / "model", tmp_path / "x")))
    assert status == 1 and isinstance(said[0], ErrorMessage) and says in said[0].message and said[0].hint


def test_a_model_that_is_not_there_is_said(package: Path, tmp_path: Path) -> None:
    for folder, says in ((tmp_path / "no", "is not there"), (tmp_path, "has no config.json")):
        status, said, _ = finish(start(package, *request(folder, tmp_path / "x")))
        assert status == 2 and isinstance(said[0], ErrorMessage) and says in said[0].message
    (tmp_path / "config.json").write_text("{")
    status, said, _ = finish(start(package, *request(tmp_path, tmp_path / "x")))
    assert status == 1 and isinstance(said[0], ErrorMessage) and "is not JSON" in said[0].message


@needs_torch
def test_weights_that_will_not_do_are_refused(nano_sort: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    from forward_pass.core.errors import UserError
    from forward_pass.tracer.checkpoint import load

    folder = tmp_path / "model"
    shutil.copytree(nano_sort, folder)
    path = folder / "model.safetensors"
    weights = load_file(nano_sort / "model.safetensors")
    whole = path.read_bytes()

    def refused(says: str) -> None:
        with pytest.raises(UserError, match=says):
            load(folder, torch.device("cpu"))

    path.write_bytes(whole[: len(whole) // 2])
    refused("is corrupt")
    path.write_bytes(b"not weights at all")
    refused("is corrupt")
    save_file({name: value for name, value in weights.items() if name != "lm_head.weight"}, path)
    refused(r"has no lm_head\.weight")
    save_file({**weights, "lm_head.bias": torch.zeros(3)}, path)
    refused(r"has lm_head\.bias, which this kind of model has not")
    save_file({**weights, "lm_head.weight": torch.zeros(3, 7)}, path)
    refused(r"lm_head\.weight .* has shape \(3, 7\); config\.json asks for \(3, 48\)")
    path.unlink()
    refused(r"has no model\.safetensors")


# The script.


def script(root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "trace.py"), *map(str, words)]
    environment = {**os.environ, "FORWARD_PASS_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


@needs_torch
def test_the_script_writes_a_trace_and_sums_it_up(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    done = script(root, "BCACAB", "--model", "nano-sort", "-o", out, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("BCACAB -> AABBCC\n") and "114 counted, 114 captured" in done.stdout
    assert "".join(token.text for token in Trace.open(out).generated_tokens) == "AABBCC"


@needs_torch
def test_the_script_says_what_is_wrong_in_two_lines_and_leaves_what_was_there(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    out.write_bytes(b"an earlier trace")
    for words, code in ((["XYZ"], 2), ([""], 2), (["CBABBC", "--model", str(tmp_path / "no")], 2)):
        done = script(root, *words, "-o", out)
        assert done.returncode == code and "Traceback" not in done.stderr
        assert done.stderr.startswith("Error: ") and len(done.stderr.splitlines()) == 2
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {out.name: b"an earlier trace"}
