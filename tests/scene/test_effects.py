# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves between the multiplies, as it is in the saved file and in small pictures of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from forward_pass.core.effects import effects_of
from forward_pass.core.effects_types import Effects, Flight, OddsCard, SoftmaxCard
from forward_pass.core.layout import Block
from tests.scene.conftest import SIZE, Built, Found, run_outside

pytestmark = [pytest.mark.blender]

# Where captions and formulas, the running text and the legend begin, in frame heights from the middle.
CAPTIONS, RUNNING = -0.27, 0.34


@dataclass(frozen=True)
class Moving:
    """A sheet of polygons as it was saved: attributes by name, and the first corner and the count of each polygon."""

    numbers: dict[str, np.ndarray]
    first: np.ndarray
    corners: np.ndarray

    def at(self, second: float) -> np.ndarray:
        """Where every corner is, [corners, 3]: what the material's displacement is meant to do."""
        place = self.numbers["position"].copy()
        eased = []
        for number in (1, 2):
            start, duration, _turn = self.numbers[f"fp_time_{number}"].T
            q = np.clip((second - start) / np.maximum(duration, 1e-4), 0.0, 1.0)
            eased.append((q * q * (3 - 2 * q))[:, None])
        turn = self.numbers["fp_time_1"][:, 2:]
        bend = 4 * eased[0] * (1 - eased[0]) * (turn == 0)
        place += eased[0] * self.numbers["fp_shift_1"] + bend * self.numbers["fp_arc_1"]
        return place + eased[1] * self.numbers["fp_shift_2"]

    def shown(self, second: float) -> np.ndarray:
        """Which corners are of polygons that are there."""
        appear, vanish, _fade = self.numbers["fp_window"].T
        return (appear < second) & (second < vanish)

    def middles(self, second: float) -> np.ndarray:
        """The middle of every polygon."""
        return np.add.reduceat(self.at(second), self.first, axis=0) / self.corners[:, None]


@pytest.fixture(scope="module")
def effects(built: Built) -> Effects:
    return effects_of(built.trace, built.layout, built.story)


@pytest.fixture(scope="module")
def sheets(built: Built) -> dict[str, Moving]:
    """Both sheets of the saved file."""
    bpy: Any = pytest.importorskip("bpy")
    bpy.ops.wm.open_mainfile(filepath=str(built.path))
    made = {}
    for name in ("flights", "panels", "charts"):
        item = bpy.data.objects[name]
        assert item.animation_data is None and not item.modifiers and not item.constraints
        numbers = {}
        for attribute in item.data.attributes:
            if attribute.data_type == "FLOAT_VECTOR":
                vectors = np.empty((len(attribute.data), 3), np.float32)
                attribute.data.foreach_get("vector", vectors.ravel())
                numbers[attribute.name] = vectors
            elif attribute.data_type == "FLOAT":
                values = np.empty(len(attribute.data), np.float32)
                attribute.data.foreach_get("value", values)
                numbers[attribute.name] = values
        first, count = (np.empty(len(item.data.polygons), np.int32) for _ in range(2))
        item.data.polygons.foreach_get("loop_start", first)
        item.data.polygons.foreach_get("loop_total", count)
        made[name] = Moving(numbers, first, count)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return made


def middles(block: Block, cells: np.ndarray) -> np.ndarray:
    """The middles of cells [n, 2] of a block."""
    return (cells[:, :1] + 0.5) * block.row_step + (cells[:, 1:] + 0.5) * block.column_step + block.origin


def own(effects: Effects, sheet: Moving) -> list[tuple[Flight, slice]]:
    """The polygons of every flight; outlines of rows come after the cells."""
    found, begin = [], 0
    for flight in effects.flights:
        found.append((flight, slice(begin, begin + len(flight.cells))))
        begin += len(flight.cells) + (4 * len(np.unique(flight.cells[:, 2])) if flight.lit else 0)
    assert begin == len(sheet.first)
    return found


def test_a_copy_carries_the_number_of_its_cell(effects: Effects, sheets: dict[str, Moving]) -> None:
    sheet = sheets["flights"]
    for flight, mine in own(effects, sheet):
        for name in ("value", "finite"):
            assert np.array_equal(sheet.numbers[name][mine], flight.before.astype(np.float32))


