# SPDX-License-Identifier: GPL-3.0-or-later
"""Themes: the conversion of their colours against the standard, their maps, and whether one can read them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.colormaps import COLOR_MAPS, color_map
from forward_pass.core.errors import UserError
from forward_pass.core.theme import MIDNIGHT, PALETTE, STOPS, THEMES, linear, ramp, theme

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
    assert len(look.diverging) == len(look.diverging_places) and 0 <= look.glow <= 1
    assert len(PALETTE) == len(set(PALETTE)) <= 32  # stops of a ramp, and digits of a packed number


@themes
def test_text_can_be_read(look):
    """WCAG's 4.5 for text on what is behind it; 3 for what is read only from afar."""
    for ground in (look.centre, look.edge, look.palette["pill"], look.palette["plate"]):
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


def as_seen(color: tuple[float, float, float], blindness: str) -> np.ndarray:
    """A colour in OKLab as an eye without long, middle or short cones sees it (Machado, Oliveira and Fernandes,
    2009, severity 1; rows of linear RGB)."""
    matrices = {
        "none": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    cones = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
    lab = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    seen = np.clip(np.array(matrices[blindness]) @ np.array(color), 0, 1)
    return np.array(lab) @ np.cbrt(np.array(cones) @ seen)


@pytest.mark.parametrize("blindness", ["none", "protan", "deutan", "tritan"])
def test_every_eye_tells_signs_apart(blindness):
    """The two ends of every diverging map, and values half-way to them, in every theme."""
    maps = {name: look.diverging_stops for name, look in THEMES.items()}
    maps |= {name: [linear(stop) for stop in entry.stops] for name, entry in COLOR_MAPS.items() if entry.diverging}
    for name, stops in maps.items():
        for i in (2, 4):
            apart = np.linalg.norm(as_seen(stops[i], blindness) - as_seen(stops[16 - i], blindness))
            assert apart > 0.06, (name, i, apart)


@pytest.mark.parametrize("blindness", ["protan", "deutan"])
def test_in_the_contrast_theme_every_eye_tells_axes_apart(blindness):
    axes = ("token", "channel", "head", "feature", "neuron", "vocab")
    seen = [as_seen(linear(THEMES["contrast"].palette[name]), blindness) for name in axes]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 0.05


def test_the_contrast_theme_is_black_and_white():
    look = THEMES["contrast"]
    assert contrast(look.palette["text"], look.centre) == pytest.approx(21)
    for name in ("secondary", "token", "channel", "head", "feature", "neuron", "weight", "statistic", "step"):
        assert contrast(look.palette[name], look.centre) >= 5.3, name


@pytest.mark.parametrize("entry", COLOR_MAPS.values(), ids=COLOR_MAPS)
def test_a_published_map_is_in_order(entry):
    """Lightness only rises in a sequential map, and rises or falls away from the middle of a diverging one, whose
    positive side is the blue one as in every theme."""
    light = [as_seen(linear(stop), "none")[0] for stop in entry.stops]
    assert len(entry.stops) == STOPS and entry.source
    if not entry.diverging:
        assert light == sorted(light) and light[-1] - light[0] > 0.4
        return
    sign = 1 if light[0] > light[8] else -1
    away = [sign * value for value in light]
    assert away[:9] == sorted(away[:9], reverse=True) and away[9:] == sorted(away[9:])
    blue = [linear(stop)[2] - linear(stop)[0] for stop in entry.stops]
    assert max(blue[1:7]) < 0.02 < min(blue[10:])


def test_an_unknown_map_names_those_there_are():
    with pytest.raises(UserError, match="There is no colour map called 'jet'") as caught:
        color_map("jet")
    assert caught.value.code == 2 and "vik" in caught.value.hint
