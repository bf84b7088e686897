# SPDX-License-Identifier: GPL-3.0-or-later
"""Trace a model at work on a prompt: `python scripts/trace.py CBABBC -o out/CBABBC.trace.safetensors`."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.core.messages import Message, ProgressMessage, WarningMessage
from forward_pass.core.trace import Trace
from forward_pass.process.models import is_model
from forward_pass.process.options import TraceOptions
from forward_pass.process.trace_prompt import estimate_prompt, trace_prompt
from scripts._trace_options import add_trace_options, read_trace_options

SUFFIX = ".trace.safetensors"


@dataclass(frozen=True)
class Wanted:
    """One trace to make: a model's name or folder, a prompt (None where its token ids are given), and how."""

    model: str
    prompt: str | None
    device: str
    steps: int | None
    options: TraceOptions

    def make(self, out: Path) -> None:
        """Runs the model. Raises UserError."""
        trace_prompt(self.prompt, self.model, out, self.device, None, _show, steps=self.steps, options=self.options)

    def estimate(self) -> list[str]:
        """What it would take, in lines. Raises UserError."""
        found = estimate_prompt(
            self.prompt, self.model, self.device, None, _show, steps=self.steps, options=self.options
        )
        return [str(line) for line in found.get("lines", ())]


def main() -> int:
    """Exit status 0, 1 for a failure, 2 for wrong use, 130 for Ctrl-C."""
    try:
        asked = _parser().parse_args()
        wanted = Wanted(asked.model, asked.prompt, asked.device, asked.max_tokens, _options(asked))
        if asked.estimate:
            print(*wanted.estimate(), sep="\n")
        elif asked.out is None:
            raise UserError("There is no file to write.", "Name it with -o, or say --estimate.", 2)
        else:
            for path in _make(wanted, asked.also, asked.out):
                print(_summary(Trace.open(path)))
    except UserError as error:
        print(f"Error: {error.message}", *filter(None, [error.hint]), sep="\n", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as everything else is said."""

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ").rstrip(".")
        raise UserError(f"{text[:1].upper()}{text[1:]}.", f"Run {self.prog} --help to see what it takes.", 2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="trace.py", description="Trace a model at work on a prompt, and check every multiply.", allow_abbrev=False
    )
    add = parser.add_argument
    add("prompt", nargs="?", metavar="PROMPT", help="for nano-sort: six letters out of A, B, C")
    add(
        "--model",
        default="nano-sort",
        metavar="MODEL",
        help="a built-in model, a folder with a model of transformers, or org/name of the hub (%(default)s)",
    )
    add("-o", "--out", type=Path, metavar="FILE", help=f"the {SUFFIX} file to write")
    add("--device", choices=("auto", "cuda", "mps", "cpu"), default="auto")
    add("--ids", metavar="1,2,3", help="the prompt as token ids, for models without a tokenizer")
    add("--estimate", action="store_true", help="tell what the trace would take, from the config alone, and stop")
    add("--check", choices=("auto", "full"), default="auto", help="full recomputes every element of every multiply")
    add(
        "--also",
        metavar="MODEL|PROMPT",
        help="a second run with the same choices, to compare; model: or prompt: before it decides which it is",
    )
    add_trace_options(parser)
    return parser


def _options(asked: argparse.Namespace) -> TraceOptions:
    return dataclasses.replace(read_trace_options(asked), ids=asked.ids, check=asked.check)


def _make(wanted: Wanted, also: str | None, out: Path) -> list[Path]:
    """Makes the trace, or with `also` both or none, and returns where they are. Raises UserError."""
    if also is None:
        wanted.make(out)
        return [out]
    beside = out.with_name(also_name(out.name))
    with _stage(out) as stage:
        _with_also(wanted, beside.name).make(stage / out.name)
        _with_also(other_of(wanted, also), out.name).make(stage / beside.name)
        for path in (out, beside):
            os.replace(stage / path.name, path)
    return [out, beside]


def _with_also(wanted: Wanted, name: str) -> Wanted:
    return dataclasses.replace(wanted, options=dataclasses.replace(wanted.options, also=name))


def also_name(name: str) -> str:
    """The name of the second trace: `.also` before the suffix."""
    stem, suffix = (name.removesuffix(SUFFIX), SUFFIX) if name.endswith(SUFFIX) else os.path.splitext(name)
    return f"{stem}.also{suffix}"


def other_of(wanted: Wanted, also: str) -> Wanted:
    """The run to compare with: the same with another model, or with another prompt."""
    kind, colon, rest = also.partition(":")
    if colon and kind in ("model", "prompt"):
        names_model, text = kind == "model", rest
    else:
        names_model, text = is_model(also), also
    if names_model:
        return dataclasses.replace(wanted, model=text)
    return dataclasses.replace(wanted, prompt=text, options=dataclasses.replace(wanted.options, ids=None))


@contextlib.contextmanager
def _stage(out: Path) -> Iterator[Path]:
    """A hidden folder beside the files that shall appear together. Raises UserError where there is no place for it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".forward-pass-", dir=out.absolute().parent))
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.", "Choose another place.") from error
    try:
        yield folder
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.", "Choose another place.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _show(message: Message) -> None:
    if isinstance(message, ProgressMessage):
        print(f"{message.stage:>6} {message.done:4.0%}  {message.text}", file=sys.stderr)
    elif isinstance(message, WarningMessage):
        print(f"Warning: {message.message}", file=sys.stderr)


def _summary(trace: Trace) -> str:
    errors = [operation.max_error for operation in trace.operations if operation.max_error is not None]
    worst = max((math.inf if math.isnan(error) else error for error in errors), default=0.0)
    passes = "1 forward pass" if len(trace.steps) == 1 else f"{len(trace.steps)} forward passes"
    run, generated = trace.run, "".join(token.text for token in trace.generated_tokens)
    lines = [
        f"{trace.prompt} -> {generated}" if trace.generated_tokens else trace.prompt,
        f"{trace.model.name}: {trace.model.parameters:,} parameters, {run.dtype} on {run.device}, {run.seconds:.2f} s",
        f"{passes}, {len(trace.operations)} operations, {len(trace.tensors)} tensors",
        f"{len(errors)} multiplies recomputed, largest relative error {worst:.1e}; "
        f"{trace.witness.aten_matmuls} counted, {trace.witness.captured} captured",
        f"{trace.path} ({trace.path.stat().st_size / 1e6:.2f} MB)",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
