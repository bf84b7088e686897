# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests one worker runs together: those that share what is costly to make."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TRACED = ("tests/tracer/test_architectures.py", "tests/tracer/test_generation.py", "tests/core/test_model_layouts.py")
"""Files that look at the same traces, of every architecture with each of two ways of attention."""
PARTLY = ("tests/core/test_presets.py", "tests/core/test_framing.py")
"""Files of which a part looks at one of those traces, that of a llama with eager attention."""


class ByWhatTheyShare(LoadScopeScheduling):
    """Hands out whole files, the one with the most tests first; of the traced architectures a way of attention each."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in TRACED:
            return "sdpa" if "sdpa" in nodeid else "eager"
        return "eager" if file in PARTLY and "llama" in nodeid else file
