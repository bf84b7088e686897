# SPDX-License-Identifier: GPL-3.0-or-later
"""Models at one scale: their counts, their places, what the camera sees of them and what is said."""

from __future__ import annotations

import itertools
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core.errors import UserError
from forward_pass.core.known_models import KNOWN, USUAL, find_known
from forward_pass.core.layout_config import parameters_of
from forward_pass.core.pull_back import pull_back, seen_at
from forward_pass.core.scale_signs import LINE, Sign
from forward_pass.core.scale_words import short_count, times
from forward_pass.core.shots import film
from forward_pass.core.story_scale import ScalePlan, tell_scale

FEW = ("gpt2-medium", "nano-sort", "tiny-shakespeare")
ASPECTS = (16 / 9, 1.0, 9 / 16)


@pytest.fixture(scope="module")
def plans() -> dict[float, ScalePlan]:
    return {aspect: tell_scale(FEW, aspect=aspect) for aspect in ASPECTS}


@pytest.fixture(scope="module")
def usual() -> ScalePlan:
    return tell_scale()


def gpt(config: Any) -> int:
    """Embeddings, twelve matrices of C x C a layer with their biases and two norms, and the last norm."""
    c, layers, context, vocab = (config[k] for k in ("n_embd", "n_layer", "n_positions", "vocab_size"))
    return vocab * c + context * c + layers * (12 * c * c + 13 * c) + 2 * c


def llama(config: Any) -> int:
    """Two tables of words; queries, output, grouped keys and values, gated MLPs, two norms a layer; the last norm."""
    c, f, layers, vocab = (config[k] for k in ("hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size"))
    shared = c * config["num_key_value_heads"] // config["num_attention_heads"]
    experts = config.get("num_local_experts", 0)
    mlp = max(experts, 1) * 3 * c * f + experts * c
    return 2 * vocab * c + layers * (2 * c * c + 2 * c * shared + mlp + 2 * c) + c


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.key)
def test_parameters_follow_from_the_config_by_another_formula(known, root: Path):
    if known.source.startswith("built in"):
        folder = root / known.source.removeprefix("built in: ")
        written = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert {name: written[name] for name in known.config if name in written} == {
            name: value for name, value in known.config.items() if name in written
        }
        with (folder / "model.safetensors").open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        count = sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    else:
        count = (llama if "hidden_size" in known.config else gpt)(known.config)
    assert parameters_of(known.config) == count
    assert known.source


def test_a_step_is_as_long_in_every_model(usual):
    for standing in usual.standings:
        assert standing.layout.pitch == usual.standings[0].layout.pitch
        (x0, *_), (x1, *_) = standing.ruler.points
        config = standing.model.config
        assert x1 - x0 == pytest.approx(config.get("n_embd") or config["hidden_size"])
        up = next(block for block in standing.layout.blocks if block.part in ("w_up", "w_e_up"))
        first, second, _third, last = np.array(up.corners())
        assert np.linalg.norm(second - first) == pytest.approx(up.shape[1])
        assert np.linalg.norm(last - first) == pytest.approx(up.shape[0])


@pytest.mark.parametrize("aspect", ASPECTS)
def test_models_stand_apart_in_the_order_of_their_size(aspect, plans):
    standings = plans[aspect].standings
    assert [standing.model.key for standing in standings] == ["nano-sort", "tiny-shakespeare", "gpt2-medium"]
    axis = 0 if aspect >= 1 else 1
    for a, b in itertools.pairwise(standings):
        assert a.box.high[axis] < b.box.low[axis]
        assert a.box.low[1 - axis] == pytest.approx(b.box.low[1 - axis])
        behind = [label.extent() for label in b.titles]
        assert all(box.low[1] > a.box.high[1] for box in behind) or aspect >= 1
    for standing in standings:
        moved = standing.layout.bodies + np.array(standing.at)
        assert (moved >= np.array(standing.box.low) - 1e-6).all() and (
            moved <= np.array(standing.box.high) + 1e-6
        ).all()


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_model_is_whole_in_its_shot(aspect, plans):
    plan = plans[aspect]
    for shot in plan.story.shots:
        key = next(key for key in plan.keys if key.second >= shot.start + shot.move - 1e-6)
        x, y, depth = seen_at(shot.subject.corners(), key, aspect).T
        assert (np.abs(x) < aspect / 2).all() and (np.abs(y) < 0.5).all() and (depth > 0).all()
        assert np.ptp(x) * np.ptp(y) > 0.25 * aspect


