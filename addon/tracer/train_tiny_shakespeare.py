# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the built-in model of English: `python -m forward_pass.tracer.train_tiny_shakespeare --text FILE`.

A token is a character, and the model is asked for the next one everywhere in a random piece of the text. The last
tenth of the text is held out: the loss on it says how good the model is.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from .config import NEW_TOKENS, Config
from .model import GPT
from .train import descend, finished, initialise, optimiser, prepare, save, start

LAYERS, HEADS, CHANNELS, CONTEXT = 4, 4, 128, 128
RATE, LAST_RATE, BETAS, BATCH = 2e-3, 1e-5, (0.9, 0.99), 16
STEPS = 10_000
WARM_UP = 0.02  # of the steps, in which the learning rate rises
EVERY = 500  # steps from one report to the next
AT_ONCE = 64  # windows in a pass that measures


@dataclass(frozen=True)
class Split:
    """The token ids of a text [N]: what is learned from, and the last tenth, which is held out."""

    learned: Tensor
    held_out: Tensor


def read_text(path: Path) -> str:
    """A text with its line ends as line breaks. Raises UserError where there is none, or it is not UTF-8."""
    hint = "Give a text file in UTF-8 with --text."
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no text {path}.", hint, 2) from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text in UTF-8.", hint, 2) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", hint) from None


def config_for(text: str, name: str) -> Config:
    """The model of a text: its own characters, sorted, are the vocabulary."""
    vocabulary = tuple(sorted(set(text)))
    return Config(
        n_layer=LAYERS,
        n_head=HEADS,
        n_embd=CHANNELS,
        vocab_size=len(vocabulary),
        block_size=CONTEXT,
        name=name,
        vocabulary=vocabulary,
        prompt_length=None,
        new_tokens=NEW_TOKENS,
    )


def split(text: str, config: Config) -> Split:
    """The text as token ids. Raises UserError where a part of it does not fill the context once."""
    least = 10 * (config.block_size + 1)
    if len(text) < least:
        counted = f"{len(text)} characters" if len(text) != 1 else "1 character"
        raise UserError(f"The text is too short: {counted}.", f"It takes {least} to learn from and to test on.", 2)
    number = {character: i for i, character in enumerate(config.vocabulary)}
    ids = torch.tensor([number[character] for character in text])  # [N]
    return Split(*ids.split((len(text) - len(text) // 10, len(text) // 10)))


def rate(step: int, steps: int) -> float:
    """The learning rate of step 1 to `steps`: a straight rise, then half a cosine down."""
    warm = max(1, round(WARM_UP * steps))
    if step <= warm:
        return RATE * step / warm
    return LAST_RATE + (RATE - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


def mean_loss(model: GPT, ids: Tensor) -> float:
    """Nats a character over all of a text [N] but its first, which nothing precedes.

    The text is cut into windows of the context, one after the other, and a character sees no more than its window.
    """
    size = model.config.block_size
    whole = (len(ids) - 1) // size * size
    given, wanted = ids[:whole].view(-1, size), ids[1 : whole + 1].view(-1, size)  # [windows, T] each
    pieces = list(zip(given.split(AT_ONCE), wanted.split(AT_ONCE), strict=True))
    if whole + 1 < len(ids):
        pieces.append((ids[whole:-1].unsqueeze(0), ids[whole + 1 :].unsqueeze(0)))  # [1, the rest]
    total = 0.0
    with torch.no_grad():
        for inputs, targets in pieces:
            logits = model(inputs)  # [n, T, V]
            total += F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item()
    return total / (len(ids) - 1)


def train(config: Config, text: Split, seed: int, steps: int, watch: Callable[[GPT, int, float], None]) -> GPT:
    """A trained model; `watch` hears of it every `EVERY` steps: the model, the step, the mean loss since the last."""
    start(seed)
    model = GPT(config)
    initialise(model)
    update = optimiser(model, RATE, BETAS)
    reach = torch.arange(config.block_size + 1)  # [T + 1]
    last = len(text.learned) - len(reach)
    since, total = 0, 0.0
    for step in range(1, steps + 1):
        for group in update.param_groups:
            group["lr"] = rate(step, steps)
        pieces = text.learned[torch.randint(last + 1, (BATCH, 1)) + reach]  # [B, T + 1]
        logits = model(pieces[:, :-1])  # [B, T, V]
        loss = F.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())
        descend(model, update, loss)
        since, total = since + 1, total + loss.item()
        if step % EVERY == 0:
            watch(model, step, total / since)
            since, total = 0, 0.0
    return model


def main() -> int:
    """Trains on a text, measures on its last tenth, and saves."""
    parser = argparse.ArgumentParser(
        prog="train_tiny_shakespeare.py", description="Train a small GPT on the characters of any text."
    )
    add = parser.add_argument
    add("--text", type=Path, required=True, metavar="FILE", help="the text, in UTF-8; its last tenth is for testing")
    add("-o", "--out", type=Path, required=True, metavar="DIR", help="the model folder to write, which names the model")
    add("--seed", type=int, default=1623, help="another seed gives another model (%(default)s)")
    add("--steps", type=int, default=STEPS, help=f"each of {BATCH} x {CONTEXT} characters (%(default)s)")
    add("--checkpoints", type=Path, metavar="DIR", help=f"also keep the model there, every {EVERY} steps anew")
    arguments = parser.parse_args()
    return finished(lambda: _make(arguments))


def _make(asked: argparse.Namespace) -> None:
    if asked.steps < 1:
        raise UserError(f"A training cannot have {asked.steps} steps.", "Give --steps of 1 or more.", 2)
    words = read_text(asked.text)
    config = config_for(words, asked.out.resolve().name)
    text = split(words, config)
    prepare(asked.out)
    facts = {"text_sha256": hashlib.sha256(words.encode()).hexdigest(), "seed": asked.seed, "steps": asked.steps}
    began = time.perf_counter()

    def watch(model: GPT, step: int, loss: float) -> None:
        found, seconds = mean_loss(model, text.held_out), time.perf_counter() - began
        say = f"step {step}/{asked.steps}  loss {loss:.4f}  validation {found:.4f}  {seconds:.0f} s"
        print(say, file=sys.stderr, flush=True)
        if asked.checkpoints is not None:
            save(model, asked.checkpoints, {**facts, "step": step, "validation_loss": round(found, 4)})

    model = train(config, text, asked.seed, asked.steps, watch)
    learned, found = mean_loss(model, text.learned), mean_loss(model, text.held_out)
    save(model, asked.out, {**facts, "training_loss": round(learned, 4), "validation_loss": round(found, 4)})
    print(f"{found:.4f} nats a character on the held-out tenth, {learned:.4f} on the rest; written to {asked.out}.")


if __name__ == "__main__":
    sys.exit(main())
