# SPDX-License-Identifier: GPL-3.0-or-later
"""Models of transformers as subjects: what is found out about them, and each that cannot be loaded in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from forward_pass.core.errors import UserError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from forward_pass.tracer import architecture, huggingface
from forward_pass.tracer.__main__ import _arguments
from forward_pass.tracer.prompt import prompt_ids
from forward_pass.tracer.request import Request, read_request
from forward_pass.tracer.subject import Subject, load
from tests.tracer import small_models

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 to copy and to break."""
    return small_models.gpt2(tmp_path_factory.mktemp("made") / "small-gpt2")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "small-gpt2"))


def request(folder: Path, *words: str, prompt: str = "the sky is blue") -> Request:
    return read_request(_arguments(["--prompt", prompt, "--model", str(folder), "--out", str(folder / "x"), *words]))


def subject(folder: Path, *words: str) -> Subject:
    return load(request(folder, *words), CPU, lambda message: None)


def refused(folder: Path, *words: str) -> UserError:
    """The error; every one is a sentence with a hint."""
    with pytest.raises(UserError) as caught:
        subject(folder, *words)
    error = caught.value
    assert error.message.endswith(".") and "\n" not in error.message and error.hint.endswith((".", "transformers"))
    return error


def test_a_causal_model_is_known_by_its_config(made: Path) -> None:
    found = subject(made)
    assert (found.name, found.source, found.architecture, found.kind) == ("small-gpt2",) * 2 + (
        "GPT2LMHeadModel",
        "causal",
    )
    assert (found.limit, found.vocabulary, found.ends, found.warnings) == (64, 320, frozenset({0}), ())
    assert found.checkpoint == (made / "model.safetensors",) and found.transformers == transformers.__version__
    assert found.parameters == sum(p.numel() for p in found.model.parameters()) and not found.model.training
    assert found.config["n_embd"] == 32 and json.dumps(found.config, allow_nan=False)
    assert found.model.config._attn_implementation == "eager"
    prompt = prompt_ids(request(made), found, 3)
    assert "".join(map(found.codec.text, prompt)) == "the sky is blue"


def test_the_weights_are_those_of_the_file(made: Path) -> None:
    from safetensors.torch import load_file

    wanted = load_file(made / "model.safetensors")["transformer.h.1.mlp.c_fc.weight"]
    assert torch.equal(subject(made).model.get_parameter("transformer.h.1.mlp.c_fc.weight"), wanted)


def test_an_encoder_keeps_the_head_that_it_was_saved_with(tmp_path: Path) -> None:
    masked = subject(small_models.bert(tmp_path / "masked", head=True))
    assert (masked.architecture, masked.kind, masked.limit, masked.ends) == (
        "BertForMaskedLM",
        "encoder",
        64,
        frozenset(),
    )
    plain = subject(small_models.bert(tmp_path / "plain", head=False))
    assert (plain.architecture, plain.kind) == ("BertModel", "encoder") and plain.model.pooler is not None
    # A checkpoint may lack the pooler: none is better than a random one.
    small_models.change_json(tmp_path / "masked" / "config.json", architectures=["BertModel"])
    bare = subject(tmp_path / "masked")
    assert bare.architecture == "BertModel" and bare.model.pooler is None
    with pytest.raises(UserError, match=r"^An encoder reads a text and generates no tokens\."):
        request(tmp_path / "plain", "--steps", "3").choices("encoder")


@pytest.mark.parametrize("wanted", ["float16", "bfloat16", "float32"])
def test_the_number_type_is_the_one_that_was_asked_for(made: Path, wanted: str) -> None:
    assert {p.dtype for p in subject(made, "--dtype", wanted).model.parameters()} == {getattr(torch, wanted)}


def test_auto_is_float32_on_the_cpu_and_the_checkpoints_own_elsewhere(folder: Path) -> None:
    half = transformers.AutoModelForCausalLM.from_pretrained(folder).to(torch.bfloat16)
    half.save_pretrained(folder)
    assert next(subject(folder).model.parameters()).dtype == torch.float32
    assert huggingface.number_type("auto", torch.device("cuda")) is None
    loading = huggingface._Loading(
        huggingface.Place(folder, "m", "m"), architecture.load_config(folder, "m", False), "causal", request(folder)
    )
    assert next(huggingface._loaded(loading, None).parameters()).dtype == torch.bfloat16


