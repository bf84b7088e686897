# SPDX-License-Identifier: GPL-3.0-or-later
"""Models for the tests of the tracer."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import torch

    from forward_pass.tracer.subject import Subject

    from .subjects import Traced


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small models are faster on one, and other tests want the rest."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def nano_sort(root: Path) -> Path:
    """The folder of the built-in model."""
    return root / "assets" / "models" / "nano-sort"


def decoded(path: Path) -> dict[str, Any]:
    """A reference file: its config, and its tensors as arrays."""
    words = json.loads(path.read_text())
    return {
        name: entry
        if name == "config"
        else np.frombuffer(base64.b64decode(entry["data"]), "<f4").reshape(entry["shape"])
        for name, entry in words.items()
    }


@pytest.fixture(scope="session")
def reference(shared: Path) -> dict[str, Any]:
    """The activations of one pass of the reference model."""
    return decoded(shared / "reference" / "gpt-nano-sort-t0-partials.json")


@pytest.fixture(scope="session")
def reference_model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference weights as a model folder, with minGPT's own config and its saved masks (attn.bias)."""
    save_file = pytest.importorskip("safetensors.numpy").save_file
    weights = decoded(shared / "reference" / "gpt-nano-sort-model.json")
    folder = tmp_path_factory.mktemp("models") / "reference"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(weights.pop("config")))
    save_file(weights, folder / "model.safetensors")
    return folder


def built_in(model: torch.nn.Module) -> Subject:
    """A model of the built-in kind, whatever was changed in it since it was loaded, as the tracer takes it."""
    import dataclasses

    from forward_pass.tracer.builtin import Letters

    from .subjects import subject

    config: Any = model.config
    return dataclasses.replace(subject(model, "builtin", config.vocab_size), codec=Letters(config))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models of all architectures and their traces lie."""
    return tmp_path_factory.mktemp("architectures")


@pytest.fixture
def one(request: pytest.FixtureRequest, base: Path) -> Traced:
    """The trace of an architecture with a way of attention; the test is skipped where the library has no such way."""
    from .subjects import Refused, traced

    name, attention = request.param
    try:
        return traced(name, attention, base)
    except Refused as reason:
        pytest.skip(str(reason))
