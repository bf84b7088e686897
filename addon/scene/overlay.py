# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays fixed to the frame, its captions and its title.

All of it hangs on the overlay empty, whose units are frame heights with (0, 0) in the frame's middle.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import bpy
from mathutils import Matrix

from ..core.lines import even_lines
from ..core.story import Caption
from .materials import Materials
from .merge import Line, Piece, Shape, Shapes, merge_slices
from .slices import Slices, at_once
from .text import ADVANCE, CAPITAL, SUBSCRIPT, SUNK, during, split_name, width_of

CAPTION = 0.068  # text sizes, as shares of the frame's height
LEADING = 0.86  # from line to line, in text sizes
LEGEND_WIDTH, LEGEND_BELOW = 0.30, 0.128  # and how far the legend reaches under the middle of its bar
LINE, NARROW_LEGEND = 0.372, 0.405  # heights
TITLE, SUBTITLE = 0.12, 0.052
NARROW_TITLE, NARROW_SUBTITLE = 0.095, 0.05  # in a narrow frame, before `Overlay.small`
LOW = -0.34  # the height of a title that leaves the frame's middle to what is seen
EDGE = 0.05  # free at the sides, in frame heights
TOP, CAPTION_FLOOR = 0.452, -0.485
CAPTION_WIDTH = 60  # characters in a line


