# SPDX-License-Identifier: GPL-3.0-or-later
"""What tracing takes beside the plain forward pass and what others take, measured in a process of its own for
`scripts/bench.py`:

    python -m forward_pass.tracer.overhead FOLDER --make                         a GPT-2 with random weights
    python -m forward_pass.tracer.overhead FOLDER --tokens 64 --rounds 9 --way plain --way trace

The ways take turns, as whatever else the machine does should hit all of them. What was measured is JSON on stdout. The
peak of memory is that of the whole process, so ask for one way alone, with no rounds, to learn what it takes.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from .choices import Choices
from .codecs import Bytes
from .generate import trace
from .huggingface import library
from .subject import Subject
from .weights import Weights

SEED = 0
TINY = {"n_layer": 2, "n_head": 2, "n_embd": 16, "vocab_size": 101, "n_positions": 32}  # for tests


def nothing() -> None:
    """What some ways do before and after."""


@dataclass(frozen=True)
class Way:
    """One way to run the model. Only `work` is timed; what it gives lives until `after`."""

    work: Callable[[], object]
    before: Callable[[], None] = nothing
    after: Callable[[], None] = nothing


class Bench:
    """A model, a prompt, and what was found out about both."""

    def __init__(self, folder: Path, tokens: int) -> None:
        self._folder = folder
        self._config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        generator = torch.Generator().manual_seed(SEED)
        self._ids = torch.randint(self._config["vocab_size"], (1, tokens), generator=generator)  # [1, T]
        self.facts: dict[str, float] = {"threads": torch.get_num_threads()}

    @cached_property
    def model(self) -> Any:
        """Loaded where a way needs it."""
        return _load(self._folder)

    def plain(self) -> Way:
        """The forward pass alone."""
        model = self.model
        return Way(lambda: model(input_ids=self._ids))

    def trace(self) -> Way:
        """A token generated under the tracer, and the file of it all written. The weights are looked at before."""
        subject, path = self._subject(), self._folder / "overhead.trace.safetensors"
        started = time.perf_counter()
        weights = Weights(self.model, subject.checkpoint)
        weights.prepare()
        self.facts["prepare"] = time.perf_counter() - started
        ids = self._ids[0].tolist()

        def work() -> None:
            trace(subject, ids, Choices(1), path, say=lambda message: None, weights=weights)

        def after() -> None:
            self.facts["bytes"] = path.stat().st_size
            path.unlink()

        return Way(work, after=after)

    def torchlens(self) -> Way:
        """Its trace of all operations, in memory. It wraps torch's functions only while its turn lasts."""
        lens = importlib.import_module("torchlens")
        wrappers = importlib.import_module("torchlens.backends.torch.wrappers")
        capture, model = importlib.import_module("torchlens.options").CaptureOptions(layers_to_save="all"), self.model
        return Way(lambda: lens.trace(model, self._ids, capture=capture), wrappers.wrap_torch, wrappers.unwrap_torch)

    def transformerlens(self) -> Way:
        """Its bridge to the same model, loaded a second time as it changes it: `run_with_cache`, in memory."""
        bridge = importlib.import_module("transformer_lens.model_bridge").TransformerBridge
        model = bridge.boot_transformers(str(self._folder), hf_model=_load(self._folder), device="cpu")
        return Way(lambda: model.run_with_cache(self._ids))

    def _subject(self) -> Subject:
        name, vocabulary = self._folder.name, self._config["vocab_size"]
        return Subject(
            model=self.model,
            name=name,
            architecture=type(self.model).__name__,
            config=self._config,
            source="random weights",
            parameters=sum(parameter.numel() for parameter in self.model.parameters()),
            codec=Bytes(name, vocabulary),
            limit=self._config["n_positions"],
            vocabulary=vocabulary,
            ends=frozenset(),
            kind="causal",
            checkpoint=(self._folder / "model.safetensors",),
            transformers=library().__version__,
            warnings=(),
        )


WAYS: dict[str, Callable[[Bench], Way]] = {
    "plain": Bench.plain,
    "trace": Bench.trace,
    "torchlens": Bench.torchlens,
    "transformerlens": Bench.transformerlens,
}


def measure(folder: Path, tokens: int, rounds: int, names: Sequence[str]) -> dict[str, Any]:
    """Everything about the ways of these names: best `seconds` of each in `rounds` turns after one that does not
    count, how long it took to `prepare` the weights, the `bytes` of the trace, the `peak` of resident bytes."""
    bench = Bench(folder, tokens)
    ways = {name: WAYS[name](bench) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    with torch.no_grad():
        for _ in range(rounds + 1):
            for name, way in ways.items():
                times[name].append(_seconds(way))
    seconds = {name: min(found[1:]) for name, found in times.items() if rounds}
    return {"seconds": seconds, "peak": peak_bytes(), **bench.facts}


def _seconds(way: Way) -> float:
    """How long its work takes once. What an earlier turn left is not collected during this one."""
    gc.collect()
    way.before()
    started = time.perf_counter()
    kept = way.work()
    seconds = time.perf_counter() - started
    del kept
    way.after()
    return seconds


def peak_bytes() -> int | None:
    """Resident bytes of this process at their peak; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def make(folder: Path, tiny: bool) -> None:
    """Writes a model of the size of GPT-2 small, or one for tests, with random weights."""
    transformers = library()
    torch.manual_seed(SEED)
    config = transformers.GPT2Config(**TINY) if tiny else transformers.GPT2Config()
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)


def _load(folder: Path) -> Any:
    model = library().GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager", local_files_only=True)
    return model.eval()


def main(words: list[str] | None = None) -> int:
    """Exit status 0; what goes wrong is raised."""
    parser = argparse.ArgumentParser(description="Measure what tracing takes.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--way", action="append", choices=WAYS, default=[], help="one to measure")
    parser.add_argument("--make", action="store_true", help="make the model in that folder")
    parser.add_argument("--tiny", action="store_true", help="a small one")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=0, help="turns after the first, which does not count")
    asked = parser.parse_args(words)
    os.environ["HF_HUB_OFFLINE"] = "1"
    if asked.make:
        make(asked.folder, asked.tiny)
    if asked.way:
        print(json.dumps(measure(asked.folder, asked.tokens, asked.rounds, asked.way)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
