# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a folder hold a model's weights, and whether they are whole: found out before anything is loaded."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from ..core.errors import UserError

# As transformers looks for them, in its order.
NAMES = ("model.safetensors", "pytorch_model.bin")
AGAIN = "Get the model again; a download may have been cut off."
LONGEST_HEADER = 100_000_000  # bytes, the limit of the safetensors format


def weight_files(folder: Path, name: str) -> tuple[Path, ...]:
    """The files with the weights of the model called `name`: one, or the shards of an index.

    Raises UserError where there are none, where one is missing, or is no whole safetensors file.
    """
    for single in NAMES:
        index = folder / f"{single}.index.json"
        if (folder / single).is_file():
            files: tuple[Path, ...] = (folder / single,)
        elif index.is_file():
            files = _shards(index)
        else:
            continue
        for path in files:
            _check(path)
        return files
    hint = f"Give a folder that has {NAMES[0]} (or {NAMES[0]}.index.json and the files that it names)."
    raise UserError(f"The weights of {name} are missing: there is no {NAMES[0]} in {folder}.", hint, 2)


def safetensors_header(path: Path) -> dict[str, Any]:
    """What a safetensors file says about its tensors, by name. Raises UserError where it is cut off or no such file."""
    start = b""
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else LONGEST_HEADER + 1
            header: Any = json.loads(file.read(size)) if size <= LONGEST_HEADER else None
            tensors = {key: entry for key, entry in header.items() if key != "__metadata__"}
            end = 8 + size + max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
            whole = end <= path.stat().st_size
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.", AGAIN) from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        if start == b"version ":
            hint = "Run git lfs pull in that folder, or download the file itself."
            raise UserError(f"{path} is a pointer of Git LFS, not the weights.", hint) from None
        raise UserError(f"{path} is corrupt: it cannot be read as safetensors.", AGAIN) from None
    if not whole:
        raise UserError(f"{path} is corrupt: its end is missing.", AGAIN)
    return tensors


def _shards(index: Path) -> tuple[Path, ...]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        found = tuple(index.parent / name for name in names)
    except OSError as error:
        raise UserError(f"{index} cannot be read: {error.strerror or error}.", AGAIN) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(f"{index} is corrupt: it does not say which files hold the weights.", AGAIN) from None
    missing = [path.name for path in found if not path.is_file()]
    if missing:
        counted = f"{len(missing)} of {len(found)} files"
        raise UserError(f"{index.parent} is not whole: {counted} of weights are missing, such as {missing[0]}.", AGAIN)
    return found


def _check(path: Path) -> None:
    if path.suffix == ".safetensors":
        safetensors_header(path)
        return
    with path.open("rb") as file:  # a zip file, or a pickle of old
        start = file.read(2)
    if start[:1] != b"\x80" and start != b"PK":
        raise UserError(f"{path} is corrupt: it cannot be read as weights of torch.", AGAIN)
    if start == b"PK" and not zipfile.is_zipfile(path):
        raise UserError(f"{path} is corrupt: its end is missing.", AGAIN)
