# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model folder's `config.json` says, checked before anything is built from it."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .characters import described, spelled

HINT = "Give a folder with config.json and model.safetensors, such as assets/models/nano-sort."
MOST = 1 << 16  # of anything counted in a config; beyond it the file is nonsense, not ambition
NEW_TOKENS = 6  # generated where neither the config nor the person says how many


@dataclass(frozen=True)
class Config:
    """A GPT as minGPT builds it, with characters for tokens.

    A prompt is `prompt_length` characters of `vocabulary`, or, where that is None, any number of them that leaves room
    in the context of `block_size`; `new_tokens` characters are generated after it.
    """

    n_layer: int
    n_head: int
    n_embd: int
    vocab_size: int
    block_size: int
    name: str
    vocabulary: tuple[str, ...]
    prompt_length: int | None
    new_tokens: int
    model_type: str = "gpt"

    def encode(self, prompt: str, new_tokens: int | None = None) -> list[int]:
        """The token ids of a prompt that `new_tokens` (None: as many as the config says) are to follow.

        Raises UserError (code 2) where it is empty, has a character of no token, or is not as long as it has to be,
        and where no prompt leaves room for so many new tokens.
        """
        new_tokens = self.new_tokens if new_tokens is None else new_tokens
        longest = self.most_new_tokens(new_tokens)  # the two are exchanged for one another
        if longest < 1:
            raise UserError(f"{self.name} cannot generate {new_tokens} tokens.", f"Ask for 1 to {self.block_size}.", 2)
        hint = self._hint(longest)
        if not prompt:
            raise UserError("The prompt is empty.", hint, 2)
        for character in prompt:
            if character not in self.vocabulary:
                raise UserError(f"The prompt has {described(character)}, which {self.name} does not know.", hint, 2)
        if self.prompt_length is not None and len(prompt) != self.prompt_length:
            size = "short" if len(prompt) < self.prompt_length else "long"
            counted = "1 letter" if len(prompt) == 1 else f"{len(prompt)} letters"
            takes = f"{self.name} takes {self.prompt_length}"
            raise UserError(f"The prompt is too {size}: {counted}, where {takes}.", hint, 2)
        if self.prompt_length is None and len(prompt) > longest:
            takes = f"{self.name} takes at most {longest} and generates {new_tokens} more"
            raise UserError(f"The prompt is too long: {len(prompt)} characters, where {takes}.", hint, 2)
        return [self.vocabulary.index(character) for character in prompt]

    def text(self, token: int) -> str:
        """The character of a token id."""
        return self.vocabulary[token]

    def most_new_tokens(self, prompt: int) -> int:
        """How many tokens can follow a prompt of `prompt` of them: the last one generated is never read."""
        return self.block_size + 1 - prompt

    def example(self) -> str:
        """A prompt that this model takes."""
        length = min(self.vocab_size, self.block_size) if self.prompt_length is None else self.prompt_length
        return "".join(self.vocabulary[-1 - i % self.vocab_size] for i in range(length))

    def _hint(self, longest: int) -> str:
        if self.prompt_length is not None:
            letters = ", ".join(self.vocabulary)
            return f"Give {self.prompt_length} letters out of {letters}, for example {self.example()}."
        return f"Give 1 to {longest} characters out of {spelled(self.vocabulary)}."


def read_config(folder: Path) -> Config:
    """The checked config of a model folder.

    `vocabulary`, `prompt_length`, `new_tokens` and `name` may be missing, as they are from minGPT's own: then the
    tokens are letters from A, and the context is that of a sorting model, n letters and n sorted ones less the last.
    A model with a vocabulary and no `prompt_length` (or null) takes prompts of any length.
    Raises UserError where the folder or file is missing, is no JSON, or a number cannot be.
    """
    path = folder / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        what = f"has no {path.name}" if folder.is_dir() else "is not there"
        raise UserError(f"The model folder {folder} {what}.", HINT, 2) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", HINT, 1) from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not JSON.", HINT, 1) from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not a model's config.", HINT, 1)
    return _config(found, folder)


def _config(found: dict[str, Any], folder: Path) -> Config:
    def count(key: str, default: int | None = None) -> int:
        value = found.get(key, default)
        if type(value) is not int or not 1 <= value <= MOST:
            raise UserError(f"config.json of {folder} has no proper {key!r} (it says {value!r}).", HINT, 1)
        return value

    vocab_size, block_size = count("vocab_size"), count("block_size")
    sorts = "vocabulary" not in found
    vocabulary = found.get("vocabulary", list(string.ascii_uppercase[:vocab_size]))
    letters = isinstance(vocabulary, list) and all(isinstance(one, str) and len(one) == 1 for one in vocabulary)
    if not letters or len(set(vocabulary)) != len(vocabulary) or len(vocabulary) != vocab_size:
        raise UserError(f"config.json of {folder} has no vocabulary of {vocab_size} different letters.", HINT, 1)
    if sorts or found.get("prompt_length") is not None:
        prompt_length = count("prompt_length", (block_size + 1) // 2)
        new_tokens = count("new_tokens", max(1, block_size + 1 - prompt_length))
    else:
        prompt_length, new_tokens = None, count("new_tokens", min(NEW_TOKENS, block_size))
    config = Config(
        n_layer=count("n_layer"),
        n_head=count("n_head"),
        n_embd=count("n_embd"),
        vocab_size=vocab_size,
        block_size=block_size,
        name=str(found.get("name", folder.resolve().name)),
        vocabulary=tuple(vocabulary),
        prompt_length=prompt_length,
        new_tokens=new_tokens,
        model_type=str(found.get("model_type", "gpt")),
    )
    if config.n_embd % config.n_head:
        raise UserError(f"{config.n_embd} channels do not divide into {config.n_head} heads.", HINT, 1)
    if config.new_tokens > config.most_new_tokens(config.prompt_length or 1):
        raise UserError(f"config.json of {folder} asks for more tokens than its context of {block_size}.", HINT, 1)
    return config
