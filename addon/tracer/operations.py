# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation of a run as the file says it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..core.trace import Tensor
from ..core.trace_manifest import Operation, Part
from .values import Node


def operation(index: int, node: Node, tensors: Sequence[Tensor], layer: int | None) -> Operation:
    """An operation as the file says it."""
    plain = Operation(
        id=index,
        kind=node.kind,
        name=node.name,
        module=node.module,
        layer=layer,
        step=node.step,
        inputs=node.input_ids,
        outputs=tuple(key for key in node.output_ids if key is not None),
        scale=node.scale,
        parts=tuple(Part(part.kind, part.call or part.name, *_ids(part)) for part in node.parts),
        seconds=round(node.seconds, 6),
        rows=node.rows,
        of_rows=node.of_rows,
    )
    if node.kind != "matmul":
        return plain
    assert node.left is not None and node.right is not None
    return dataclasses.replace(
        plain,
        left=node.left.id,
        right=node.right.id,
        bias=None if node.bias is None else node.bias.id,
        out=node.out.id,
        contracted=" ".join(tensors[node.left.id or 0].axes[-1]),
        exact=node.exact,
        max_error=node.max_error,
        flops=node.flops,
        checked=node.checked,
    )


def _ids(part: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    inputs = tuple(value.id for value, _ in part.inputs if value.id is not None)
    return inputs, tuple(value.id for value, _ in part.outputs if value.id is not None)
