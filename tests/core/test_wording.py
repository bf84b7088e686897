# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is called, and how tokens are written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.trace import Token, Trace
from forward_pass.core.wording import FEW, Wording, printable, quoted, shortened, shown, wording_of


def run(prompt: str, answer: str, **config: Any) -> Wording:
    """The words for a run of a model that has that config."""
    texts = prompt + answer
    tokens = [Token(id=100 + i, text=text, step=0) for i, text in enumerate(texts)]
    trace: Any = SimpleNamespace(
        model=SimpleNamespace(config=config),
        tokens=tokens,
        prompt_tokens=tokens[: len(prompt)],
        generated_tokens=tokens[len(prompt) :],
        steps=(),
    )
    return wording_of(trace)


def test_the_built_in_sorter_sorts_letters(root: Path):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    words = wording_of(trace)
    assert (words.unit, words.sorts, words.prompt, words.answer) == ("letter", True, "CBABBC", "ABBBCC")
    assert words.vocabulary == ("A", "B", "C")


def test_a_wrong_answer_is_not_called_sorted(root: Path):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    tokens = (*trace.tokens[:-1], replace(trace.tokens[-1], text="A"))
    wrong = Trace(trace.path, replace(trace.manifest, tokens=tokens), {})
    assert wording_of(wrong).answer == "ABBBCA"
    assert not wording_of(wrong).sorts


def test_only_a_model_with_a_task_sorts():
    assert run("BA", "AB", vocabulary=["A", "B"], prompt_length=2).sorts
    assert not run("BA", "AB", vocabulary=["A", "B"]).sorts
    assert not run("BA", "AB", vocabulary=["A", "B"], prompt_length=None).sorts
    assert not run("BA", "A", vocabulary=["A", "B"], prompt_length=2).sorts


@pytest.mark.parametrize(
    ("vocabulary", "unit"),
    [
        (list("ABC"), "letter"),
        (list("ABCDEFG"), "letter"),
        (list("ab ,\n!?"), "character"),
        (["a", "the", " of", "d", "e", "f"], "token"),
    ],
)
def test_units_by_the_vocabulary(vocabulary, unit):
    assert run("a", "b", vocabulary=vocabulary).unit == unit


def test_without_a_vocabulary_the_tokens_of_the_run_are_known():
    words = run("ab", "c")
    assert words.vocabulary[100:] == ("a", "b", "c") and words.vocabulary[7] == "7"
    assert words.unit == "token"


def test_the_likeliest_come_first_and_a_few_in_their_order():
    many = Wording("character", False, "", "", (" ", "\n", ",", "a", "b", "c"))
    shares = np.array([0.3, 0.05, 0.2, 0.4, 0.03, 0.02], np.float32)
    assert len(shares) > FEW
    assert [token for token, _share in many.likeliest(shares, 3)] == ["a", "space", "','"]
    assert [share for _token, share in many.likeliest(shares, 3)] == pytest.approx([0.4, 0.3, 0.2])
    few = Wording("letter", True, "", "", ("A", "B", "C"))
    assert [token for token, _share in few.likeliest(shares[:3], 2)] == ["A", "B", "C"]


def test_tokens_that_leave_no_mark_have_names():
    assert [shown(text) for text in (" ", "\n", "\t", "a", "7", ",", " the", "'")] == [
        "space", "newline", "tab", "a", "7", "','", "' the'", '"\'"',
    ]  # fmt: skip
    assert [quoted(text) for text in (" ", "a", "a\nb")] == ["space", "'a'", "'a↵b'"]


@given(st.text(max_size=80), st.integers(4, 60), st.booleans())
def test_shortened_texts_fit_on_a_line_and_tell_what_is_left_out(text, most, end):
    short = shortened(text, most, end)
    assert len(short) <= most and "\n" not in short
    if len(text) <= most:
        assert short == printable(text)
    else:
        assert short.startswith("...") if end else short.endswith("...")
        kept = short.removeprefix("...") if end else short.removesuffix("...")
        assert (printable(text).endswith if end else printable(text).startswith)(kept)
