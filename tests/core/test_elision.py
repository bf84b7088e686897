# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes that are not drawn whole: which stretches are, and that numbers and blocks agree on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.elision import drawn_index, shorten
from forward_pass.core.layout import lay_out
from forward_pass.core.trace import Trace
from forward_pass.core.values import matrix_of


@given(st.integers(1, 60_000), st.integers(1, 5000))
def test_what_is_drawn_is_the_beginning_and_the_end(count, drawn):
    spans = shorten(count, drawn)
    if drawn >= count:
        assert spans == ()
        return
    taken = [i for first, last in spans for i in range(first, last + 1)]
    assert len(taken) == drawn == len(set(taken)) and taken == sorted(taken)
    assert taken[0] == 0 and (taken[-1] == count - 1 or drawn == 1)


def test_an_elided_block_draws_its_stretches_and_knows_how_many_it_stands_for(root):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    block = next(b for b in lay_out(trace).blocks if b.part == "w_up")
    whole = np.atleast_2d(trace.array(block.tensor))
    tall, wide = whole.shape
    short = replace(block, rows=(0, 9), row_ranges=shorten(tall, 10), columns=(0, 6), column_ranges=shorten(wide, 7))
    assert short.shape == (10, 7) and short.counts == (tall, wide)
    rows, columns = [*range(5), *range(tall - 5, tall)], [*range(4), *range(wide - 3, wide)]
    assert np.array_equal(matrix_of(whole, short), whole[np.ix_(rows, columns)])


@given(st.integers(1, 300), st.integers(1, 300))
def test_what_is_drawn_has_a_place_and_what_is_left_out_none(count, drawn):
    spans = shorten(count, drawn) or ((0, count - 1),)
    taken = [i for first, last in spans for i in range(first, last + 1)]
    found = drawn_index(spans, np.arange(count))
    assert found[taken].tolist() == list(range(len(taken)))
    assert (np.delete(found, taken) == -1).all()