@dataclass(frozen=True)
class Overlay:
    """Where overlays go: the scene, the empty, the collection, the frame's aspect and what they are made of.
    What is put there is drawn when `finish` has been called."""

    scene: bpy.types.Scene
    root: bpy.types.Object
    collection: bpy.types.Collection
    aspect: float
    materials: Materials
    font: bpy.types.VectorFont | None
    _waiting: dict[tuple[str, str, float], list[tuple[Piece, Matrix]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def put(self, item: Piece | bpy.types.Object, x: float, y: float, z: float = 0.0) -> None:
        """Hang something at (x, y) frame heights from the middle; larger z is nearer to the viewer."""
        if isinstance(item, Piece):
            # Merged with what has the same depth: Blender draws what is clear in the order of where objects stand.
            self._waiting[item.name.split()[0], item.material.name, z].append((item, Matrix.Translation((x, y, 0.0))))
        else:
            self._hang(item, (x, y, z))

    def finish(self, shapes: Shapes) -> None:
        """Merges what waits, at once."""
        at_once(self.finish_slices(shapes))

    def finish_slices(self, shapes: Shapes) -> Slices[None]:
        """Merges what waits, in slices: all captions, all formulas, ..., whatever their windows of time."""
        for (kind, material, depth), items in self._waiting.items():
            name = f"{kind} {material.removeprefix('FP ').lower()}"
            item = yield from merge_slices(name, items, bpy.data.materials[material], shapes)
            self._hang(item, (0.0, 0.0, depth))
            yield
        self._waiting.clear()

    def _hang(self, item: bpy.types.Object, place: tuple[float, float, float]) -> None:
        item.parent = self.root
        item.location = place
        self.collection.objects.link(item)

    @property
    def wide(self) -> bool:
        """Whether legend and running text fit side by side."""
        return self.aspect > 1.4

    @property
    def small(self) -> float:
        """How large things are in a narrow frame whose size there is the width, as a share of that in a wide one."""
        return 1.0 if self.wide else 0.4 + 0.4 * self.aspect

    @property
    def line(self) -> float:
        """The height at which acts and multiplies are named: under the running text, in a narrow frame the legend."""
        return LINE if self.wide else NARROW_LEGEND - (LEGEND_BELOW + 0.04 / self.small) * self.small

    def shrink(self, width: float) -> float:
        """How much something that wide must shrink to fit into the frame, at most 1."""
        return min(1.0, (self.aspect - 2 * EDGE) / width)

    def text(self, name: str, body: str, size: float, hue: str, align: str = "CENTER") -> Piece:
        """A text in the overlay's font and material, not yet placed."""
        piece = Piece(name, Line(body, size, self.font, align), hue, self.materials.overlay)
        piece["fp_size"] = size * CAPITAL
        return piece

    def name(self, name: str, body: str, size: float, hue: str) -> list[tuple[Piece, float, float]]:
        """The name of a block, whose underscore sets a subscript: its texts, each with how far it is to the right of
        the name's beginning and below its middle."""
        stem, below = split_name(body)
        texts = [(self.text(name, stem, size, hue, "LEFT"), 0.0, 0.0)]
        if below:
            small = self.text(f"{name} subscript", below, size * SUBSCRIPT, hue, "LEFT")
            texts.append((small, width_of(stem, size), size * SUNK))
        return texts

    def name_width(self, body: str, size: float) -> float:
        """How wide the name of a block is."""
        stem, below = split_name(body)
        return width_of(stem, size) + width_of(below, size * SUBSCRIPT)


def rounded(name: str, width: float, height: float, radius: float, hue: str, material: bpy.types.Material) -> Piece:
    """A flat rounded rectangle around the origin."""
    points = []
    for cx, cy, first in ((1, 1, 0), (-1, 1, 90), (-1, -1, 180), (1, -1, 270)):
        for step in range(9):
            angle = math.radians(first + step * 90 / 8)
            x = cx * (width / 2 - radius) + radius * math.cos(angle)
            points.append((x, cy * (height / 2 - radius) + radius * math.sin(angle), 0.0))
    return Piece(name, Shape.polygon(points), hue, material)


def add_captions(overlay: Overlay, captions: tuple[Caption, ...]) -> None:
    """Every caption at the bottom, in as many lines as it takes (two in a wide frame), with a halo behind it."""
    size = CAPTION * min(1.0, overlay.aspect)
    letters = min(CAPTION_WIDTH, int((overlay.aspect - 3 * EDGE) / (ADVANCE * size)))
    for i, caption in enumerate(captions):
        lines = even_lines(caption.text, letters)
        height = (len(lines) - 1) * size * LEADING + size * 1.1
        middle = max(-0.425, CAPTION_FLOOR + height / 2)
        for j, line in enumerate(lines):
            y = middle + ((len(lines) - 1) * 0.5 - j) * size * LEADING
            text = overlay.text(f"caption {i + 1}.{j + 1}", line, size, "text")
            overlay.put(during(text, caption.start, caption.duration), 0.0, y, 0.004)
        width = max(width_of(line, size) for line in lines) + 1.5 * size
        body = rounded(f"caption {i + 1} halo", width, height, size * 0.5, "pill", overlay.materials.halo)
        overlay.put(during(body, caption.start, caption.duration), 0.0, middle)


def number(value: float) -> str:
    """A number as people write it, with a true minus sign and no minus zero."""
    return f"{value:z.{2 if abs(value) < 100 else 0}f}".replace("-", "−")


def add_title(overlay: Overlay, title: str, subtitle: str, start: float, duration: float, middle: float = 0.0) -> None:
    """The title's words over the opening shot, in as many lines as a narrow frame makes of them; `middle` is their
    height in the frame."""
    if not overlay.wide:
        _add_narrow_title(overlay, (title, subtitle), (start, duration), middle)
        return
    wide = max(width_of(title, TITLE), width_of(subtitle, SUBTITLE)) + 0.16
    scale = overlay.shrink(wide)
    for name, body, size, hue, y in (
        ("title", title, TITLE * scale, "text", middle + 0.045 * scale),
        ("subtitle", subtitle, SUBTITLE * scale, "secondary", middle - 0.06 * scale),
    ):
        text = overlay.text(name, body, size, hue)
        overlay.put(during(text, start, duration), 0.0, y, 0.006)
    card = rounded("title card", wide * scale, 0.24 * scale, 0.04 * scale, "pill", overlay.materials.halo)
    overlay.put(during(card, start, duration), 0.0, middle, 0.0)


def _add_narrow_title(overlay: Overlay, texts: tuple[str, str], window: tuple[float, float], middle: float) -> None:
    room = overlay.aspect - 3 * EDGE
    sizes = NARROW_TITLE * overlay.small, NARROW_SUBTITLE * overlay.small
    lines = [
        (body, size, hue)
        for text, size, hue in zip(texts, sizes, ("text", "secondary"), strict=True)
        for body in even_lines(text, max(8, int(room / (ADVANCE * size))))
    ]
    deep = sum(size for _body, size, _hue in lines)
    middle = max(middle, EDGE - 0.5 + deep / 2)
    y = middle + deep / 2
    for i, (body, size, hue) in enumerate(lines):
        y -= size / 2
        text = overlay.text(f"title {i + 1}", body, size * overlay.shrink(width_of(body, size) + 2 * EDGE), hue)
        overlay.put(during(text, *window), 0.0, y, 0.006)
        y -= size / 2
    card = rounded("title card", overlay.aspect - EDGE, deep + EDGE, 0.03, "pill", overlay.materials.halo)
    overlay.put(during(card, *window), 0.0, middle, 0.0)
