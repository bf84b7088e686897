# SPDX-License-Identifier: GPL-3.0-or-later
"""Small frames of a saved scene: what is in play shines, what is filled shows, what is masked is not there.

Three of them are also held against the pictures in `pictures/`, with a tolerance for the differences between versions
of Blender. Where the look was changed on purpose, make them anew with the Blender of the house, look at them, and
commit them:

    FORWARD_PASS_NEW_PICTURES=1 .venv/bin/python -m pytest tests/scene/test_pictures.py
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from forward_pass.core.glow import patches
from forward_pass.core.layout import Block
from forward_pass.core.story import Fill, Products
from forward_pass.core.theme import MIDNIGHT
from tests.scene.conftest import HERE, Built, run_outside

pytestmark = [pytest.mark.blender, pytest.mark.slow]

KEPT = ("overview", "query", "end")
REDUCED = 2  # pictures are kept at a half of their size
MEAN, WORST = 1.5, 25.0  # of 255: how far a picture may be from the one that is kept


@dataclass(frozen=True)
class Pictures:
    """The frames that were taken: pixels [height, width, 3] from 0 to 255, and where their camera stood."""

    folder: Path
    views: dict[str, Any]

    def pixels(self, name: str) -> np.ndarray:
        with Image.open(self.folder / f"{name}.png") as image:
            return np.asarray(image.convert("RGB"), dtype=np.float64)

    def at(self, name: str, points: Any) -> np.ndarray:
        """The pixels, [n, 3], where points of the world [n, 3] are seen."""
        picture = self.pixels(name)
        height, width, _ = picture.shape
        seen = np.c_[np.asarray(points), np.ones(len(points))] @ np.array(self.views[name]).T
        x, y = (seen[:, 0] / seen[:, 3] + 1) / 2 * width, (1 - seen[:, 1] / seen[:, 3]) / 2 * height
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        assert inside.all(), "not in the frame"
        return picture[y.astype(int), x.astype(int)]


@dataclass(frozen=True)
class Scene:
    """The steps of the story that are looked at."""

    query: Products
    scores: Products
    scored: Fill
    masked: Fill


@pytest.fixture(scope="module")
def steps(built: Built) -> Scene:
    story = built.story
    fills = {fill.block: fill for fill in story.fills}
    query, scores = story.products[:2]
    stem = scores.left.removesuffix(".q")
    return Scene(query, scores, fills[f"{stem}.scores"], fills[f"{stem}.masked"])


@pytest.fixture(scope="module")
def pictures(built: Built, steps: Scene, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    # The sweep gets on faster and faster: it is over the middle column.
    working = steps.scores.start + 0.75 * steps.scores.duration
    middle = steps.query.start + 0.5 * steps.query.duration
    formula = next(f for f in built.story.formulas if f.start + f.duration > middle)
    masked = steps.masked.start + steps.masked.duration
    overview = built.story.captions[0]
    jobs: list[tuple[str, float, list[str]]] = [
        ("first", 0.0, []),
        ("first without light", 0.0, ["pulse"]),
        ("overview", overview.start + overview.duration - 1, []),
        ("query", formula.start + 0.5 * formula.duration, []),
        ("scores before", steps.scores.start - 0.02, []),
        ("scores during", working, []),
        ("scores without caption", working, ["caption"]),
        ("scores without glow", working, ["glow"]),
        ("scores after", steps.scored.start + steps.scored.duration, []),
        ("masked", masked, []),
        ("masked without", masked, [steps.masked.block]),
        ("end", built.story.duration - 1, []),
    ]
    folder = tmp_path_factory.mktemp("pictures")
    entries = [{"name": name, "second": second, "without": without} for name, second, without in jobs]
    (folder / "jobs.json").write_text(json.dumps(entries), encoding="utf-8")
    run_outside("take_pictures.py", built.path, folder / "jobs.json", folder)
    return Pictures(folder, json.loads((folder / "views.json").read_text(encoding="utf-8")))


def middles(block: Block, where: np.ndarray) -> np.ndarray:
    """The middle of the cells of a block where a matrix [rows, columns] is true, [n, 3]."""
    rows, columns = np.nonzero(where)
    return np.outer(rows + 0.5, block.row_step) + np.outer(columns + 0.5, block.column_step) + block.origin


def band(block: Block, row: int) -> np.ndarray:
    """Points all over one row of a block, [n, 3]."""
    r, c = np.meshgrid(row + np.linspace(0.02, 0.98, 15), np.linspace(0, block.shape[1], 200), indexing="ij")
    return np.outer(r.ravel(), block.row_step) + np.outer(c.ravel(), block.column_step) + block.origin


def near(pixels: np.ndarray, color: str) -> np.ndarray:
    """Which pixels [n, 3] are about that colour."""
    wanted = np.array([int(color[i : i + 2], 16) for i in (0, 2, 4)])
    return np.abs(pixels - wanted).max(-1) < 40


def test_the_worked_row_is_outlined_in_its_axis_colour(built: Built, steps: Scene, pictures: Pictures) -> None:
    amber = MIDNIGHT.palette["token"]
    for name, plan in (("query", steps.query), ("scores during", steps.scores)):
        block = built.layout.by_key[plan.left]
        shares = [near(pictures.at(name, band(block, r)), amber).mean() for r in range(block.shape[0])]
        far = [share for r, share in enumerate(shares) if abs(r - plan.row) > 1]  # the next row shares its edge
        assert shares[plan.row] > 0.15 and max(far) < 0.02, (name, shares)
    block = built.layout.by_key[steps.scores.left]
    assert near(pictures.at("scores before", band(block, steps.scores.row)), amber).mean() < 0.05


def test_a_result_appears_cell_by_cell(built: Built, steps: Scene, pictures: Pictures) -> None:
    """The worked row up to the sweep, then all rows; what is not filled looks as before."""
    block = built.layout.by_key[steps.scored.block]
    rows, columns = block.shape
    everything = np.ones((rows, columns), dtype=bool)

    def changed(name: str, where: np.ndarray) -> np.ndarray:
        points = middles(block, where)
        return np.abs(pictures.at(name, points) - pictures.at("scores before", points)).max(-1) > 12

    worked = np.zeros_like(everything)
    worked[steps.scores.row, : columns // 2] = True
    waiting = ~worked
    waiting[steps.scores.row, columns // 2] = False  # under the sweep
    assert changed("scores during", worked).all()
    assert not changed("scores during", waiting).any()
    assert changed("scores after", everything).mean() > 0.85  # the colour of a number near zero is that of the ground


def test_the_floor_is_lit_before_what_fills(built: Built, steps: Scene, pictures: Pictures) -> None:
    """Just before its foot, in its hue."""
    block = built.layout.by_key[steps.scored.block]
    patch = next(patches([block], {}))
    left, right, _far, out = patch.corners[0]
    points = left + 0.15 * (out - left) + np.linspace(0.2, 0.8, 9)[:, None] * (right - left)
    lit, dark = (pictures.at(name, points) for name in ("scores during", "scores without glow"))
    red, green, blue = (lit - dark).mean(0)
    assert red > 8 and blue > 8 and green < min(red, blue)  # magenta


def test_masked_cells_are_absent(built: Built, steps: Scene, pictures: Pictures) -> None:
    """With the block or without it, what is seen there is the same."""
    block = built.layout.by_key[steps.masked.block]
    seen = np.tri(*block.shape, dtype=bool)
    for where, there in ((~seen, False), (seen, True)):
        points = middles(block, where)
        difference = np.abs(pictures.at("masked", points) - pictures.at("masked without", points)).max(-1)
        assert (difference > 8).mean() > 0.8 if there else (difference < 3).all(), difference


def test_the_caption_is_in_the_lower_third(pictures: Pictures) -> None:
    shown, hidden = pictures.pixels("scores during"), pictures.pixels("scores without caption")
    rows, columns = np.nonzero(np.abs(shown - hidden).max(-1) > 8)
    height, width, _ = shown.shape
    assert len(rows) > 0.01 * height * width
    assert rows.min() > height * 2 / 3
    assert columns.min() > 0.02 * width and columns.max() < 0.98 * width
    letters = near(shown.reshape(-1, 3), MIDNIGHT.palette["text"]).reshape(height, width)
    letters &= np.abs(shown - hidden).max(-1) > 8
    assert letters.sum() > 0.03 * len(rows)  # light letters, not a dark bar alone
    assert np.nonzero(letters)[0].max() < 0.98 * height


def test_the_first_picture_shows_prompt_title_and_light(pictures: Pictures) -> None:
    """It is what a viewer chooses by: nothing is still to fade in."""
    first, dark = pictures.pixels("first"), pictures.pixels("first without light")
    height, width, _ = first.shape
    amber = near(first.reshape(-1, 3), MIDNIGHT.palette["token"]).reshape(height, width)
    assert amber[: height // 8].sum() > 40  # the letters on their chips
    white = near(first.reshape(-1, 3), MIDNIGHT.palette["text"]).reshape(height, width)
    assert white[height * 2 // 3 :].sum() > 200
    lit = np.abs(first - dark).max(-1) > 8
    assert lit.mean() > 0.02 and (first[lit] - dark[lit]).mean() > 10  # brighter, over a part of the floor


def test_the_backdrop_keeps_its_colours(pictures: Pictures) -> None:
    """The frame's corners are the theme's edge colour, as the view transform leaves it."""
    wanted = [int(MIDNIGHT.edge[i : i + 2], 16) for i in (0, 2, 4)]
    picture = pictures.pixels("overview")
    for corner in (picture[2, 2], picture[2, -3], picture[-3, 2], picture[-3, -3]):
        assert corner == pytest.approx(np.array(wanted), abs=6)


def apart(picture: np.ndarray, kept: np.ndarray) -> tuple[float, float]:
    """How far two pictures [height, width, 3] are from each other: the mean over all, and the 99th percentile of
    the means over tiles of 4 x 4 pixels, which jagged edges hardly move; of 255."""
    difference = np.abs(picture - kept)
    height, width, _ = difference.shape
    tiles = difference[: height // 4 * 4, : width // 4 * 4].reshape(height // 4, 4, width // 4, 4, 3).mean((1, 3, 4))
    return float(difference.mean()), float(np.percentile(tiles, 99))


def reduced(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    return picture.reshape(height // REDUCED, REDUCED, width // REDUCED, REDUCED, 3).mean((1, 3))


def kept_picture(name: str) -> np.ndarray:
    with Image.open(HERE / "pictures" / f"{name}.png") as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


@pytest.mark.parametrize("name", KEPT)
def test_a_frame_looks_as_it_did(name: str, pictures: Pictures) -> None:
    picture = reduced(pictures.pixels(name))
    if os.environ.get("FORWARD_PASS_NEW_PICTURES"):
        (HERE / "pictures").mkdir(exist_ok=True)
        Image.fromarray(np.round(picture).astype(np.uint8)).save(HERE / "pictures" / f"{name}.png", optimize=True)
        pytest.skip(f"made pictures/{name}.png anew: look at it before you commit it")
    kept = kept_picture(name)
    mean, worst = apart(picture, kept)
    if mean > MEAN or worst > WORST:
        sheet = np.concatenate([kept, picture, np.minimum(4 * np.abs(picture - kept), 255)])
        path = pictures.folder / f"{name} kept, now, difference.png"
        Image.fromarray(sheet.astype(np.uint8)).save(path)
        pytest.fail(
            f"{name}: {mean:.1f} of 255 apart on average (at most {MEAN}), {worst:.0f} in the worst tiles (at most "
            f"{WORST:.0f}).\nSee {path}.\nIf that is on purpose, make the pictures anew as this file's first lines say."
        )


@pytest.mark.parametrize("name", KEPT)
def test_another_look_is_noticed(name: str) -> None:
    """Red for blue, a step to the side, a quarter darker, or another moment."""
    kept = kept_picture(name)
    others = [kept[..., ::-1], np.roll(kept, 4, axis=1), kept * 0.75, *(kept_picture(n) for n in KEPT if n != name)]
    for other in others:
        mean, worst = apart(other, kept)
        assert mean > MEAN or worst > WORST
