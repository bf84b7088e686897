# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of checking a trace: counts, what is wrong, what could not be looked at, and all of it in lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MOST_NAMED = 12  # of a check, in the lines for people


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or that could not be looked at: `says` stands after the name."""

    step: int
    name: str
    says: str


@dataclass(frozen=True)
class Check:
    """What came of one sort of check: how many were looked at, with what largest relative error (None where there is
    no such number), and what was found wrong or could not be looked at."""

    title: str
    checked: int
    worst: float | None
    wrong: tuple[Finding, ...]
    unchecked: tuple[Finding, ...]


@dataclass(frozen=True)
class Verification:
    """The result of all checks."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not any(check.wrong for check in self.checks)

    @property
    def complete(self) -> bool:
        """Whether there was nothing that could not be looked at."""
        return not any(check.unchecked for check in self.checks)

    def lines(self) -> list[str]:
        """The result for people, a line each."""
        return [line for check in self.checks for line in _lines(check)] + [self._last_line()]

    def _last_line(self) -> str:
        wrong = sum(len(check.wrong) for check in self.checks)
        unchecked = sum(len(check.unchecked) for check in self.checks)
        said = f"{wrong} wrong" if wrong else "Nothing is wrong"
        return f"{said}; {unchecked} could not be checked." if unchecked else f"{said}."


def _lines(check: Check) -> Iterator[str]:
    worst = "" if check.worst is None else f", largest relative error {check.worst:.1e}"
    unchecked = f", {len(check.unchecked)} not" if check.unchecked else ""
    yield f"{check.title:<36} {check.checked:>6} checked, {len(check.wrong)} wrong{unchecked}{worst}"
    for word, findings in (("WRONG", check.wrong), ("not checked", check.unchecked)):
        for finding in findings[:MOST_NAMED]:
            yield f"  {word}: step {finding.step} {finding.name}: {finding.says}"
        if len(findings) > MOST_NAMED:
            yield f"  {word}: and {len(findings) - MOST_NAMED} more"
