# SPDX-License-Identifier: GPL-3.0-or-later
"""A run from a request to a file: models of transformers end to end, and a GPU whose memory does not suffice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from forward_pass.core.errors import UserError
from forward_pass.core.messages import Message, ProgressMessage, WarningMessage
from forward_pass.core.trace import Trace
from forward_pass.tracer import run as subject
from forward_pass.tracer.__main__ import _arguments
from forward_pass.tracer.memory import is_out_of_memory
from forward_pass.tracer.request import Request, read_request
from forward_pass.tracer.run import run
from forward_pass.tracer.subject import load


def request(model: Path, out: Path, *words: str, prompt: str = "CBABBC") -> Request:
    return read_request(_arguments(["--prompt", prompt, "--model", str(model), "--out", str(out), *words]))


class Gpu:
    """Makes the tracer believe in a GPU whose memory does not suffice; the CPU's does unless `small`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, small: bool = False) -> None:
        self.tried: list[str] = []

        def load_on(request: Request, device: Any, say: Any) -> Any:
            self.tried.append(device.type)
            if device.type == "cuda" or small:
                raise error
            return load(request, device, say)

        monkeypatch.setattr(subject, "choose_device", lambda wanted: torch.device("cuda"))
        monkeypatch.setattr(subject, "load", load_on)


ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


@pytest.mark.parametrize("error", ERRORS)
def test_a_gpu_without_the_memory_leaves_it_to_the_cpu(
    error: Exception, nano_sort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu, said, out = Gpu(monkeypatch, error), list[Message](), tmp_path / "x.trace.safetensors"
    run(request(nano_sort, out, "--steps", "1"), said.append)
    assert gpu.tried == ["cuda", "cpu"]
    warning = "The memory of the cuda device does not suffice; this ran on the CPU."
    assert [message for message in said if isinstance(message, WarningMessage)] == [WarningMessage(warning)]
    trace = Trace.open(out)
    assert trace.run.device == "cpu" and warning in trace.warnings


def test_memory_that_does_not_suffice_anywhere_is_said(
    nano_sort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Gpu(monkeypatch, ERRORS[0], small=True)
    with pytest.raises(UserError, match=r"^There is not enough memory for this\. Give a shorter prompt"):
        run(request(nano_sort, tmp_path / "x"), lambda message: None)
    assert gpu.tried == ["cuda", "cpu"] and list(tmp_path.iterdir()) == []


def test_other_errors_are_not_taken_for_it(nano_sort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Gpu(monkeypatch, RuntimeError("device-side assert triggered"))
    with pytest.raises(RuntimeError, match="assert triggered"):
        run(request(nano_sort, tmp_path / "x"), lambda message: None)
    assert not is_out_of_memory(ValueError("out of memory"))


# Models of transformers.


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    from tests.tracer import small_models

    return small_models.gpt2(tmp_path_factory.mktemp("models") / "small-gpt2")


def test_a_text_goes_on_as_generate_has_it(gpt2: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    said, out = list[Message](), tmp_path / "x.trace.safetensors"
    result = run(request(gpt2, out, "--steps", "4", "--device", "cpu", prompt="the sky is"), said.append)
    tokenizer, model = AutoTokenizer.from_pretrained(gpt2), AutoModelForCausalLM.from_pretrained(gpt2)
    ids = tokenizer("the sky is", return_tensors="pt")["input_ids"]
    wanted = model.generate(ids, max_new_tokens=4, do_sample=False, eos_token_id=None)[0].tolist()
    trace = Trace.open(out)
    assert trace.prompt == "the sky is" and [token.id for token in trace.tokens] == wanted
    assert "".join(token.text for token in trace.prompt_tokens) == "the sky is"
    assert result.data["generated"] == "".join(token.text for token in trace.generated_tokens)
    assert trace.model.name == "small-gpt2" and json.dumps(trace.model.config)
    assert trace.witness.captured == trace.witness.aten_matmuls > 0
    assert [message for message in said if isinstance(message, WarningMessage)] == []
    shares = [message.done for message in said if isinstance(message, ProgressMessage) and message.stage == "load"]
    assert shares == sorted(shares)


def test_draws_are_the_same_with_the_same_seed(gpt2: Path, tmp_path: Path) -> None:
    def drawn(seed: str) -> list[int]:
        out = tmp_path / "x.trace.safetensors"
        words = ["--steps", "8", "--top-k", "50", "--seed", seed, "--device", "cpu"]
        run(request(gpt2, out, *words, prompt="the sky is"), lambda message: None)
        return [token.id for token in Trace.open(out).generated_tokens]

    first = drawn("1")
    assert drawn("1") == first != drawn("2")


def test_without_a_number_one_token_is_generated(gpt2: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    run(request(gpt2, out, "--device", "cpu", "--ids", "5,6,7", prompt="a b"), lambda message: None)
    trace = Trace.open(out)
    assert [token.id for token in trace.prompt_tokens] == [5, 6, 7] and len(trace.generated_tokens) == 1
    assert trace.prompt == "".join(token.text for token in trace.prompt_tokens)  # what was read, not what was written


def test_an_encoder_reads_in_one_pass(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tests.tracer import small_models

    model, out = small_models.bert(tmp_path / "bert", head=True), tmp_path / "x.trace.safetensors"
    result = run(request(model, out, "--device", "cpu", prompt="The sky is blue"), lambda message: None)
    trace = Trace.open(out)
    assert [token.text for token in trace.tokens] == ["[CLS]", " the", " sky", " is", " blue", "[SEP]"]
    assert len(trace.steps) == 1 and result.data["generated"] == "" and trace.model.architecture == "BertForMaskedLM"


def test_the_other_file_is_named_in_the_trace(gpt2: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.trace.safetensors"
    run(request(gpt2, out, "--device", "cpu", "--also", "y.trace.safetensors", prompt="the"), lambda message: None)
    assert Trace.open(out).also == tmp_path / "y.trace.safetensors"


def test_an_estimate_needs_no_weights_and_counts_the_number_type(gpt2: Path, tmp_path: Path) -> None:
    pytest.importorskip("forward_pass.tracer.estimate")
    model = tmp_path / "only-a-config"
    model.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (model / name).write_bytes((gpt2 / name).read_bytes())

    def told(*words: str) -> dict[str, Any]:
        asked = request(
            model, tmp_path / "x", "--estimate", "--device", "cpu", "--steps", "2", *words, prompt="the sky"
        )
        return run(asked, lambda message: None).data

    whole, half = told(), told("--dtype", "bfloat16")
    assert whole["multiplies"] == half["multiplies"] > 0 and half["bytes"] < whole["bytes"]
    assert "2 tokens, 2 forward passes" in "\n".join(whole["lines"])
    with pytest.raises(UserError, match=r"^only-a-config cannot generate 99 tokens after the 2 of this prompt"):
        run(request(model, tmp_path / "x", "--estimate", "--steps", "99", prompt="the sky"), lambda message: None)
    assert [path.name for path in tmp_path.iterdir()] == ["only-a-config"]
