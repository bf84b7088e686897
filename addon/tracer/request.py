# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tracer is asked for, checked as far as it can be before torch is even loaded."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core.errors import UserError
from ..core.hub_cache import HubName, read_hub_name
from .choices import Choices, Crop, read_bytes, read_crop
from .config import Config, read_config
from .sampling import Sampling

NEW_TOKENS = 1  # of a model whose config does not say how many show it best


@dataclass(frozen=True)
class Request:
    """A prompt, a model, how to run it, and where the trace goes.

    Either `folder` or `hub` says where the model is; `config` is that of a built-in one or another of its kind. `ids`
    are the prompt's tokens where they are known already, `prompt` is None where they were given by hand. `steps` None
    leaves it to the model how many tokens are generated. `code` allows to run Python that comes with the model, `also`
    names the file that this one is made to be compared with, and `estimate` asks what the trace would take, not for it.
    """

    prompt: str | None
    ids: tuple[int, ...] | None
    folder: Path | None
    hub: HubName | None
    config: Config | None
    out: Path
    device: str
    dtype: str
    attention: str
    steps: int | None
    sampling: Sampling
    keep: tuple[Crop, ...]
    max_bytes: int | None
    check: Literal["full", "auto"]
    chat: bool
    online: bool
    code: bool
    also: str | None
    estimate: bool

    def choices(self, kind: str) -> Choices:
        """What was chosen, for a model of that kind. Raises UserError (code 2) for new tokens of an encoder."""
        steps = self.steps
        if kind == "encoder" and steps not in (None, 1):
            raise UserError("An encoder reads a text and generates no tokens.", "Leave out --max-tokens.", 2)
        if steps is None:
            steps = NEW_TOKENS if self.config is None else self.config.new_tokens
        return Choices(steps, self.sampling, self.keep, self.max_bytes, self.check, self.prompt, self.also)


def read_request(arguments: argparse.Namespace) -> Request:
    """The request of a command line. Raises UserError where the prompt, the model or the path will not do."""
    folder, hub = _place(arguments.model)
    config = read_config(folder) if folder is not None and is_built_in(folder) else None
    steps = arguments.steps
    if steps is not None and steps < 1:
        name = folder.name if folder is not None else str(hub)
        most = "" if config is None else f" to {config.most_new_tokens(config.prompt_length or 1)}"
        raise UserError(f"{name} cannot generate {steps} tokens.", f"Ask for 1{most}.", 2)
    ids = None if arguments.ids is None else read_ids(arguments.ids)
    if ids is None and arguments.prompt is None:
        raise UserError("There is no prompt.", "Give a text, or token ids with --ids.", 2)
    if config is not None and arguments.chat:
        raise UserError(f"{config.name} has no chat template.", "Leave out --chat.", 2)
    if config is not None and ids is None:
        ids = _encode(config, arguments.prompt, steps)
    if not arguments.prompt and ids is None:
        raise UserError("The prompt is empty.", "Write a text, such as: The sky is", 2)
    if not arguments.estimate:
        _check_out(arguments.out)
    return Request(
        prompt=arguments.prompt if arguments.ids is None else None,
        ids=ids,
        folder=folder,
        hub=hub,
        config=config,
        out=arguments.out,
        device=arguments.device,
        dtype=arguments.dtype,
        attention=arguments.attention,
        steps=steps,
        sampling=_sampling(arguments),
        keep=tuple(map(read_crop, arguments.keep)),
        max_bytes=None if arguments.max_bytes is None else read_bytes(arguments.max_bytes),
        check=arguments.check,
        chat=arguments.chat,
        online=arguments.online,
        code=arguments.trust_remote_code,
        also=arguments.also,
        estimate=arguments.estimate,
    )


def is_built_in(folder: Path) -> bool:
    """Whether the config in that folder is minGPT's own, not one of transformers; also where there is no config to
    tell, so that `read_config` says what is wrong."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return True
    if not isinstance(found, dict) or "vocabulary" in found or {"block_size", "n_embd"} <= found.keys():
        return True
    return not found.keys() & {"model_type", "architectures", "auto_map"}


def read_ids(text: str) -> tuple[int, ...]:
    """Token ids as they are written: `1, 2, 3`. Raises UserError (code 2)."""
    try:
        ids = tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        ids = ()
    if not ids or min(ids) < 0:
        raise UserError(f'"{text}" are no token ids.', "Write for example --ids 1,2,3.", 2)
    return ids


def _place(model: str) -> tuple[Path | None, HubName | None]:
    """Where the model is: a folder wins over a name of the hub."""
    folder = Path(model).expanduser()
    if folder.is_dir() or folder.is_absolute():
        return folder, None
    hub = read_hub_name(model)
    return (folder, None) if hub is None else (None, hub)


def _encode(config: Config, prompt: str, steps: int | None) -> tuple[int, ...]:
    if config.prompt_length is None:
        return tuple(config.encode(prompt, steps))
    ids = tuple(config.encode(prompt))
    most = config.most_new_tokens(len(ids))
    if steps is not None and steps > most:
        raise UserError(f"{config.name} cannot generate {steps} tokens.", f"Ask for 1 to {most}.", 2)
    return ids


def _sampling(arguments: argparse.Namespace) -> Sampling:
    """Who asks for top-k or top-p and says no temperature means one of 1, as elsewhere."""
    draws = arguments.top_k is not None or arguments.top_p is not None
    temperature = (1.0 if draws else 0.0) if arguments.temperature is None else arguments.temperature
    return Sampling(temperature, arguments.top_k, arguments.top_p, arguments.seed)


def _check_out(path: Path) -> None:
    """Finds out before the work whether its result can be kept."""
    if path.is_dir():
        raise UserError(f"The trace cannot be written to {path}: it is a folder.", "Give the name of a file.", 2)
    if not path.parent.is_dir():
        raise UserError(f"The trace cannot be written to {path}: there is no such folder.", "Make the folder first.")
