# SPDX-License-Identifier: GPL-3.0-or-later
"""Another transformers beside the packages of .venv: what comes along and what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

packaging = pytest.importorskip("packaging.requirements")

from scripts import add_transformers as script


@pytest.mark.parametrize(
    "arguments", [[], ["4.57.6", "4.57.7"], ["newest"], ["4.0.x"], ["../x"], ["4.57.6 --index-url x"]]
)
def test_what_is_no_version_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(arguments) == 2
    assert capsys.readouterr().err.startswith("Say which version, for example: ")


def test_what_suits_already_does_not_come_along() -> None:
    assert script.is_met(packaging.Requirement("pytest>=9")) and script.is_met(packaging.Requirement("numpy"))
    assert not script.is_met(packaging.Requirement("pytest<1")) and not script.is_met(packaging.Requirement("no-such"))


def package(folder: Path, name: str, *needed: str) -> None:
    """The metadata of an installed package."""
    info = folder / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True)
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1", *(f"Requires-Dist: {one}" for one in needed)]
    (info / "METADATA").write_text("\n".join(lines))


def test_only_what_is_needed_comes_along_and_what_that_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs = {
        "transformers": ("huggingface-hub<1.0", "numpy", "pytest<1", "torch; extra == 'torch'"),
        "huggingface-hub": ("pytest<1", "pytest>=9"),
        "pytest": (),
    }
    installed = []

    def install(folder: Path, requirement: str) -> None:
        installed.append(requirement)
        name = packaging.Requirement(requirement).name
        package(folder, name, *needs[name])

    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "pip_install", install)
    for _ in range(2):  # the second time there is nothing to do
        assert script.main(["4.57.6"]) == 0
        assert capsys.readouterr().out == ".venv/transformers-4.57.6\n"
        assert installed == ["transformers==4.57.6", "huggingface-hub==0.36.2", "pytest<1"]


def test_what_pip_says_last_is_the_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path, requirement: str) -> None:
        raise subprocess.CalledProcessError(1, "pip", stderr="Looking\nERROR: No matching distribution found\n")

    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(script, "pip_install", fail)
    assert script.main(["99.0"]) == 1
    assert capsys.readouterr().err == "transformers 99.0 could not be installed: No matching distribution found\n"
