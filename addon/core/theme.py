# SPDX-License-Identifier: GPL-3.0-or-later
"""Themes: the colours of a scene, as sRGB hex strings, and their conversion to Blender's linear light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import UserError

# What an object's `pass_index` may point to: a colour's place here is its number in materials and in files.
PALETTE = (
    "text",
    "secondary",
    "token",
    "channel",
    "head",
    "feature",
    "neuron",
    "vocab",
    "step",
    "weight",
    "statistic",
    "positive",
    "negative",
    "line",
    "plate",
    "pill",
    "key",
)
HEAD = PALETTE.index("head")
KEY = PALETTE.index("key")  # the key position: the tokens' colour, drawn in dashes


STOPS = 17  # of every colour map
Linear = tuple[float, float, float]  # linear RGB, each 0 to 1


@dataclass(frozen=True)
class Theme:
    """Colours as sRGB hex. `diverging` runs from the most negative to the most positive value through
    neutral, `sequential` from zero up; `palette` holds one colour for each name of PALETTE."""

    name: str
    words: str  # what it is like
    centre: str
    edge: str
    neutral: str
    gap: str
    body: str
    magnitude: str
    diverging: tuple[str, ...]
    diverging_places: tuple[float, ...]
    sequential: tuple[str, ...]
    missing: str
    palette: dict[str, str]
    glow: float  # 1 where light means active; 0 where colours are mixed towards the background instead
    rest: float  # how far a cell at rest whose value is zero sinks from neutral towards the gap

    @property
    def diverging_stops(self) -> list[Linear]:
        """The signed map as STOPS even stops of linear RGB."""
        return ramp(self.diverging, self.diverging_places)

    @property
    def sequential_stops(self) -> list[Linear]:
        """The map for what is never negative as STOPS even stops of linear RGB."""
        return ramp(self.sequential, tuple(np.linspace(0.0, 1.0, len(self.sequential)).tolist()))


_PLACES = (0.0, 0.18, 0.36, 0.5, 0.64, 0.82, 1.0)

MIDNIGHT = Theme(
    name="midnight",
    words="Light on deep blue",
    centre="0E1322",
    edge="060911",
    neutral="232D47",
    gap="05070D",
    body="141A2B",
    magnitude="A9C4FF",
    diverging=("FFC2BE", "FF6B7D", "C13A5C", "232D47", "2E6FD6", "4FB4FF", "B5E4FF"),
    diverging_places=_PLACES,
    sequential=("1B2440", "2B4C86", "1F8A99", "5CC98A", "F4E98C"),
    missing="FF3DF2",
    palette={
        "text": "EAF0FF",
        "secondary": "9FB0D0",
        "token": "FFB92E",
        "channel": "35D68C",
        "head": "E56BE8",
        "feature": "38BDF8",
        "neuron": "FF7A2B",
        "vocab": "FFFFFF",
        "step": "8B95AD",
        "weight": "8FA6E8",
        "statistic": "C9CFDD",
        "positive": "4FB4FF",
        "negative": "FF6B7D",
        "line": "3A4870",
        "plate": "20283E",
        "pill": "080B14",
        "key": "FFB92E",
    },
    glow=1.0,
    rest=0.75,
)

PAPER = Theme(
    name="paper",
    words="Ink on warm paper",
    centre="FBF8F1",
    edge="F1ECE0",
    neutral="F6F2E8",
    gap="DDD6C6",
    body="E4DCCB",
    magnitude="38507F",
    diverging=("7E1230", "CF4256", "EBA3A0", "F6F2E8", "8DB9E3", "2F7CC4", "0B3F7A"),
    diverging_places=_PLACES,
    sequential=("EDE7D9", "B9D6B5", "5FAFA0", "2B7291", "2A3B78"),
    missing="B000A8",
    palette={
        "text": "1D2433",
        "secondary": "5A6272",
        "token": "B77400",
        "channel": "12805A",
        "head": "A8329E",
        "feature": "0E7FA3",
        "neuron": "C4520E",
        "vocab": "1D2433",
        "step": "7B8190",
        "weight": "6C7690",
        "statistic": "7B8190",
        "positive": "2F7CC4",
        "negative": "CF4256",
        "line": "B9B09D",
        "plate": "EBE4D4",
        "pill": "FFFDF8",
        "key": "B77400",
    },
    glow=0.0,
    rest=0.12,
)

# Chalk on a green-grey board: pale, a little dusty colours, and dimming by mixing rather than by light.
BLACKBOARD = Theme(
    name="blackboard",
    words="Chalk on a green-grey board",
    centre="2B3F39",
    edge="1B2925",
    neutral="364A43",
    gap="1D2B27",
    body="2A3C36",
    magnitude="D9E3D6",
    diverging=("FFE0D6", "F2938A", "A94F52", "364A43", "3D7FA8", "83C5EE", "DDF1FC"),
    diverging_places=_PLACES,
    sequential=("2A3C36", "3D6F66", "6DA884", "BCD48A", "FBF3B8"),
    missing="FF8AF0",
    palette={
        "text": "F6F3E6",
        "secondary": "BFCBC0",
        "token": "F7D560",
        "channel": "93E0A8",
        "head": "EBA6DC",
        "feature": "8AD6F4",
        "neuron": "F7A566",
        "vocab": "FFFFFF",
        "step": "AAB5AD",
        "weight": "B9C6E6",
        "statistic": "D5DAD2",
        "positive": "83C5EE",
        "negative": "F2938A",
        "line": "5C7168",
        "plate": "2F433C",
        "pill": "16211D",
        "key": "F7D560",
    },
    glow=0.4,
    rest=0.3,
)

# For projectors and low vision: black and white, the axes in the colours that Okabe and Ito chose so that every kind
# of eye tells them apart (Color Universal Design, 2008), and blue against orange for the signs.
CONTRAST = Theme(
    name="contrast",
    words="Black and white, for projectors and low vision",
    centre="000000",
    edge="000000",
    neutral="262626",
    gap="000000",
    body="161616",
    magnitude="FFFFFF",
    diverging=("FFF1CC", "FFB000", "8F5300", "262626", "005FB8", "3DB2FF", "DDF3FF"),
    diverging_places=_PLACES,
    sequential=("1C1C1C", "123F7A", "1189A3", "7CC46B", "FFF36B"),
    missing="FF4DF5",
    palette={
        "text": "FFFFFF",
        "secondary": "D0D0D0",
        "token": "F0E442",
        "channel": "009E73",
        "head": "CC79A7",
        "feature": "56B4E9",
        "neuron": "E8690B",
        "vocab": "FFFFFF",
        "step": "B0B0B0",
        "weight": "A8B8D8",
        "statistic": "D0D0D0",
        "positive": "3DB2FF",
        "negative": "FFB000",
        "line": "6E6E6E",
        "plate": "141414",
        "pill": "000000",
        "key": "F0E442",
    },
    glow=1.0,
    rest=0.5,
)

THEMES = {theme.name: theme for theme in (MIDNIGHT, PAPER, BLACKBOARD, CONTRAST)}


def theme(name: str) -> Theme:
    """The theme of that name; UserError with the names there are otherwise."""
    if name not in THEMES:
        raise UserError(f"There is no theme called {name!r}.", f"Themes: {', '.join(THEMES)}.", 2)
    return THEMES[name]


def linear(color: str) -> Linear:
    """SRGB hex to linear RGB, each 0 to 1 (IEC 61966-2-1)."""
    srgb = np.array([int(color[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    rgb = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(rgb[0]), float(rgb[1]), float(rgb[2])


# Ottosson's OKLab: linear sRGB -> cone response -> Lab (https://bottosson.github.io/posts/oklab/, public domain).
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def ramp(colors: tuple[str, ...], places: tuple[float, ...], stops: int = STOPS) -> list[Linear]:
    """`stops` evenly spaced linear RGB colours of a map through `colors` at `places` (0 to 1),
    interpolated in OKLab so that lightness changes evenly."""
    labs = np.stack([_TO_LAB @ np.cbrt(_TO_CONES @ np.array(linear(c))) for c in colors])  # [colors, 3]
    at = np.linspace(0.0, 1.0, stops)
    lab = np.stack([np.interp(at, places, labs[:, i]) for i in range(3)], axis=1)  # [stops, 3]
    cones = lab @ np.linalg.inv(_TO_LAB).T
    rgb = np.clip(cones**3 @ np.linalg.inv(_TO_CONES).T, 0.0, 1.0)
    return [(float(r), float(g), float(b)) for r, g, b in rgb]
