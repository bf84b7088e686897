# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a person writes as the model to the folder that holds it, or to a name that the tracer looks up."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UserError
from ..core.hub_cache import cached_snapshot, read_hub_name

CONFIG = "config.json"


def assets_folder() -> Path | None:
    """The folder of what ships beside the code: inside the package in an installed extension, next to it in a
    checkout; None where neither is there."""
    package = Path(__file__).resolve().parents[1]
    return next((folder for folder in (package / "assets", package.parent / "assets") if folder.is_dir()), None)


def built_in_models() -> tuple[str, ...]:
    """Names of the models that ship, sorted."""
    assets = assets_folder()
    if assets is None:
        return ()
    return tuple(sorted(config.parent.name for config in (assets / "models").glob(f"*/{CONFIG}")))


def model_folder(model: str | Path) -> Path:
    """The folder of a model, given by the name of a built-in one or by its path; a built-in name comes first.

    Raises `UserError` (code 2) where there is no such name, no such folder, or no model in it.
    """
    text = str(model).strip()
    names = built_in_models()
    known = f"Built-in models: {', '.join(names)}; or give the path of a folder." if names else "Give a folder's path."
    if not text:
        raise UserError("No model is given.", known, code=2)
    assets = assets_folder()
    if assets is not None and text in names:
        return assets / "models" / text
    folder = Path(text).expanduser()
    if folder.is_file():
        raise UserError(f'The model "{text}" is a file, not a folder.', f"Give the folder that holds {CONFIG}.", code=2)
    if not folder.is_dir():
        what = f"There is no folder {text}." if folder.name != text else f'There is no model called "{text}".'
        raise UserError(what, known, code=2)
    if not (folder / CONFIG).is_file():
        raise UserError(f"The folder {text} holds no model: {CONFIG} is missing.", known, code=2)
    return folder.resolve()


def is_built_in(model: str) -> bool:
    """Whether that is the folder of a model that ships."""
    assets = assets_folder()
    return assets is not None and Path(model).parent == assets / "models"


def find_model(model: str | Path, online: bool = False) -> str:
    """What to tell the tracer: the folder of a model, or a name of the Hugging Face hub as it was written.

    A name of the hub has a slash, or is in the local cache, or may be anything where `online` lets the tracer ask.
    Raises `UserError` as `model_folder` does for what is neither.
    """
    text = str(model).strip()
    is_there = text in built_in_models() or Path(text).expanduser().exists()
    hub = None if is_there or isinstance(model, Path) else read_hub_name(text)
    if hub is None:
        return str(model_folder(model))
    if "/" in hub.repository or online or cached_snapshot(hub) is not None:
        return str(hub)
    try:
        return str(model_folder(model))
    except UserError as error:
        raise UserError(error.message, f"{error.hint} A model of the hub is org/name.", error.code) from None


def is_model(text: str) -> bool:
    """Whether that names a model rather than being a prompt: a built-in one, a model's folder, or `org/name`."""
    if text in built_in_models() or (Path(text).expanduser() / CONFIG).is_file():
        return True
    hub = read_hub_name(text)
    return hub is not None and "/" in hub.repository
