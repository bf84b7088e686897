# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in model of English: what ships is what was measured, and training gives it again."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from forward_pass.core.errors import UserError
from forward_pass.tracer import train_tiny_shakespeare as subject
from forward_pass.tracer.checkpoint import load
from forward_pass.tracer.model import GPT
from forward_pass.tracer.train import save
from tests.tracer.formulas import forward, read_weights

CPU = torch.device("cpu")
CORPUS = "".join(f"{a} said to {b}: {c}.\n" for a, b, c in itertools.permutations(("Anne", "Bob", "Cy", "Dora"), 3))


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "assets" / "models" / "tiny-shakespeare"


@pytest.fixture(scope="module")
def facts(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def model(folder: Path) -> GPT:
    return load(folder, CPU)


@pytest.fixture(scope="module")
def shakespeare(shared: Path) -> str:
    return subject.read_text(shared / "data" / "tinyshakespeare.txt")


def test_it_ships_small(folder: Path, facts: dict[str, Any]) -> None:
    assert (folder / "model.safetensors").stat().st_size < 4_000_000
    assert (facts["n_layer"], facts["n_head"], facts["n_embd"], facts["block_size"]) == (4, 4, 128, 128)
    assert (facts["prompt_length"], facts["new_tokens"], facts["vocab_size"]) == (None, 6, 65)


def test_its_vocabulary_is_the_characters_of_its_text(facts: dict[str, Any], shakespeare: str) -> None:
    assert facts["vocabulary"] == sorted(set(shakespeare))
    assert facts["text_sha256"] == hashlib.sha256(shakespeare.encode()).hexdigest()


@pytest.mark.slow
def test_its_loss_is_the_one_stated(facts: dict[str, Any], model: GPT, shakespeare: str, root: Path) -> None:
    """Measured over the whole held-out tenth, 111,538 characters; and the README says the same."""
    held_out = subject.split(shakespeare, model.config).held_out
    assert len(held_out) == 111_539
    assert subject.mean_loss(model, held_out) == pytest.approx(facts["validation_loss"], abs=0.005)
    assert f"{facts['validation_loss']:.2f} nats a character" in (root / "README.md").read_text(encoding="utf-8")


def test_torch_and_the_formulas_agree(folder: Path, model: GPT) -> None:
    ids = np.array([model.config.encode("First Citizen:\nWe, before you proceed, hear ME speak")])
    with torch.no_grad():
        found = model(torch.from_numpy(ids)).numpy()
    wanted = forward(read_weights(folder), ids, heads=4)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()


def test_it_knows_how_to_go_on(folder: Path, model: GPT) -> None:
    """Greedy, from the formulas: an English word, whatever the weights are."""
    weights, ids = read_weights(folder), np.array([model.config.encode("To be, or not to b")])
    for _ in range(model.config.new_tokens):
        ids = np.concatenate((ids, forward(weights, ids, heads=4)[:, -1].argmax(-1)[:, None]), axis=1)
    assert "".join(map(model.config.text, ids[0])).startswith("To be, or not to be ")


@pytest.fixture(scope="module")
def small() -> GPT:
    """An untrained model of the corpus with a context of 16; large weights make it sure of something."""
    torch.manual_seed(0)
    config = dataclasses.replace(subject.config_for(CORPUS, "small"), n_layer=2, n_head=2, n_embd=16, block_size=16)
    found = GPT(config)
    for parameter in found.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return found


def test_the_last_tenth_is_held_out(small: GPT) -> None:
    text = subject.split(CORPUS, small.config)
    both = "".join(map(small.config.text, torch.cat((text.learned, text.held_out)).tolist()))
    assert both == CORPUS and len(text.held_out) == len(CORPUS) // 10


@pytest.mark.parametrize("length", [2, 16, 17, 18, 40])
def test_the_loss_counts_every_character_once(small: GPT, length: int) -> None:
    """Against a sum over the characters one by one, each with what its window shows of those before it."""
    ids = subject.split(CORPUS, small.config).learned[:length]
    weights = {name: value.double().numpy() for name, value in small.state_dict().items()}
    total = 0.0
    for i in range(1, length):
        seen = ids[(i - 1) // 16 * 16 : i].numpy()
        logits = forward(weights, seen[None], heads=2)[0, -1]
        total += math.log(np.exp(logits).sum()) - logits[ids[i]]
    assert subject.mean_loss(small, ids) == pytest.approx(total / (length - 1), rel=1e-5)


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [subject.rate(step, 1000) for step in range(1, 1001)]
    assert rates.index(max(rates)) == 19 and max(rates) == subject.RATE
    assert rates[20:] == sorted(rates[20:], reverse=True) and rates[-1] == pytest.approx(subject.LAST_RATE)
    assert subject.rate(1, 1) == subject.RATE


def test_training_is_the_same_every_time_and_learns(
    small: GPT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "EVERY", 30)
    text, heard = subject.split(CORPUS, small.config), []
    for name, seed in (("first", 1), ("second", 1), ("other", 2)):
        trained = subject.train(small.config, text, seed, 60, lambda _, step, loss: heard.append((step, loss)))
        save(trained, tmp_path / name, {"seed": seed})
    files = {path.name for path in (tmp_path / "first").iterdir()}
    assert files == {"config.json", "model.safetensors"}
    assert all((tmp_path / "first" / one).read_bytes() == (tmp_path / "second" / one).read_bytes() for one in files)
    first, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("first", "other"))
    assert first != other and heard[:2] == heard[2:4]
    assert [step for step, _ in heard[:2]] == [30, 60] and heard[1][1] < heard[0][1]
    again = load(tmp_path / "first", CPU)
    assert again.config == small.config
    assert subject.mean_loss(again, text.learned) < 2.5 < math.log(small.config.vocab_size)


def run(root: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "train_tiny_shakespeare.py"), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)


