# SPDX-License-Identifier: GPL-3.0-or-later
"""How much memory this process and its children took at their largest."""

from __future__ import annotations

import sys


def peak_bytes() -> int | None:
    """Resident bytes of this process, or of the largest child that has ended, at their peak; None on Windows."""
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak_memory() -> str:
    """As people say it."""
    peak = peak_bytes()
    return "unknown" if peak is None else f"{peak / 1e9:.2f} GB"
