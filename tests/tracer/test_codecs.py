# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of tokens read well one after another, whatever the tokenizer; models without one get by."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forward_pass.core.errors import UserError

pytest.importorskip("transformers")

from forward_pass.tracer.codecs import Bytes, Tokens, load_codec
from tests.tracer import small_models

KINDS: dict[str, tuple[Callable[[], Any], dict[str, str]]] = {
    "byte_level": (small_models.byte_level, {"bos_token": "<s>", "eos_token": "<s>"}),
    "metaspace": (small_models.metaspace, {"bos_token": "<s>", "unk_token": "<unk>"}),
    "word_pieces": (small_models.word_pieces, {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with each kind of tokenizer."""
    found = {}
    for kind, (make, special) in KINDS.items():
        found[kind] = tmp_path_factory.mktemp(kind)
        small_models.save_tokenizer(make(), found[kind], **special)
    return found


def codec(folder: Path, **options: bool) -> Any:
    found, warning = load_codec(folder, "m", 400, **({"chat": False, "code": False, "ids": False} | options))
    assert warning == ""
    return found


def texts(folder: Path, prompt: str) -> list[str]:
    found = codec(folder)
    return [found.text(token) for token in found.encode(prompt)]


def test_a_space_belongs_to_the_word_after_it(folders: dict[str, Path]) -> None:
    found = texts(folders["byte_level"], "the sky is blue")
    assert "".join(found) == "the sky is blue" and found[-3:] == [" sky", " is", " blue"]
    assert texts(folders["metaspace"], "the sky is blue") == ["<s>", " the", " sky", " is", " blue"]
    assert texts(folders["word_pieces"], "The sky is blue") == ["[CLS]", " the", " sky", " is", " blue", "[SEP]"]


def test_pieces_of_words_are_not_torn_apart(folders: dict[str, Path]) -> None:
    assert texts(folders["word_pieces"], "unbelievable cats!")[1:-1] == [" un", "bel", "iev", "able", " cat", "s", "!"]


@pytest.mark.parametrize("kind", ["byte_level", "metaspace"])
def test_bytes_that_are_no_character_can_be_read(folders: dict[str, Path], kind: str) -> None:
    found = texts(folders[kind], "x ☃")
    assert found[-3:] == ["<0xE2>", "<0x98>", "<0x83>"]


def test_a_line_break_is_one(folders: dict[str, Path]) -> None:
    assert texts(folders["byte_level"], "x\nx") == ["x", "\n", "x"]
    assert texts(folders["metaspace"], "x\nx")[-2:] == ["\n", "x"]


def test_an_id_of_no_token_is_its_number(folders: dict[str, Path]) -> None:
    assert codec(folders["byte_level"]).text(390) == "<390>"


def test_encoding_is_that_of_transformers(folders: dict[str, Path]) -> None:
    from transformers import AutoTokenizer

    for folder in folders.values():
        wanted = AutoTokenizer.from_pretrained(folder)("the sky is blue, the cat")["input_ids"]
        assert list(codec(folder).encode("the sky is blue, the cat")) == wanted


def test_a_chat_is_wrapped_as_the_template_says(tmp_path: Path) -> None:
    small_models.save_tokenizer(small_models.byte_level(), tmp_path, bos_token="<s>", chat_template=small_models.CHAT)
    found = codec(tmp_path, chat=True)
    ids = found.encode("the sky")
    assert "".join(map(found.text, ids)) == "<s>user: the sky bot:" and ids[0] == 0


def test_a_chat_that_cannot_be_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^m has no chat template\. Leave out --chat"):
        codec(folders["byte_level"], chat=True)
    with pytest.raises(UserError, match=r"^m has no chat template: it has no tokenizer\."):
        codec(tmp_path, chat=True)
    fails = "{{ raise_exception('only in French') }}"
    small_models.save_tokenizer(small_models.byte_level(), tmp_path, chat_template=fails)
    with pytest.raises(UserError, match=r"^The chat template of m fails: only in French\."):
        codec(tmp_path, chat=True).encode("the sky")


def test_an_empty_prompt_is_refused(folders: dict[str, Path]) -> None:
    for one in (codec(folders["metaspace"]), Bytes("m", 10)):
        with pytest.raises(UserError, match=r"^The prompt is empty\.") as caught:
            one.encode("")
        assert caught.value.code == 2


def test_without_a_tokenizer_bytes_are_tokens_and_that_is_said(tmp_path: Path) -> None:
    found, warning = load_codec(tmp_path, "m", 99, chat=False, code=False, ids=False)
    assert warning == "m has no tokenizer: each byte of the prompt, modulo the vocabulary, is taken for a token."
    assert found.encode("hé") == (ord("h") % 99, 0xC3 % 99, 0xA9 % 99) and found.text(5) == "<5>"
    found, warning = load_codec(tmp_path, "m", 300, chat=False, code=False, ids=True)
    assert warning == "" and [found.text(one) for one in (104, 10, 299)] == ["h", "<10>", "<299>"]


def test_a_broken_tokenizer_is_an_error_unless_ids_are_given(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["byte_level"], tmp_path, dirs_exist_ok=True)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(UserError, match=r"^The tokenizer of m cannot be loaded: .+\. Get its tokenizer files again"):
        codec(tmp_path)
    found, warning = load_codec(tmp_path, "m", 99, chat=False, code=False, ids=True)
    assert isinstance(found, Bytes) and warning.endswith("Tokens are shown by their numbers.")


def test_texts_are_decoded_once(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found = codec(folders["byte_level"])
    found.text(300)
    monkeypatch.setattr(Tokens, "_decode", None)
    assert found.text(300)