def test_copies_fly_from_their_cell_to_their_cell(built: Built, effects: Effects, sheets: dict[str, Moving]) -> None:
    sheet = sheets["flights"]
    for flight, mine in own(effects, sheet):
        source, target = built.layout.by_key[flight.source], built.layout.by_key[flight.target]
        at = list(range(len(flight.leave)))[:: max(1, len(flight.leave) // 5)]
        leaving = np.stack([sheet.middles(flight.leave[i])[mine][i] for i in at])
        assert np.allclose(leaving, middles(source, flight.cells[at, :2]), atol=0.2)
        there = np.stack([sheet.middles(flight.settle[i])[mine][i] for i in at])
        assert np.allclose(there, middles(target, flight.cells[at, 2:]), atol=0.2)
        half = np.stack([sheet.middles((flight.leave[i] + flight.arrive[i]) / 2)[mine][i] for i in at])
        way = (middles(source, flight.cells[at, :2]) + middles(target, flight.cells[at, 2:])) / 2
        assert half[:, 2] - way[:, 2] == pytest.approx(flight.lift, abs=0.3)


def test_nothing_moves_unseen_or_is_left_behind(built: Built, effects: Effects, sheets: dict[str, Moving]) -> None:
    for name, sheet in sheets.items():
        appear, vanish, _fade = sheet.numbers["fp_window"].T
        assert (appear < vanish).all() and (vanish <= built.story.duration).all(), name
    busy = [(effect.start - 0.5, effect.end + 0.2) for effect in effects.all]
    for second in np.linspace(0.0, built.story.duration, 400):
        if not any(start <= second <= end for start, end in busy):
            assert not any(sheet.shown(second).any() for sheet in sheets.values()), second


def test_cards_leave_captions_and_running_text_free(effects: Effects, sheets: dict[str, Moving]) -> None:
    for card in effects.cards:
        for name, second in product(("panels", "charts"), np.linspace(card.start, card.end, 9)[1:-1]):
            sheet = sheets[name]
            # The chosen token leaves the card.
            flying = name == "charts" and isinstance(card, OddsCard) and second > card.stages[-1]
            places = sheet.at(second)[sheet.shown(second)]
            assert len(places)
            assert np.abs(places[:, 0]).max() < SIZE[0] / SIZE[1] / 2
            assert places[:, 1].min() > CAPTIONS and (flying or places[:, 1].max() < RUNNING + 0.01), card


def test_bars_are_as_high_as_their_numbers(effects: Effects, sheets: dict[str, Moving]) -> None:
    """Of the softmax's card when all is divided: heights in proportion to the shares."""
    sheet = sheets["charts"]
    card = next(card for card in effects.cards if isinstance(card, SoftmaxCard))
    second = card.end - 0.05
    quads = [i for i, count in enumerate(sheet.corners) if count == 4 and sheet.shown(second)[sheet.first[i]]]
    places = sheet.at(second)
    boxes = np.array([np.ptp(places[sheet.first[i] : sheet.first[i] + 4], axis=0) for i in quads])
    styles = [int(sheet.numbers["fp_place"][sheet.first[i], 2]) // 16 for i in quads]
    heights = boxes[np.array(styles) > 0, 1][: len(card.names)]
    assert heights / heights.sum() == pytest.approx(card.shares, abs=2e-3)


@pytest.fixture(scope="module")
def pictures(built: Built, effects: Effects, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """Frames with and without: while cells fly, while a card stands, and when nothing happens."""
    (mask,) = (f for f in effects.flights if built.trace.operations[f.operation].kind == "mask")
    card = next(card for card in effects.cards if isinstance(card, SoftmaxCard))
    quiet = next(p for p in built.story.products).start + 2.0
    moments = {"flying": 0.5 * (mask.start + mask.end), "card": card.stages[1], "quiet": quiet}
    folder = tmp_path_factory.mktemp("effects")
    jobs = [
        {"name": f"{name} {left_out}", "second": second, "without": [left_out] if left_out else []}
        for name, second in moments.items()
        for left_out in ("", "flights", "charts", "panels")
    ]
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    run_outside("take_pictures.py", built.path, folder / "jobs.json", folder)

    def pixels(path: Path) -> np.ndarray:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"), dtype=float)

    return {path.stem.strip(): pixels(path) for path in folder.glob("*.png")}


@pytest.mark.slow
def test_they_are_seen_in_their_time_and_at_no_other(pictures: dict[str, np.ndarray]) -> None:
    def changed(moment: str, left_out: str) -> np.ndarray:
        return np.abs(pictures[moment] - pictures[f"{moment} {left_out}"]).max(-1) > 12

    assert changed("flying", "flights").sum() > 60
    assert not changed("flying", "charts").any() and not changed("flying", "panels").any()
    card = changed("card", "charts") | changed("card", "panels")
    assert card.mean() > 0.05
    height = card.shape[0]
    rows = np.flatnonzero(card.any(1)) / height
    assert rows.min() > 0.5 - RUNNING - 0.02 and rows.max() < 0.5 - CAPTIONS + 0.02
    assert not any(changed("quiet", name).any() for name in ("flights", "charts", "panels"))


def test_they_hang_where_a_creator_finds_them(found: Found) -> None:
    for name, parent in (("flights", None), ("panels", "Overlays"), ("charts", "Overlays")):
        item = found.objects[name]
        assert item["parent"] == parent and item["collections"] == ["stage"]
        assert item["properties"]["fp_kind"] == "effects"
        assert not item["selectable"]  # it lies before blocks, which a click is meant for
    assert all(item["selectable"] for item in found.objects.values() if "fp_tensor" in item["properties"])
