# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets that all node groups of a multiply share, and the modifiers' way to them."""

from __future__ import annotations

from .matmul_nodes import Socket

SHAPE = (
    Socket("Rows", "Int", "Rows i of L and of O", 4, 1),
    Socket("Inner", "Int", "Columns k of L, rows k of R: what is summed over", 4, 1),
    Socket("Columns", "Int", "Columns j of R and of O", 4, 1),
    Socket("Pitch", "Vector", "Length of a step along i, k and j, in units", (1.0, 1.0, 1.0)),
)
SWEEP = (
    Socket("Sweep", "Float", "How far the multiply is: 0 nothing, 1 done", 0.0, 0.0, 1.0),
    Socket("Style", "Int", "1 dot, 2 row, 3 column, 4 outer, 5 all", 1, 1, 5),
    Socket("Sums End", "Float", "Share of the sweep at whose end the sums are done", 1.0, 0.01, 1.0),
    Socket(
        "Bias End",
        "Float",
        "Share of the sweep at whose end the bias is added; the scale takes the rest",
        1.0,
        0.01,
        1.0,
    ),
    Socket(
        "From",
        "Float",
        "Where in each step of the sweep the sum begins, 0 to 1: fused multiplies take turns",
        0.0,
        0.0,
        1.0,
    ),
    Socket("To", "Float", "Where in each step of the sweep the sum ends, 0 to 1", 1.0, 0.0, 1.0),
    Socket("First", "Int", "The step at which the sweep begins: cells of earlier ones stay empty", 0, 0),
)
PLACE = (
    Socket("Fold", "Float", "0 box, 1 corner, 2 row, and anything between", 0.0, 0.0, 2.0),
    Socket("Right Side", "Float", "1: L stands on the right of the box instead of the left", 0.0, 0.0, 1.0),
    Socket("Ceiling", "Float", "1: R hangs as a ceiling instead of lying as a floor", 0.0, 0.0, 1.0),
    Socket("Back", "Float", "1: O stands at the back instead of at the front", 0.0, 0.0, 1.0),
    Socket("Still", "Float", "What a fold leaves where it is: 0 O, 1 L", 0.0, 0.0, 1.0),
    Socket("Head", "Int", "Which box of a stack this is", 0, 0),
    Socket("Heads", "Int", "How many boxes the stack has", 1, 1),
    Socket("Fan", "Float", "0: the boxes stand on each other, 1: side by side", 0.0, 0.0, 1.0),
)
CONTROLS = SHAPE + SWEEP + PLACE
