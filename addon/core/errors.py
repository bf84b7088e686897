# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that reaches people: a sentence about what happened and a hint about what to do."""

from __future__ import annotations

from collections.abc import Sequence

# What can be done about an error at the press of a button, and what that does.
REMEDIES = {
    "cpu": "run on the CPU",
    "half": "hold the weights in half precision",
    "online": "let the model be downloaded",
    "code": "let the program code that comes with the model run",
    "set_up": "make an environment with torch and transformers",
    "python": "choose another Python",
}


class UserError(Exception):
    """Something a person can mend.

    `message` is one sentence that says what happened, `hint` one that says what to do about it
    (may be empty), and `code` the exit status of a command that ends with it: 2 for wrong use, 1 for failure.
    `remedies` are words of `REMEDIES` that a program with buttons offers, best first.
    """

    def __init__(self, message: str, hint: str = "", code: int = 1, remedies: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.remedies = tuple(remedies)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
