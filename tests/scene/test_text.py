# SPDX-License-Identifier: GPL-3.0-or-later
"""Characters that the scene's font lacks are drawn in another one, and none as the box of what no font has."""

from __future__ import annotations

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.matmul_words import MULTIPLY_WORDS
from forward_pass.core.words import CATALOGS
from forward_pass.scene.merge import Line, Shapes
from forward_pass.scene.text import NOBODYS, OTHERS, covering, is_latin, load_font, make_text

pytestmark = pytest.mark.blender


def test_what_the_font_has_stays_in_it_and_what_it_lacks_comes_from_another() -> None:
    font = load_font()
    if font is None:
        pytest.skip("this Blender does not ship the font")
    for text in ("plain letters", "a × b ⋅ c = −1 → ⋯"):
        assert covering(text, font) == font
    assert covering("für", font) == load_font(OTHERS[0])
    assert covering("Тест", font) == load_font(OTHERS[1])
    assert covering(NOBODYS, font) == font  # nobody has it
    assert covering("für", None) is None
    curve = make_text("german", "Kanäle", 1.0, "text", None, font).data
    assert curve.font == load_font(OTHERS[0]) and curve.font.packed_file is not None


def test_no_letter_of_any_language_is_drawn_as_a_box() -> None:
    font, shapes = load_font(), Shapes()
    if font is None:
        pytest.skip("this Blender does not ship the font")
    words = [text for one in CATALOGS.values() for pair in one.captions.values() for text in pair]
    words += [text for one in MULTIPLY_WORDS.values() for parts in one.captions.values() for pair in parts.values()
              for text in pair]  # fmt: skip
    box = shapes.of(Line(NOBODYS, 1.0, font)).points
    for character in sorted(set("".join(words)) - {" "}):
        drawn = shapes.of(Line(character, 1.0, font)).points
        assert len(drawn) and (len(drawn) != len(box) or not np.allclose(drawn, box, atol=1e-4)), character
    shapes.clear()


def test_letters_of_both_fonts_stand_on_one_line_and_side_by_side() -> None:
    font, shapes = load_font(), Shapes()
    if font is None:
        pytest.skip("this Blender does not ship the font")
    whole, parts = shapes.of(Line("für", 1.0, font, "LEFT")), shapes.of(Line("fur", 1.0, font, "LEFT"))
    assert whole.points[:, 1].min() == pytest.approx(parts.points[:, 1].min(), abs=0.02)
    assert whole.points[:, 0].max() == pytest.approx(parts.points[:, 0].max(), abs=0.05)
    shapes.clear()


@pytest.mark.parametrize(
    ("text", "wanted"), [("48 Kanäle", True), ("channels", False), ("σ ü", False), ("6 × 4", True), ("→", False)]
)
def test_which_names_need_the_other_font(text: str, wanted: bool) -> None:
    assert is_latin(text) == wanted
