# SPDX-License-Identifier: GPL-3.0-or-later
"""Prompts of any length, characters of any kind, and what is said of those that will not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.tracer.characters import described, spelled
from forward_pass.tracer.config import Config, read_config

ENGLISH = {
    "n_layer": 1, "n_head": 1, "n_embd": 8, "vocab_size": 8, "block_size": 16, "vocabulary": list("\n 'Bbeot"),
}  # fmt: skip


def config(tmp_path: Path, **changes: object) -> Config:
    words = {**ENGLISH, **changes}
    (tmp_path / "config.json").write_text(json.dumps(words))
    return read_config(tmp_path)


def refused(model: Config, prompt: str, new_tokens: int | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        model.encode(prompt, new_tokens)
    assert caught.value.code == 2
    return caught.value


@pytest.mark.parametrize("changes", [{}, {"prompt_length": None}, {"prompt_length": None, "new_tokens": 6}])
def test_a_vocabulary_without_a_length_takes_prompts_of_any(tmp_path: Path, changes: dict[str, object]) -> None:
    model = config(tmp_path, **changes)
    assert (model.prompt_length, model.new_tokens) == (None, 6)
    for prompt in ("B", "to be\n'Bo", "b" * 11):
        ids = model.encode(prompt)
        assert "".join(map(model.text, ids)) == prompt
    assert model.encode("Bb \n") == [3, 4, 1, 0]


def test_the_context_holds_the_prompt_and_all_new_tokens_but_the_last(tmp_path: Path) -> None:
    model = config(tmp_path)
    error = refused(model, "b" * 12)
    assert error.message.startswith("The prompt is too long: 12 characters, where ")
    assert error.message.endswith("takes at most 11 and generates 6 more.")
    assert error.hint == "Give 1 to 11 characters out of a line break, a space, ' B b e o t."
    assert len(model.encode("b" * 16, 1)) == 16 and model.most_new_tokens(16) == 1
    assert "takes at most 16 and generates 1 more" in refused(model, "b" * 17, 1).message
    assert refused(model, "b", 17).message.endswith("cannot generate 17 tokens.")
    with pytest.raises(UserError, match="more tokens than its context of 16"):
        config(tmp_path, new_tokens=17)


def test_an_empty_prompt_and_a_strange_character(tmp_path: Path) -> None:
    model = config(tmp_path, name="english")
    assert refused(model, "").message == "The prompt is empty."
    assert refused(model, "to bé").message == 'The prompt has "é", which english does not know.'
    assert refused(model, "to\tbe").message == "The prompt has a tab, which english does not know."


def test_a_model_that_sorts_has_a_length_still(tmp_path: Path, nano_sort: Path) -> None:
    own = {key: value for key, value in ENGLISH.items() if key != "vocabulary"}
    (tmp_path / "config.json").write_text(json.dumps(own | {"vocab_size": 3, "block_size": 11}))
    model = read_config(tmp_path)
    assert (model.vocabulary, model.prompt_length, model.new_tokens) == (("A", "B", "C"), 6, 6)
    assert read_config(nano_sort).encode("CBABBC") == [2, 1, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("character", "words"),
    [
        ("x", '"x"'),
        (" ", '" "'),
        ("\n", "a line break"),
        ("\u00a0", "U+00A0 (NO-BREAK SPACE)"),
        ("\u200b", "U+200B (ZERO WIDTH SPACE)"),
        ("\u0301", "U+0301 (COMBINING ACUTE ACCENT)"),
        ("\x07", "U+0007"),
        ("\ud800", "U+D800"),
    ],
)
def test_no_character_is_invisible_in_a_message(character: str, words: str) -> None:
    assert described(character) == words


def test_many_characters_are_a_short_list() -> None:
    assert spelled("zyxwvut cba\n!01289") == "a line break, a space, ! 0 1 2 8 9 a b c t-z"
    assert spelled("\u200b\t") == "a tab, U+200B (ZERO WIDTH SPACE)"
    assert spelled(map(chr, range(0x4E00, 0x5E00, 2))).endswith(" and 1988 more")
