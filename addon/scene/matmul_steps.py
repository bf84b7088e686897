# SPDX-License-Identifier: GPL-3.0-or-later
"""The node groups that say where a sweep is: as numbers for the whole multiply, and for each cell of the result."""

from __future__ import annotations

from typing import Any

from .matmul_controls import SHAPE, SWEEP
from .matmul_nodes import GeoNodes, Socket, geometry_tree

NOW = (
    Socket("Sums", "Float", "How far the sums are, 0 to 1"),
    Socket("At", "Float", "The same, counted in steps of the sweep"),
    Socket("Row", "Float", "The row in play, or -1 where all are"),
    Socket("Column", "Float", "The column in play, or -1 where all are"),
    Socket("Depth", "Float", "How many products the running sums have, with fractions"),
    Socket("Running", "Float", "1 while sums run"),
    Socket("Bias", "Float", "How much of the bias is added, 0 to 1"),
    Socket("Scale", "Float", "How much of the scale is applied, 0 to 1"),
)
CELL = (
    Socket("Depth", "Float", "How many products the cell's sum has, with fractions"),
    Socket("Shown", "Float", "How much of the cell is seen, 0 to 1"),
    Socket("Glow", "Float", "1 just behind the sweep, then less"),
)


def pick(n: GeoNodes, style: Any, dot: Any, row: Any, column: Any, outer: Any, whole: Any) -> Any:
    """One of five numbers, by the sweep's style."""
    return n.pick(style, (0.0, dot, row, column, outer, whole))


def now_group() -> Any:
    """FP Matmul Now: where the sweep is."""
    tree, n, into, out = geometry_tree("FP Matmul Now", "Where a sweep is", (*SHAPE, *SWEEP), NOW)
    rows, inner, columns, style = (into[name] for name in ("Rows", "Inner", "Columns", "Style"))
    sums = n.math("DIVIDE", into["Sweep"], into["Sums End"], clamp=True)
    steps = pick(n, style, n.math("MULTIPLY", rows, columns), rows, columns, 1.0, 1.0)
    at = n.math("MULTIPLY", sums, steps)
    step = n.math("MINIMUM", n.math("FLOOR", at), n.math("SUBTRACT", steps, 1.0))
    row = n.math("FLOOR", n.math("DIVIDE", n.math("ADD", step, 0.5), columns))
    column = n.math("SUBTRACT", step, n.math("MULTIPLY", row, columns))
    within = phase(n, into, n.math("SUBTRACT", at, step))
    running = n.math("MULTIPLY", n.math("GREATER_THAN", sums, 0.0), n.less(sums, 1.0))
    bias_span = n.math("MAXIMUM", n.math("SUBTRACT", into["Bias End"], into["Sums End"]), 1e-6)
    bias = n.math("DIVIDE", n.math("SUBTRACT", into["Sweep"], into["Sums End"]), bias_span, clamp=True)
    scale_span = n.math("MAXIMUM", n.math("SUBTRACT", 1.0, into["Bias End"]), 1e-6)
    scale = n.math("DIVIDE", n.math("SUBTRACT", into["Sweep"], into["Bias End"]), scale_span, clamp=True)
    for name, value in (
        ("Sums", sums),
        ("At", at),
        ("Row", pick(n, style, row, step, -1.0, -1.0, -1.0)),
        ("Column", pick(n, style, column, -1.0, step, -1.0, -1.0)),
        ("Depth", n.math("MULTIPLY", within, inner)),
        ("Running", running),
        ("Bias", bias),
        ("Scale", scale),
    ):
        n.feed(out[name], value)
    return tree


def phase(n: GeoNodes, into: dict[str, Any], within: Any) -> Any:
    """How far the sum of a step is, 0 to 1, when the step is that far."""
    span = n.math("MAXIMUM", n.math("SUBTRACT", into["To"], into["From"]), 1e-6)
    return n.math("DIVIDE", n.math("SUBTRACT", within, into["From"]), span, clamp=True)


def cell_group(now: Any) -> Any:
    """FP Matmul Cell: how far the sum of each cell of O is; Row and Column are fields."""
    fields = (
        Socket("Row", "Float", "The cell's row", 0.0),
        Socket("Column", "Float", "The cell's column", 0.0),
    )
    tree, n, into, out = geometry_tree(
        "FP Matmul Cell", "How far the sum of each cell of a result is", (*SHAPE, *SWEEP, *fields), CELL
    )
    state = n.geometry_group(now, **{s.name: into[s.name] for s in (*SHAPE, *SWEEP)})
    row, column, style = into["Row"], into["Column"], into["Style"]
    order = pick(n, style, n.math("MULTIPLY_ADD", row, into["Columns"], column), row, column, 0.0, 0.0)
    since = n.math("SUBTRACT", state["At"], order)
    begun = n.math("SUBTRACT", 1.0, n.less(order, n.math("SUBTRACT", into["First"], 0.5)))
    done = n.math("MULTIPLY", phase(n, into, since), begun)
    started = n.math("GREATER_THAN", state["Sums"], 0.0)
    n.feed(out["Depth"], n.math("MULTIPLY", into["Inner"], pick(n, style, done, done, done, done, started)))
    early = n.smoothstep(done, 0.0, 0.15)
    appearing = n.smoothstep(state["Sums"], 0.0, 0.02)
    n.feed(out["Shown"], pick(n, style, early, early, early, appearing, n.smoothstep(state["Sums"], 0.0, 1.0)))
    behind = n.math("MAXIMUM", n.math("SUBTRACT", since, 1.0), 0.0)
    slow = pick(n, style, -1 / 3, -1.5, -1.5, 0.0, 0.0)
    fresh = n.math("MULTIPLY", n.math("EXPONENT", n.math("MULTIPLY", behind, slow)), early)
    n.feed(
        out["Glow"],
        n.math("MULTIPLY", n.math("MULTIPLY", fresh, state["Running"]), pick(n, style, 1.0, 1.0, 1.0, 0.3, 0.0)),
    )
    return tree