def test_the_tables_of_positions_count(tmp_path: Path) -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 44}
    config = transformers.RobertaConfig(vocab_size=99, max_position_embeddings=66, pad_token_id=1, **sizes)
    transformers.RobertaForMaskedLM(config).save_pretrained(tmp_path)
    assert subject(tmp_path).limit == 64  # rows 0 and 1 stand for no position


def test_attention_that_a_model_refuses_is_left_to_it(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = transformers.AutoModelForCausalLM.from_pretrained

    def picky(folder: str, **arguments: Any) -> Any:
        if arguments.get("attn_implementation") == "eager":
            raise ValueError('Specified `attn_implementation="eager"` is not supported.')
        return real(folder, **arguments)

    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", picky)
    found = subject(made)
    assert found.warnings == ("small-gpt2 refuses eager attention; it runs its own.",)
    assert found.model.config._attn_implementation != "eager"


def test_fused_attention_can_be_asked_for(made: Path) -> None:
    assert subject(made, "--attention", "sdpa").model.config._attn_implementation == "sdpa"


@pytest.mark.skipif(transformers.__version__ < "5", reason="experts are a loop in transformers 4")
def test_experts_are_not_one_kernel(tmp_path: Path) -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 44}
    config = transformers.MixtralConfig(vocab_size=99, num_key_value_heads=2, num_local_experts=3, **sizes)
    transformers.MixtralForCausalLM(config).save_pretrained(tmp_path)
    assert subject(tmp_path).model.config._experts_implementation == "eager"


# The prompt.


def test_a_prompt_must_fit(made: Path) -> None:
    found = subject(made)

    def asked(prompt: str, steps: int) -> tuple[int, ...]:
        return prompt_ids(request(made, prompt=prompt), found, steps)

    assert len(asked("x" * 64, 1)) == 64 and len(asked("x" * 60, 5)) == 60
    with pytest.raises(
        UserError, match=r"^The prompt is too long: 65 tokens, where small-gpt2 takes at most 64\. Shorten"
    ):
        asked("x" * 65, 1)
    says = r"^small-gpt2 cannot generate 6 tokens after the 60 of this prompt: it takes at most 64\. Ask for at most 5 "
    with pytest.raises(UserError, match=says) as caught:
        asked("x" * 60, 6)
    assert caught.value.code == 2


def test_ids_must_be_in_the_vocabulary(made: Path) -> None:
    found = subject(made)
    assert prompt_ids(request(made, "--ids", "1, 2,319"), found, 1) == (1, 2, 319)
    with pytest.raises(UserError, match=r"^Token 320 is beyond the vocabulary of small-gpt2\. Ids go from 0 to 319;"):
        prompt_ids(request(made, "--ids", "1,320"), found, 1)


# Models that will not do.


def weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def test_weights_that_are_missing_or_broken(folder: Path) -> None:
    whole = weights(folder).read_bytes()
    weights(folder).write_bytes(whole[:-100])
    assert refused(folder).message == f"{weights(folder)} is corrupt: its end is missing."
    weights(folder).write_bytes(b"not weights at all")
    assert refused(folder).message == f"{weights(folder)} is corrupt: it cannot be read as safetensors."
    weights(folder).write_bytes(b"")
    assert refused(folder).message == f"{weights(folder)} is corrupt: it cannot be read as safetensors."
    weights(folder).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert refused(folder).message == f"{weights(folder)} is a pointer of Git LFS, not the weights."
    weights(folder).unlink()
    error = refused(folder)
    assert error.message == f"The weights of small-gpt2 are missing: there is no model.safetensors in {folder}."
    assert error.code == 2


