# SPDX-License-Identifier: GPL-3.0-or-later
"""The options about the model's run that the commands share."""

from __future__ import annotations

import argparse

from forward_pass.process.options import TraceOptions

NUMBER_TYPES = ("auto", "float32", "float16", "bfloat16")


def add_trace_options(parser: argparse.ArgumentParser) -> None:
    """Adds them; `read_trace_options` reads them back. Their values are checked by the tracer."""
    add = parser.add_argument_group("how the model runs, and what of it is kept").add_argument
    add("--max-tokens", type=int, metavar="N", help="tokens to generate (what a built-in model is made for; else 1)")
    add("--temperature", type=float, metavar="T", help="0 takes the likeliest token (0; 1 with --top-k or --top-p)")
    add("--top-k", type=int, metavar="K", help="draw from the K likeliest tokens")
    add("--top-p", type=float, metavar="P", help="draw from the likeliest tokens that together have probability P")
    add("--seed", type=int, default=0, metavar="N", help="the same draws with the same number (%(default)s)")
    add("--dtype", choices=NUMBER_TYPES, default="auto", help="auto: float32 on the CPU, else the checkpoint's own")
    add("--attention", choices=("eager", "sdpa"), default="eager", help="step by step or fused (%(default)s)")
    add("--chat", action="store_true", help="put PROMPT into the model's chat template, as a user's message")
    add("--online", action="store_true", help="fetch a model of the hub that is not in the local cache")
    add("--trust-remote-code", action="store_true", help="run Python code that comes with the model")
    add("--max-bytes", metavar="SIZE", help="the most that the trace may take, such as 500MB or 2GB")
    add(
        "--keep",
        action="append",
        default=[],
        metavar="'NAME[ROWS, COLUMNS]'",
        help="keep this part of a large tensor in full, such as 'lm_head.weight[0:64, 0:64]'; may be repeated",
    )


def read_trace_options(asked: argparse.Namespace) -> TraceOptions:
    """The options as they were asked for."""
    return TraceOptions(
        dtype=asked.dtype,
        attention=asked.attention,
        temperature=asked.temperature,
        top_k=asked.top_k,
        top_p=asked.top_p,
        seed=asked.seed,
        chat=asked.chat,
        online=asked.online,
        trust_remote_code=asked.trust_remote_code,
        keep=tuple(asked.keep),
        max_bytes=asked.max_bytes,
    )
