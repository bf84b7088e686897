# SPDX-License-Identifier: GPL-3.0-or-later
"""Trace a model at work on a prompt: `python scripts/trace.py CBABBC -o out/CBABBC.trace.safetensors`."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from forward_pass.core.errors import UserError
from forward_pass.core.messages import Message, ProgressMessage, WarningMessage
from forward_pass.core.trace import Trace
from forward_pass.process.trace_prompt import trace_prompt


def main() -> int:
    """Exit status 0, 1 for a failure, 2 for wrong use, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(description="Trace a model at work on a prompt, and check every multiply.")
    parser.add_argument("prompt", help="for nano-sort: six letters out of A, B, C")
    parser.add_argument("--model", default="nano-sort", help="a built-in model or a folder (%(default)s)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the .trace.safetensors file to write")
    parser.add_argument("--device", choices=("auto", "cuda", "mps", "cpu"), default="auto")
    arguments = parser.parse_args()
    try:
        path = trace_prompt(arguments.prompt, arguments.model, arguments.out, arguments.device, on_message=_show)
        print(_summary(Trace.open(path)))
    except UserError as error:
        print(f"Error: {error.message}", *filter(None, [error.hint]), sep="\n", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130
    return 0


def _show(message: Message) -> None:
    if isinstance(message, ProgressMessage):
        print(f"{message.stage:>6} {message.done:4.0%}  {message.text}", file=sys.stderr)
    elif isinstance(message, WarningMessage):
        print(f"Warning: {message.message}", file=sys.stderr)


def _summary(trace: Trace) -> str:
    errors = [operation.max_error for operation in trace.operations if operation.max_error is not None]
    worst = max((math.inf if math.isnan(error) else error for error in errors), default=0.0)
    run = trace.run
    lines = [
        f"{trace.prompt} -> {''.join(token.text for token in trace.generated_tokens)}",
        f"{trace.model.name}: {trace.model.parameters:,} parameters, {run.dtype} on {run.device}, {run.seconds:.2f} s",
        f"{len(trace.steps)} forward passes, {len(trace.operations)} operations, {len(trace.tensors)} tensors",
        f"{len(errors)} multiplies recomputed, largest relative error {worst:.1e}; "
        f"{trace.witness.aten_matmuls} counted, {trace.witness.captured} captured",
        f"{trace.path} ({trace.path.stat().st_size / 1e6:.2f} MB)",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
