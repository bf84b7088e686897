# SPDX-License-Identifier: GPL-3.0-or-later
"""Look into a trace: `python scripts/inspect_trace.py out/CBABBC.trace.safetensors`."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.core.trace import Tensor, Trace
from forward_pass.core.trace_findings import Verification
from forward_pass.core.trace_verify import verify
from forward_pass.core.trace_words import to_words
from scripts._terminal import Terminal
from scripts._trace_text import head, operations, result, tensor
from scripts._trace_tree import tree


def main() -> int:
    """Exit status 0, 1 for a failure or for a number that is wrong, 2 for wrong use, 130 for Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal has every letter
    try:
        status = _inspect(_parser().parse_args())
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"Error: {error.message}", *filter(None, [error.hint]), sep="\n", file=sys.stderr)
        return error.code
    except BrokenPipeError:  # nobody reads any more, as after | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Look into a trace: what ran, every tensor, and whether it is right.")
    parser.add_argument("file", type=Path, help="a .trace.safetensors file")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--tree", action="store_true", help="modules, what is in them, and their operations")
    view.add_argument("--json", action="store_true", help="everything but the numbers, for programs")
    view.add_argument("--tensor", metavar="NAME", help="a tensor by name, alias or id, and a corner of its numbers")
    parser.add_argument("--step", type=int, help="only this forward pass, from 0 on, of the table or the tree")
    parser.add_argument("--verify", action="store_true", help="compute again, from the file, all that can be")
    return parser


def _inspect(asked: argparse.Namespace) -> int:
    trace = Trace.open(asked.file)
    steps = _steps(trace, asked.step)
    if asked.tensor is not None:
        print(*tensor(trace, _find(trace, asked.tensor)), sep="\n")
    elif not asked.json:
        print(*head(trace), sep="\n")
    if asked.tree:
        print("", *tree(trace, steps), sep="\n")
    elif not (asked.tensor or asked.json or asked.verify):
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print("", *operations(trace, [one for one in trace.operations if one.step in steps], width), sep="\n")
    verified = _verify(trace) if asked.verify else None
    if asked.json:
        print(json.dumps(_words(trace, verified), indent=1, allow_nan=False))
    elif verified is not None:
        print("", *verified.lines(), sep="\n")
    return 1 if verified is not None and not verified.ok else 0


def _steps(trace: Trace, step: int | None) -> list[int]:
    if step is None:
        return [one.index for one in trace.steps]
    if not 0 <= step < len(trace.steps):
        raise UserError(f"There is no step {step}.", f"The trace has {len(trace.steps)}, counted from 0.", 2)
    return [step]


def _find(trace: Trace, name: str) -> Tensor:
    """The tensor of this name, alias or id. Raises UserError with the names that are most like it."""
    if name.isascii() and name.isdigit() and name not in trace:
        return trace.tensor(int(name))
    if name not in trace:
        names = [known for one in trace.tensors for known in (one.name, *one.aliases)]
        close = difflib.get_close_matches(name, names, 3, 0.4)
        close += [known for known in names if name in known and known not in close][:3]
        hint = f"Names like it: {', '.join(close)}." if close else "The table lists operations; --json lists tensors."
        raise UserError(f"The trace {trace.path.name} has no tensor {name!r}.", hint)
    return trace.tensor(name)


def _verify(trace: Trace) -> Verification:
    """Everything computed again, with a bar where somebody watches."""
    if not sys.stderr.isatty():
        return verify(trace)
    with Terminal().stage("verify") as stage:
        return verify(trace, lambda done, total: stage.update(done / total, f"{done} of {total} operations"))


def _words(trace: Trace, verified: Verification | None) -> dict[str, Any]:
    """The manifest as it stands in the file, the file, and beside each operation the shape and axes of its result."""
    words = {"file": {"path": str(trace.path), "bytes": trace.path.stat().st_size}, **to_words(trace.manifest)}
    for operation, known in zip(trace.operations, words["operations"], strict=True):
        made = result(trace, operation)
        known |= {"shape": None, "axes": None} if made is None else {"shape": made.shape, "axes": made.axes}
    if verified is not None:
        found = dataclasses.asdict(verified)["checks"]
        words["verification"] = {"ok": verified.ok, "complete": verified.complete, "checks": found}
    return words


if __name__ == "__main__":
    sys.exit(main())
