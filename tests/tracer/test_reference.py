# SPDX-License-Identifier: GPL-3.0-or-later
"""The tracer against a model and activations that others made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from forward_pass.core.trace import Trace
from forward_pass.tracer.checkpoint import load
from forward_pass.tracer.choices import Choices
from forward_pass.tracer.generate import trace

from .conftest import built_in

BLOCK = "transformer.h.0"
NAMES = {
    "tok_emb": "transformer.wte",
    "pos_emb": "transformer.wpe",
    "x": "transformer.embed",
    "ln1": f"{BLOCK}.ln_1",
    "qkv": f"{BLOCK}.attn.c_attn",
    "q": f"{BLOCK}.attn.q",
    "k": f"{BLOCK}.attn.k",
    "v": f"{BLOCK}.attn.v",
    "att": f"{BLOCK}.attn.mask",
    "attSm": f"{BLOCK}.attn.softmax",
    "y": f"{BLOCK}.attn.merge",
    "yProj": f"{BLOCK}.attn.c_proj",
    "attnResid": f"{BLOCK}.attn_residual",
    "ln2": f"{BLOCK}.ln_2",
    "fc": f"{BLOCK}.mlp.c_fc",
    "gelu": f"{BLOCK}.mlp.gelu",
    "mlp": f"{BLOCK}.mlp.c_proj",
    "mlpResid": f"{BLOCK}.mlp_residual",
    "block0": "transformer.h.0.mlp_residual",
    "block1": "transformer.h.1.mlp_residual",
    "block2": "transformer.h.2.mlp_residual",
    "ln_f": "transformer.ln_f",
    "lm_head": "lm_head",
    "probs": "probabilities",
}


@pytest.fixture(scope="module")
def rows(reference: dict[str, Any], reference_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Trace]:
    """One trace for each of the reference's sequences of 11 tokens."""
    model = load(reference_model, torch.device("cpu"))
    folder = tmp_path_factory.mktemp("rows")
    traces = []
    for i, ids in enumerate(reference["idx"].astype(int).tolist()):
        path = folder / f"{i}.trace.safetensors"
        trace(built_in(model), ids, Choices(1), path, say=lambda message: None)
        traces.append(Trace.open(path))
    return traces


def test_every_tensor_of_the_reference_is_compared(reference: dict[str, Any]) -> None:
    assert set(reference) == {"config", "idx", *NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_it_agrees_with_the_reference(name: str, reference: dict[str, Any], rows: list[Trace]) -> None:
    wanted = np.broadcast_to(reference[name], (3, *reference[name].shape[1:]))
    for row, one in zip(wanted, rows, strict=True):
        found = one.array(f"step0.{NAMES[name]}")[0]
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(row))
        finite = np.isfinite(row)
        assert np.abs(found[finite] - row[finite]).max() <= 1e-5


def test_a_config_of_mingpt_itself_is_enough(reference_model: Path, tmp_path: Path) -> None:
    model = load(reference_model, torch.device("cpu"))
    assert (model.config.vocabulary, model.config.prompt_length, model.config.new_tokens) == (("A", "B", "C"), 6, 6)
    path = tmp_path / "x.trace.safetensors"
    trace(built_in(model), model.config.encode("CABCAB"), Choices(6), path, say=lambda message: None)
    assert "".join(token.text for token in Trace.open(path).generated_tokens) == "AABBCC"
