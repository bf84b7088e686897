# SPDX-License-Identifier: GPL-3.0-or-later
"""The external process: `python -m forward_pass.tracer --prompt CBABBC --model DIR --out FILE`.

Says one JSON message a line on stdout and listens for a cancel on stdin; the end of stdin means that whoever asked is
gone. Exit status 0, 1 for a failure, 2 for wrong use, 130 where it was cancelled. Nothing half-written stays.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TextIO

from ..core.errors import UserError
from ..core.messages import ErrorMessage, Message, ProgressMessage, ResultMessage, encode
from .listen import listen, raise_interrupt
from .request import Request, read_request

DEVICES = ("auto", "cuda", "mps", "cpu")
NUMBER_TYPES = ("auto", "float32", "float16", "bfloat16")
ATTENTIONS = ("eager", "sdpa")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Wrong use is said as a message, like everything else."""
        raise UserError(f"The tracer was started wrongly: {message}.", self.format_usage().strip(), 2)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="python -m forward_pass.tracer", description="Trace a language model at work.", allow_abbrev=False
    )
    add = parser.add_argument
    add("--prompt", help="the text; may be left out where --ids are given")
    add("--ids", metavar="1,2,3", help="the prompt as token ids")
    add("--model", required=True, help="a folder with config.json and weights, or a name of the hub, org/name")
    add("--out", type=Path, required=True, help="the .trace.safetensors file to write")
    add("--device", choices=DEVICES, default="auto")
    add("--dtype", choices=NUMBER_TYPES, default="auto", help="float32 on the CPU, else the checkpoint's own")
    add("--attention", choices=ATTENTIONS, default="eager")
    add("--steps", type=int, help="how many tokens to generate (all that a built-in model is made for, else 1)")
    add("--temperature", type=float, help="0 is the likeliest token each time (0; 1 with --top-k or --top-p)")
    add("--top-k", type=int)
    add("--top-p", type=float)
    add("--seed", type=int, default=0)
    add("--chat", action="store_true", help="put the prompt into the model's chat template")
    add("--online", action="store_true", help="fetch what is not in the local cache of the hub")
    add("--trust-remote-code", action="store_true", help="run Python that comes with the model")
    add("--keep", action="append", default=[], metavar="NAME[ROWS, COLUMNS]", help="keep this in full resolution")
    add("--max-bytes", metavar="SIZE", help="the most that the file may have, such as 500MB")
    add("--check", choices=("auto", "full"), default="auto", help="how much of each multiply is recomputed")
    add("--also", metavar="NAME", help="the name of the file beside, which this one is to be compared with")
    add("--estimate", action="store_true", help="tell what the trace would take, and write nothing")
    return parser.parse_args(words)


def _messages() -> TextIO:
    """The stream for messages: stdout as it was. What libraries print goes to stderr from here on."""
    stream = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stream


def main(words: list[str] | None = None) -> int:
    """Runs one trace; everything that happens is said on stdout."""
    stream = _messages()

    def say(message: Message) -> None:
        try:
            print(encode(message), file=stream, flush=True)
        except OSError:  # nobody listens any more
            raise KeyboardInterrupt from None

    for number in (signal.SIGINT, signal.SIGTERM):  # set even where a shell had SIGINT ignored
        signal.signal(number, raise_interrupt)
    try:
        result = _trace(words, say)
        say(result)
        return result.code if isinstance(result, ErrorMessage) else 0
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the listener may still hear the parent leave


def _trace(words: list[str] | None, say: Callable[[Message], None]) -> ResultMessage | ErrorMessage:
    """The last message: what came of it."""
    try:
        arguments = _arguments(words)
        listen()
        request = read_request(arguments)
        return _run(request, say)
    except UserError as error:
        return ErrorMessage(error.message, error.hint, error.code, list(error.remedies))
    except ModuleNotFoundError as error:
        hint = "Install torch and safetensors there, or choose a Python that has them."
        return ErrorMessage(f"The Python at {sys.executable} has no {error.name}.", hint, remedies=["set_up", "python"])
    except ImportError as error:
        return ErrorMessage(
            f"torch cannot be loaded: {error}.",
            "Install torch again, or choose another Python.",
            1,
            ["set_up", "python"],
        )
    except Exception as error:
        traceback.print_exc()
        said = (str(error).strip().splitlines() or ["nothing said"])[0].rstrip(".")
        return ErrorMessage(f"The tracer failed: {type(error).__name__}: {said}.", "Please report this as a bug.")


def _run(request: Request, say: Callable[[Message], None]) -> ResultMessage:
    """The run, in torch or where there is none in NumPy, which serves the built-in models."""
    if request.config is not None and importlib.util.find_spec("torch") is None:
        from .plain.run import run as run_plain

        return run_plain(request, say)
    say(ProgressMessage("load", 0.0, "Starting torch"))
    from .run import run  # here, because torch takes seconds and may be missing

    return run(request, say)


if __name__ == "__main__":
    sys.exit(main())
