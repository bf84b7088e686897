# SPDX-License-Identifier: GPL-3.0-or-later
"""What several panels draw alike: wrapped text, a job's button or progress, what it made."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from .place import is_generated
from .properties import scene_of
from .session import SESSION

if TYPE_CHECKING:
    from bpy.types import Context


class Sidebar(bpy.types.Panel):
    """Where all panels of this add-on are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Forward Pass"


class ScenePanel(Sidebar):
    """One that is there only with a generated scene. Its header leads to the manual."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Only where there is a generated scene."""
        return is_generated(scene_of(context))

    def draw_header_preset(self, context: Context) -> None:
        """The way to the manual."""
        row = self.layout.row()
        row.emboss = "NONE"
        row.operator("forward_pass.help", text="", icon="QUESTION").page = "panel"


def draw_button(layout: Any, operator: str, icon: Any, title: str) -> None:
    """The button of the job of that title, or while it runs its progress and a way to stop it."""
    job = SESSION.job
    if job is None or not SESSION.running or job.progress.title != title:
        row = layout.row()
        row.scale_y = 1.5
        row.operator(operator, icon=icon)
        return
    draw_progress(layout)


def draw_progress(layout: Any) -> None:
    """How far the job is, how long it will take, and a way to stop it."""
    job = SESSION.job
    if job is None:
        return
    column = layout.column(align=True)
    row = column.row(align=True)
    row.scale_y = 1.5
    left = job.progress.left(translated)
    row.progress(factor=job.progress.done, text=f"{job.progress.done:.0%}" + (f" · {left}" if left else ""), type="BAR")
    row.operator("forward_pass.cancel", text="", icon="CANCEL")
    column.label(text=job.progress.stage(translated), translate=False)


def draw_notice(layout: Any, context: Context, title: str) -> None:
    """What the last job made, if it was the one of that title."""
    job = SESSION.job
    if job is not None and job.progress.title == title and SESSION.notice and not SESSION.running:
        write_lines(layout.column(align=True), context, SESSION.notice, icon="CHECKMARK", beside=1)


def foldable(layout: Any, name: str, title: str, closed: bool = True) -> Any:
    """The body of a part of a panel that folds; None while it is folded."""
    header, body = layout.panel(f"forward_pass_{name}", default_closed=closed)
    header.label(text=title)
    return body


def translated(text: str) -> str:
    """The text in the language of Blender's interface, where there is a translation."""
    return str(bpy.app.translations.pgettext_iface(text))  # type: ignore[func-returns-value]


def short(path: Path) -> str:
    """A path with `~` for the home folder."""
    home = Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else str(path)


def write_lines(layout: Any, context: Context, text: str, icon: Any = "NONE", beside: int = 0) -> None:
    """Text over as many lines as the region's width needs, as Blender's labels do not wrap. `beside` is the number
    of icons in the same row. The text is translated as a whole, where there is a translation of it."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width / scale if context.region is not None else 280.0
    letters = int((width - 62 - 26 * beside) / 6.2)  # pixels: the margins, an icon, a letter of Blender's font
    text = translated(text)
    for i, line in enumerate(textwrap.wrap(text, max(letters, 16), break_on_hyphens=False)):
        shown = icon if i == 0 else "BLANK1" if icon != "NONE" else "NONE"
        layout.label(text=line, icon=shown, translate=False)
