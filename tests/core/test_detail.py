# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks are geometry and which are slabs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.detail import LEAST_SLAB, MOST_CELLS, choose_details
from forward_pass.core.layout import lay_out
from forward_pass.core.trace import Trace


def blocks(sizes: list[tuple[str, int]]) -> list[Any]:
    return [SimpleNamespace(key=str(i), kind=kind, shape=(1, size)) for i, (kind, size) in enumerate(sizes)]


def test_the_built_in_sorter_is_all_cells(root):
    layout = lay_out(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"))
    assert set(choose_details(layout.blocks).values()) == {"cells"}


def test_the_largest_weights_come_first_and_no_more_than_needed():
    sizes = [("weight", 9000), ("weight", 5000), ("weight", 5000), ("weight", 3000), ("activation", 20_000)]
    assert list(choose_details(blocks(sizes), 35_000).values()) == ["slab", *["cells"] * 4]
    assert list(choose_details(blocks(sizes), 30_000).values()) == ["slab", "slab", "slab", "cells", "cells"]
    assert list(choose_details(blocks(sizes), 10_000).values()) == ["slab"] * 5
    assert list(choose_details(blocks(sizes), 42_000).values()) == ["cells"] * 5


@given(
    st.lists(st.tuples(st.sampled_from(["weight", "activation", "statistic"]), st.integers(1, 9000)), max_size=30),
    st.integers(0, 60_000),
)
def test_few_cells_are_left_or_only_small_blocks(sizes, most):
    chosen = choose_details(blocks(sizes), most)
    left = [size for (_kind, size), detail in zip(sizes, chosen.values(), strict=True) if detail == "cells"]
    assert sum(left) <= most or all(size < LEAST_SLAB for size in left)
    alike: dict[tuple[bool, int], set[str]] = {}
    for (kind, size), detail in zip(sizes, chosen.values(), strict=True):
        alike.setdefault((kind == "weight", size), set()).add(detail)
    assert all(len(details) == 1 for details in alike.values())


@pytest.mark.parametrize("over", [0, 1])
def test_slabs_begin_past_the_limit(over):
    sizes = [("weight", MOST_CELLS // 2)] * 2 + [("weight", 1)] * over
    assert ("slab" in choose_details(blocks(sizes)).values()) == bool(over)
