# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of modules: which layer one belongs to, and what several share."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def layer_of(path: str) -> int | None:
    """The first number in a module path, as in transformer.h.2.attn; None where it is in no numbered layer."""
    found = re.search(r"(?:^|\.)(\d+)(?:\.|$)", path)
    return int(found[1]) if found else None


def shared_path(paths: Iterable[str]) -> str:
    """The path of the innermost module that all these modules are in, or are."""
    split = [path.split(".") for path in paths]
    shared = []
    for steps in zip(*split, strict=False):
        if len(set(steps)) != 1:
            break
        shared.append(steps[0])
    return ".".join(shared)
