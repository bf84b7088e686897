# SPDX-License-Identifier: GPL-3.0-or-later
"""From token ids to a trace: one full forward pass for every token, the likeliest one each time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

from ..core.messages import Message, ProgressMessage, WarningMessage
from ..core.trace import Manifest, Model, Run, Step, Token, TraceWriter
from .capture import Capture
from .model import GPT
from .recorder import Recorder


@dataclass(frozen=True)
class Passes:
    """What the forward passes gave: the steps and the whole sequence of token ids."""

    steps: tuple[Step, ...]
    ids: tuple[int, ...]


def trace(
    model: GPT, ids: Sequence[int], steps: int, path: Path, *, seed: int, source: str, say: Callable[[Message], None]
) -> Manifest:
    """Generates `steps` tokens after `ids` and writes the trace of it all to `path`.

    Every pass runs the whole sequence so far (batch 1, no cache): T = len(ids), len(ids) + 1, ...
    Raises UserError where the file cannot be written; however this ends, no part of a file is left.
    """
    started = time.perf_counter()
    torch.manual_seed(seed)
    with TraceWriter(path) as writer:
        recorder = Recorder(writer, dict(model.named_parameters()))
        with Capture(model, recorder) as capture:
            passes = _generate(model, ids, steps, recorder, say)
        say(ProgressMessage("write", 0.0, "Writing the trace"))
        tensors, operations = recorder.finished()
        manifest = Manifest(
            model=_model(model, source),
            run=_run(model, seed, time.perf_counter() - started),
            prompt="".join(model.config.vocabulary[i] for i in ids),
            tokens=_tokens(model, passes.ids, len(ids)),
            tensors=tensors,
            operations=operations,
            modules=tuple(capture.modules),
            steps=passes.steps,
            witness=capture.witness,
            warnings=tuple(recorder.warnings),
        )
        writer.finish(manifest)
    for warning in manifest.warnings:
        say(WarningMessage(warning))
    say(ProgressMessage("write", 1.0, "Written"))
    return manifest


def _generate(model: GPT, ids: Sequence[int], steps: int, recorder: Recorder, say: Callable[[Message], None]) -> Passes:
    device = next(model.parameters()).device
    sequence, done = list(ids), []
    for index in range(steps):
        say(ProgressMessage("trace", index / steps, f"Letter {index + 1} of {steps}"))
        given = torch.tensor([sequence], device=device)  # [1, T]
        recorder.begin(index, given)
        logits = model(given)  # [1, T, V]
        probabilities = F.softmax(logits, dim=-1)  # [1, T, V]
        chosen = int(probabilities[:, -1].argmax(-1, keepdim=True).item())  # of [1, 1]
        recorder.settle()
        logits_id = recorder.value(logits).id
        assert logits_id is not None  # it is the result of a multiply
        done.append(Step(index, 0, (0, len(sequence) - 1), logits_id, chosen))
        sequence.append(chosen)
    say(ProgressMessage("trace", 1.0, "".join(model.config.vocabulary[i] for i in sequence[len(ids) :])))
    return Passes(tuple(done), tuple(sequence))


def _tokens(model: GPT, ids: Sequence[int], prompt: int) -> tuple[Token, ...]:
    return tuple(Token(key, model.config.vocabulary[key], max(0, i - prompt)) for i, key in enumerate(ids))


def _model(model: GPT, source: str) -> Model:
    count = sum(parameter.numel() for parameter in model.parameters())
    config = dataclasses.asdict(model.config)
    return Model(model.config.name, "minGPT", count, config, source)


def _run(model: GPT, seed: int, seconds: float) -> Run:
    parameter = next(model.parameters())
    dtype = str(parameter.dtype).removeprefix("torch.")
    return Run(parameter.device.type, dtype, seed, str(torch.__version__), None, round(seconds, 3))
