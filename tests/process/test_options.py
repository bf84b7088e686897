# SPDX-License-Identifier: GPL-3.0-or-later
"""Options on their way to the tracer's command line."""

from __future__ import annotations

from forward_pass.process.options import DEFAULTS, TraceOptions
from forward_pass.tracer.__main__ import _arguments

REQUIRED = ["--model", "m", "--out", "o"]


def test_what_is_as_it_is_by_itself_is_not_said() -> None:
    assert DEFAULTS.words() == []


def test_the_tracer_reads_what_was_meant() -> None:
    keep = ("-odd name[0:2]", "b[1, 2]")
    options = TraceOptions(
        "bfloat16", "sdpa", 0.7, 50, 0.9, 3, "1,2", True, True, True, keep, "5MB", "full", "x.also.trace.safetensors"
    )
    assert all(value != getattr(DEFAULTS, name) for name, value in vars(options).items())  # none is forgotten
    read = vars(_arguments([*REQUIRED, *options.words()]))
    for name, value in vars(options).items():
        assert read[name] == (list(value) if name == "keep" else value)


def test_both_sides_have_the_same_defaults() -> None:
    read = vars(_arguments(REQUIRED))
    for name, value in vars(DEFAULTS).items():
        assert read[name] == (list(value) if name == "keep" else value)
