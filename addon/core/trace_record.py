# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON objects read key by key, with nothing taken on trust: every value has its type, every number its range."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from .trace_manifest import ManifestError

MOST = 1 << 62  # of any count; keeps products of checked numbers far from where NumPy would overflow

T = TypeVar("T")


class Record:
    """A JSON object: the whole, or what is under a key of another, at an `index` where that is a list.

    Every method raises ManifestError where the value is not proper.
    """

    __slots__ = ("_index", "_key", "_parent", "words")

    def __init__(self, words: object, key: str, parent: Record | None = None, index: int | None = None) -> None:
        self._key = key
        self._parent = parent
        self._index = index
        if type(words) is not dict:
            raise ManifestError(f"{self.where} is not an object")
        self.words: dict[str, Any] = words

    @property
    def where(self) -> str:
        """What this is, for errors; put together only then, as a trace has very many records."""
        if self._parent is None:
            return self._key
        name = repr(self._key) if self._index is None else f"{self._key}[{self._index}]"
        return name if self._parent._parent is None else f"{name} of {self._parent.where}"

    def value(self, key: str, *kinds: type) -> Any:
        """The value of a key, of one of these types; JSON gives exactly these, so true is no int."""
        value = self.words.get(key)
        if type(value) not in kinds:
            raise ManifestError(f"{self.where} has no proper {key!r}")
        return value

    def has(self, key: str) -> bool:
        """Whether there is something under a key, and not null."""
        return self.words.get(key) is not None

    def text(self, key: str) -> str:
        """A text."""
        return self.value(key, str)

    def optional_text(self, key: str) -> str | None:
        """A text, or None where there is none."""
        return self.text(key) if self.has(key) else None

    def flag(self, key: str) -> bool:
        """True or false."""
        return self.value(key, bool)

    def count(self, key: str) -> int:
        """A whole number from 0 on."""
        value = self.value(key, int)
        if not 0 <= value <= MOST:
            raise ManifestError(f"{key!r} of {self.where} is not a proper count")
        return value

    def optional_count(self, key: str) -> int | None:
        """A whole number from 0 on, or None where there is none."""
        return self.count(key) if self.has(key) else None

    def integer(self, key: str) -> int:
        """Any whole number: a random seed."""
        return self.value(key, int)

    def number(self, key: str) -> float:
        """A finite number."""
        try:
            value = float(self.value(key, float, int))
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ManifestError(f"{key!r} of {self.where} is not a finite number")
        return value

    def counts(self, key: str) -> tuple[int, ...]:
        """Whole numbers from 0 on."""
        values = self.value(key, list)
        for value in values:
            if type(value) is not int or not 0 <= value <= MOST:
                raise ManifestError(f"{key!r} of {self.where} is not a proper count")
        return tuple(values)

    def pair(self, key: str) -> tuple[int, int]:
        """A first and a last."""
        found = self.counts(key)
        if len(found) != 2:
            raise ManifestError(f"{key!r} of {self.where} is not a first and a last")
        return found[0], found[1]

    def optional_pair(self, key: str) -> tuple[int, int] | None:
        """A first and a last, or None where there is none."""
        return self.pair(key) if self.has(key) else None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        return self._texts(key, self.value(key, list))

    def text_lists(self, key: str) -> tuple[tuple[str, ...], ...]:
        """A list of lists of texts."""
        values = self.value(key, list)
        for value in values:
            if type(value) is not list:
                raise ManifestError(f"{key!r} of {self.where} is not a list of lists")
        return tuple([self._texts(key, value) for value in values])

    def table(self, key: str) -> dict[str, Any]:
        """An object of anything."""
        return dict(self.value(key, dict))

    def record(self, key: str) -> Record:
        """An object, to be read likewise."""
        return Record(self.value(key, dict), key, self)

    def records(self, key: str, read: Callable[[Record], T]) -> tuple[T, ...]:
        """A list of objects."""
        return tuple([read(Record(words, key, self, i)) for i, words in enumerate(self.value(key, list))])

    def optional_records(self, key: str, read: Callable[[Record], T]) -> tuple[T, ...]:
        """A list of objects, or nothing where there is none."""
        return self.records(key, read) if self.has(key) else ()

    def _texts(self, key: str, values: list[Any]) -> tuple[str, ...]:
        for value in values:
            if type(value) is not str:
                raise ManifestError(f"{key!r} of {self.where} is not a list of texts")
        return tuple(values)
