# SPDX-License-Identifier: GPL-3.0-or-later
"""How a model is to run and what its trace keeps, on its way from a person to the tracer's command line."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class TraceOptions:
    """As the tracer's command line has them; it checks them, and says what each means where it is wrong.

    `dtype` is auto, float32, float16 or bfloat16, `attention` eager or sdpa, `temperature` None greedy (1 where `top_k`
    or `top_p` is set), `ids` token ids as "1,2,3", `online` lets the tracer download, `trust_remote_code` lets it run
    Python that comes with a model, `keep` names parts to keep as "NAME[rows, columns]", `max_bytes` is a size as
    "500MB", `check` auto or full, `also` the name of another trace's file.
    """

    dtype: str = "auto"
    attention: str = "eager"
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    ids: str | None = None
    chat: bool = False
    online: bool = False
    trust_remote_code: bool = False
    keep: tuple[str, ...] = ()
    max_bytes: str | None = None
    check: str = "auto"
    also: str | None = None

    def words(self) -> list[str]:
        """The words of a command line that say the same; nothing for what is as it is by itself."""
        words: list[str] = []
        for field in dataclasses.fields(self):
            value, option = getattr(self, field.name), f"--{field.name.replace('_', '-')}"
            if value == field.default:
                continue
            if isinstance(value, bool):
                words.append(option)
            else:  # with =, so that a value may begin with a dash
                words += [f"{option}={one}" for one in (value if isinstance(value, tuple) else (value,))]
        return words


DEFAULTS = TraceOptions()
