# SPDX-License-Identifier: GPL-3.0-or-later
"""A model that is ready to be traced, wherever it came from, and what it takes to read and write its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch

from ..core.messages import Message

if TYPE_CHECKING:
    from .request import Request

Kind = Literal["builtin", "causal", "encoder"]


class Codec(Protocol):
    """Between a text and token ids."""

    def encode(self, text: str) -> tuple[int, ...]:
        """The token ids of a prompt. Raises UserError where there are none for it."""
        ...

    def text(self, token: int) -> str:
        """One token's text as it stands inside a sequence, with the space before it if it has one."""
        ...


@dataclass(frozen=True)
class Subject:
    """A model in eval mode, on its device, in its number type.

    `kind` tells how it is called: "builtin" is model(ids) -> logits [B, T, V] without a cache; "causal" is the forward
    of transformers, with a cache; "encoder" reads a text in one pass and generates none. `config` is JSON-safe.
    `source` says for people where the weights came from; `checkpoint` has the .safetensors files that hold them.
    `limit` is the most tokens it can be given (None: it sets none), `vocabulary` the rows of its embedding, and `ends`
    the ids that end a text. `transformers` is that library's version where it was used.
    """

    model: torch.nn.Module
    name: str
    architecture: str
    config: dict[str, Any]
    source: str
    parameters: int
    codec: Codec
    limit: int | None
    vocabulary: int
    ends: frozenset[int]
    kind: Kind
    checkpoint: tuple[Path, ...]
    transformers: str | None
    warnings: tuple[str, ...]


def load(request: Request, device: torch.device, say: Callable[[Message], None]) -> Subject:
    """The model of a request: a built-in one by its own config, any other by transformers.

    Raises UserError where it cannot be loaded as it is, with the reason.
    """
    if request.config is not None:
        from .builtin import load_builtin

        return load_builtin(request, device)
    from .huggingface import load_huggingface

    return load_huggingface(request, device, say)
