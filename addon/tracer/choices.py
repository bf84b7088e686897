# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person may choose about a trace: how many tokens and which, and what of the large tensors is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..core.errors import UserError
from .sampling import GREEDY, Sampling

KEEP = "Write for example lm_head.weight[0:64, 0:64]: rows, then columns, the end not included, as in Python."
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNITS |= {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
UNITS |= {"tib": 1 << 40}


@dataclass(frozen=True)
class Crop:
    """A part of a tensor to keep in full: rows and columns from first to last, both included; None is all of them."""

    name: str
    rows: tuple[int, int] | None = None
    columns: tuple[int, int] | None = None


@dataclass(frozen=True)
class Choices:
    """How a model is run and what its trace keeps.

    `steps` tokens are generated. `keep` stays at full resolution however large it is. `max_bytes` is the most that the
    file may have, None for no limit. `check` "full" recomputes every element of every multiply, "auto" what takes no
    longer than the run. `prompt` is the text as it was written (None: that of its tokens), `also` the name of the file
    that lies beside for comparison.
    """

    steps: int
    sampling: Sampling = GREEDY
    keep: tuple[Crop, ...] = ()
    max_bytes: int | None = None
    check: Literal["full", "auto"] = "auto"
    prompt: str | None = None
    also: str | None = None


def read_crop(text: str) -> Crop:
    """A crop as it is written: `NAME`, `NAME[rows]` or `NAME[rows, columns]`; each `first:end`, `one`, or `:` for all.

    Raises UserError (code 2).
    """
    found = re.fullmatch(r"\s*([^\[\]\s]+)\s*(?:\[([^\[\],]*)(?:,([^\[\],]*))?\])?\s*", text)
    if found is None:
        raise UserError(f'"{text}" is no part of a tensor.', KEEP, 2)
    name, rows, columns = found.groups()
    return Crop(name, _span(rows, text), _span(columns, text))


def _span(text: str | None, whole: str) -> tuple[int, int] | None:
    if text is None or text.strip() == ":":
        return None
    found = re.fullmatch(r"\s*(?:(\d{1,12})|(\d{0,12})\s*:\s*(\d{1,12}))\s*", text)
    if found is None:
        raise UserError(f'"{text.strip()}" in "{whole}" is no range.', KEEP, 2)
    one, first, end = found.groups()
    span = (int(one), int(one)) if one is not None else (int(first or 0), int(end) - 1)
    if span[1] < span[0]:
        raise UserError(f'"{text.strip()}" in "{whole}" is an empty range.', KEEP, 2)
    return span


def read_bytes(text: str) -> int:
    """A size as it is written, "500MB", "2 GiB" or "1e6", in bytes. Raises UserError (code 2)."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?(?:e\d{1,2})?)\s*([a-z]*)\s*", text.lower())
    unit = None if found is None else UNITS.get(found[2])
    size = 0 if found is None or unit is None else int(float(found[1]) * unit)
    if not 1 <= size < 1 << 63:
        raise UserError(f'"{text}" is no size of a file.', "Write for example 500MB or 2GB.", 2)
    return size
