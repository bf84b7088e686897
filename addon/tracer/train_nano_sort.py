# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the built-in sorting model from scratch, the same every time: `python -m forward_pass.tracer.train_nano_sort`.

A sequence is the letters followed by the letters sorted, and the model is asked for the second half. There are so few
inputs (3 ** 6 = 729) that it is trained on random ones and tested on all of them.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..core.errors import UserError
from .config import Config
from .model import GPT
from .train import descend, finished, initialise, optimiser, prepare, save, start

LENGTH = 6  # of a prompt, and of what comes after it
NANO_SORT = Config(
    n_layer=3,
    n_head=3,
    n_embd=48,
    vocab_size=3,
    block_size=11,
    name="nano-sort",
    vocabulary=("A", "B", "C"),
    prompt_length=LENGTH,
    new_tokens=LENGTH,
    model_type="gpt-nano",
)
LEARNING_RATE, BETAS, BATCH = 5e-4, (0.9, 0.95), 64  # minGPT's own for this model
STEPS = 4000


def every_input(config: Config) -> Tensor:
    """All prompts there are, as token ids [V ** n, n]."""
    return torch.tensor(list(itertools.product(range(config.vocab_size), repeat=config.new_tokens)))


def sorts_all(model: GPT) -> int:
    """How many of all inputs come out sorted, letter by letter, each letter chosen greedily."""
    prompts = every_input(model.config)
    ids = prompts
    with torch.no_grad():
        for _ in range(model.config.new_tokens):
            best = model(ids)[:, -1].argmax(-1, keepdim=True)  # [N, 1]
            ids = torch.cat((ids, best), dim=1)  # [N, T + 1]
    return int((ids[:, prompts.shape[1] :] == prompts.sort(dim=1).values).all(dim=1).sum())


def train(config: Config, seed: int, steps: int) -> GPT:
    """A trained model, its progress on stderr."""
    start(seed)
    model = GPT(config)
    initialise(model)
    update = optimiser(model, LEARNING_RATE, BETAS)
    first = config.new_tokens - 1  # the position that says the first sorted letter
    for step in range(1, steps + 1):
        prompts = torch.randint(config.vocab_size, (BATCH, config.new_tokens))
        sequence = torch.cat((prompts, prompts.sort(dim=1).values), dim=1)  # [N, 2n]
        logits = model(sequence[:, :-1])[:, first:]  # [N, n, V]
        loss = F.cross_entropy(logits.flatten(0, 1), sequence[:, first + 1 :].flatten())
        descend(model, update, loss)
        if step % 250 == 0:
            print(f"step {step}/{steps}  loss {loss.item():.5f}  sorted {sorts_all(model)}", file=sys.stderr)
    return model


def main() -> int:
    """Trains, tests on every input, and saves; 1 where it does not sort all of them."""
    parser = argparse.ArgumentParser(prog="train_nano_sort.py", description="Train the built-in sorting model.")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--seed", type=int, default=3407)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    return finished(lambda: _make(arguments.out, arguments.seed, arguments.steps))


def _make(out: Path, seed: int, steps: int) -> None:
    prepare(out)
    model = train(NANO_SORT, seed, steps)
    found, wanted = sorts_all(model), len(every_input(NANO_SORT))
    if found != wanted:
        raise UserError(f"It sorts only {found} of {wanted} inputs.", "Try more --steps or another --seed.")
    save(model, out)
    print(f"Sorts all {wanted} inputs; written to {out}.")


if __name__ == "__main__":
    sys.exit(main())
