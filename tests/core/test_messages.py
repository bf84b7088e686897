# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines between the tracer process and its parent: what goes in comes out, and nothing else gets through."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.messages import (
    CancelMessage,
    ErrorMessage,
    Message,
    ProgressMessage,
    ResultMessage,
    WarningMessage,
    decode,
    encode,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
messages = st.one_of(
    st.builds(ProgressMessage, st.text(), st.floats(0, 1), st.text()),
    st.builds(WarningMessage, st.text()),
    st.builds(ErrorMessage, st.text(), st.text(), st.integers(0, 255)),
    st.builds(ResultMessage, st.text(), st.dictionaries(st.text(), json_values, max_size=3)),
    st.just(CancelMessage()),
)


@given(messages)
def test_what_is_encoded_is_decoded_and_takes_one_line(message: Message) -> None:
    line = encode(message)
    assert decode(line) == message
    assert len(line.splitlines()) == 1 and line.isascii()


def test_a_line_reads_as_the_contract_says() -> None:
    assert json.loads(encode(ProgressMessage("trace", 0.5, "letter 3"))) == {
        "type": "progress",
        "stage": "trace",
        "done": 0.5,
        "text": "letter 3",
    }
    assert decode('{"type": "cancel"}') == CancelMessage()


def test_unknown_keys_are_ignored_and_defaults_filled() -> None:
    assert decode('{"type": "error", "message": "No.", "later": 1}') == ErrorMessage("No.", "", 1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Downloading weights...", "Not a message"),
        ("[" * 100_000, "Not a message"),
        ("3", "known type"),
        ('{"type": "sing"}', "known type"),
        ('{"type": ["error"]}', "known type"),
        ('{"type": "error", "hint": "x"}', "lacks 'message'"),
        ('{"type": "progress", "stage": "load", "done": 2}', "from 0 to 1"),
        ('{"type": "progress", "stage": "load", "done": NaN}', "from 0 to 1"),
        ('{"type": "progress", "stage": "load", "done": true}', "'done' cannot be True"),
        ('{"type": "error", "message": "No.", "code": "2"}', "'code' cannot be '2'"),
        ('{"type": "result", "path": "x", "data": []}', "'data' cannot be []"),
    ],
)
def test_what_is_no_message_is_refused_with_its_reason(line: str, says: str) -> None:
    with pytest.raises(ValueError) as raised:
        decode(line)
    assert says in str(raised.value)


@given(st.text() | json_values.map(json.dumps))
def test_no_line_raises_anything_but_value_error(line: str) -> None:
    with contextlib.suppress(ValueError):
        decode(line)


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError):
        encode(ResultMessage("x", {"max_error": float("nan")}))
