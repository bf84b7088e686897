# SPDX-License-Identifier: GPL-3.0-or-later
"""The hue of a block: one for each role in the model, whatever the layer, the head and the step."""

from __future__ import annotations

from collections import defaultdict

import pytest

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.role_hues import hue_of
from forward_pass.core.theme import PALETTE
from forward_pass.core.trace import Trace


@pytest.fixture(scope="module")
def layout(root) -> Layout:
    return lay_out(Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors"))


def test_what_takes_part_in_one_thing_has_one_hue(layout):
    hues = defaultdict(set)
    for block in layout.blocks:
        hues[block.part].add(hue_of(block))
    assert all(len(found) == 1 for found in hues.values())
    assert {name for found in hues.values() for name in found} <= set(PALETTE)
    parts = {part: found.pop() for part, found in hues.items()}
    assert {hue for part, hue in parts.items() if part.startswith("residual")} == {"token"}
    assert {parts[part] for part in ("q", "k_flat", "v_flat", "mix", "merged")} == {"feature"}
    assert {parts[part] for part in ("scores", "masked", "pattern")} == {"head"}
    assert (parts["hidden"], parts["logits"]) == ("neuron", "vocab")


def test_numbers_that_nothing_made_and_those_about_others_have_hues_of_their_own(layout):
    kinds = {block.kind: hue_of(block) for block in layout.blocks if block.kind != "activation"}
    assert kinds == {"weight": "weight", "statistic": "statistic"}
