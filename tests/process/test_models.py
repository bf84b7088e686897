# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and paths of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.process import models as subject


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Assets with two built-in models."""
    for name in ("nano-sort", "another"):
        folder = tmp_path / "assets" / "models" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    monkeypatch.setattr(subject, "assets_folder", lambda: tmp_path / "assets")
    return tmp_path / "assets"


def test_a_name_finds_its_folder(assets: Path) -> None:
    assert subject.built_in_models() == ("another", "nano-sort")
    assert subject.model_folder(" nano-sort ") == assets / "models" / "nano-sort"


def test_a_path_is_taken_as_it_is(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(assets / "models")
    assert subject.model_folder("./another") == assets / "models" / "another"
    assert subject.model_folder(assets / "models" / "another") == assets / "models" / "another"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "No model is given."),
        ("nano-sorted", 'There is no model called "nano-sorted".'),
        ("some/where", "There is no folder some/where."),
    ],
)
def test_a_wrong_name_is_wrong_use_and_lists_the_right_ones(assets: Path, model: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        subject.model_folder(model)
    assert caught.value.message == message
    assert caught.value.code == 2
    assert "another, nano-sort" in caught.value.hint


def test_a_folder_without_a_model_and_a_file(assets: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no model: config\.json is missing"):
        subject.model_folder(assets)
    with pytest.raises(UserError, match="is a file, not a folder") as caught:
        subject.model_folder(assets / "models" / "another" / "config.json")
    assert caught.value.code == 2


def test_what_ships_is_found_from_the_checkout() -> None:
    folder = subject.assets_folder()
    if folder is None:
        pytest.skip("no assets yet")
    assert folder.name == "assets"