def test_what_was_seen_stays_in_the_frame_while_the_camera_pulls_back(usual):
    shots = usual.story.shots[:7]
    for before, after in itertools.pairwise(shots):
        middle = np.mean(before.subject.corners(), axis=0)
        moving = [key for key in usual.keys if after.start <= key.second <= after.start + after.move]
        assert len(moving) > 24
        seen = np.concatenate([seen_at([middle], key, usual.aspect) for key in moving])
        assert (np.abs(seen[:, 0]) < usual.aspect / 2).all() and (np.abs(seen[:, 1]) < 0.5).all()


def test_a_pull_back_of_one_shot_is_the_film_of_it(usual):
    shot = usual.story.shots[0]
    here, there = pull_back([shot], 5.0, 1.5), film([shot], 5.0, 1.5)
    assert here[0] == there[0] and here[-1].second == there[-1].second == 5.0
    with pytest.raises(ValueError, match="at least one shot"):
        pull_back([], 1.0, 1.0)


def test_captions_say_true_numbers_at_a_pace_to_read(usual):
    texts = [caption.text for caption in usual.story.captions]
    assert "85,728" in texts[0] and texts[6].startswith(
        "GPT-3: 174,604,259,328 parameters in 96 layers, 2,037,000 times"
    )
    assert pytest.approx(2_037_000, rel=1e-3) == 174_604_259_328 / 85_728
    assert "A token uses 2 of 8 experts" in texts[5]
    first, last = usual.standings[0], usual.standings[-1]
    assert f"{105 * first.width / last.width * 100:.0f} cm" in texts[7]
    for caption in usual.story.captions:
        assert len(caption.text) / caption.duration <= 17
    for a, b in itertools.pairwise(usual.story.captions):
        assert a.start + a.duration <= b.start
    acts = usual.story.acts
    assert sum(act.duration for act in acts) == pytest.approx(usual.story.duration)


def heights(sign: Sign, second: float) -> float:
    seconds, rises = zip(*sign.rises, strict=True)
    return float(np.interp(second, seconds, rises))


@pytest.mark.parametrize("aspect", ASPECTS)
def test_signs_do_not_hide_each_other(aspect, plans, usual):
    for plan in (plans[aspect], usual):
        compared = 0
        for shot in plan.story.shots[:-1]:
            key = next(key for key in plan.keys if key.second >= shot.start + shot.move - 1e-6)
            shown = [sign for sign in plan.signs if sign.start < key.second]
            places = [seen_at([sign.foot], key, plan.aspect)[0] for sign in shown]
            for (a, p), (b, q) in itertools.combinations(zip(shown, places, strict=True), 2):
                lower = abs((p[1] + heights(a, key.second)) - (q[1] + heights(b, key.second)))
                left, right = (a, b) if p[0] <= q[0] else (b, a)
                wide = 0.4 * left.size * len(left.name + left.count)
                compared += 1
                assert lower >= 0.99 * LINE * left.size or wide < abs(p[0] - q[0]), (left.name, right.name)
        assert compared


def test_seconds_are_about_kept():
    length = tell_scale(FEW[1:]).story.duration
    assert tell_scale(FEW[1:], seconds=1.4 * length).story.duration == pytest.approx(1.4 * length, rel=0.08)
    assert tell_scale(FEW[1:], seconds=5).story.duration > 15  # captions keep their time


@pytest.mark.parametrize(("ratio", "words"), [(9.64, "9.6"), (2.0, "2"), (1451.6, "1,452"), (2_036_722.0, "2,037,000")])
def test_ratios_have_four_digits(ratio, words):
    assert times(ratio) == words


@pytest.mark.parametrize(
    ("count", "words"), [(85_728, "85.7 K"), (174_604_259_328, "175 B"), (1_557_611_200, "1.56 B"), (12, "12")]
)
def test_counts_have_three_digits(count, words):
    assert short_count(count) == words


def test_a_config_of_ones_own_is_a_model(tmp_path: Path):
    path = tmp_path / "mine" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(dict(find_known("gpt2").config) | {"n_layer": 2}), encoding="utf-8")
    plan = tell_scale(["nano-sort", str(path.parent)])
    assert plan.standings[1].model.name == "mine"
    assert "in 2 layers" in plan.story.captions[1].text


@pytest.mark.parametrize("models", [("gpt2",), ("gpt2", "gpt2"), tuple(USUAL) * 1 + ("nothing-such",)])
def test_what_cannot_be_compared_is_refused(models):
    with pytest.raises(UserError) as caught:
        tell_scale(models)
    assert caught.value.code == 2 and caught.value.hint
