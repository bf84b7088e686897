# SPDX-License-Identifier: GPL-3.0-or-later
"""Every architecture of the matrix, with each way of attention: what a trace of it must hold.

The traces are made once (see `subjects`) and read by NumPy alone (see `numpy_check`).
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from forward_pass.core.trace import Trace

from . import numpy_check
from .architectures import ARCHITECTURES, is_encoder, missing
from .numpy_check import File
from .subjects import Refused, Traced, cases, folder_of, traced

CASES = cases()
OPERANDS = ("left", "right", "out")


every = pytest.mark.parametrize("one", CASES, ids="-".join, indirect=True)
of_decoders = pytest.mark.parametrize(
    "one", [case for case in CASES if not is_encoder(case[0])], ids="-".join, indirect=True
)


def test_no_architecture_is_left_out_in_silence() -> None:
    lacking = missing()
    assert {name for name, _ in CASES} | set(lacking) == set(ARCHITECTURES)
    assert set(lacking) <= LATER, f"this transformers does not have {lacking}"


LATER: set[str] = set()
"""Architectures that one of the versions of transformers in use does not have."""


@every
def test_every_multiply_is_captured_and_every_number_holds(one: Traced) -> None:
    assert numpy_check.faults(one.file) == []


@every
def test_watching_changes_nothing(one: Traced) -> None:
    file = one.file
    found = file.array(file.manifest["steps"][0]["logits"])
    assert found.shape == one.plain.shape
    if "eager" in one.path.name:
        np.testing.assert_array_equal(found, one.plain)
    else:
        np.testing.assert_allclose(found, one.plain, rtol=0, atol=1e-5)


OTHER_STREAM = {
    "openai-gpt": "norms what it adds up",
    "opt_post_norm": "norms what it adds up",
    "gemma3n_text": "has four streams",
    "minimax": "scales what it adds to",
    "bert": "norms what it adds up",
    "roberta": "norms what it adds up",
}
"""Decoders whose stream is not a sum that ends in a norm."""
PARALLEL = {"gpt_neox", "gptj", "codegen", "falcon_multi_query", "falcon_new", "phi", "cohere", "cohere2"}
"""Decoders that add attention and MLP to the stream at once."""
ONE_EACH = {"mamba", "mamba2", "falcon_mamba"}
"""Decoders with one addition to the stream in a layer."""


@of_decoders
def test_the_residual_stream_is_the_sum_of_its_additions(one: Traced, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["one"][0]
    if name not in OTHER_STREAM:
        assert numpy_check.residual(one.file, 2 if name in ONE_EACH | PARALLEL else 4) == []


WITHOUT_ATTENTION = {"mamba", "mamba2", "falcon_mamba", "rwkv"}


@every
def test_patterns_of_attention_are_found(one: Traced, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["one"][0]
    file = one.file
    last = [file.tensors[softmax["outputs"][0]]["axes"][-1] for softmax in file.of_kind("softmax")]
    patterns = last.count(["key_token"])
    assert patterns >= len(file.manifest["steps"]) or name in WITHOUT_ATTENTION


def labels(file: File) -> Counter[str]:
    """How often each name stands on an axis of an operand of a multiply."""
    operands = {operation[role] for operation in file.of_kind("matmul") for role in OPERANDS}
    return Counter(name for key in operands for axis in file.tensors[key]["axes"] for name in axis)


UNKNOWN: dict[str, float] = {}
"""The largest share of axes without a name that an architecture may have; 0 where it is not listed."""


@every
def test_axes_of_every_operand_have_names(one: Traced, request: pytest.FixtureRequest) -> None:
    file = one.file
    found = labels(file)
    nameless = [
        file.tensors[operation[role]]["name"]
        for operation in file.of_kind("matmul")
        for role in OPERANDS
        if not all(file.tensors[operation[role]]["axes"])
    ]
    assert nameless == []
    assert found["?"] / found.total() <= UNKNOWN.get(request.node.callspec.params["one"][0], 0.0)


def test_few_axes_of_all_have_no_name(base: Path) -> None:
    found: Counter[str] = Counter()
    for name, attention in CASES:
        if attention == "eager":
            found += labels(traced(name, attention, base).file)
    assert found["?"] / found.total() <= 0.05
    assert sum(n for name, n in found.items() if name.startswith("~")) / found.total() <= 0.05


HEADS = "batch, head, token, key_dim"
LLAMA = {
    "self_attn.q_proj": "channel, head key_dim",
    "self_attn.k_proj": "channel, kv_head key_dim",
    "self_attn.v_proj": "channel, kv_head value_dim",
    "self_attn.o_proj": "head value_dim, channel",
    "mlp.gate_proj": "channel, neuron",
    "mlp.up_proj": "channel, neuron",
    "mlp.down_proj": "neuron, channel",
    "lm_head": "channel, vocab",
}
NAMES: dict[str, dict[str, str]] = {
    "gpt2": {
        "attn.c_attn": "channel, ? head key_dim",
        "attn.c_proj": "head value_dim, channel",
        "mlp.c_fc": "channel, neuron",
        "mlp.c_proj": "neuron, channel",
        "lm_head": "channel, vocab",
    },
    "llama": LLAMA,
    "gemma2": LLAMA,
    "qwen3": LLAMA,
    "mixtral": {name: axes for name, axes in LLAMA.items() if not name.startswith("mlp")},
    "gpt_neox": {
        "attention.query_key_value": "channel, head ? key_dim",
        "attention.dense": "head value_dim, channel",
        "mlp.dense_h_to_4h": "channel, neuron",
        "mlp.dense_4h_to_h": "neuron, channel",
        "embed_out": "channel, vocab",
    },
}
"""What the weights of models that everybody knows must be called, as a multiply takes them [in, out]."""


def written(tensor: dict[str, Any]) -> str:
    """The axes of a tensor in one line; the heads of grouped queries, however they are grouped, are heads."""
    text = ", ".join(" ".join(axis) for axis in tensor["axes"])
    return text.replace("kv_head q_group", "head")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_weights_have_the_names_that_everybody_gives_them(name: str, attention: str, base: Path) -> None:
    try:
        file = traced(name, attention, base).file
    except Refused as reason:
        pytest.skip(str(reason))
    found: dict[str, set[str]] = {}
    for operation in file.of_kind("matmul"):
        right = file.tensors[operation["right"]]
        for short in NAMES[name]:
            if (right["parameter"] or "").endswith(f"{short}.weight"):
                found.setdefault(short, set()).add(written(right))
    assert found == {short: {axes} for short, axes in NAMES[name].items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_queries_keys_values_and_patterns_have_their_names(name: str, attention: str, base: Path) -> None:
    try:
        file = traced(name, attention, base).file
    except Refused as reason:
        pytest.skip(str(reason))
    products = [
        operation
        for operation in file.of_kind("matmul")
        if file.tensors[operation["left"]]["parameter"] is None
        and file.tensors[operation["right"]]["parameter"] is None
        and "key_token" in str(file.tensors[operation["right"]]["axes"])
    ]
    seen = {tuple(written(file.tensors[operation[role]]) for role in OPERANDS) for operation in products}
    scores = HEADS, "batch, head, key_dim, key_token", "batch, head, token, key_token"
    mixes = scores[2], "batch, head, key_token, value_dim", "batch, head, token, value_dim"
    assert seen == {scores, mixes}
    assert len(products) == 2 * 2 * len(file.manifest["steps"])  # in each of two layers
    contracted = Counter(operation["contracted"] for operation in products)
    assert contracted["key_dim"] == contracted["key_token"] == len(products) // 2


ALIASES = [
    "hook_embed",
    "blocks.0.hook_resid_pre",
    "blocks.0.ln1.hook_normalized",
    "blocks.0.attn.hook_q",
    "blocks.0.attn.hook_k",
    "blocks.0.attn.hook_v",
    "blocks.0.attn.hook_attn_scores",
    "blocks.0.attn.hook_pattern",
    "blocks.0.attn.hook_z",
    "blocks.0.hook_attn_out",
    "blocks.0.hook_resid_mid",
    "blocks.0.mlp.hook_post",
    "blocks.0.hook_mlp_out",
    "blocks.0.hook_resid_post",
    "blocks.1.hook_resid_pre",
    "blocks.1.attn.hook_pattern",
    "blocks.1.hook_resid_post",
    "ln_final.hook_normalized",
]


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "mistral", "gemma2"])
def test_names_of_transformer_lens_lead_to_tensors(name: str, base: Path) -> None:
    found = Trace.open(traced(name, "eager", base).path)
    assert [alias for alias in ALIASES if alias not in found] == []
    heads, tokens = 4, 5
    assert found.array("blocks.1.attn.hook_pattern").shape == (1, heads, tokens, tokens)
    np.testing.assert_array_equal(found.array("blocks.0.hook_resid_post"), found.array("blocks.1.hook_resid_pre"))
    added = found.array("blocks.0.hook_resid_pre") + found.array("blocks.0.hook_attn_out")
    np.testing.assert_allclose(added, found.array("blocks.0.hook_resid_mid"), rtol=0, atol=1e-5)
    added = found.array("blocks.0.hook_resid_mid") + found.array("blocks.0.hook_mlp_out")
    np.testing.assert_allclose(added, found.array("blocks.0.hook_resid_post"), rtol=0, atol=1e-5)
    assert "step1.blocks.0.attn.hook_pattern" in found


ROUTED = {"mixtral", "qwen2_moe", "qwen3_moe", "gpt_oss", "olmoe", "deepseek_v3", "granitemoe", "dbrx"}
GATED = {"llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "olmo2", "stablelm", "granite"}
PLAIN = {"gpt2", "gpt_neox", "gptj", "opt", "bloom", "falcon_new", "phi", "starcoder2", "codegen", "bert_masked"}


@every
def test_composites_are_what_a_lecturer_names(one: Traced, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["one"][0]
    file = one.file
    found = Counter(composite["kind"] for composite in file.manifest["composites"])
    steps = len(file.manifest["steps"])
    assert found["residual"] >= 2 * steps
    if name in ROUTED | GATED | PLAIN:
        assert found["attention"] == 2 * steps
        wanted = {"router", "experts"} if name in ROUTED else {"gated_mlp"} if name in GATED else {"mlp"}
        assert {kind: found[kind] for kind in wanted} == dict.fromkeys(wanted, 2 * steps)
    for composite in file.manifest["composites"]:
        steps_of_parts = {file.operations[part["operation"]]["step"] for part in composite["parts"]}
        assert steps_of_parts == {composite["step"]}


@pytest.mark.parametrize("name", ["gpt2", "llama", "mixtral"])
def test_half_precision_holds_within_its_tolerance(name: str, base: Path) -> None:
    one = traced(name, "eager", base, torch.bfloat16)
    assert numpy_check.faults(one.file) == []
    assert one.file.manifest["run"]["dtype"] == "bfloat16"
    assert {one.file.tensors[operation["out"]]["dtype"] for operation in one.file.of_kind("matmul")} >= {"BF16"}
    found = one.file.array(one.file.manifest["steps"][0]["logits"])
    np.testing.assert_array_equal(found, one.plain)
    assert tuple(step["sampled"] for step in one.file.manifest["steps"]) == one.tokens


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "mixtral", "bert_masked"])
def test_the_command_traces_a_folder(name: str, base: Path, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    words = ["--model", str(folder_of(name, base)), "--prompt", "Hello", "--out", str(out), "--device", "cpu"]
    command = [sys.executable, str(root / "scripts" / "trace.py"), *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert numpy_check.complaints(out) == []
