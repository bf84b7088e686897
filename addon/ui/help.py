# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual, in Blender: a page as a text in a window of its own, so that it is there without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.errors import UserError

# Operators, fields and the pages that explain them, for "Online Manual" in Blender's context menus.
PAGES = (
    ("bpy.ops.forward_pass.add_matmul*", "matmul.md"),
    ("bpy.ops.forward_pass.*", "panel.md"),
    ("bpy.types.forwardpass*", "panel.md"),
)


class FORWARDPASS_OT_help(bpy.types.Operator):
    """Open the page of the manual that explains this"""

    bl_idname = "forward_pass.help"
    bl_label = "Forward Pass Manual"

    page: StringProperty(name="Page", default="panel", options={"SKIP_SAVE"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> set[Any]:
        """As a text, shown where there is a window."""
        try:
            path = page_path(self.page)
        except UserError as error:
            self.report({"WARNING"}, str(error))
            return {"CANCELLED"}
        name = f"Forward Pass: {self.page}"
        text = bpy.data.texts.get(name) or bpy.data.texts.new(name)
        text.clear()
        text.write(readable(path.read_text(encoding="utf-8")))
        text.cursor_set(0)
        show_text(context, text, wrap=True)
        return {"FINISHED"}


def docs_folder() -> Path | None:
    """Where the pages are: inside the package in an installed extension, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next((folder for folder in (package / "docs", package.parent / "docs") if folder.is_dir()), None)


def page_path(page: str) -> Path:
    """The file of a page. Raises `UserError` where there is none of that name."""
    folder = docs_folder()
    path = None if folder is None else folder / f"{Path(page).name}.md"
    if path is None or not path.is_file():
        raise UserError(f"There is no page {page!r} in the manual.", "Install the add-on again.", code=2)
    return path


def readable(markdown: str) -> str:
    """A page without the marks that only a browser makes something of."""
    lines = []
    for line in markdown.splitlines():
        found = re.match(r"#+ (.*)", line)
        plain = re.sub(r"\*\*|`|(?<!\w)\*(?=\w)|(?<=[\w.…])\*(?!\w)", "", line if found is None else found[1].upper())
        lines.append(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", plain))
    return "\n".join(lines) + "\n"


def show_text(context: bpy.types.Context, text: bpy.types.Text, wrap: bool) -> None:
    """Shows a text in the text editor that is open, or in a window of its own."""
    if bpy.app.background or context.window is None:
        return
    screens = [window.screen for window in context.window_manager.windows]
    area = next((area for screen in screens for area in screen.areas if area.type == "TEXT_EDITOR"), None)
    if area is None:
        bpy.ops.wm.window_new()
        area = context.window_manager.windows[-1].screen.areas[0]
        area.type = "TEXT_EDITOR"
    space = area.spaces.active
    assert isinstance(space, bpy.types.SpaceTextEditor)
    space.text, space.show_word_wrap, space.top = text, wrap, 0
    space.show_line_numbers = space.show_syntax_highlight = False


def manual() -> tuple[str, tuple[tuple[str, str], ...]]:
    """Where Blender finds the page of each operator and field."""
    folder = docs_folder()
    return ("" if folder is None else f"{folder.as_uri()}/", PAGES if folder is not None else ())


CLASSES = (FORWARDPASS_OT_help,)


def register() -> None:
    """Blender's own manual look-ups lead to these pages."""
    bpy.utils.register_manual_map(manual)


def unregister() -> None:
    """And no longer."""
    bpy.utils.unregister_manual_map(manual)
