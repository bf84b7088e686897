# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group that says where the three faces of a multiply stand: `core.matmul.frames` and `stacked` as nodes."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

from ..core.matmul import FANNED_GAP, STACK_GAP
from .matmul_controls import PLACE, SHAPE
from .matmul_nodes import GeoNodes, Socket, geometry_tree

FACES = ("Left", "Right", "Out")
OUTPUTS = (
    *(
        Socket(f"{face} {part}", "Vector", f"{face} face: {what}")
        for face in FACES
        for part, what in (
            ("Origin", "the outer corner of its first cell"),
            ("Across", "the step of one cell along its columns"),
            ("Down", "the step of one cell along its rows"),
        )
    ),
    Socket("Gap", "Float", "Between the faces in a row, in units"),
    Socket("Left Front", "Float", "L: 1 where its front is seen, -1 where its back is the inside of the box"),
    Socket("Right Front", "Float", "R: the same"),
)


@dataclass(frozen=True)
class _Sides:
    """What the folding rules need again and again: sockets."""

    side: Any  # 1 where L stands left, -1 right
    away: Any  # 1 where O stands in front, -1 at the back
    plane: Any  # the y of O
    edge: Any  # the x of L's edge with O
    turn: Any  # how far L has opened, in radians
    shift: Any  # how far L has moved aside
    height: Any
    depth: Any
    width: Any


def frames_group() -> Any:
    """FP Matmul Frames: origin and steps of every face, for a shape, a fold and a placement."""
    tree, n, into, out = geometry_tree(
        "FP Matmul Frames", "Where the three faces of a multiply stand at a fold", (*SHAPE, *PLACE), OUTPUTS
    )
    p_i, p_k, p_j = n.separate(into["Pitch"])
    height, depth, width = (
        n.math("MULTIPLY", count, pitch)
        for count, pitch in ((into["Rows"], p_i), (into["Inner"], p_k), (into["Columns"], p_j))
    )
    least = n.math("MULTIPLY", n.math("MINIMUM", n.math("MINIMUM", p_i, p_k), p_j), 3.0)
    gap = n.math("MAXIMUM", n.math("MULTIPLY", n.math("MAXIMUM", width, depth), 0.16), least)
    opened = n.smoothstep(into["Fold"], 0.0, 1.0)
    aside, lowered = n.smoothstep(into["Fold"], 1.0, 1.5), n.smoothstep(into["Fold"], 1.5, 2.0)
    side = n.math("MULTIPLY_ADD", into["Right Side"], -2.0, 1.0)
    moved = n.math("MULTIPLY", n.math("MULTIPLY", side, aside), -1.0)
    s = _Sides(
        side=side,
        away=n.math("MULTIPLY_ADD", into["Back"], -2.0, 1.0),
        plane=n.math("MULTIPLY", into["Back"], depth),
        edge=n.math("MULTIPLY", into["Right Side"], width),
        turn=n.math("MULTIPLY", opened, pi / 2),
        shift=n.math("MULTIPLY", moved, n.math("MULTIPLY_ADD", gap, 2.0, width)),
        height=height,
        depth=depth,
        width=width,
    )
    hinge = n.math("MULTIPLY", height, n.math("MAXIMUM", opened, into["Ceiling"]))
    sine, cosine = n.math("SINE", s.turn), n.math("COSINE", s.turn)
    toward = n.math("MULTIPLY", n.math("MULTIPLY", s.away, cosine), -1.0)

    l_along = n.combine(n.math("MULTIPLY", s.side, sine), toward)
    l_start = n.sum(n.combine(n.math("ADD", s.edge, s.shift), s.plane, height), (l_along, _minus(n, depth)))
    r_along = n.combine(0.0, toward, _minus(n, sine))
    half = n.math("MULTIPLY", n.math("ADD", height, depth), n.math("MULTIPLY", lowered, -0.5))
    r_corner = n.combine(n.math("MULTIPLY", moved, n.math("ADD", width, gap)), s.plane, n.math("ADD", hinge, half))
    r_start = n.sum(r_corner, (r_along, _minus(n, depth)))
    o_start = n.combine(0.0, s.plane, height)
    below, right = n.combine(0.0, 0.0, _minus(n, p_i)), n.combine(p_j, 0.0, 0.0)
    found = {
        "Left": (l_start, n.sum((0.0, 0.0, 0.0), (l_along, p_k)), below),
        "Right": (r_start, right, n.sum((0.0, 0.0, 0.0), (r_along, p_k))),
        "Out": (o_start, right, below),
    }
    offset = _stack(n, into, s, p_i)
    for face, (origin, across, down) in found.items():
        origin, across, down = _hold_left(n, into["Still"], s, origin, across, down)
        n.feed(out[f"{face} Origin"], n.vector("ADD", origin, offset))
        n.feed(out[f"{face} Across"], across)
        n.feed(out[f"{face} Down"], down)
    n.feed(out["Gap"], gap)
    n.feed(out["Left Front"], n.mix(opened, _minus(n, n.math("MULTIPLY", s.side, s.away)), 1.0))
    n.feed(out["Right Front"], n.mix(opened, s.away, 1.0))
    return tree


def _minus(n: GeoNodes, value: Any) -> Any:
    return n.math("MULTIPLY", value, -1.0)


def _hold_left(n: GeoNodes, still: Any, s: _Sides, origin: Any, across: Any, down: Any) -> tuple[Any, Any, Any]:
    """A face in the frame in which L stays where it stands in the box, as far as `still` says."""
    angle = n.math("MULTIPLY", n.math("MULTIPLY", s.turn, s.side), n.math("MULTIPLY", s.away, -1.0))
    angle = n.math("MULTIPLY", angle, still)
    pivot = n.combine(s.edge, s.plane, 0.0)
    back = n.combine(n.math("MULTIPLY", s.shift, still), 0.0, 0.0)

    def turned(vector: Any, centre: Any) -> Any:
        inputs = {"Vector": vector, "Center": centre, "Angle": angle}
        return n.one("ShaderNodeVectorRotate", "Vector", inputs, rotation_type="Z_AXIS")

    zero = (0.0, 0.0, 0.0)
    return turned(n.vector("SUBTRACT", origin, back), pivot), turned(across, zero), turned(down, zero)


def _stack(n: GeoNodes, into: dict[str, Any], s: _Sides, p_i: Any) -> Any:
    """How far a head's box stands from where a single one would."""
    apart, lowered = n.smoothstep(into["Fan"], 0.0, 0.5), n.smoothstep(into["Fan"], 0.5, 1.0)
    last = n.math("SUBTRACT", into["Heads"], 1.0)
    place = n.math("SUBTRACT", into["Head"], n.math("MULTIPLY", last, 0.5))
    x = n.math("MULTIPLY", n.math("MULTIPLY", place, s.width), n.math("MULTIPLY", apart, 1 + FANNED_GAP))
    step = n.math("MULTIPLY_ADD", p_i, STACK_GAP, s.height)
    above = n.math("MULTIPLY", n.math("SUBTRACT", last, into["Head"]), step)
    return n.combine(x, 0.0, n.math("MULTIPLY", above, n.math("SUBTRACT", 1.0, lowered)))
