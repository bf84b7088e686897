# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts and token ids of models of transformers: by the model's tokenizer, or by bytes where it has none."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .architecture import first_line
from .subject import Codec

# One of these is there where a model has a tokenizer.
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
    "spm.model",
    "tokenizer.tiktoken",
)
BROKEN = "\ufffd"  # what decoding shows for bytes that are no whole character
ANCHOR = "x"  # a token before another, so that this one stands inside a sequence
NO_TOKENIZER = "has no tokenizer: each byte of the prompt, modulo the vocabulary, is taken for a token."


def load_codec(folder: Path, name: str, vocabulary: int, *, chat: bool, code: bool, ids: bool) -> tuple[Codec, str]:
    """The codec of the model in `folder`, and a warning that a person should read ("" for none).

    `chat` wraps prompts in its chat template, `code` lets it run Python that it brings along, `ids` says that the
    prompt needs no tokenizer because its ids are given. Raises UserError where its tokenizer cannot be loaded.
    """
    if not any((folder / file).is_file() for file in FILES):
        if chat:
            raise UserError(f"{name} has no chat template: it has no tokenizer.", "Leave out --chat.", 2)
        return Bytes(name, vocabulary), "" if ids else f"{name} {NO_TOKENIZER}"
    try:
        return Tokens(_tokenizer(folder, name, code), name, chat), ""
    except UserError as error:
        if not ids:
            raise
        return Bytes(name, vocabulary), f"{error.message} Tokens are shown by their numbers."


def _tokenizer(folder: Path, name: str, code: bool) -> Any:
    """The tokenizer of transformers. Raises UserError."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=code)
    except Exception as error:  # whatever its files and its own code lead to
        raise _unloadable(folder, name, error) from error


def _unloadable(folder: Path, name: str, error: Exception) -> UserError:
    """Why a tokenizer could not be loaded, as far as it can be told from its files and from what was raised."""
    hint, text = "Get its tokenizer files again, or give token ids with --ids.", str(error)
    broken = next((file for file in FILES if file.endswith(".json") and not _is_json(folder / file)), None)
    if broken is not None:
        return UserError(f"The tokenizer of {name} cannot be loaded: {broken} is not JSON.", hint)
    if "trust_remote_code" in text:
        what = f"The tokenizer of {name} is program code that comes with the model."
        return UserError(what, "Say --trust-remote-code if you trust its author.", 2)
    needed = next((word for word in ("sentencepiece", "tiktoken", "protobuf") if word in text), None)
    if needed is not None:
        return UserError(f"The tokenizer of {name} needs the Python package {needed}.", f"Install it. {hint}")
    return UserError(f"The tokenizer of {name} cannot be loaded: {first_line(error)}.", hint)


def _is_json(path: Path) -> bool:
    """Whether the file is JSON, or not there."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except (OSError, ValueError, RecursionError):
        return False
    return True


class Tokens:
    """A tokenizer of transformers as a codec."""

    def __init__(self, tokenizer: Any, name: str, chat: bool) -> None:
        if chat and not getattr(tokenizer, "chat_template", None):
            raise UserError(f"{name} has no chat template.", "Leave out --chat, or take a model made for chats.", 2)
        self._tokenizer = tokenizer
        self._name = name
        self._chat = chat
        self._special = {int(token) for token in tokenizer.all_special_ids}
        self._special |= {int(token) for token in getattr(tokenizer, "added_tokens_decoder", ())}
        self._anchor: list[int] = list(tokenizer(ANCHOR, add_special_tokens=False)["input_ids"])[-1:]
        self._before = self._decode(self._anchor)
        self.text = cache(self._text)

    def encode(self, text: str) -> tuple[int, ...]:
        """As transformers does it, with the tokens that the model wants before and after a text.

        Raises UserError (code 2) for an empty prompt, or one that the chat template refuses.
        """
        if not text:
            raise UserError("The prompt is empty.", f"Write a text for {self._name}, such as: The sky is", 2)
        if self._chat:
            return tuple(self._tokenizer(self._as_chat(text), add_special_tokens=False)["input_ids"])
        return tuple(self._tokenizer(text)["input_ids"])

    def _as_chat(self, text: str) -> str:
        """The prompt as a user's message, up to where the answer begins."""
        messages = [{"role": "user", "content": text}]
        try:
            return str(self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        except Exception as error:  # a template is a program of the model's own
            what = f"The chat template of {self._name} fails: {error}".rstrip(".")
            raise UserError(f"{what}.", "Leave out --chat.") from error

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _text(self, token: int) -> str:
        """A token's text after another token: so a space before a word is its own, and no tokenizer needs a rule."""
        piece = self._tokenizer.convert_ids_to_tokens(token)
        if piece is None:  # ids of an embedding that was padded, or given by hand
            return f"<{token}>"
        if isinstance(piece, bytes):
            piece = piece.decode("utf-8", "replace")
        if token in self._special:
            return str(piece)
        after = self._decode([*self._anchor, token])
        if not after.startswith(self._before) or BROKEN in after[len(self._before) :]:
            return _piece_text(str(piece))
        return after[len(self._before) :]


class Bytes:
    """A stand-in where there is no tokenizer: tokens are bytes of UTF-8, modulo the size of the vocabulary."""

    def __init__(self, name: str, vocabulary: int) -> None:
        self._name = name
        self._vocabulary = vocabulary

    def encode(self, text: str) -> tuple[int, ...]:
        """One token for each byte. Raises UserError (code 2) for an empty prompt."""
        if not text:
            raise UserError("The prompt is empty.", f"Write a text for {self._name}, or give token ids with --ids.", 2)
        return tuple(byte % self._vocabulary for byte in text.encode("utf-8", "surrogateescape"))

    def text(self, token: int) -> str:
        """The letter of a byte where each has a token of its own, else the number."""
        return chr(token) if 0x20 <= token < 0x7F and self._vocabulary >= 256 else f"<{token}>"


def _piece_text(piece: str) -> str:
    """A piece of a vocabulary that is no text by itself: its letters, and the bytes of incomplete ones as <0xE2>."""
    letters = _byte_letters()
    if piece and all(letter in letters for letter in piece):
        return "".join(_shown(bytes(letters[letter] for letter in piece)))
    return piece.replace("\u2581", " ")


def _shown(data: bytes) -> list[str]:
    """Characters where there are whole ones, bytes as <0xE2> where not."""
    text = data.decode("utf-8", "surrogateescape")
    return [f"<0x{ord(letter) - 0xDC00:02X}>" if 0xDC80 <= ord(letter) <= 0xDCFF else letter for letter in text]


@cache
def _byte_letters() -> dict[str, int]:
    """The letters that byte-level BPE writes for bytes: printable ones as they are, others from U+0100 on.

    Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), its released code.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}
