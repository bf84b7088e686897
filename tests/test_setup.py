# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up and the Makefile: done once, safe with any prompt, and clear about what failed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import setup


@pytest.fixture
def env(tmp_path: Path) -> setup.Environment:
    """An environment that looks whole: an interpreter and a fresh stamp."""
    env = replace(setup.environment(None), folder=tmp_path / ".venv")
    env.python.parent.mkdir(parents=True)
    env.python.symlink_to(sys.executable)
    env.stamp.write_text(json.dumps(env.state()), encoding="utf-8")
    return env


def test_nothing_is_done_where_nothing_changed(env: setup.Environment) -> None:
    assert env.is_ready()


@pytest.mark.parametrize("key", ["checkout", "python", "pins", "requirements"])
def test_any_change_sets_up_again(env: setup.Environment, key: str) -> None:
    env.stamp.write_text(json.dumps({**env.state(), key: "other"}), encoding="utf-8")
    assert not env.is_ready()


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_stamp_sets_up_again(env: setup.Environment, content: str) -> None:
    env.stamp.write_text(content, encoding="utf-8")
    assert not env.is_ready()


def test_a_failure_leaves_no_stamp(env: setup.Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise setup.SetupError("The packages could not be installed: no such version", "hint")

    monkeypatch.setattr(setup, "make_folder", lambda env: None)
    monkeypatch.setattr(setup, "pip_install", fail)
    with pytest.raises(setup.SetupError, match="no such version"):
        setup.set_up(env)
    assert not env.stamp.exists() and not env.is_ready()


@pytest.mark.parametrize(
    "said", ["ERROR: No such version", "      error: No such version\nerror: subprocess-exited-with-error"]
)
def test_pip_s_last_error_is_the_sentence(env: setup.Environment, said: str) -> None:
    env.python.unlink()
    env.python.write_text(f"#!/bin/sh\necho Collecting torch\ncat <<'END'\n{said}\nEND\nexit 1\n")
    env.python.chmod(0o755)
    log = env.folder / "setup.log"
    with pytest.raises(setup.SetupError, match=r"could not be installed: No such version$") as caught:
        setup.pip_install(env, log)
    assert caught.value.hint.endswith(".venv/setup.log.")
    assert "Collecting torch" in log.read_text(encoding="utf-8")


def test_what_does_not_start_is_named(env: setup.Environment) -> None:
    with pytest.raises(setup.SetupError, match="no_such_module was installed but does not start: ModuleNotFound"):
        setup.check_imports(replace(env, imports=("json", "no_such_module")))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Downloading bpy-5.0.1-cp311-cp311-manylinux_2_28_x86_64.whl (374.3 MB)", "fetching bpy 5.0.1 (374.3 MB)"),
        ("Processing ./wheels/torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl", "fetching torch 2.13.0+cpu"),
        ("Installing collected packages: a, b, c", "unpacking 3 packages"),
        ("Collecting numpy==1.26.4 (from forward-pass==0.1.0)", None),
        ("Processing .", None),
    ],
)
def test_what_pip_does_in_plain_words(line: str, text: str | None) -> None:
    assert setup.what_pip_does(line) == text


def test_only_another_blender_leaves_torch_out() -> None:
    assert "torch" in setup.environment(None).imports
    other = setup.environment("4.5.15")
    assert other.folder.name == ".venv-4.5.15"
    assert other.requirements == (".[test]", "bpy==4.5.15") and "torch" not in other.imports


def find_python(root: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "HOME": "/nonexistent", "PYENV_ROOT": "/nonexistent"}
    if path is not None:
        variables["PATH"] = path
    command = [shutil.which("sh") or "sh", str(root / "scripts/find_python.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables)


def test_finds_the_python_it_is_given(root: Path) -> None:
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    result = find_python(root, wanted, sys.executable)
    assert result.returncode == 0 and result.stdout.strip() == sys.executable


def test_one_sentence_where_there_is_no_python(root: Path, tmp_path: Path) -> None:
    result = find_python(root, "3.99", path=str(tmp_path))
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("No Python 3.99 was found.") and result.stderr.count("\n") == 1


def test_a_wrong_python_is_named(root: Path, tmp_path: Path) -> None:
    result = find_python(root, "3.99", "/no/such/python", path=str(tmp_path))
    assert result.returncode == 1 and result.stderr.startswith("PYTHON=/no/such/python does not start")


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """A checkout with a space in its path whose set-up is done and whose Python prints its arguments."""
    folder = tmp_path / "a checkout"
    (folder / "scripts").mkdir(parents=True)
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(root / "Makefile", folder)
    (folder / "scripts/find_python.sh").write_text("command -v true\n")
    python = folder / ".venv/bin/python"
    python.write_text('#!/bin/sh\nfor word; do printf "<%s>" "$word"; done\n')
    python.chmod(0o755)
    return folder


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *arguments]
    outer = ("PROMPT", "MODEL", "QUALITY", "OUT", "PYTHON", "BPY", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    inherited = {name: value for name, value in os.environ.items() if name not in outer and not name.startswith("FP_")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**inherited, **variables})


PROMPTS = ["CBABBC", "two words", 'quo"te', "it's", "$HOME $(shell echo x) `id` $$", "a;b&c|d>e", "-x", "#1 \\ %", "é"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_make_passes_any_prompt_as_it_is(checkout: Path, prompt: str) -> None:
    typed = make(checkout, "video", f"PROMPT={prompt}")
    assert typed.stdout == f"<scripts/make_video.py><--><{prompt}>", typed.stderr
    assert make(checkout, "video", PROMPT=prompt).stdout == typed.stdout


def test_make_passes_the_options(checkout: Path) -> None:
    result = make(checkout, "video", "PROMPT=ABC", "MODEL=my model", "QUALITY=final", "OUT=a b.mp4")
    assert result.stdout == ("<scripts/make_video.py><--model><my model><--quality><final><-o><a b.mp4><--><ABC>"), (
        result.stderr
    )


@pytest.mark.parametrize("arguments", [["video"], ["video", "PROMPT="]])
def test_no_prompt_gets_a_sentence(checkout: Path, arguments: list[str]) -> None:
    result = make(checkout, *arguments)
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("There is no prompt. Write, for example: make video PROMPT=")


def test_make_stops_where_the_set_up_fails(checkout: Path) -> None:
    (checkout / "scripts/find_python.sh").write_text("echo 'No Python 3.11 was found.' >&2; exit 1\n")
    result = make(checkout, "video", "PROMPT=ABC")
    assert result.returncode == 2 and "<" not in result.stdout
    assert result.stderr.startswith("No Python 3.11 was found.")
