# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface in another language: every text that is translated is one that the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.ui.german import BUTTONS, TEXTS

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


def texts_of_the_code(root: Path) -> set[str]:
    """Every string that stands in a file of the add-on but the dictionary, and the presets' names made of them."""
    found = set()
    for path in (root / "addon").rglob("*.py"):
        if path.name != "german.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
    return found


def test_what_is_translated_is_there_with_the_same_places_to_fill(root: Path) -> None:
    there = texts_of_the_code(root)
    assert [text for text in {**TEXTS, **BUTTONS} if text not in there] == []
    places = re.compile(r"\{\w+\}")
    assert [t for t, german in TEXTS.items() if places.findall(t) != places.findall(german)] == []


def test_blender_shows_it() -> None:
    view = bpy.context.preferences.view
    languages = {item.identifier for item in view.bl_rna.properties["language"].enum_items}
    german = next((name for name in ("de_DE", "de") if name in languages), None)
    if german is None:
        pytest.skip("this Blender speaks no German")
    before = view.language
    try:
        view.language = german
        assert bpy.app.translations.pgettext_iface("What to Show") == "Was gezeigt wird"
        assert bpy.app.translations.pgettext_iface("Generate Scene", "Operator") == "Szene erzeugen"
    finally:
        view.language = before
