# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace would take, from a model's config alone: the same capture on tensors without numbers."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from typing import Any

import torch

from ..core.errors import UserError
from ..core.trace_words import to_words
from .choices import Choices
from .clerk import Clerk
from .config import Config
from .generate import follow
from .imagined import Imagined
from .model import GPT
from .sources import Keeping
from .store import CountingStore
from .subject import Kind, Subject
from .weights import Weights

HEADER = 74  # bytes that the file's header takes for a buffer
STATISTICS = 85  # bytes that a tensor's statistics take, beyond what zeros take


@dataclass(frozen=True)
class Estimate:
    """What a trace would take.

    `bytes` of the file; `storages` those of each tensor of the run by its first name, in the order in which they come
    up; `weights` the bytes of the model's own file, which are not copied. `seconds` is what the estimate itself took.
    """

    name: str
    parameters: int
    tokens: int
    passes: int
    operations: int
    multiplies: int
    flops: int
    bytes: int
    weights: int
    seconds: float
    storages: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # of the tensors of the first pass, to their own names

    def lines(self) -> list[str]:
        """The same for people."""
        passes = "1 forward pass" if self.passes == 1 else f"{self.passes} forward passes"
        kept = sum(self.storages.values())
        return [
            f"{self.name}: {self.parameters:,} parameters; {self.tokens} tokens, {passes}",
            f"{self.operations:,} operations, {self.multiplies:,} of them multiplies, {self.flops / 1e9:,.1f} GFLOP",
            f"The trace takes {size(self.bytes)}: {size(kept)} of activations, {size(self.bytes - kept)} of the rest.",
            f"The weights, {size(self.weights)}, stay in the model's own file.",
        ]


def size(count: int) -> str:
    """Bytes for people."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= one:
            return f"{count / one:,.1f} {unit}"
    return f"{count} bytes"


def estimate(config: Any, tokens: int, choices: Choices, attention: str = "eager", code: bool = False) -> Estimate:
    """The estimate for a prompt of so many tokens, of a model that is given by its config (ours or transformers').

    `code` allows to run Python that comes with it. Raises UserError where it cannot be run without numbers.
    """
    with torch.device("meta"):
        model, kind = _model(config, attention, code)
    return estimate_of(model, kind, _vocabulary(config), tokens, choices)


def _model(config: Any, attention: str, code: bool) -> tuple[torch.nn.Module, Kind]:
    if isinstance(config, Config):
        return GPT(config), "builtin"
    import transformers

    from .architecture import has_masked_head, kind_of

    kind = kind_of(config, str(config.model_type))
    if hasattr(config, "_experts_implementation"):
        config._experts_implementation = "eager"
    made: Any = transformers.AutoModelForCausalLM
    if kind == "encoder":
        made = transformers.AutoModelForMaskedLM if has_masked_head(config) else transformers.AutoModel
    return made.from_config(config, attn_implementation=attention, trust_remote_code=code), kind


def _vocabulary(config: Any) -> int:
    return int(config.vocab_size if isinstance(config, Config) else config.get_text_config().vocab_size)


def like(subject: Subject) -> torch.nn.Module:
    """A model like this one, without numbers."""
    with torch.device("meta"):
        made = type(subject.model)(subject.model.config)
    return made.to(next(subject.model.parameters()).dtype)


def estimate_of(
    model: torch.nn.Module,
    kind: Kind,
    vocabulary: int,
    tokens: int,
    choices: Choices,
    keeping: Keeping | None = None,
) -> Estimate:
    """The estimate for a model without numbers. Raises UserError where it cannot be run so."""
    started = time.perf_counter()
    parameters = sum(parameter.numel() for parameter in model.parameters())
    weights = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    name = type(model).__name__
    subject = Subject(
        model.eval(), name, name, {}, "", parameters, _Nameless(), None, vocabulary, frozenset(), kind, (), None, ()
    )
    store = CountingStore()
    greedy = dataclasses.replace(choices.sampling, temperature=0.0)
    plain = dataclasses.replace(choices, sampling=greedy)
    try:
        with Imagined(), Clerk() as clerk:
            found = follow(
                subject,
                [0] * tokens,
                plain,
                store,
                Weights(model, (), assumed=True),
                Keeping(choices.keep) if keeping is None else keeping,
                lambda message: None,
                clerk,
            )
    except (NotImplementedError, RuntimeError) as error:
        what = f"{name} cannot be estimated: what it does next depends on numbers ({str(error).splitlines()[0]})."
        raise UserError(what, "Trace it without --estimate and --max-bytes.") from error
    manifest = found.manifest
    header = max(1 << 17, HEADER * store.buffers)
    statistics = STATISTICS * len(manifest.tensors)
    multiplies = [one for one in manifest.operations if one.kind == "matmul"]
    return Estimate(
        name=name,
        parameters=parameters,
        tokens=tokens,
        passes=len(manifest.steps),
        operations=len(manifest.operations),
        multiplies=len(multiplies),
        flops=sum(one.flops or 0 for one in multiplies),
        bytes=store.bytes + header + statistics + len(json.dumps(to_words(manifest), separators=(",", ":"))),
        weights=weights,
        seconds=time.perf_counter() - started,
        storages=dict(found.ledger.sources.storages),
        aliases={alias: one.name for one in manifest.tensors for alias in one.aliases},
    )


class _Nameless:
    """A codec for tokens that nobody knows."""

    def encode(self, text: str) -> tuple[int, ...]:
        """None."""
        return ()

    def text(self, token: int) -> str:
        """A token of some length."""
        return " token"
