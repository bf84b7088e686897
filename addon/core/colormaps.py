# SPDX-License-Identifier: GPL-3.0-or-later
"""Published colour maps, each as 17 of its colours at even steps.

vik, berlin and batlow: Scientific colour maps by Fabio Crameri (2018, doi:10.5281/zenodo.1243862), MIT licence.
viridis: Nathaniel Smith and Stefan van der Walt (2015), CC0. cividis: Nunez, Anderton and Renslow (2018,
doi:10.1371/journal.pone.0199239), as it ships with matplotlib 3.11 (matplotlib licence, BSD compatible).
All can be told apart with each common kind of colour blindness, which the tests look at.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import UserError


@dataclass(frozen=True)
class ColorMap:
    """A named map: sRGB hex stops at even steps. A diverging one runs from the most negative value to the most
    positive, which is blue everywhere in this project; a sequential one from zero up."""

    name: str
    diverging: bool
    stops: tuple[str, ...]
    source: str


_CRAMERI = "Scientific colour maps, Fabio Crameri, MIT"
_VIK = (
    "001261 022B71 034481 0C5E92 2F7CA6 609DBC 92BDD2 C5DBE5 ECE5E1 E9CBB9 DCAB8F CF8E68 C37243 B3531F 932E06 741506 "
    "590008"
)
_BERLIN = (
    "9EB0FF 79ABED 529FD3 3686AD 286886 1D4B61 14313F 111A20 190C09 2A0E01 401201 5A1C07 7C331D 9C503D BC6E61 DD8D86 "
    "FFADAD"
)
_BATLOW = (
    "011959 0D315D 114360 165262 226061 356A59 4D734D 667A3F 818232 A08A2B BF9035 DB954C F29D6C FCA891 FDB4B4 FCC0D6 "
    "FACCFA"
)
_VIRIDIS = (
    "440154 48186A 472D7B 424086 3B528B 33638D 2C728E 26818E 21908C 1F9F88 28AE80 3EBC74 5DC963 82D34C ABDC32 D5E21A "
    "FDE725"
)
_CIVIDIS = (
    "00224E 002E6A 1A386F 32436D 434E6C 52596D 61656F 6F7073 7C7B78 8B8778 9B9376 ABA072 BBAD6C CCBA64 DDC958 EFD748 "
    "FEE838"
)

# The diverging ones turned round: their blue end is the negative one where they were published.
COLOR_MAPS = {
    entry.name: entry
    for entry in (
        ColorMap("vik", True, tuple(reversed(_VIK.split())), _CRAMERI),
        ColorMap("berlin", True, tuple(reversed(_BERLIN.split())), _CRAMERI),
        ColorMap("batlow", False, tuple(_BATLOW.split()), _CRAMERI),
        ColorMap("viridis", False, tuple(_VIRIDIS.split()), "Smith and van der Walt, CC0"),
        ColorMap("cividis", False, tuple(_CIVIDIS.split()), "Nunez, Anderton and Renslow, as in matplotlib"),
    )
}


def color_map(name: str) -> ColorMap:
    """The colour map of that name; UserError with the names there are otherwise."""
    if name not in COLOR_MAPS:
        raise UserError(f"There is no colour map called {name!r}.", f"Colour maps: {', '.join(COLOR_MAPS)}.", 2)
    return COLOR_MAPS[name]
