# SPDX-License-Identifier: GPL-3.0-or-later
"""A saved scene is the creator's: edited by ordinary Blender means, without the add-on, it stays whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.scene.conftest import FPS, Built, run_outside

pytestmark = pytest.mark.blender

BLOCK, ACT, FRAMES, HEAD, MOVE = "s0.l0.norm", 3, 12, "layer 0 / attention / head 2", 10.0


@dataclass(frozen=True)
class Edited:
    """What was to be seen before and after the edits."""

    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def edited(built: Built) -> Edited:
    out = built.path.with_name("edited.json")
    run_outside("edit_inside.py", built.path, out, BLOCK, ACT, FRAMES, HEAD)
    return Edited(**json.loads(out.read_text(encoding="utf-8")))


def test_a_moved_block_stays_where_it_is_put_and_keeps_its_numbers(built: Built, edited: Edited) -> None:
    before, after = (np.array(found["box"]) for found in (edited.before, edited.after))  # [2, 3]
    assert after[0, 0] - before[0, 0] == pytest.approx(MOVE, abs=1e-3)
    tensor = next(block.tensor for block in built.layout.blocks if block.key == BLOCK)
    wanted = built.trace.array(tensor).reshape(-1)
    assert np.array_equal(np.array(edited.after["value"], np.float32), wanted)


def test_flat_cells_become_bars(edited: Edited) -> None:
    before, after = (np.ptp(np.array(found["box"]), axis=0) for found in (edited.before, edited.after))
    # The fence of activations is thicker by its bars, and no wider or higher.
    assert after[1] > before[1] + 0.5
    assert after[[0, 2]] == pytest.approx(before[[0, 2]], abs=0.3)


def test_a_hidden_head_is_gone_and_nothing_else(built: Built, edited: Edited) -> None:
    mine = {block.key for block in built.layout.blocks if HEAD in block.collection}
    gone = set(edited.before["seen"]) - set(edited.after["seen"])
    assert mine and mine <= gone
    assert not gone & {block.key for block in built.layout.blocks if HEAD not in block.collection}


def test_an_act_is_retimed_by_its_key(built: Built, edited: Edited) -> None:
    """The clock says the act's first second as many frames later as the key was moved; the camera and all else come
    with it, and the acts before and after begin when they did."""
    starts = [round(act.start * FPS) / FPS for act in built.story.acts]
    (first, old, following, moved) = edited.after["moments"]
    assert first[0] == pytest.approx(starts[ACT - 1], abs=1e-4)
    assert following[0] == pytest.approx(starts[ACT + 1], abs=1e-4)
    assert old[0] < starts[ACT] - 0.01
    assert moved[0] == pytest.approx(starts[ACT], abs=1e-4)
    assert moved[1:] == pytest.approx(edited.before["moments"][1][1:], abs=1e-3)
