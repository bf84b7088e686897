# SPDX-License-Identifier: GPL-3.0-or-later
"""The local cache of the Hugging Face hub, read without that library: 1 ms, and never a look at the network.

Layout, by huggingface_hub's documentation: `models--ORG--NAME/refs/REVISION` holds a commit, and its files are under
`snapshots/COMMIT`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
NAME = re.compile(rf"({PART}(?:/{PART})?)(?:@([A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*))?")
MAIN = "main"


@dataclass(frozen=True)
class HubName:
    """A model of the hub, `org/name` or `org/name@revision`."""

    repository: str
    revision: str = MAIN

    def __str__(self) -> str:
        return self.repository if self.revision == MAIN else f"{self.repository}@{self.revision}"

    @property
    def last(self) -> str:
        """The name without the organisation."""
        return self.repository.rpartition("/")[2]


def read_hub_name(text: str) -> HubName | None:
    """What `text` names on the hub; None where it cannot be such a name."""
    found = NAME.fullmatch(text.strip())
    if found is None or ".." in text or "--" in found[1]:
        return None
    return HubName(found[1], found[2] or MAIN)


def cache_folder() -> Path:
    """Where the cache is, by the same variables as huggingface_hub."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or os.path.join(base, "huggingface")
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(os.path.expandvars(os.path.expanduser(named or os.path.join(home, "hub"))))


def cached_snapshot(name: HubName) -> Path | None:
    """The folder with the files of that model that are in the cache, perhaps not all; None where there are none."""
    model = cache_folder() / f"models--{name.repository.replace('/', '--')}"
    try:
        commit = (model / "refs" / name.revision).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        commit = name.revision
    snapshot = model / "snapshots" / commit
    return snapshot if snapshot.is_dir() else None
