# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person wants to know about a trace that was just made."""

from __future__ import annotations

import math
from pathlib import Path

from ..core.trace import Manifest


def summary(manifest: Manifest, prompt: int, path: Path) -> dict[str, object]:
    """What a person wants to know about a trace whose first `prompt` tokens were given; `max_error` is None where a
    multiply could not be checked."""
    errors = [one.max_error for one in manifest.operations if one.max_error is not None]
    worst = max((math.inf if math.isnan(error) else error for error in errors), default=0.0)
    return {
        "prompt": manifest.prompt,
        "generated": "".join(token.text for token in manifest.tokens[prompt:]),
        "operations": len(manifest.operations),
        "multiplies": len(errors),
        "max_error": worst if math.isfinite(worst) else None,
        "bytes": path.stat().st_size,
        "seconds": manifest.run.seconds,
        "device": manifest.run.device,
        "engine": manifest.run.engine,
    }
