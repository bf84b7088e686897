# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays fixed to the frame: captions, the running formula, the running text, the legend, the title.

All of it hangs on the overlay empty, whose units are frame heights with (0, 0) in the frame's middle.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import bpy
import numpy as np

from ..core.story import Arrival, Caption, Formula, Legend
from ..core.theme import PALETTE
from .clock import show_from
from .materials import Materials
from .text import during, make_text, width_of

CAPTION = 0.056  # text sizes, as shares of the frame's height
FORMULA = 0.052
RUNNING = 0.056
LEGEND = 0.036
SHAPES = 0.044
CAPTION_WIDTH = 60  # characters in a line


@dataclass(frozen=True)
class Overlay:
    """Where overlays go: the scene, the empty, the collection, the frame's aspect and what they are made of."""

    scene: bpy.types.Scene
    root: bpy.types.Object
    collection: bpy.types.Collection
    aspect: float
    materials: Materials
    font: bpy.types.VectorFont | None

    def put(self, item: bpy.types.Object, x: float, y: float, z: float = 0.0) -> bpy.types.Object:
        """Hang an object at (x, y) frame heights from the middle; larger z is nearer to the viewer."""
        item.parent = self.root
        item.location = (x, y, z)
        self.collection.objects.link(item)
        start, duration = float(item["fp_start"]), float(item["fp_duration"])
        if duration > 0:
            # The material fades it; outside its window it need not be drawn at all.
            show_from(item, self.scene, start, start + duration)
        return item

    def text(self, name: str, body: str, size: float, hue: str, align: str = "CENTER") -> bpy.types.Object:
        """A text object in the overlay's font and material, not yet placed."""
        return make_text(name, body, size, hue, self.materials.overlay, self.font, align)


def rounded(
    name: str, width: float, height: float, radius: float, hue: str, material: bpy.types.Material
) -> bpy.types.Object:
    """A flat rounded rectangle around the origin."""
    points = []
    for cx, cy, first in ((1, 1, 0), (-1, 1, 90), (-1, -1, 180), (1, -1, 270)):
        for step in range(9):
            angle = math.radians(first + step * 90 / 8)
            x = cx * (width / 2 - radius) + radius * math.cos(angle)
            points.append((x, cy * (height / 2 - radius) + radius * math.sin(angle), 0.0))
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], [list(range(len(points)))])
    mesh.materials.append(material)
    item = bpy.data.objects.new(name, mesh)
    item.pass_index = PALETTE.index(hue)
    item["fp_start"], item["fp_duration"], item["fp_size"] = 0.0, 0.0, 1.0
    return item


def add_captions(overlay: Overlay, captions: tuple[Caption, ...]) -> None:
    """Every caption in the lower third, at most two lines, each with a halo behind it."""
    fit = max(24, int(CAPTION_WIDTH * min(1.0, overlay.aspect / 1.6)))
    size = CAPTION * min(1.0, overlay.aspect / 1.2)
    for i, caption in enumerate(captions):
        lines = textwrap.wrap(caption.text, fit, break_long_words=False)
        for j, line in enumerate(lines):
            y = -0.425 + (len(lines) - 1) * size * 0.5 - j * size
            text = overlay.text(f"caption {i + 1}.{j + 1}", line, size, "text")
            overlay.put(during(text, caption.start, caption.duration), 0.0, y, 0.004)
        body = rounded(
            f"caption {i + 1} halo",
            max(width_of(line, size) for line in lines) + 1.5 * size,
            len(lines) * size + size * 0.45,
            size * 0.5,
            "pill",
            overlay.materials.halo,
        )
        overlay.put(during(body, caption.start, caption.duration), 0.0, -0.425, 0.0)


def add_formulas(overlay: Overlay, formulas: tuple[Formula, ...]) -> None:
    """The running formula in a pill over the caption: numbers in the colours of where they come from."""
    for i, formula in enumerate(formulas):
        texts = [
            during(
                overlay.text(f"formula {i + 1}.{j + 1}", body, FORMULA, hue, "LEFT"), formula.start, formula.duration
            )
            for j, (body, hue) in enumerate(formula.parts)
        ]
        widths = [width_of(body, FORMULA) for body, _hue in formula.parts]
        gap = FORMULA * 0.34
        total = sum(widths) + gap * (len(widths) - 1)
        x = -total / 2
        for text, width in zip(texts, widths, strict=True):
            overlay.put(text, x, -0.312, 0.004)
            x += width + gap
        for name, extra, hue, depth in (("line", 0.0045, "line", -0.002), ("pill", 0.0, "pill", 0.0)):
            high = FORMULA * 1.35 + extra
            pill = rounded(
                f"formula {i + 1} {name}", total + FORMULA * 1.1 + extra, high, high / 2, hue, overlay.materials.overlay
            )
            overlay.put(during(pill, formula.start, formula.duration), 0.0, -0.312, depth)


