# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is called: what its tokens are, what it does with the prompt, and how a token is written so that it is
seen. All of it is read from the trace, none of it from the model's name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .trace import Trace

# Tokens that leave no mark, by what people call them.
UNSEEN = {" ": "space", "\n": "newline", "\r": "carriage return", "\t": "tab", "": "nothing"}
# What stands for a character that would break a line.
BREAKS = str.maketrans({"\n": "↵", "\r": "↵", "\t": " "})
FEW = 5  # of a vocabulary: so few are all named, in their own order
CUT = "..."


@dataclass(frozen=True)
class Wording:
    """The words of one run. `unit` is what a token is: letter, character or token. `sorts` is whether the answer is
    the prompt, sorted; otherwise it is its continuation."""

    unit: str
    sorts: bool
    prompt: str
    answer: str
    vocabulary: tuple[str, ...]  # the text of every token, by its id

    def likeliest(
        self, shares: NDArray[np.float32], count: int, unseen: Mapping[str, str] = UNSEEN
    ) -> list[tuple[str, float]]:
        """The likeliest `count` tokens with their shares, the first first; all in order where there are only a few.
        `shares` [vocabulary]; `unseen` names tokens that leave no mark."""
        order = range(len(shares)) if len(shares) <= FEW else np.argsort(-shares, kind="stable")[:count]
        return [(shown(self.vocabulary[i], unseen), float(shares[i])) for i in order]


def wording_of(trace: Trace) -> Wording:
    """The words for a trace."""
    vocabulary = vocabulary_of(trace)
    prompt = "".join(token.text for token in trace.prompt_tokens)
    answer = "".join(token.text for token in trace.generated_tokens)
    # A model that takes prompts of one length has a task to do with them.
    task = isinstance(trace.model.config.get("prompt_length"), int)
    return Wording(_unit(vocabulary), task and answer == "".join(sorted(prompt)), prompt, answer, vocabulary)


def vocabulary_of(trace: Trace) -> tuple[str, ...]:
    """The text of every token of a trace's model, by its id; the id itself where the trace does not say more."""
    texts = trace.model.config.get("vocabulary")
    if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
        return tuple(texts)
    known = {token.id: token.text for token in trace.tokens}
    return tuple(known.get(i, str(i)) for i in range(_count(trace, known)))


def _count(trace: Trace, known: dict[int, str]) -> int:
    """How many tokens there are: as many as the first step's logits."""
    logits = trace.steps[0].logits if trace.steps else None
    return max([trace.tensor(logits).shape[-1] if logits is not None else 0, *(i + 1 for i in known)])


def _unit(vocabulary: Sequence[str]) -> str:
    if any(len(text) != 1 for text in vocabulary):
        return "token"
    return "letter" if all(text.isalpha() for text in vocabulary) else "character"


def shown(text: str, unseen: Mapping[str, str] = UNSEEN) -> str:
    """A token in a list: as it is where it is seen, by its name or in quotes where it is easily missed."""
    return text if text.isalnum() else quoted(text, unseen)


def quoted(text: str, unseen: Mapping[str, str] = UNSEEN) -> str:
    """A token in a sentence: in quotes, or by its name where it leaves no mark."""
    return unseen.get(text) or (f"'{printable(text)}'" if "'" not in text else f'"{printable(text)}"')


def printable(text: str) -> str:
    """A text on one line."""
    return text.translate(BREAKS)


def shortened(text: str, most: int, end: bool = False) -> str:
    """A text of at most `most` characters on one line; what is left out is at its end, or with `end` at its front."""
    text = printable(text)
    if len(text) <= most:
        return text
    keep = most - len(CUT)
    return CUT + text[-keep:].lstrip() if end else text[:keep].rstrip() + CUT
