# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of characters, run on a prompt when a test first asks for it: in NumPy and in this process, which
takes a tenth of the time that torch takes to start."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forward_pass.core.trace import Trace
from forward_pass.tracer.config import read_config
from forward_pass.tracer.plain.run import run
from forward_pass.tracer.request import Request
from forward_pass.tracer.sampling import Sampling

VOCABULARY = "\n ',.ABEHTabehlnort"
PROMPT = "be\nA "  # with both of the characters that leave no mark
LAYERS, HEADS, CHANNELS, CONTEXT = 2, 2, 24, 40


_made: dict[str, Path] = {}


def text_trace(factory: pytest.TempPathFactory, prompt: str = PROMPT) -> Trace:
    """The trace of the model at work."""
    if prompt not in _made:
        _made[prompt] = _run(factory.mktemp("text"), prompt)
    return Trace.open(_made[prompt])


def _run(folder: Path, prompt: str) -> Path:
    model, path = _model(folder / "chatter"), folder / "a.trace.safetensors"
    config = read_config(model)
    request = Request(
        prompt=prompt,
        ids=tuple(config.encode(prompt)),
        folder=model,
        hub=None,
        config=config,
        out=path,
        device="cpu",
        dtype="float32",
        attention="eager",
        steps=None,
        sampling=Sampling(),
        keep=(),
        max_bytes=None,
        check="full",
        chat=False,
        online=False,
        code=False,
        also=None,
        estimate=False,
    )
    run(request, lambda message: None)
    return path


def _model(folder: Path) -> Path:
    """A model folder with weights drawn by chance, the same every time: large enough to have opinions."""
    save_file = pytest.importorskip("safetensors.numpy").save_file
    folder.mkdir()
    config = {
        "n_layer": LAYERS,
        "n_head": HEADS,
        "n_embd": CHANNELS,
        "vocab_size": len(VOCABULARY),
        "block_size": CONTEXT,
        "name": folder.name,
        "vocabulary": list(VOCABULARY),
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    chance = np.random.default_rng(11)
    weights = {name: chance.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in _shapes().items()}
    save_file(weights, folder / "model.safetensors")
    return folder


def _shapes() -> dict[str, tuple[int, ...]]:
    c, f = CHANNELS, 4 * CHANNELS
    shapes: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (len(VOCABULARY), c),
        "transformer.wpe.weight": (CONTEXT, c),
        "lm_head.weight": (len(VOCABULARY), c),
    }
    names = {"attn.c_attn": (3 * c, c), "attn.c_proj": (c, c), "mlp.c_fc": (f, c), "mlp.c_proj": (c, f)}
    for layer in range(LAYERS):
        for name, shape in names.items():
            shapes[f"transformer.h.{layer}.{name}.weight"] = shape
            shapes[f"transformer.h.{layer}.{name}.bias"] = shape[:1]
    norms = [f"transformer.h.{layer}.ln_{i}" for layer in range(LAYERS) for i in (1, 2)]
    for name in (*norms, "transformer.ln_f"):
        shapes |= {f"{name}.weight": (c,), f"{name}.bias": (c,)}
    return shapes
