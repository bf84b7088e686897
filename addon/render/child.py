# SPDX-License-Identifier: GPL-3.0-or-later
"""A background process from within: takes its job from standard input, says messages on standard output, and ends with
its parent."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from ..core.errors import UserError
from ..core.messages import ErrorMessage, Message, encode

Say = Callable[[Message], None]


def serve(main: Callable[[dict[str, Any], Say], None]) -> NoReturn:
    """Runs `main` on the job that the parent sends as one line of JSON; what it raises is said as an error."""
    # Blender and its libraries write to standard output when they like: what we say goes to a copy of it, and theirs
    # to standard error from here on. What stood there before may be half a line.
    said = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    said.write("\n")

    def say(message: Message) -> None:
        print(encode(message), file=said, flush=True)

    job = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, args=(job.get("scratch"),), daemon=True).start()
    status = 0
    try:
        main(job, say)
    except UserError as error:
        say(ErrorMessage(error.message, error.hint, error.code))
        status = error.code
    except Exception as error:
        traceback.print_exc()
        what = f"The process that renders failed: {type(error).__name__}: {str(error)[:200]}".rstrip(": .")
        say(ErrorMessage(f"{what}.", "This is a bug: please report it with the log."))
        status = 1
    sys.stdout.flush()
    os._exit(status)  # some versions of bpy hang at an ordinary exit


def _end_with_parent(scratch: str | None) -> None:
    """The parent holds our standard input: when it closes, by intention or by death, so do we. What lies in `scratch`
    would stay for ever where the parent died."""
    sys.stdin.buffer.read()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(130)
