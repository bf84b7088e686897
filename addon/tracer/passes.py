# SPDX-License-Identifier: GPL-3.0-or-later
"""The forward passes of a model, one for every token: how each kind of model is called, and how a token is chosen."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from .sampling import Sampling, filtered
from .subject import Subject

CACHES = ("cache", "past_key_values", "cache_params", "state")  # what the cache is called, in arguments and in results


@dataclass(frozen=True)
class Pass:
    """One forward pass: what it was given [1, T], how many tokens its cache had, what it gave, and what was chosen.

    `scores` [1, T, V] are logits, or the last hidden state where a model has none.
    """

    index: int
    given: torch.Tensor
    past: int
    scores: torch.Tensor
    chosen: int | None


def passes(
    subject: Subject,
    ids: Sequence[int],
    steps: int,
    sampling: Sampling,
    begin: Callable[[int, torch.Tensor], None],
    generator: torch.Generator | None = None,
) -> Iterator[Pass]:
    """Runs the model `steps` times, or until a token ends the text. `begin` is told of each pass before it runs."""
    device = next(subject.model.parameters()).device
    run = _Cached(subject) if subject.kind == "causal" else _Plain(subject)
    sequence = list(ids)
    for index in range(steps):
        given = torch.tensor([sequence[run.past :]], device=device)  # [1, T]
        past = run.past
        begin(index, given)
        scores = run(given)
        chosen = None
        if subject.kind == "builtin":
            chosen = _choose_from_all(scores, sampling, generator)
        elif subject.kind == "causal":
            chosen = _choose(scores, sampling, generator)
        yield Pass(index, given, past, scores, chosen)
        if chosen is None or chosen in subject.ends:
            return
        sequence.append(chosen)


class _Plain:
    """A model that is given the whole sequence each time."""

    def __init__(self, subject: Subject) -> None:
        self.past = 0
        self._model = subject.model
        self._bare = subject.kind == "builtin"

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        return self._model(given) if self._bare else _scores(self._model(input_ids=given))


class _Cached:
    """A model of transformers, which keeps keys and values (or its state) and is given only what is new.

    Where it gives no cache back, it is given the whole sequence each time.
    """

    def __init__(self, subject: Subject) -> None:
        self.past = 0
        self._model = subject.model
        self._takes = set(inspect.signature(subject.model.forward).parameters)
        self._cache: Any = None

    def __call__(self, given: torch.Tensor) -> torch.Tensor:
        options: dict[str, Any] = {"use_cache": True} if "use_cache" in self._takes else {}
        name = next((name for name in CACHES if name in self._takes), None)
        if self._cache is not None and name is not None:
            options[name] = self._cache
        positions = torch.arange(self.past, self.past + given.shape[1], device=given.device)  # [T]
        if "cache_position" in self._takes:
            options["cache_position"] = positions
        if "position_ids" in self._takes:  # as `generate()` gives them: a few models would count otherwise
            options["position_ids"] = positions.unsqueeze(0)
        output = self._model(input_ids=given, **options)
        self._cache = next((found for name in CACHES if (found := getattr(output, name, None)) is not None), None)
        if self._cache is not None and name is not None:
            self.past += given.shape[1]
        return _scores(output)


def _scores(output: Any) -> torch.Tensor:
    """Logits, else the last hidden state, of what a model of transformers gives back."""
    for name in ("logits", "prediction_logits", "last_hidden_state"):
        found = getattr(output, name, None)
        if isinstance(found, torch.Tensor):
            return found
    found = output[0]
    assert isinstance(found, torch.Tensor)
    return found


def _choose_from_all(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator | None) -> int:
    """The next token of logits [1, T, V], with the probabilities after every token."""
    probabilities = F.softmax(logits, dim=-1)  # [1, T, V]
    if sampling.is_greedy:
        chosen = probabilities[:, -1].argmax(-1, keepdim=True)  # [1, 1]
        return 0 if logits.is_meta else int(chosen)
    return _draw(logits[0, -1], sampling, generator)


def _choose(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator | None) -> int:
    """The next token of logits [1, T, V]. The likeliest is that of the logits: probabilities may tie by rounding."""
    last = logits[:, -1].float()  # [1, V]
    if sampling.is_greedy:
        F.softmax(last, dim=-1)
        chosen = last.argmax(-1)  # [1]
        return 0 if last.is_meta else int(chosen)
    return _draw(last[0], sampling, generator)


def _draw(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator | None) -> int:
    probabilities = F.softmax(filtered(logits.float(), sampling), dim=-1)  # [V]
    return int(torch.multinomial(probabilities, 1, generator=generator))
