# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain view: an operation that has no geometry of its own is named, with what is known of it."""

from __future__ import annotations

from collections.abc import Iterator

from .effects_context import Context
from .effects_flight import pick
from .effects_types import Effect, Tag
from .layout_types import Operation as Drawn
from .trace_manifest import Operation
from .words import catalog

LEAST = 0.5  # seconds that a name needs to be read


def name(context: Context, operation: Operation, drawn: Drawn) -> Iterator[Effect]:
    """A tag beside what the operation makes, or what it takes where its result is drawn as that; rows that are only
    picked out of others fly instead."""
    flights = list(pick(context, operation, drawn)) if operation.kind == "other" else []
    if flights:
        yield from flights
        return
    blocks = context.mine(context.blocks(drawn.out)) or context.mine(context.blocks(drawn.left))
    if not blocks:
        return
    start, end = context.span(blocks)
    if end - start < LEAST:
        return
    said = catalog(context.story.language).label(_words(operation))
    parts: list[tuple[str, str]] = [(said, "text")]
    if operation.kind == "scale" and operation.scale is not None:
        parts += [("×", "secondary"), (f"{operation.scale:.3g}", "weight")]
    yield Tag(
        operation=operation.id,
        start=0.5 * (start + end) if not drawn.out else start,
        duration=(0.5 if not drawn.out else 1.0) * (end - start),
        title=operation.kind,
        clear=tuple(block.key for block in blocks[:1]),
        shot=0.5 * (start + end),
        parts=tuple(parts),
    )


def _words(operation: Operation) -> str:
    """What the operation is called: its kind, or where that says nothing the last part of its name."""
    return operation.name.rsplit(".", 1)[-1].replace("_", " ") if operation.kind == "other" else operation.kind
