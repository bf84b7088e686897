# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of every architecture, traced once each for all tests that look at them, and what they do untraced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from forward_pass.tracer.architecture import json_safe
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import trace
from forward_pass.tracer.subject import Kind, Subject

from .architectures import ARCHITECTURES, PROMPT, VOCAB, build, is_encoder, missing
from .numpy_check import File

ATTENTION = ("eager", "sdpa")
STEPS = 3
COUNTED_FROM_ZERO = {"roberta"}
"""Models whose positions `generate()` counts from zero, and the tracer with it, where the model by itself does not."""
LOOKS_AHEAD = {"moshi"}
"""Models that on transformers 4 look ahead where no mask is given; `generate()` gives one, and the tracer with it."""
ASKS = {"xlm", "xlnet"}
"""Models that are given a token more, which stands for the one that they are asked for."""
SPOILT = {"xlm"}
"""Models in whose cache that token stays, in the place of what came there: `generate()` is right only without it."""


class Numbers:
    """A codec that writes token ids as numbers."""

    def encode(self, text: str) -> tuple[int, ...]:
        """The numbers in a text."""
        return tuple(map(int, text.split()))

    def text(self, token: int) -> str:
        """A number with the space before it."""
        return f" {token}"


class Refused(Exception):
    """The library does not offer this way of attention for this model."""


@dataclass(frozen=True)
class Traced:
    """A model, its trace, and what it gave untraced just before: the logits [1, T, V] of a pass, and the tokens of
    `generate()` with the logits [V] that each was chosen from."""

    name: str
    path: Path
    model: torch.nn.Module
    plain: NDArray[np.float32]
    tokens: tuple[int, ...]
    scores: tuple[NDArray[np.float32], ...]

    @property
    def file(self) -> File:
        """The trace, opened by the second reader."""
        return File(self.path)


def subject(
    model: torch.nn.Module, kind: Kind, vocabulary: int = VOCAB, checkpoint: Iterable[Path] = (), **more: Any
) -> Subject:
    """A model as the tracer takes it."""
    return Subject(
        model=model.eval(),
        name="test",
        architecture=type(model).__name__,
        config=more.get("config", {}),
        source="test",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        codec=Numbers(),
        limit=None,
        vocabulary=vocabulary,
        ends=frozenset(),
        kind=kind,
        checkpoint=tuple(checkpoint),
        transformers=more.get("transformers"),
        warnings=(),
    )


def cases() -> list[tuple[str, str]]:
    """Every architecture that this transformers has, with each way of attention."""
    lacking = missing()
    return [(name, attention) for name in ARCHITECTURES if name not in lacking for attention in ATTENTION]


def of_transformers(folder: Path, encoder: bool, attention: str, dtype: torch.dtype = torch.float32) -> Any:
    """The model of a folder, with its experts one by one. Raises Refused where it cannot attend like this."""
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    kind = AutoModelForMaskedLM if encoder else AutoModelForCausalLM
    try:
        model = kind.from_pretrained(folder, attn_implementation=attention, dtype=dtype)
    except ValueError as error:
        raise Refused(str(error).splitlines()[0]) from None
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")
    return model.eval()


_folders: dict[tuple[str, torch.dtype], Path] = {}
_traced: dict[tuple[str, str, torch.dtype], Traced] = {}


def folder_of(name: str, base: Path, dtype: torch.dtype = torch.float32) -> Path:
    """The model folder of an architecture, built where it was not yet."""
    if (name, dtype) not in _folders:
        _folders[name, dtype] = build(name, base / "models" / f"{name}-{str(dtype)[6:]}", dtype=dtype)
    return _folders[name, dtype]


def traced(name: str, attention: str, base: Path, dtype: torch.dtype = torch.float32) -> Traced:
    """The trace of an architecture under `base`: three greedy steps, or one pass of an encoder.

    Raises Refused where it cannot attend like this.
    """
    key = name, attention, dtype
    if key not in _traced:
        path = base / f"{name}-{attention}-{str(dtype)[6:]}.trace.safetensors"
        _traced[key] = _trace(name, attention, folder_of(name, base, dtype), path, dtype)
    return _traced[key]


def _trace(name: str, attention: str, folder: Path, path: Path, dtype: torch.dtype) -> Traced:
    encoder = is_encoder(name)
    model = of_transformers(folder, encoder, attention, dtype)
    plain = passed(model, name, PROMPT)
    tokens, scores = ((), ()) if encoder else generated(model, name not in SPOILT)
    retrace(model, name, folder, PROMPT, 1 if encoder else STEPS, path)
    return Traced(name, path, model, plain, tokens, scores)


def retrace(model: Any, name: str, folder: Path, ids: Iterable[int], steps: int, path: Path) -> None:
    """Traces a model of transformers, whose weights lie in `folder`, at work on some token ids."""
    import transformers

    one = subject(
        model,
        "encoder" if is_encoder(name) else "causal",
        checkpoint=folder.glob("*.safetensors"),
        config=json_safe(model.config.to_dict()),
        transformers=transformers.__version__,
    )
    trace(one, tuple(ids), Choices(steps, check="full"), path, say=lambda message: None)


def generated(model: Any, use_cache: bool = True) -> tuple[tuple[int, ...], tuple[NDArray[np.float32], ...]]:
    """The tokens that `generate()` goes on with, and the logits [V] that it chose each from."""
    usual = {"do_sample": False, "min_new_tokens": STEPS, "output_logits": True, "return_dict_in_generate": True}
    with torch.no_grad():
        made = model.generate(torch.tensor([PROMPT]), max_new_tokens=STEPS, use_cache=use_cache, **usual)
    return tuple(made.sequences[0, len(PROMPT) :].tolist()), tuple(one[0].float().numpy() for one in made.logits)


def passed(model: Any, name: str, ids: Iterable[int], **options: bool) -> NDArray[np.float32]:
    """The logits [1, T, V] of one pass over all ids."""
    given = torch.tensor([list(ids)])  # [1, T]
    positions = {"position_ids": torch.arange(given.shape[1])[None]} if name in COUNTED_FROM_ZERO else {}
    with torch.no_grad():
        inputs = model.prepare_inputs_for_generation(given) if name in ASKS else {"input_ids": given}
        if name in LOOKS_AHEAD:
            inputs["attention_mask"] = torch.ones_like(given)
        logits: NDArray[np.float32] = model(**inputs, **positions, **options).logits.float().numpy()
    return logits
