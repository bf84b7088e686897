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

# What the cache is called, in arguments and in results.
CACHES = ("cache", "past_key_values", "cache_params", "state", "past_buckets_states", "mems")
# What a model prepares for itself to save the logits of all tokens but the last; they are shown.
SAVINGS = ("logits_to_keep", "num_logits_to_keep")


@dataclass(frozen=True)
class Pass:
    """One forward pass: what it was given [1, T], how many tokens of the text it came to and how many of them its cache
    had, what it gave, and what was chosen.

    `scores` [1, T, V] are logits, or the last hidden state where a model has none. What is given is the rest of the
    tokens, but for models that ask in a way of their own: some take all again, some a token more than the text has.
    """

    index: int
    given: torch.Tensor
    tokens: int
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
    run = _Cached(subject) if keeps_cache(subject) else _Plain(subject)
    sequence = list(ids)
    for index in range(steps):
        inputs = run.inputs(torch.tensor([sequence], device=device))
        given = inputs["input_ids"]  # [1, T]
        begin(index, given)
        scores = run(inputs)
        chosen = None
        if subject.kind == "builtin":
            chosen = _choose_from_all(scores, sampling, generator)
        elif subject.kind == "causal":
            chosen = _choose(scores, sampling, generator)
        yield Pass(index, given, len(sequence), run.past, scores, chosen)
        if chosen is None or chosen in subject.ends:
            return
        sequence.append(chosen)


def keeps_cache(subject: Subject) -> bool:
    """Whether a pass goes on from the one before; the cache of a model that has no `generate()` serves nobody."""
    return subject.kind == "causal" and hasattr(subject.model, "generate")


class _Plain:
    """A model that is given the whole sequence each time."""

    past = 0

    def __init__(self, subject: Subject) -> None:
        self._model = subject.model
        self._bare = subject.kind == "builtin"
        takes = inspect.signature(subject.model.forward).parameters
        self._options = {"use_cache": False} if subject.kind == "causal" and "use_cache" in takes else {}

    def inputs(self, ids: torch.Tensor) -> dict[str, Any]:
        """What the pass over a text [1, n] takes."""
        return {"input_ids": ids, **self._options}

    def __call__(self, inputs: dict[str, Any]) -> torch.Tensor:
        return self._model(inputs["input_ids"]) if self._bare else _scores(self._model(**inputs))


class _Cached:
    """A model of transformers, which keeps keys and values (or its state) and is given only what is new.

    Where it gives no cache back, it is given the whole sequence each time. Where it prepares its inputs for
    `generate()` in a way of its own, it is asked for them.
    """

    def __init__(self, subject: Subject) -> None:
        import transformers

        self.past = 0  # tokens that the cache of this pass has
        self._model = subject.model
        self._takes = set(inspect.signature(subject.model.forward).parameters)
        self._name = next((name for name in CACHES if name in self._takes), None)
        self._prepare = _own_preparation(subject.model)
        self._masks = transformers.__version__.startswith("4.")
        self._whole = self._seen = 0  # tokens of the text, and those that the cache knows
        self._cache: dict[str, Any] = {}

    def inputs(self, ids: torch.Tensor) -> dict[str, Any]:
        """What the pass over a text [1, n] takes."""
        self._whole = ids.shape[1]
        positions = torch.arange(ids.shape[1], device=ids.device)  # [n]
        found = {"use_cache": True, "cache_position": positions[self._seen :], **self._cache, **self._mask(ids)}
        own = None
        if self._prepare is not None:
            own = self._prepared(ids, found | {"position_ids": positions.unsqueeze(0)})
        if own is not None:
            self.past = self._seen if self._cache and self._name in own else 0
            return own
        self.past = self._seen
        new = positions[self._seen :].unsqueeze(0)  # as `generate()` gives them: a few models would count otherwise
        return self._taken(found | {"input_ids": ids[:, self._seen :], "position_ids": new})

    def _prepared(self, ids: torch.Tensor, found: dict[str, Any]) -> dict[str, Any] | None:
        """What the model's own preparation makes of a text [1, n], told as `generate()` tells it; None where it is
        not made for this version of transformers."""
        assert self._prepare is not None
        more: dict[str, Any] = {"next_sequence_length": ids.shape[1] - self._seen, "is_first_iteration": not self._seen}
        if self._cache:  # transformers 4 has one name for all of them here
            named = set(inspect.signature(self._prepare).parameters)
            more |= dict.fromkeys(named & set(CACHES) - set(self._cache), *self._cache.values())
        try:
            prepared = self._prepare(ids, **found, **more).items()
        except Exception:  # whatever a model's own code thinks of
            return None
        kept = self._taken({name: one for name, one in prepared if one is not None and name not in SAVINGS})
        given, positions = kept.get("input_ids"), kept.pop("position_ids", None)
        if given is None:
            return None
        if positions is not None and positions.shape[-1] >= given.shape[1]:  # else for other tokens than are given
            kept["position_ids"] = positions[..., -given.shape[1] :]
        return kept

    def _mask(self, ids: torch.Tensor) -> dict[str, Any]:
        """That every token of a text [1, n] counts, where `generate()` says so: some models of transformers 4 know
        only then that they must not look ahead."""
        return {"attention_mask": torch.ones_like(ids)} if self._masks else {}

    def _taken(self, found: dict[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in found.items() if name in self._takes}

    def __call__(self, inputs: dict[str, Any]) -> torch.Tensor:
        output = self._model(**inputs)
        cache = next((found for name in CACHES if (found := getattr(output, name, None)) is not None), None)
        if cache is not None and self._name is not None:
            self._cache = {self._name: cache}
            self._seen = self._whole
        return _scores(output)


def _own_preparation(model: torch.nn.Module) -> Callable[..., dict[str, Any]] | None:
    """How a model prepares its inputs for `generate()`, where that is not how all do."""
    from transformers import GenerationMixin

    usual = GenerationMixin.prepare_inputs_for_generation
    own = getattr(type(model), "prepare_inputs_for_generation", usual)
    return None if own is usual else model.prepare_inputs_for_generation


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
