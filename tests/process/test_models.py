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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub that has the model "cached"."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    snapshot = tmp_path / "cache" / "models--cached" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "cache" / "models--cached" / "refs").mkdir()
    (tmp_path / "cache" / "models--cached" / "refs" / "main").write_text("abc")
    return tmp_path / "cache"


def test_folders_come_before_names_of_the_hub(assets: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert subject.find_model("nano-sort") == str(assets / "models" / "nano-sort")
    monkeypatch.chdir(assets)
    assert subject.find_model("models/another") == str(assets / "models" / "another")
    assert subject.find_model("org/another") == "org/another"
    assert subject.find_model(" org/another@v2 ") == "org/another@v2"


def test_a_name_without_a_slash_is_of_the_hub_where_it_is_cached_or_may_be_asked_for(assets: Path, cache: Path) -> None:
    assert subject.find_model("cached") == "cached"
    assert subject.find_model("gpt-5", online=True) == "gpt-5"
    with pytest.raises(UserError, match=r'^There is no model called "gpt-5"\. Built-in models: another, nano-sort;'):
        subject.find_model("gpt-5")


@pytest.mark.parametrize("text", ["./some/where", "some/where/else", "/some/where", "~/where"])
def test_what_can_only_be_a_path_is_one(assets: Path, cache: Path, text: str) -> None:
    with pytest.raises(UserError, match="There is no folder ") as caught:
        subject.find_model(text, online=True)
    assert caught.value.code == 2


def test_a_model_is_told_from_a_prompt(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(assets)
    assert all(map(subject.is_model, ["nano-sort", "models/another", "org/name", "org/name@v1"]))
    assert not any(map(subject.is_model, ["CBABBC", "gpt2", "models", "Write and/or read.", "and / or", "a/b/c", ""]))
