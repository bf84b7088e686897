# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompt as token ids that the model can be given: found out before it runs, as some models go on in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import UserError
from .request import Request

if TYPE_CHECKING:
    from .subject import Subject


def prompt_ids(request: Request, subject: Subject, steps: int) -> tuple[int, ...]:
    """The ids of the request's prompt, [T].

    Raises UserError (code 2) where it is empty or longer than the model takes with `steps` new tokens after it, or
    where an id is beyond the vocabulary.
    """
    ids = request.ids
    if ids is None:
        assert request.prompt is not None
        ids = subject.codec.encode(request.prompt)
    check_ids(ids, subject.name, subject.vocabulary)
    check_length(len(ids), steps, subject.name, subject.limit)
    return ids


def check_ids(ids: tuple[int, ...], name: str, vocabulary: int) -> None:
    """Raises UserError (code 2) unless there are ids, and all of them rows of the embedding."""
    if not ids:
        raise UserError(f"The prompt has no token for {name}.", "Write some more text.", 2)
    beyond = next((one for one in ids if not 0 <= one < vocabulary), None)
    if beyond is not None:
        hint = f"Ids go from 0 to {vocabulary - 1}; the tokenizer or the ids belong to another model."
        raise UserError(f"Token {beyond} is beyond the vocabulary of {name}.", hint, 2)


def check_length(prompt: int, steps: int, name: str, limit: int | None) -> None:
    """Raises UserError (code 2) unless `prompt` tokens and `steps` new ones fit; the last one is never read."""
    if limit is None or prompt + steps - 1 <= limit:
        return
    if prompt > limit:
        what = f"The prompt is too long: {prompt} tokens, where {name} takes at most {limit}."
        raise UserError(what, f"Shorten it by {prompt - limit} or more.", 2)
    most = limit - prompt + 1
    what = f"{name} cannot generate {steps} tokens after the {prompt} of this prompt: it takes at most {limit}."
    raise UserError(what, f"Ask for at most {most} with --max-tokens, or shorten the prompt.", 2)
