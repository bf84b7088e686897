# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python is found, and what is said where it does not serve."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.process import python as subject

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")


def program(path: Path, command: str) -> Path:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(subject.VARIABLE, raising=False)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python without torch."""
    return program(tmp_path / "bare", f'exec "{sys.executable}" -S "$@"')


def test_an_explicit_python_is_taken(python_with_torch: Path) -> None:
    assert subject.find_python(python_with_torch) == python_with_torch
    info = subject.look(python_with_torch)
    assert info.torch == "9.9.9" and info.version == sys.version_info[:3]
    assert str(info) == f"Python {'.'.join(map(str, sys.version_info[:3]))}, torch 9.9.9"


def test_an_explicit_python_without_torch_is_an_error_though_others_have_it(
    python_with_torch: Path, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(subject.VARIABLE, str(python_with_torch))
    with pytest.raises(UserError, match=r"bare has no torch\.") as caught:
        subject.find_python(bare)
    assert subject.VARIABLE in caught.value.hint


def test_the_variable_comes_before_the_search(python_with_torch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(subject.VARIABLE, str(python_with_torch))
    monkeypatch.setattr(subject, "candidates", lambda: pytest.fail("searched all the same"))
    assert subject.find_python() == python_with_torch


def test_the_first_candidate_with_torch_wins(
    python_with_torch: Path, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "candidates", lambda: iter([tmp_path / "missing", bare, python_with_torch]))
    assert subject.find_python() == python_with_torch
    monkeypatch.setattr(subject, "candidates", lambda: iter([bare]))
    with pytest.raises(UserError, match="No Python with torch was found") as caught:
        subject.find_python()
    assert "make setup" in caught.value.hint


def test_candidates_keep_links_and_skip_blenders_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "python3.11"
    link.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(link))
    assert next(subject.candidates()) == link
    (tmp_path / "5.2" / "scripts" / "startup").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "5.2" / "python"))
    assert subject.is_blenders_own()
    assert link not in subject.candidates()


def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not work as a Python with torch: hello"):
        subject.look(program(tmp_path / "echo", "echo hello >&2"))
    with pytest.raises(UserError, match="There is no Python at") as caught:
        subject.look(tmp_path / "missing")
    assert caught.value.code == 2
    with pytest.raises(UserError, match="is a folder"):
        subject.look(tmp_path)
    data = tmp_path / "data"
    data.write_text("not a program")
    with pytest.raises(UserError, match="cannot be run: Permission denied"):
        subject.look(data)


def test_one_that_hangs_is_given_up(tmp_path: Path) -> None:
    hanging = program(tmp_path / "hanging", "exec sleep 30")
    before = time.monotonic()
    with pytest.raises(UserError, match=r"did not answer within 0\.3 seconds"):
        subject._ask(hanging, subject.LOOK, timeout=0.3)
    assert time.monotonic() - before < 5.0


def test_the_answer_is_remembered_until_the_program_changes(tmp_path: Path, python_with_torch: Path) -> None:
    counter = tmp_path / "count"
    counted = program(tmp_path / "counted", f'echo x >>"{counter}"; exec "{python_with_torch}" "$@"')
    for _ in range(3):
        subject.look(counted)
    assert counter.read_text().count("x") == 1
    assert "torch" not in sys.modules or sys.modules["torch"].__version__ != "9.9.9"


def test_torch_installed_later_is_noticed(tmp_path: Path, bare: Path, python_with_torch: Path) -> None:
    assert subject.look(bare).torch is None
    changed = bare.stat().st_mtime_ns
    bare.write_text(f'#!/bin/sh\nexec "{python_with_torch}" "$@"\n')
    import os

    os.utime(bare, ns=(changed, changed))  # a venv's program stays as it is when torch comes in beside it
    assert subject.look(bare).torch == "9.9.9"


def test_trying_says_the_devices(python_with_torch: Path) -> None:
    assert subject.try_python(python_with_torch).devices == ("cpu", "cuda (Pretend 0)")


def test_a_broken_torch_is_told_by_its_last_line(tmp_path: Path, python_with_torch: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart is missing')")
    metadata = tmp_path / "torch-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1\n")
    broken = program(tmp_path / "broken", f'PYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"')
    with pytest.raises(UserError, match="ImportError: libcudart is missing"):
        subject.try_python(broken)
