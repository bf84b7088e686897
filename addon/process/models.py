# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a person writes as the model to the folder that holds it."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UserError

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
