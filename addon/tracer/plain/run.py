# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a built-in model in NumPy, from a checked request to a trace file."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ...core.errors import UserError
from ...core.messages import Message, ProgressMessage, ResultMessage
from ...core.trace import Composite, Manifest, Model, Operation, Run, Step, Token, TraceWriter, Witness
from ..config import Config
from ..prompt import check_ids, check_length
from ..request import Request
from ..summary import summary
from .forward import Forward
from .notes import Notes
from .weights import read_weights

Say = Callable[[Message], None]
INSTALL = "Install torch in a Python of your own and choose that one."
# What is together an attention and an MLP: the parts' last names, and the role that each has.
ATTENTION = (
    ("c_attn", "query"), ("split", "query"), ("scores", "scores"), ("scale", "scale"), ("mask", "mask"),
    ("softmax", "softmax"), ("mix", "mix"), ("merge", "merge"), ("c_proj", "output"),
)  # fmt: skip
MLP = (("c_fc", "up"), ("gelu", "activation"), ("c_proj", "down"))


def why_not(request: Request) -> str | None:
    """What of a request NumPy alone does not serve; None where it serves all of it."""
    if request.config is None:
        return "a model that is not built in"
    wants = {
        "drawing tokens at random": not request.sampling.is_greedy,
        "an estimate": request.estimate,
        "a limit of the file's size": request.max_bytes is not None,
        "parts of tensors": bool(request.keep),
        f"the device {request.device}": request.device not in ("auto", "cpu"),
        f"the number type {request.dtype}": request.dtype not in ("auto", "float32"),
    }
    return next((what for what, wanted in wants.items() if wanted), None)


def run(request: Request, say: Say) -> ResultMessage:
    """Makes the trace and returns what there is to say about it.

    Raises UserError where the request needs torch, the model cannot be loaded, or the file cannot be written.
    """
    reason = why_not(request)
    if reason is not None:
        raise UserError(f"There is no torch, which {reason} needs.", INSTALL)
    config, folder, ids = request.config, request.folder, request.ids
    assert config is not None and folder is not None and ids is not None
    started = time.perf_counter()
    choices = request.choices("builtin")
    check_ids(ids, config.name, config.vocab_size)
    check_length(len(ids), choices.steps, config.name, config.block_size)
    weights = read_weights(folder, config)
    say(ProgressMessage("load", 1.0, f"{config.name} in NumPy"))
    with TraceWriter(request.out) as writer:
        notes = Notes(writer)
        forward = Forward(config, weights, notes)
        sequence, steps = list(ids), []
        for index in range(choices.steps):
            say(ProgressMessage("trace", index / choices.steps, f"Token {index + 1} of {choices.steps}"))
            notes.step = index
            logits = forward(sequence)
            chosen = forward.choose(logits)
            steps.append(Step(index, 0, (0, len(sequence) - 1), logits.id, chosen))
            sequence.append(chosen)
        manifest = Manifest(
            model=Model(
                config.name,
                "minGPT",
                sum(one.size for one in weights.values()),
                dataclasses.asdict(config),
                config.name,
            ),
            run=Run(
                "cpu", "float32", choices.sampling.seed, "", None, round(time.perf_counter() - started, 3), _engine()
            ),
            prompt="".join(map(config.text, ids)) if choices.prompt is None else choices.prompt,
            tokens=tuple(_tokens(config, sequence, len(ids))),
            tensors=tuple(notes.tensors),
            operations=tuple(notes.operations),
            modules=tuple(notes.modules),
            steps=tuple(steps),
            witness=Witness(forward.multiplies, sum(one.kind == "matmul" for one in notes.operations)),
            warnings=(),
            composites=tuple(composites(notes.operations)),
            also=choices.also,
        )
        say(ProgressMessage("write", 0.0, "Writing the trace"))
        writer.finish(manifest)
    say(ProgressMessage("write", 1.0, "Written"))
    return ResultMessage(str(request.out), summary(manifest, len(ids), request.out))


def _engine() -> str:
    return f"NumPy {np.__version__}"


def _tokens(config: Config, sequence: Sequence[int], prompt: int) -> Iterator[Token]:
    for place, token in enumerate(sequence):
        yield Token(token, config.text(token), max(0, place - prompt))


def composites(operations: Sequence[Operation]) -> Iterator[Composite]:
    """The attentions, MLPs and residual sums, in the order of the run."""
    by_name = {(one.step, one.name): one for one in operations}
    for one in operations:
        if one.kind != "add" or one.layer is None:
            continue
        half, parts = ("attn", ATTENTION) if one.name.endswith(".attn_residual") else ("mlp", MLP)
        at = f"{one.module}.{half}"
        found = [(role, by_name[one.step, f"{at}.{name}"]) for name, role in parts]
        kind = "attention" if half == "attn" else "mlp"
        yield _composite(kind, at, found)
        yield _composite("residual", one.name, [("sum", one)])


def _composite(kind: str, name: str, parts: Sequence[tuple[str, Operation]]) -> Composite:
    """With what goes in from outside and what comes out of the last."""
    first = parts[0][1]
    made = {tensor for _, one in parts for tensor in one.outputs}
    taken = [tensor for _, one in parts for tensor in one.inputs if tensor not in made]
    roles = tuple((role, one.id) for role, one in parts)
    inputs = tuple(dict.fromkeys(taken))
    return Composite(kind, name, name, first.layer, first.step, roles, inputs, parts[-1][1].outputs)
