# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the Hugging Face hub as a folder: from the local cache, from the network only with the user's word."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.hub_cache import MAIN, HubName, cached_snapshot
from ..core.messages import Message, ProgressMessage
from .checkpoint_files import NAMES, weight_files

TIMEOUT = 10.0  # seconds that the hub may take to say what a model consists of
SMALL = (".json", ".txt", ".model", ".jinja", ".tiktoken")  # configs and tokenizers
FETCH = "Let it be downloaded (--online), or give a folder that holds the model."
OTHER_FORMAT = "It may be in another format, such as GGUF; choose one with safetensors."
ELSEWHERE = "Check the network and try again, or give a folder that holds the model."


def stay_offline() -> None:
    """Keeps transformers and its libraries from the network; only of use before they are imported."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")


def keep_quiet() -> None:
    """No bars, no advice, no telemetry; only of use before transformers is imported."""
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ.update(quiet, TRANSFORMERS_VERBOSITY="error", TRANSFORMERS_NO_ADVISORY_WARNINGS="1")


def hub_folder(name: HubName, online: bool, code: bool, weights: bool, say: Callable[[Message], None]) -> Path:
    """The folder of that model in the cache, downloaded first where it is not there and `online` allows it.

    `weights` False asks for its config and tokenizer only, `code` also for the Python files that it brings.
    Raises UserError where it is in neither place, or the hub cannot be reached or will not give it.
    """
    found = cached_snapshot(name)
    missing = _missing(name, found, weights)
    if found is not None and missing is None:
        stay_offline()
        return found
    if online:
        return _download(name, code, weights, say)
    if found is None:
        what = f"There is no model called {name} in the local cache, and no folder of that name."
        raise UserError(what, FETCH, 2, ("online",))
    raise UserError(f"The model {name} is only partly in the local cache: {missing}", FETCH, 2, ("online",))


def _missing(name: HubName, folder: Path | None, weights: bool) -> str | None:
    """What the cache lacks, as the end of a sentence; None where all is there."""
    if folder is None or not (folder / "config.json").is_file():
        return "its config.json is missing."
    try:
        if weights:
            weight_files(folder, name.last)
    except UserError as error:
        return f"{error.message[:1].lower()}{error.message[1:]}"
    return None


def _download(name: HubName, code: bool, weights: bool, say: Callable[[Message], None]) -> Path:
    say(ProgressMessage("load", 0.0, f"Asking the hub for {name}"))
    import huggingface_hub

    try:
        info = huggingface_hub.HfApi().model_info(
            name.repository, revision=name.revision, files_metadata=True, timeout=TIMEOUT
        )
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        wanted = list(_wanted(sizes, code, weights))
        if "config.json" not in wanted:
            raise UserError(f"{name} holds no model for transformers: there is no config.json.", OTHER_FORMAT)
        total, done = max(1, sum(sizes[file] for file in wanted)), 0
        for file in wanted:
            text = f"Downloading {name}: {file}, {sizes[file] / 1e6:.1f} MB of {total / 1e6:.1f}"
            say(ProgressMessage("load", done / total, text))
            revision = None if name.revision == MAIN else name.revision
            path = huggingface_hub.hf_hub_download(name.repository, file, revision=revision)
            done += sizes[file]
    except UserError:
        raise
    except Exception as error:
        raise _refused(name, error) from error
    return Path(path).parent


def _wanted(files: dict[str, int], code: bool, weights: bool) -> Iterator[str]:
    """The files to download, the weights last: one set of them, as safetensors where there are such."""
    for name in sorted(files):
        if "/" not in name and (name.endswith(SMALL) or (code and name.endswith(".py"))):
            yield name
    for single in NAMES if weights else ():
        stem, _, suffix = single.rpartition(".")
        found = [name for name in sorted(files) if re.fullmatch(rf"{stem}(-\d+-of-\d+)?\.{suffix}", name)]
        yield from [single] if single in found else found
        if found:
            return


def _refused(name: HubName, error: Exception) -> UserError:
    """What a failure of the hub's library means; by names, as they differ little between its versions."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in kinds:
        hint = "Agree to its terms on its page, log in with `hf auth login`, and try again."
        return UserError(f"The model {name} is gated: the hub gives it only to those who agreed to its terms.", hint)
    if "RevisionNotFoundError" in kinds:
        return UserError(f"The model {name.repository} has no revision {name.revision}.", "Check its name.", 2)
    status = _status(error)
    if "RepositoryNotFoundError" in kinds or status in (401, 404):
        hint = "Check its name; for a private one log in with `hf auth login`."
        return UserError(f"The hub has no model called {name.repository}, or does not show it to you.", hint, 2)
    if "OfflineModeIsEnabled" in kinds:
        return UserError("The hub is not asked: HF_HUB_OFFLINE is set.", "Unset that variable to use --online.", 2)
    if status is not None:
        return UserError(f"The hub would not give {name}: it answered with status {status}.", ELSEWHERE)
    if isinstance(error, OSError) and error.errno is not None and not _is_of_the_network(kinds):
        return UserError(f"{name} cannot be written to the cache: {error.strerror or error}.", "Check free disk space.")
    return UserError(f"The hub cannot be reached for {name}: {_reason(error)}.", ELSEWHERE)


def _is_of_the_network(kinds: set[str]) -> bool:
    return bool(kinds & {"ConnectionError", "TimeoutError", "RequestException", "TransportError", "gaierror"})


def _status(error: Exception) -> int | None:
    status: Any = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _reason(error: Exception) -> str:
    """The innermost cause, without the chain of what was tried."""
    text = str(error).strip().splitlines()
    return (text[0] if text and len(text[0]) <= 120 else type(error).__name__).rstrip(".")
