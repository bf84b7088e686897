# SPDX-License-Identifier: GPL-3.0-or-later
"""The node group of what the faces of a multiply and their edges are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.matmul_room import SHORTEST
from .matmul_controls import PLACE, SHAPE
from .matmul_faces import GEOMETRY, FaceGroups
from .matmul_nodes import GeoNodes, Socket, geometry_tree, passed
from .matmul_outlines import INK
from .matmul_text import GREY, LATIN, TEXT, WHITE, facing, grown, joined, on_screen
from .slices import Slices

NAMES = (
    Socket("Left Name", "String", "The name of L", "X"),
    Socket("Right Name", "String", "The name of R", "W"),
    Socket("Out Name", "String", "The name of O", "Y"),
    Socket("I Name", "String", "The name of the axis i", "rows"),
    Socket("K Name", "String", "The name of the axis k", "inner"),
    Socket("J Name", "String", "The name of the axis j", "columns"),
    Socket("Labels", "Float", "How much of names and braces is seen", 1.0, 0.0, 1.0),
    Socket("Bias Rows", "Int", "Rows of a bias under O: 0 or 1", 0, 0, 1),
    Socket("Show I", "Float", "1: the brace of the axis i is drawn", 1.0, 0.0, 1.0),
    Socket("Show J", "Float", "1: the brace of the axis j is drawn", 1.0, 0.0, 1.0),
    Socket("Show Out", "Float", "1: the name of O is written", 1.0, 0.0, 1.0),
    Socket("Narrow", "Float", "1: beside R there is no room, so k is named below L", 0.0, 0.0, 1.0),
    Socket("Counted", "Bool", "Write the number of steps after the name of an axis", True),
    LATIN,
    Socket("I Room", "Float", "Between the edge i and its brace, for names of its steps, in units", 0.0, 0.0),
    Socket("K Room", "Float", "Between the edge k and its brace, in units", 0.0, 0.0),
    Socket("J Room", "Float", "Between the edge j and its brace, in units", 0.0, 0.0),
)


@dataclass(frozen=True)
class _Place:
    """Where things stand while FP Matmul Names is made: its builder, its inputs, the faces' frames, and how much of
    what belongs to one arrangement alone is seen."""

    n: GeoNodes
    into: dict[str, Any]
    frames: dict[str, Any]
    back: Any  # the camera's rotation, inverted
    text: Any  # size of the letters
    in_row: Any  # 0 to 1: the faces lie in a row
    opened: Any  # 0 to 1: the box stands open
    closed: Any  # 0 to 1: it is shut

    def spot(self, face: str, down: Any, across: Any) -> Any:
        """A point of a face, in steps from its origin."""
        frames = self.frames
        return self.n.sum(frames[f"{face} Origin"], (frames[f"{face} Down"], down), (frames[f"{face} Across"], across))

    def away(self, face: str, step: str, sign: float) -> Any:
        """A direction along a face, of length 1."""
        return self.n.vector("SCALE", self.n.vector("NORMALIZE", self.frames[f"{face} {step}"]), scale=sign)

    def edge(self, face: str, step: str, count: str) -> Any:
        """From one end of a face to the other; `count` names its number of steps."""
        return self.n.vector("SCALE", self.frames[f"{face} {step}"], scale=self.into[count])

    def shown(self, *shares: Any) -> Any:
        """All labels' share, times those."""
        alpha = self.into["Labels"]
        for share in shares:
            alpha = self.n.math("MULTIPLY", alpha, share)
        return alpha

    def rest(self, share: Any) -> Any:
        """What a share leaves of 1."""
        return self.n.math("SUBTRACT", 1.0, share)


def names_slices(groups: FaceGroups, label: Any, brace: Any) -> Slices[Any]:
    """FP Matmul Names: what the faces and their edges are called, in the colours of the axes."""
    sockets = (*SHAPE, *PLACE, *INK, TEXT, *NAMES)
    tree, n, into, out = geometry_tree("FP Matmul Names", "Names of faces and edges", sockets, (GEOMETRY,))
    place = _Place(
        n,
        into,
        frames=n.geometry_group(groups.frames, **passed((*SHAPE, *PLACE), into)),
        back=n.one("FunctionNodeInvertRotation", "Rotation", {"Rotation": facing(n)}),
        text=grown(n, into),
        in_row=n.smoothstep(into["Fold"], 1.55, 1.9),
        opened=n.smoothstep(into["Fold"], 0.6, 0.95),
        closed=n.math("SUBTRACT", 1.0, n.smoothstep(into["Fold"], 0.05, 0.4)),
    )
    yield
    braces = _braces(place, brace)
    yield
    letters = _letters(place, label)
    yield
    n.feed(out["Geometry"], n.join(*braces, *letters, *_signs(place, label)))
    return tree


