# SPDX-License-Identifier: GPL-3.0-or-later
"""Every word that a viewer reads, by language."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import UserError
from .catalog import Catalog, Unit, fields
from .de import GERMAN
from .en import ENGLISH

__all__ = ["CATALOGS", "FIELDS", "WHY", "Catalog", "Unit", "catalog", "check_captions", "fields"]

CATALOGS = {one.language: one for one in (ENGLISH, GERMAN)}
WHY = "why "  # before a moment: what its step is for
# What a caption may fill in.
FIELDS = frozenset(
    {
        "activation", "answer", "channels", "chosen", "count_heads", "drawn", "each_unit", "end", "experts",
        "for_each", "groups", "head", "heads", "layer", "layers", "likely", "multiplies", "neurons", "new_unit",
        "next", "odds", "operations", "parameters", "pass", "ran", "seen", "seen_text", "shared", "size", "text",
        "token", "unit", "units", "weight", "width", "with_new",
    }
)  # fmt: skip


def catalog(language: str) -> Catalog:
    """The words of a language. Raises UserError (code 2)."""
    if language not in CATALOGS:
        known = ", ".join(f"{one.language} ({one.name})" for one in CATALOGS.values())
        raise UserError(f"There is no language called {language!r}.", f"Languages: {known}.", 2)
    return CATALOGS[language]


def check_captions(captions: Mapping[str, str]) -> None:
    """Raises UserError (code 2) where words of a person's own are for a moment that there is not, or fill in what a
    caption does not know."""
    for moment, text in captions.items():
        if moment.removeprefix(WHY) not in ENGLISH.captions:
            hint = f"Moments: {', '.join(ENGLISH.captions)}; each also with '{WHY}' before it."
            raise UserError(f"There is no moment called {moment!r}.", hint, 2)
        try:
            unknown = fields(text) - FIELDS
        except ValueError as error:
            raise UserError(
                f"The caption of {moment!r} cannot be filled in: {error}.", "Write {{ for a brace.", 2
            ) from None
        if unknown:
            hint = f"Known: {', '.join(sorted(FIELDS))}."
            raise UserError(f"The caption of {moment!r} cannot fill in {{{min(unknown)}}}.", hint, 2)
