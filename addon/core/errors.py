# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that reaches people: a sentence about what happened and a hint about what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something a person can mend.

    `message` is one sentence that says what happened, `hint` one that says what to do about it
    (may be empty), and `code` the exit status of a command that ends with it: 2 for wrong use, 1 for failure.
    """

    def __init__(self, message: str, hint: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
