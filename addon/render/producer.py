# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a whole production of a saved scene in a process of its own, and says how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.messages import ResultMessage, StepMessage
from .child import Say, serve
from .presets import Quality


def main(job: dict[str, Any], say: Say) -> None:
    """Opens `job["saved"]` and makes `out` of it; the rest are fields of `Production`."""
    from .production import Production, produce
    from .saved import SavedScene, open_saved
    from .workers import worker_count

    saved, out = SavedScene(**job["saved"]), Path(job["out"])
    production = Production(
        open_saved(saved),
        Quality.of(job["quality"]),
        out,
        Path(job["frames"]),
        job["first"],
        job["last"],
        blend=Path(saved.blend),
        # Another process even where one is enough: one that dies is started again where it stopped.
        workers=worker_count(),
        resume=job["resume"],
    )
    for _ in produce(production, lambda step: say(StepMessage(step.stage, step.done, step.total))):
        pass
    say(ResultMessage(str(out)))


if __name__ == "__main__":
    serve(main)
