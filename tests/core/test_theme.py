# SPDX-License-Identifier: GPL-3.0-or-later
"""Themes: the conversion of their colours against the standard, their maps, and whether one can read them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.theme import MIDNIGHT, PALETTE, THEMES, linear, ramp, theme

themes = pytest.mark.parametrize("look", THEMES.values(), ids=THEMES)


def luminance(color: tuple[float, float, float]) -> float:
    """Relative luminance of linear RGB (WCAG 2, the same weights as Rec. 709)."""
    return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]


def contrast(a: str, b: str) -> float:
    """The contrast ratio of two sRGB colours, 1 to 21 (WCAG 2)."""
    low, high = sorted((luminance(linear(a)), luminance(linear(b))))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("000000", (0, 0, 0)),
        ("FFFFFF", (1, 1, 1)),
        ("808080", (0.2158605, 0.2158605, 0.2158605)),
        ("BC4000", (0.5028865, 0.0512695, 0)),
        ("0A0B01", (0.0030353, 0.0033465, 0.0003035)),  # either side of the straight piece near black
    ],
)
def test_linear_is_that_of_the_standard(color, expected):
    assert linear(color) == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_linear_turned_back_is_the_same_colour(r, g, b):
    light = np.array(linear(f"{r:02X}{g:02x}{b:02X}"))
    srgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.round(srgb * 255).tolist() == [r, g, b]


@themes
def test_a_map_ends_in_its_own_colours(look):
    for colors, places in (
        (look.diverging, look.diverging_places),
        (look.sequential, tuple(np.linspace(0, 1, len(look.sequential)))),
    ):
        stops = ramp(colors, places)
        assert len(stops) == 17
        assert stops[0] == pytest.approx(linear(colors[0]), abs=1e-5)
        assert stops[-1] == pytest.approx(linear(colors[-1]), abs=1e-5)
        assert all(0 <= part <= 1 for stop in stops for part in stop)


@themes
def test_zero_is_neutral_in_the_middle_and_lightness_tells_magnitude(look):
    stops = ramp(look.diverging, look.diverging_places)
    assert stops[8] == pytest.approx(linear(look.neutral), abs=1e-5)
    sign = 1 if luminance(stops[0]) > luminance(stops[8]) else -1
    light = [sign * luminance(stop) for stop in stops]
    assert light[:9] == sorted(light[:9], reverse=True) and light[8:] == sorted(light[8:])
    blue = [stop[2] - stop[0] for stop in stops]
    assert max(blue[:7]) < 0.05 < min(blue[10:])  # negative is red, positive blue


@themes
def test_probabilities_grow_in_one_direction_of_lightness(look):
    light = [luminance(stop) for stop in ramp(look.sequential, tuple(np.linspace(0, 1, len(look.sequential))))]
    assert light == sorted(light) or light == sorted(light, reverse=True)
    assert abs(light[-1] - light[0]) > 0.4


def test_a_ramp_is_even_in_lightness_between_two_greys():
    stops = ramp(("000000", "FFFFFF"), (0.0, 1.0), 5)
    assert [stop[1] for stop in stops] == pytest.approx([(i / 4) ** 3 for i in range(5)], abs=1e-6)  # cube: OKLab's L


@themes
def test_a_theme_is_whole(look):
    assert set(look.palette) == set(PALETTE)
    colors = [look.centre, look.edge, look.neutral, look.gap, look.body, look.magnitude, look.missing]
    for color in [*colors, *look.diverging, *look.sequential, *look.palette.values()]:
        assert re.fullmatch("[0-9A-F]{6}", color)
    assert len(look.diverging) == len(look.diverging_places) and look.glow in (0.0, 1.0)
    assert len(PALETTE) == len(set(PALETTE)) <= 16  # three of them are packed into one number, 16 to a digit


@themes
def test_text_can_be_read(look):
    """WCAG's 4.5 for text on what is behind it; 3 for what is read only from afar."""
    for ground in (look.centre, look.edge, look.palette["pill"]):
        assert contrast(look.palette["text"], ground) >= 7
        assert contrast(look.palette["secondary"], ground) >= 4.5
        for name in ("token", "channel", "head", "feature", "neuron", "weight", "statistic"):
            assert contrast(look.palette[name], ground) >= 3, name


def test_an_unknown_theme_names_those_there_are():
    assert theme("midnight") is MIDNIGHT
    with pytest.raises(UserError, match="There is no theme called 'neon'") as caught:
        theme("neon")
    assert caught.value.code == 2
    assert "midnight" in caught.value.hint and "paper" in caught.value.hint
