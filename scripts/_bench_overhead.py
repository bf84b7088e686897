# SPDX-License-Identifier: GPL-3.0-or-later
"""What tracing a model takes beside its plain forward pass, and beside what other tracers take.

Each comparison is one process in which the ways take turns; each peak of memory is that of a process that did only
that. All start from one file of random weights.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forward_pass.core.errors import UserError
from scripts._bench_peers import PEERS, install
from scripts._table import Column, table

LENGTHS = (64, 512)  # tokens
TURNS = {64: 5}  # for each of the runs asked for, against the plain forward pass: short ones are the more disturbed
COLUMNS = (Column(""), Column("best", True), Column("trace takes", True), Column("peak memory", True))
LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # of threads: torch shall take what it takes on this machine


@dataclass(frozen=True)
class Run:
    """The best time of one way to run the model, how often the trace of the same process holds it, and the peak of
    resident bytes of a process of its own (None where the system does not tell)."""

    name: str
    seconds: float
    traced: float
    peak: int | None

    def cells(self) -> tuple[str, str, str, str]:
        """A row of the table."""
        peak = "unknown" if self.peak is None else f"{self.peak / 1e6:,.0f} MB"
        return self.name, f"{self.seconds * 1000:,.0f} ms", f"{self.traced:.3f} x", peak


@dataclass(frozen=True)
class Overhead:
    """What a prompt of so many `tokens` took: `runs` has "plain", "trace", then by their ways the other tracers that
    ran, `left_out` says why one did not. `prepare` is what the weights took before, once for all prompts, seconds;
    `bytes` the size of the file; `load` that of the machine when it began (None where the system does not tell).
    """

    tokens: int
    threads: int
    load: float | None
    prepare: float
    bytes: int
    runs: dict[str, Run]
    left_out: tuple[str, ...]

    @property
    def memory(self) -> float | None:
        """Peak of the trace over that of the plain forward pass."""
        return _ratio(self.runs["trace"].peak, self.runs["plain"].peak)

    def lines(self) -> Iterator[str]:
        """What people are told."""
        load = "" if self.load is None else f", load average {self.load:.1f}"
        yield f"GPT-2 small, random weights, {self.tokens} tokens, {self.threads} threads{load}"
        yield from table(COLUMNS, [run.cells() for run in self.runs.values()], None)
        yield f"prepare, once for all prompts: {self.prepare:.2f} s; the file: {self.bytes / 1e6:,.0f} MB"
        trace, plain = self.runs["trace"].peak, self.runs["plain"].peak
        if trace is not None and plain is not None:
            yield f"memory over plain: {trace / plain:.3f}, less the file's size {(trace - self.bytes) / plain:.3f}"
        yield from self.left_out

    def keys(self) -> dict[str, float | None]:
        """The ratios by the names that they are kept under; None for what was not measured."""
        found: dict[str, float | None] = {f"trace_over_plain_{self.tokens}": self.runs["plain"].traced}
        found[f"memory_over_plain_{self.tokens}"] = self.memory
        for peer in PEERS:
            run = self.runs.get(peer.way)
            found[f"trace_over_{peer.way}_{self.tokens}"] = None if run is None else run.traced
        return found


def measure_overhead(runs: int, lengths: Sequence[int] = LENGTHS, tiny: bool = False) -> Iterator[Overhead]:
    """The overhead at each length, the best of `runs` or more. `tiny` takes a small model, for tests.

    Raises UserError where our own side cannot run; another tracer that cannot is left out.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "gpt2-random"
        _child(folder, "--make", *(("--tiny",) if tiny else ()))
        for tokens in lengths:
            yield _at(folder, tokens, runs)


def _at(folder: Path, tokens: int, runs: int) -> Overhead:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    found = _measure(folder, tokens, runs * TURNS.get(tokens, 1), ("plain", "trace"))
    seconds, alone = found["seconds"], {way: _measure(folder, tokens, 0, (way,)) for way in ("plain", "trace")}
    rows = {
        "plain": Run("plain forward", seconds["plain"], seconds["trace"] / seconds["plain"], alone["plain"]["peak"]),
        "trace": Run("trace, to file", seconds["trace"], 1.0, alone["trace"]["peak"]),
    }
    left_out = []
    for peer in PEERS:
        try:
            beside = install(peer)
            other = _measure(folder, tokens, runs, ("trace", peer.way), beside)["seconds"]
            peak = _measure(folder, tokens, 0, (peer.way,), beside)["peak"]
            rows[peer.way] = Run(str(peer), other[peer.way], other["trace"] / other[peer.way], peak)
        except UserError as error:
            left_out.append(f"{peer} is left out: {error.message}")
    return Overhead(tokens, found["threads"], load, found["prepare"], found["bytes"], rows, tuple(left_out))


def _measure(folder: Path, tokens: int, rounds: int, ways: Sequence[str], beside: Path | None = None) -> dict[str, Any]:
    words = [word for way in ways for word in ("--way", way)]
    said = _child(folder, "--tokens", str(tokens), "--rounds", str(rounds), *words, beside=beside)
    measured: dict[str, Any] = json.loads(said.splitlines()[-1])
    return measured


def _child(folder: Path, *words: str, beside: Path | None = None) -> str:
    """What a process in the tracer's room says on stdout; `beside` has packages that .venv lacks.

    Raises UserError with the last line of its stderr where it fails.
    """
    environment = {name: value for name, value in os.environ.items() if name not in LIMITS}
    if beside is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(beside), environment.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "forward_pass.tracer.overhead", str(folder), *words]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"it ended with status {result.returncode}"]
        raise UserError(f"The measurement failed: {lines[-1].rstrip('.')}.")
    return result.stdout


def _ratio(one: int | None, other: int | None) -> float | None:
    return None if one is None or other is None else one / other
