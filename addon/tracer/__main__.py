# SPDX-License-Identifier: GPL-3.0-or-later
"""The external process: `python -m forward_pass.tracer --prompt CBABBC --model DIR --out FILE`.

Says one JSON message a line on stdout and listens for a cancel on stdin; the end of stdin means that whoever asked is
gone. Exit status 0, 1 for a failure, 2 for wrong use, 130 where it was cancelled. Nothing half-written stays.
"""

from __future__ import annotations

import argparse
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
from .request import read_request

DEVICES = ("auto", "cuda", "mps", "cpu")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Wrong use is said as a message, like everything else."""
        raise UserError(f"The tracer was started wrongly: {message}.", self.format_usage().strip(), 2)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m forward_pass.tracer", description="Trace a language model at work on a prompt.")
    parser.add_argument("--prompt", required=True)
    parser.add_argument("--model", type=Path, required=True, help="a folder with config.json and model.safetensors")
    parser.add_argument("--out", type=Path, required=True, help="the .trace.safetensors file to write")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="how many tokens to generate (all that the model is made for)")
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
        say(ProgressMessage("load", 0.0, "Starting torch"))
        from .run import run  # here, because torch takes seconds and may be missing

        return run(request, say)
    except UserError as error:
        return ErrorMessage(error.message, error.hint, error.code)
    except ModuleNotFoundError as error:
        hint = "Install torch and safetensors there, or choose a Python that has them."
        return ErrorMessage(f"The Python at {sys.executable} has no {error.name}.", hint)
    except ImportError as error:
        return ErrorMessage(f"torch cannot be loaded: {error}.", "Install torch again, or choose another Python.")
    except Exception as error:
        traceback.print_exc()
        return ErrorMessage(f"The tracer failed: {type(error).__name__}: {error}.", "Please report this as a bug.")


if __name__ == "__main__":
    sys.exit(main())
