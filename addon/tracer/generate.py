# SPDX-License-Identifier: GPL-3.0-or-later
"""From token ids to a trace: forward passes under the capture, then all that is known of them in one file."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..core.messages import Message, ProgressMessage, WarningMessage
from ..core.trace import Manifest, Model, Run, Step, Token, TraceWriter
from .aliases import name_aliases
from .axes import call as name_axis
from .capture import Capture
from .choices import Choices
from .clerk import Clerk, has_a_core_to_spare
from .graph import Graph
from .layers import layer_of
from .ledger import Ledger
from .operations import operation
from .passes import Pass, keeps_cache, passes
from .roles import find_composites, find_groups
from .sources import Keeping
from .store import FileStore, Store
from .subject import Subject
from .weights import Weights, first_names

TOP = 64  # of the scores of each token, the largest that are kept
MORE_GIVEN = "asks for the next token with ids that the text does not have; they are among what it is given."
NO_CACHE = "has no generate(), so no cache of it is used: every pass is given the whole text."
Say = Callable[[Message], None]


@dataclass(frozen=True)
class Followed:
    """A run that was followed to its end."""

    manifest: Manifest
    ledger: Ledger


def trace(
    subject: Subject,
    ids: Sequence[int],
    choices: Choices,
    path: Path,
    *,
    say: Say,
    weights: Weights | None = None,
    keeping: Keeping | None = None,
) -> Manifest:
    """Generates tokens after `ids` (batch 1) and writes the trace of it all to `path`.

    `weights` may be prepared before; `keeping` says what of the tensors is kept where that is not all.
    Raises UserError where the file cannot be written; however this ends, no part of a file is left.
    """
    weights = Weights(subject.model, subject.checkpoint) if weights is None else weights
    if keeping is None:
        from .budget import keeping_for  # here, because what a run takes is found out by following one without numbers

        keeping, said = keeping_for(subject, len(ids), choices)
        subject = dataclasses.replace(subject, warnings=(*subject.warnings, *said))
    clerk = Clerk()
    with TraceWriter(path) as writer, clerk if has_a_core_to_spare(subject.model) else contextlib.nullcontext():
        store = FileStore(writer, clerk)
        manifest = follow(subject, ids, choices, store, weights, keeping, say, clerk).manifest
        say(ProgressMessage("write", 0.0, "Writing the trace"))
        writer.finish(manifest)
    for warning in manifest.warnings:
        say(WarningMessage(warning))
    say(ProgressMessage("write", 1.0, "Written"))
    return manifest


def follow(
    subject: Subject,
    ids: Sequence[int],
    choices: Choices,
    store: Store,
    weights: Weights,
    keeping: Keeping,
    say: Say,
    clerk: Clerk,
) -> Followed:
    """Runs the model under the capture and says all that there is to say about it."""
    started = time.perf_counter()
    ledger = Ledger(store, weights, subject.vocabulary, keeping, subject.kind == "builtin", clerk)
    graph = Graph(first_names(weights.named), ledger)
    generator = torch.Generator().manual_seed(choices.sampling.seed)
    with Capture(subject.model, graph) as capture:
        steps, sequence = _follow(subject, ids, choices, capture, generator, say)
    if subject.kind == "causal" and not keeps_cache(subject):
        ledger.warnings.append(f"{subject.name} {NO_CACHE}")
    groups = find_groups(graph.done)
    clerk.settle()
    ledger.look_for_trouble(graph.done)
    name_aliases(graph.done, groups, ledger)
    tensors = ledger.entries.tensors()
    _warn_of_crops(ledger, keeping)
    manifest = Manifest(
        model=Model(subject.name, subject.architecture, subject.parameters, subject.config, subject.source),
        run=_run(subject, choices, time.perf_counter() - started),
        prompt="".join(subject.codec.text(i) for i in ids) if choices.prompt is None else choices.prompt,
        tokens=tuple(Token(i, subject.codec.text(i), max(0, n - len(ids))) for n, i in enumerate(sequence)),
        tensors=tensors,
        operations=tuple(operation(i, node, tensors, layer_of(node.module)) for i, node in enumerate(graph.done)),
        modules=capture.modules(),
        steps=steps,
        witness=capture.witness,
        warnings=(*subject.warnings, *ledger.warnings),
        composites=find_composites(groups),
        also=choices.also,
    )
    return Followed(manifest, ledger)


def _follow(
    subject: Subject,
    ids: Sequence[int],
    choices: Choices,
    capture: Capture,
    generator: torch.Generator,
    say: Say,
) -> tuple[tuple[Step, ...], list[int]]:
    """The steps, and the whole sequence of token ids."""
    sequence, done = list(ids), []

    def begin(index: int, given: torch.Tensor) -> None:
        say(ProgressMessage("trace", index / choices.steps, f"Token {index + 1} of {choices.steps}"))
        capture.graph.begin(index, given)

    for one in passes(subject, ids, choices.steps, choices.sampling, begin, generator):
        with capture.aside():
            capture.flush()
            if not one.index and one.given.shape[1] > one.tokens:
                capture.graph.ledger.warnings.append(f"{subject.name} {MORE_GIVEN}")
            done.append(_step(one, capture, subject))
        if one.chosen is not None:
            sequence.append(one.chosen)
    say(ProgressMessage("trace", 1.0, "".join(subject.codec.text(i) for i in sequence[len(ids) :])))
    return tuple(done), sequence


def _step(one: Pass, capture: Capture, subject: Subject) -> Step:
    """A forward pass as the trace has it, with the largest scores of each token."""
    ledger = capture.graph.ledger
    value = capture.graph.value(one.scores)
    if value.shape[-1] == subject.vocabulary:
        name_axis(value.axes[-1], "vocab")
    maker = value.node
    scores = value.id
    if (
        scores is None
        and maker is not None
        and maker.rows is not None
        and value.shape == (*maker.out.shape[:-2], maker.of_rows, maker.out.shape[-1])
    ):
        scores = maker.out.id
    if scores is None:
        scores = ledger.keep(one.scores[:, -1:].contiguous(), f"step{one.index}.logits", value.axes)
    tokens = one.past, one.tokens - 1
    if subject.kind != "causal":
        return Step(one.index, one.past, tokens, scores, one.chosen)
    largest = one.scores[0].float().topk(min(TOP, one.scores.shape[-1]), dim=-1)  # [T, n] each
    axes = (value.axes[-2], ())
    values = ledger.keep(largest.values, f"step{one.index}.logits.top_values", axes)
    places = ledger.keep(largest.indices, f"step{one.index}.logits.top_ids", axes)
    return Step(one.index, one.past, tokens, scores, one.chosen, values, places)


def _run(subject: Subject, choices: Choices, seconds: float) -> Run:
    parameter = next(subject.model.parameters())
    dtype = str(parameter.dtype).removeprefix("torch.")
    seed = choices.sampling.seed
    return Run(parameter.device.type, dtype, seed, str(torch.__version__), subject.transformers, round(seconds, 3))


def _warn_of_crops(ledger: Ledger, keeping: Keeping) -> None:
    for name in dict.fromkeys(crop.name for crop in keeping.crops if crop.name not in ledger.sources.found):
        ledger.warnings.append(f"There is no tensor {name} to keep a part of.")
