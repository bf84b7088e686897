# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the built-in sorting model: `python -m forward_pass.tracer.train`, from scratch and the same every time.

A sequence is the letters followed by the letters sorted, and the model is asked for the second half. There are so few
inputs (3 ** 6 = 729) that it is trained on random ones and tested on all of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from .config import Config
from .model import GPT

NANO_SORT = Config(
    n_layer=3,
    n_head=3,
    n_embd=48,
    vocab_size=3,
    block_size=11,
    name="nano-sort",
    vocabulary=("A", "B", "C"),
    prompt_length=6,
    new_tokens=6,
    model_type="gpt-nano",
)
LEARNING_RATE, BETAS, DECAY, BATCH = 5e-4, (0.9, 0.95), 0.1, 64  # minGPT's own for this model
STEPS = 4000


def every_input(config: Config) -> Tensor:
    """All prompts there are, as token ids [V ** n, n]."""
    return torch.tensor(list(itertools.product(range(config.vocab_size), repeat=config.prompt_length)))


def sorts_all(model: GPT) -> int:
    """How many of all inputs come out sorted, letter by letter, each letter chosen greedily."""
    prompts = every_input(model.config)
    ids = prompts
    with torch.no_grad():
        for _ in range(model.config.new_tokens):
            best = model(ids)[:, -1].argmax(-1, keepdim=True)  # [N, 1]
            ids = torch.cat((ids, best), dim=1)  # [N, T + 1]
    return int((ids[:, prompts.shape[1] :] == prompts.sort(dim=1).values).all(dim=1).sum())


def initialise(model: GPT) -> None:
    """As minGPT: normal 0.02, the projections into the residual stream scaled down by the number of them."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
        elif parameter.dim() == 2:
            scale = (2 * model.config.n_layer) ** -0.5 if name.endswith("c_proj.weight") else 1.0
            torch.nn.init.normal_(parameter, std=0.02 * scale)


def optimiser(model: GPT) -> torch.optim.AdamW:
    """AdamW that decays the matrices of the linear layers only."""
    linear = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    decayed = [parameter for name, parameter in model.named_parameters() if name in linear]
    others = [parameter for name, parameter in model.named_parameters() if name not in linear]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS)


def train(config: Config, seed: int, steps: int) -> GPT:
    """A trained model, its progress on stderr."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # sums in one order: the same weights every time
    model = GPT(config)
    initialise(model)
    update = optimiser(model)
    first = config.prompt_length - 1  # the position that says the first sorted letter
    for step in range(1, steps + 1):
        prompts = torch.randint(config.vocab_size, (BATCH, config.prompt_length))
        sequence = torch.cat((prompts, prompts.sort(dim=1).values), dim=1)  # [N, 2n]
        logits = model(sequence[:, :-1])[:, first:]  # [N, n, V]
        loss = F.cross_entropy(logits.flatten(0, 1), sequence[:, first + 1 :].flatten())
        update.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        update.step()
        if step % 250 == 0:
            print(f"step {step}/{steps}  loss {loss.item():.5f}  sorted {sorts_all(model)}", file=sys.stderr)
    return model


def save(model: GPT, folder: Path) -> None:
    """Writes config.json and model.safetensors, each beside and then moved into its place."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors.part", metadata={"format": "pt"})
    os.replace(folder / "model.safetensors.part", folder / "model.safetensors")
    (folder / "config.json.part").write_text(json.dumps(asdict(model.config), indent=2) + "\n", encoding="utf-8")
    os.replace(folder / "config.json.part", folder / "config.json")


def main() -> int:
    """Trains, tests on every input, and saves; 1 where it does not sort all of them."""
    parser = argparse.ArgumentParser(description="Train the built-in sorting model.")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--seed", type=int, default=3407)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    model = train(NANO_SORT, arguments.seed, arguments.steps)
    found, wanted = sorts_all(model), len(every_input(NANO_SORT))
    if found != wanted:
        print(f"It sorts only {found} of {wanted} inputs. Try more --steps or another --seed.", file=sys.stderr)
        return 1
    save(model, arguments.out)
    print(f"Sorts all {wanted} inputs; written to {arguments.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