def test_a_shard_that_is_missing(folder: Path) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    weights(folder).unlink()
    model.save_pretrained(folder, max_shard_size="40KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 2 and subject(folder).checkpoint == tuple(shards)
    shards[1].unlink()
    says = f"{folder} is not whole: 1 of {len(shards)} files of weights are missing, such as {shards[1].name}."
    assert refused(folder).message == says
    (folder / "model.safetensors.index.json").write_text("[]")
    assert "does not say which files hold the weights" in refused(folder).message


def test_weights_that_would_be_random_are_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    found = load_file(weights(folder))
    save_file({k: v for k, v in found.items() if k != "transformer.h.1.ln_1.weight"}, weights(folder), {"format": "pt"})
    says = "The weights of small-gpt2 have no transformer.h.1.ln_1.weight, and random numbers shall not be shown."
    assert refused(folder).message == says
    save_file(found | {"transformer.wpe.weight": torch.zeros(3, 32)}, weights(folder), {"format": "pt"})
    says = "transformer.wpe.weight of small-gpt2 has another shape in its file than its config.json asks for."
    assert refused(folder).message == says


def test_pickled_weights_serve_too(folder: Path) -> None:
    from safetensors.torch import load_file

    torch.save(load_file(weights(folder)), folder / "pytorch_model.bin")
    weights(folder).unlink()
    found = subject(folder)
    assert found.checkpoint == () and found.parameters > 0
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(folder).message == f"{path} is corrupt: its end is missing."
    path.write_bytes(b"no pickle")
    assert refused(folder).message == f"{path} is corrupt: it cannot be read as weights of torch."


def config(folder: Path, **changes: Any) -> None:
    small_models.change_json(folder / "config.json", **changes)


def test_a_model_type_that_is_not_known(folder: Path) -> None:
    config(folder, model_type="gpt-77", architectures=["Gpt77ForCausalLM"])
    error = refused(folder)
    version = transformers.__version__
    assert error.message == f"This transformers {version} does not know the model type gpt-77 of small-gpt2."
    assert error.hint == "Install a newer one: pip install --upgrade transformers."
    config(folder, model_type=None)
    assert refused(folder).message == "config.json of small-gpt2 does not say its model_type."


def test_code_of_the_models_own_is_not_run_unasked(folder: Path) -> None:
    ran = folder / "ran"
    code = f"from pathlib import Path\nPath({str(ran)!r}).touch()\nfrom transformers import GPT2Config\n"
    (folder / "own.py").write_text(f"{code}class OwnConfig(GPT2Config):\n    model_type = 'own'\n")
    config(folder, model_type="own", auto_map={"AutoConfig": "own.OwnConfig"})
    error = refused(folder)
    assert error.message == "small-gpt2 needs program code that comes with it, which is not run unasked."
    assert "--trust-remote-code" in error.hint and error.code == 2 and not ran.exists()
    # With the word it runs, and what is wrong then is something else.
    assert "program code" not in refused(folder, "--trust-remote-code").message and ran.exists()


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("T5ForConditionalGeneration", "is an encoder-decoder model"),
        ("BartForConditionalGeneration", "is an encoder-decoder model"),
        ("ViTForImageClassification", "is a model of the type vit"),
        ("CLIPModel", "is a model of the type clip"),
        ("WhisperForConditionalGeneration", "is an encoder-decoder model"),
    ],
)
def test_what_is_no_causal_model(folder: Path, kind: str, says: str) -> None:
    getattr(transformers, kind).config_class().save_pretrained(folder)
    config(folder, architectures=[kind])
    error = refused(folder)
    assert error.message == f"small-gpt2 {says}, not a causal language model." and error.code == 2
    assert error.hint.startswith("Forward Pass traces causal language models")


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes"])
def test_quantised_weights_that_cannot_be_read(folder: Path, method: str) -> None:
    config(folder, quantization_config={"quant_method": method, "load_in_4bit": method == "bitsandbytes", "bits": 4})
    error = refused(folder)
    assert error.message.startswith(f"The weights of small-gpt2 are quantised ({method}), and this Python cannot read")
    assert error.hint.startswith("Choose the model that it was made from")


def test_quantised_weights_that_can_be_read_are_told(folder: Path) -> None:
    config(folder, quantization_config={"quant_method": "of_its_own"})
    says = "The weights of small-gpt2 are quantised (of_its_own): multiplies in its quantised layers may not be exact."
    assert subject(folder).warnings == (says,)


def test_a_config_that_cannot_be(folder: Path) -> None:
    config(folder, n_head=5)
    assert "small-gpt2" in refused(folder).message
    config(folder, n_head=4, n_embd="wide")
    assert "small-gpt2" in refused(folder).message


def test_weights_beyond_the_memory_are_refused_before_they_are_loaded(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface, "_memory", lambda: 100_000)
    error = refused(made)
    assert error.message == "The weights of small-gpt2 take 0.0 GB as float32, and this machine has 0.0 GB of memory."
    assert error.hint == huggingface.SHORTER
    assert subject(made, "--dtype", "bfloat16").parameters > 0  # half of it fits
    monkeypatch.setattr(huggingface, "_memory", lambda: 10_000)
    assert refused(made, "--dtype", "bfloat16").hint == "Choose a smaller model."


def test_no_chat_template_is_said(folder: Path) -> None:
    small_models.save_tokenizer(small_models.byte_level(), folder, bos_token="<s>")
    for path in folder.glob("*.jinja"):
        path.unlink()
    error = refused(folder, "--chat")
    assert error.message == "small-gpt2 has no chat template." and error.code == 2
