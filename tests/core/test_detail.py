# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blocks are geometry and which are slabs."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.detail import LEAST_SLAB, LEAST_VALUES, MOST_CELLS, choose_details, choose_pools, seen_sizes
from forward_pass.core.layout import lay_out
from forward_pass.core.shots import Key
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


# --- pooling


def test_nothing_is_pooled_where_there_is_room():
    some = blocks([("weight", 4000), ("weight", 90)])
    assert choose_pools(some, np.ones((2, 2)), 5000) == {"0": (1, 1), "1": (1, 1)}


@given(st.lists(st.tuples(st.integers(1, 3000), st.floats(0.01, 20)), min_size=1, max_size=8), st.integers(400, 5000))
def test_pools_make_room_and_are_coarser_where_less_is_seen(sizes, most):
    some = blocks([("weight", size) for size, _seen in sizes])
    pools = choose_pools(some, np.array([(seen, seen) for _size, seen in sizes]), most)
    values = [-(-size // pools[str(i)][1]) for i, (size, _seen) in enumerate(sizes)]
    assert sum(values) <= most
    for (size, seen), value in zip(sizes, values, strict=True):
        assert value >= min(size, LEAST_VALUES)
        for (other, closer), many in zip(sizes, values, strict=True):
            assert not (other == size and closer >= seen) or many >= value


def test_a_block_is_as_large_as_the_camera_sees_it(root):
    """From straight above, a step at the distance d is width * lens / (36 d) pixels; what is out of the frame is not
    seen."""
    layout = lay_out(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"))
    block = next(b for b in layout.blocks if b.part == "w_up")
    middle = np.mean(block.corners(), axis=0)
    pose = Key(0.0, (float(middle[0]), float(middle[1]), float(middle[2])), 0.0, 90.0, 500.0, 50.0, 0.0)
    away = replace(pose, target=(1e6, 0.0, 0.0))
    (found,) = seen_sizes([block], [pose, away], 16 / 9, 1920)
    wanted = 1920 * 50 / 36 / 500
    assert found == pytest.approx([wanted * np.linalg.norm(s) for s in (block.row_step, block.column_step)], rel=0.02)
    assert not seen_sizes([block], [away], 16 / 9).any()