def _braces(place: _Place, brace: Any) -> list[Any]:
    """A brace with its name along every edge that has room for one."""
    n, into, spot, away, edge = place.n, place.into, place.spot, place.away, place.edge
    shown, rest, in_row, narrow = place.shown, place.rest, place.in_row, into["Narrow"]
    rows, inner, columns = into["Rows"], into["Inner"], into["Columns"]
    counts = {"I": rows, "K": inner, "J": columns}
    names = {axis: _counted(place, f"{axis} Name", count) for axis, count in counts.items()}

    def embrace(axis: str, point: Any, along: Any, way: Any, alpha: Any) -> Any:
        # What is seen end on looks shorter than it is: names of steps need their room on the screen.
        seen_length = n.vector("LENGTH", on_screen(n, way, place.back))
        room = n.math("DIVIDE", into[f"{axis} Room"], n.math("MAXIMUM", seen_length, SHORTEST))
        point = n.sum(point, (way, room))
        ink = {"Width": into["Width"], "Hue": into[f"Hue {axis}"], "Alpha": alpha, "Latin": into["Latin"]}
        made = n.geometry_group(brace, Point=point, Along=along, Out=way, Name=names[axis], Text=place.text, **ink)
        return made["Geometry"]

    left_i, right_k = edge("Left", "Down", "Rows"), edge("Right", "Down", "Inner")
    left_k, out_j = edge("Left", "Across", "Inner"), edge("Out", "Across", "Columns")
    low = n.math("ADD", rows, into["Bias Rows"])
    i_beside_out = shown(in_row, into["Show I"], rest(narrow))
    i_beside_left = n.math("SUBTRACT", shown(into["Show I"]), i_beside_out)
    k_beside, k_below = shown(rest(in_row), rest(narrow)), shown(n.math("MAXIMUM", in_row, narrow))
    at_back = n.math("MULTIPLY", into["Back"], rest(place.opened))
    j_below, j_above = shown(rest(in_row), into["Show J"], rest(at_back)), shown(place.closed, into["Back"])
    return [
        embrace("I", spot("Left", 0.0, 0.0), left_i, away("Left", "Across", -1.0), i_beside_left),
        embrace("I", spot("Out", 0.0, columns), left_i, away("Out", "Across", 1.0), i_beside_out),
        embrace("K", spot("Right", 0.0, columns), right_k, away("Right", "Across", 1.0), k_beside),
        embrace("K", spot("Left", rows, 0.0), left_k, away("Left", "Down", 1.0), k_below),
        embrace("J", spot("Out", low, 0.0), out_j, away("Out", "Down", 1.0), j_below),
        embrace("J", spot("Out", 0.0, 0.0), out_j, away("Out", "Down", -1.0), j_above),
        embrace("J", spot("Right", inner, 0.0), out_j, away("Right", "Down", 1.0), shown(in_row, into["Show J"])),
    ]


def _counted(place: _Place, name: str, count: Any) -> Any:
    """The name of an axis, with its number of steps where that is wanted."""
    n, into = place.n, place.into
    number = n.one("FunctionNodeValueToString", "String", {"Value": count, "Decimals": 0})
    return n.choose(into["Counted"], joined(n, (into[name], " ", number)), into[name], "STRING")


def _letters(place: _Place, label: Any) -> list[Any]:
    """The names of the faces, where they are seen in each arrangement."""
    n, into, spot, away, shown = place.n, place.into, place.spot, place.away, place.shown
    rows, columns, show_out = into["Rows"], into["Columns"], into["Show Out"]

    def letter(name: Any, point: Any, beside: Any, alpha: Any, size: float = 1.5) -> Any:
        ink = {"Text": n.math("MULTIPLY", place.text, size), "Hue": WHITE, "Alpha": alpha, "Latin": into["Latin"]}
        return n.geometry_group(label, String=name, Point=point, Beside=beside, **ink)["Geometry"]

    middle_i, middle_k, middle_j = (n.math("MULTIPLY", into[count], 0.5) for count in ("Rows", "Inner", "Columns"))
    up_right = n.vector("ADD", away("Right", "Across", 1.0), away("Out", "Down", -0.6))
    out_open = shown(place.opened, place.rest(place.in_row), show_out)
    beside_bias = spot("Out", n.math("ADD", rows, 0.5), 0.0)
    left, right, result = into["Left Name"], into["Right Name"], into["Out Name"]
    return [
        letter(left, spot("Left", 0.0, middle_k), away("Left", "Down", -1.0), into["Labels"]),
        letter(right, spot("Right", 0.0, columns), up_right, shown(place.closed)),
        letter(right, spot("Right", 0.0, middle_j), away("Right", "Down", -1.0), shown(place.opened)),
        letter(result, spot("Out", middle_i, 0.0), away("Out", "Across", -1.0), shown(place.closed, show_out)),
        letter(result, spot("Out", middle_i, columns), away("Out", "Across", 1.0), out_open),
        letter(result, spot("Out", 0.0, middle_j), away("Out", "Down", -1.0), shown(place.in_row)),
        letter("b", beside_bias, away("Out", "Across", -1.0), shown(into["Bias Rows"]), 1.0),
    ]


def _signs(place: _Place, label: Any) -> list[Any]:
    """What stands between the faces while they lie in a row."""
    n, into = place.n, place.into
    half = n.math("MULTIPLY", place.frames["Gap"], 0.5)
    ink = {"Text": n.math("MULTIPLY", place.text, 1.8), "Hue": GREY, "Alpha": place.shown(place.in_row)}
    made = []
    for sign, face, high, wide in (("×", "Left", "Rows", "Inner"), ("→", "Right", "Inner", "Columns")):
        end = place.spot(face, n.math("MULTIPLY", into[high], 0.5), into[wide])
        middle = n.sum(end, (place.away(face, "Across", 1.0), half))
        made.append(n.geometry_group(label, String=sign, Point=middle, Beside=(0.0, 0.0, 0.0), **ink)["Geometry"])
    return made
