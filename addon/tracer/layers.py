# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layer a module belongs to."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def layer_of(path: str) -> int | None:
    """The first number in a module path, as in transformer.h.2.attn; None where it is in no numbered layer."""
    found = re.search(r"(?:^|\.)(\d+)(?:\.|$)", path)
    return int(found[1]) if found else None
