# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface in another language: every text that is translated is one that the code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import REMEDIES
from forward_pass.ui.german import BUTTONS, GERMAN, TEXTS
from forward_pass.ui.german_tips import TIPS
from forward_pass.ui.preferences import ForwardPassPreferences
from forward_pass.ui.properties import ForwardPassSettings
from forward_pass.ui.translations import with_qualities

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


# Alike in both languages: names of models and things that have no other, what only stands for itself, sources.
ALIKE = {
    "nano-sort", "tiny-shakespeare", "English", "Deutsch", "Top K", "Top P", "CPU", "CUDA", "Metal", "4K", "ProRes",
    "YouTube 1080p", "Forward Pass", "Dot", "Row", "Column", "Outer", "All", "Box", "Corner",
}  # fmt: skip


def texts_of_the_code(root: Path) -> set[str]:
    """Every string that stands in a file of the add-on but the dictionaries."""
    found = set()
    for path in (root / "addon").rglob("*.py"):
        if not path.name.startswith("german"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value.removesuffix(": "))
    return found


def texts_of(owner: Any) -> Iterator[str]:
    """What Blender shows of the fields of a class: names, entries, and explanations. Which models there are and where
    their numbers come from needs no language."""
    for field in owner.bl_rna.properties:
        own = field.identifier not in ("rna_type", "name") and not field.identifier.startswith("bl_")
        if not own or field.is_hidden or field.type == "COLLECTION":
            continue
        yield from (field.name, field.description)
        if field.type == "ENUM" and field.identifier != "known_models":
            yield from (text for item in field.enum_items for text in (item.name, item.description))


def texts_shown() -> set[str]:
    """What Blender shows of the panel's fields, the preferences and the operators."""
    shown = {*texts_of(ForwardPassSettings), *texts_of(ForwardPassPreferences)}
    for name in dir(bpy.ops.forward_pass):
        kind = getattr(bpy.ops.forward_pass, name).get_rna_type()
        shown |= {kind.description, *(texts_of(SimpleNamespace(bl_rna=kind)) if name != "remedy" else ())}
    return {text for text in shown if re.search("[A-Za-z]{2}", text)}


def test_what_is_translated_is_there_with_the_same_places_to_fill(root: Path) -> None:
    there = texts_of_the_code(root) | texts_shown() | {f"{words[0].upper()}{words[1:]}" for words in REMEDIES.values()}
    assert [text for text in {**TEXTS, **TIPS, **BUTTONS} if text not in there] == []
    places = re.compile(r"\{\w+\}")
    both = {**TEXTS, **TIPS, **BUTTONS}.items()
    assert [t for t, german in both if sorted(places.findall(t)) != sorted(places.findall(german))] == []
    assert TEXTS.keys() & TIPS.keys() == set()


def test_all_fields_and_buttons_speak_german() -> None:
    german = {text for _context, text in with_qualities(GERMAN)}
    assert "\n".join(sorted(texts_shown() - german - ALIKE)) == ""
    names = {getattr(bpy.ops.forward_pass, name).get_rna_type().name for name in dir(bpy.ops.forward_pass)}
    assert sorted(names - BUTTONS.keys()) == []


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