@pytest.mark.slow
def test_the_script_writes_a_model_that_says_how_good_it_is(root: Path, tmp_path: Path) -> None:
    text = tmp_path / "windows.txt"
    text.write_bytes(b"\xef\xbb\xbf" + (CORPUS * 4).replace("\n", "\r\n").encode())
    done = run(root, "--text", text, "-o", tmp_path / "gossip", "--steps", "2", "--seed", "5")
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads((tmp_path / "gossip" / "config.json").read_text(encoding="utf-8"))
    assert (facts["name"], facts["seed"], facts["steps"], facts["vocabulary"][0]) == ("gossip", 5, 2, "\n")
    assert facts["vocabulary"] == sorted(set(CORPUS))
    assert f"{facts['validation_loss']:.4f} nats a character on the held-out tenth" in done.stdout
    found = subject.mean_loss(
        load(tmp_path / "gossip", CPU), subject.split(CORPUS * 4, subject.config_for(CORPUS, "")).held_out
    )
    assert found == pytest.approx(facts["validation_loss"], abs=1e-4)


@pytest.mark.parametrize(
    ("content", "message", "code"),
    [
        (None, "There is no text {}.", 2),
        ("a folder", "{} cannot be read: Is a directory.", 1),
        ("é".encode("latin-1") * 2000, "{} is not a text in UTF-8.", 2),
        (b"To be\n", "The text is too short: 6 characters.", 2),
        (b"", "The text is too short: 0 characters.", 2),
    ],
)
def test_a_text_that_will_not_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | str | None,
    message: str,
    code: int,
) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "out"
    if isinstance(content, bytes):
        text.write_bytes(content)
    elif content is not None:
        text.mkdir()
    monkeypatch.setattr(sys, "argv", ["train_tiny_shakespeare.py", "--text", str(text), "-o", str(out)])
    assert subject.main() == code
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Error: " + message.format(text) and len(said) == 2
    assert not out.exists()


def test_what_cannot_be_written_is_said_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text(CORPUS * 4)
    monkeypatch.setattr(subject, "train", None)
    words = ["x", "--text", str(tmp_path / "text.txt"), "-o", str(tmp_path / "text.txt" / "model")]
    monkeypatch.setattr(sys, "argv", words)
    assert subject.main() == 1
    assert f"The model cannot be written to {tmp_path / 'text.txt' / 'model'}" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*words[:-1], str(tmp_path / "model"), "--steps", "0"])
    assert subject.main() == 2
    assert "A training cannot have 0 steps." in capsys.readouterr().err


def test_saving_leaves_nothing_half_written(small: GPT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(small, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="No space left on device"):
        save(small, tmp_path, {"seed": 1})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