def add_shapes(overlay: Overlay, shapes: tuple[Formula, ...]) -> None:
    """The running multiply in the upper left: names, and dimensions in the colours of their axes."""
    for i, formula in enumerate(shapes):
        x = -overlay.aspect / 2 + 0.05
        for j, (body, hue) in enumerate(formula.parts):
            text = during(
                overlay.text(f"shapes {i + 1}.{j + 1}", body, SHAPES, hue, "LEFT"), formula.start, formula.duration
            )
            overlay.put(text, x, 0.375, 0.004)
            x += width_of(body, SHAPES) + SHAPES * 0.3


def add_running_text(
    overlay: Overlay, tokens: tuple[str, ...], prompt: int, arrivals: tuple[Arrival, ...], duration: float
) -> None:
    """The tokens along the top: the prompt in the tokens' colour, then a slot for each token to come, filled when
    it arrives."""
    chip = RUNNING * 1.1
    step = chip * 1.16
    arrow = chip * 0.9
    total = len(tokens) * step + arrow
    x = -total / 2 + step / 2
    when = {arrival.token: arrival.start for arrival in arrivals}
    for i, token in enumerate(tokens):
        if i == prompt:
            overlay.put(
                overlay.text("running text arrow", "→", RUNNING, "secondary"), x - step / 2 + arrow / 2, 0.445, 0.004
            )
            x += arrow
        start = when.get(i, 0.0)
        hue = "token" if i < prompt else "positive"
        overlay.put(
            rounded(f"token {i} slot", chip * 0.98, chip * 0.98, chip * 0.2, "line", overlay.materials.overlay),
            x,
            0.445,
            -0.002,
        )
        overlay.put(
            rounded(f"token {i} back", chip * 0.90, chip * 0.90, chip * 0.17, "pill", overlay.materials.overlay),
            x,
            0.445,
        )
        text = overlay.text(f"token {i} text", token, RUNNING, hue)
        overlay.put(during(text, start, duration - start + 1.0), x, 0.445, 0.004)
        x += step


def add_legends(overlay: Overlay, legends: tuple[Legend, ...]) -> None:
    """The colour bar in the lower right with the true numbers of its two ends, for the block that is the subject."""
    width, height = 0.20, 0.016
    x, y = overlay.aspect / 2 - width / 2 - 0.05, 0.445
    for i, legend in enumerate(legends):
        signed = legend.low < 0
        mesh = bpy.data.meshes.new(f"legend {i + 1}")
        w, h = width / 2, height / 2
        mesh.from_pydata([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)], [], [(0, 1, 2, 3)])
        mesh.uv_layers.new(name="cells").data.foreach_set("uv", np.array([0, 0, 1, 0, 1, 1, 0, 1], dtype=np.float32))
        mesh.materials.append(overlay.materials.scale)
        bar = bpy.data.objects.new(f"legend {i + 1}", mesh)
        bar["fp_size"] = 0.0 if signed else 1.0
        overlay.put(during(bar, legend.start, legend.duration), x, y, 0.002)
        ends = (("low", number(legend.low), -w, "LEFT"), ("high", number(legend.high), w, "RIGHT"))
        for name, body, at, align in ends:
            text = overlay.text(f"legend {i + 1} {name}", body, LEGEND, "secondary", align)
            overlay.put(during(text, legend.start, legend.duration), x + at, y - 0.030, 0.004)
        text = overlay.text(f"legend {i + 1} name", legend.name, LEGEND, "secondary")
        overlay.put(during(text, legend.start, legend.duration), x, y - 0.062, 0.004)


def number(value: float) -> str:
    """A number as people write it, with a true minus sign and no minus zero."""
    return f"{value:z.{2 if abs(value) < 100 else 0}f}".replace("-", "−")


def add_title(overlay: Overlay, title: str, subtitle: str, start: float, duration: float) -> None:
    """The title card's words, over the establishing shot."""
    for name, body, size, hue, y in (
        ("title", title, 0.12, "text", 0.04),
        ("subtitle", subtitle, 0.052, "secondary", -0.06),
    ):
        text = overlay.text(name, body, size, hue)
        overlay.put(during(text, start, duration), 0.0, y, 0.006)
    card = rounded(
        "title card",
        max(width_of(title, 0.12), width_of(subtitle, 0.052)) + 0.16,
        0.26,
        0.04,
        "pill",
        overlay.materials.halo,
    )
    overlay.put(during(card, start, duration), 0.0, 0.0, 0.0)
