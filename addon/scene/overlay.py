# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays fixed to the frame: captions, the running formula, the legend, the title.

All of it hangs on the overlay empty, whose units are frame heights with (0, 0) in the frame's middle.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import bpy
from mathutils import Matrix

from ..core.lines import even_lines
from ..core.story import Caption, Formula, Legend
from .materials import Materials
from .merge import Line, Piece, Shape, Shapes, merge_slices
from .slices import Slices, at_once
from .text import ADVANCE, CAPITAL, FADE, during, width_of

CAPTION = 0.068  # text sizes, as shares of the frame's height
LEADING = 0.86  # from line to line, in text sizes
FORMULA = 0.064
LEGEND, LEGEND_WIDTH = 0.046, 0.22
SHAPES = 0.054
TITLE, SUBTITLE = 0.12, 0.052
LOW = -0.34  # the height of a title that leaves the frame's middle to what is seen
FORMULA_GAP, SHAPES_GAP = 0.34, 0.3  # between parts, in text sizes
EDGE = 0.05  # free at the sides, in frame heights
TOP, FORMULA_HEIGHT, CAPTION_FLOOR = 0.452, -0.308, -0.485
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

    def shrink(self, width: float) -> float:
        """How much something that wide must shrink to fit into the frame, at most 1."""
        return min(1.0, (self.aspect - 2 * EDGE) / width)

    def text(self, name: str, body: str, size: float, hue: str, align: str = "CENTER") -> Piece:
        """A text in the overlay's font and material, not yet placed."""
        piece = Piece(name, Line(body, size, self.font, align), hue, self.materials.overlay)
        piece["fp_size"] = size * CAPITAL
        return piece


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


def add_formulas(overlay: Overlay, formulas: tuple[Formula, ...]) -> None:
    """The running formula in a pill over the caption: numbers in the colours of where they come from.

    Formulas that follow each other share their pill, so that only the numbers change.
    """
    for i, run in enumerate(_runs(formulas)):
        widest = max(_formula_width(formula, FORMULA) for formula in run) + FORMULA * 1.1
        size = FORMULA * overlay.shrink(widest)
        start, end = run[0].start, run[-1].start + run[-1].duration
        for name, extra, hue, depth in (("line", 0.0045, "line", -0.002), ("pill", 0.0, "pill", 0.0)):
            high = size * 1.2 + extra
            width = widest * size / FORMULA + extra
            pill = rounded(f"formula {i + 1} {name}", width, high, high / 2, hue, overlay.materials.overlay)
            overlay.put(during(pill, start, end - start), 0.0, FORMULA_HEIGHT, depth)
        for j, formula in enumerate(run):
            x = -_formula_width(formula, size) / 2
            # One goes while the next one comes: the pill does not stand empty, and numbers hardly cross.
            begin = formula.start - (FADE / 4 if j else 0.0)
            finish = formula.start + formula.duration + (FADE / 4 if formula is not run[-1] else 0.0)
            for k, (body, hue) in enumerate(formula.parts):
                if not body:
                    x += size * FORMULA_GAP
                    continue
                text = overlay.text(f"formula {i + 1}.{j + 1}.{k + 1}", body, size, hue, "LEFT")
                overlay.put(during(text, begin, finish - begin), x, FORMULA_HEIGHT, 0.004)
                x += width_of(body, size) + size * FORMULA_GAP


def _runs(formulas: tuple[Formula, ...]) -> list[list[Formula]]:
    """Formulas grouped where one follows the other at once."""
    runs: list[list[Formula]] = []
    for formula in formulas:
        if runs and abs(formula.start - (runs[-1][-1].start + runs[-1][-1].duration)) < 0.05:
            runs[-1].append(formula)
        else:
            runs.append([formula])
    return runs


def _formula_width(formula: Formula, size: float) -> float:
    return sum(width_of(body, size) for body, _hue in formula.parts) + size * FORMULA_GAP * (len(formula.parts) - 1)


def add_shapes(overlay: Overlay, shapes: tuple[Formula, ...], y: float | None = None) -> None:
    """The running multiply in the upper left, on a ground: names, and dimensions in the colours of their axes."""
    if y is None:
        y = 0.372 if overlay.wide else 0.27
    for i, formula in enumerate(shapes):
        total = sum(width_of(body, SHAPES) + SHAPES * SHAPES_GAP for body, _hue in formula.parts)
        size = SHAPES * overlay.shrink(total)
        x = EDGE - overlay.aspect / 2
        width = total * size / SHAPES
        body = rounded(f"shapes {i + 1} halo", width + size, 1.3 * size, size / 2, "pill", overlay.materials.halo)
        overlay.put(during(body, formula.start, formula.duration), x + width / 2, y)
        for j, (words, hue) in enumerate(formula.parts):
            text = overlay.text(f"shapes {i + 1}.{j + 1}", words, size, hue, "LEFT")
            overlay.put(during(text, formula.start, formula.duration), x, y, 0.004)
            x += width_of(words, size) + size * SHAPES_GAP


def add_legends(overlay: Overlay, legends: tuple[Legend, ...]) -> None:
    """The colour bar in the lower right with the true numbers of its two ends, for the block that is the subject."""
    width, height = LEGEND_WIDTH, 0.018
    x, y = overlay.aspect / 2 - width / 2 - EDGE, TOP if overlay.wide else 0.38
    for i, legend in enumerate(legends):
        ground = rounded(f"legend {i + 1} halo", width + 0.04, 0.118, 0.02, "pill", overlay.materials.halo)
        overlay.put(during(ground, legend.start, legend.duration), x, y - 0.034)
        signed = legend.low < 0
        w, h = width / 2, height / 2
        corners = [(-w, -h, 0.0), (w, -h, 0.0), (w, h, 0.0), (-w, h, 0.0)]
        face = Shape.polygon(corners, [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
        bar = Piece(f"legend {i + 1}", face, "text", overlay.materials.scale)
        bar["fp_size"] = 0.0 if signed else 1.0
        overlay.put(during(bar, legend.start, legend.duration), x, y, 0.002)
        ends = (("low", number(legend.low), -w, "LEFT"), ("high", number(legend.high), w, "RIGHT"))
        for name, body, at, align in ends:
            text = overlay.text(f"legend {i + 1} {name}", body, LEGEND, "secondary", align)
            overlay.put(during(text, legend.start, legend.duration), x + at, y - 0.034, 0.004)
        text = overlay.text(f"legend {i + 1} name", legend.name, LEGEND, "secondary")
        overlay.put(during(text, legend.start, legend.duration), x, y - 0.070, 0.004)


def number(value: float) -> str:
    """A number as people write it, with a true minus sign and no minus zero."""
    return f"{value:z.{2 if abs(value) < 100 else 0}f}".replace("-", "−")


def add_title(overlay: Overlay, title: str, subtitle: str, start: float, duration: float, middle: float = 0.0) -> None:
    """The title's words over the opening shot; `middle` is their height in the frame."""
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
