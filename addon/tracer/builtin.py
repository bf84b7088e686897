# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that ship, and others of their architecture, as subjects."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

from .checkpoint import WEIGHTS, load
from .config import Config
from .request import Request
from .subject import Subject


@dataclass(frozen=True)
class Letters:
    """A codec with one letter for each token."""

    config: Config

    def encode(self, text: str) -> tuple[int, ...]:
        """One id a letter. Raises UserError (code 2) for a letter of no token or a wrong length."""
        return tuple(self.config.encode(text))

    def text(self, token: int) -> str:
        """The letter."""
        return self.config.vocabulary[token]


def load_builtin(request: Request, device: torch.device) -> Subject:
    """The model of a folder with minGPT's own config. Raises UserError as `checkpoint.load` does."""
    assert request.config is not None and request.folder is not None
    config = request.config
    model = load(request.folder, device)
    return Subject(
        model=model,
        name=config.name,
        architecture="minGPT",
        config=dataclasses.asdict(config),
        source=config.name,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        codec=Letters(config),
        limit=config.block_size,
        vocabulary=config.vocab_size,
        ends=frozenset(),
        kind="builtin",
        checkpoint=(request.folder / WEIGHTS,),
        transformers=None,
        warnings=(),
    )
