# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a real trace: its time line holds together, and every number in it is one of the trace's."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forward_pass.core.layout import Layout, lay_out
from forward_pass.core.story import Formula, Products, Story, tell
from forward_pass.core.subjects import Subjects
from forward_pass.core.timeline import Timeline
from forward_pass.core.trace import Trace
from forward_pass.core.values import Values
from forward_pass.core.words import CATALOGS

NEAR = 1e-6  # seconds
TEXT = {"many odds", "drawn odds", "continued"}  # what is said of other runs only: tests/core/test_text_story.py
MODELS = {"large overview"} | {  # and of other models: tests/core/test_model_layouts.py
    "plain overview", "large plain overview", "all plain layers", "again kept",
    "tokens alone", "root norm", "query norm", "rotary", "shifted", "shared heads", "projection alone",
    "projection, norm", "gate", "gated down", "bent down", "parallel down", "parallel", "rest", "first layers",
    "again cached", "cache", "router", "experts",
    "layers before", "one head", "all layers", "tokens at once", "next", "reading", "alone",  # and of other presets
}  # fmt: skip
CAPTIONS, WHY = CATALOGS["en"].captions, CATALOGS["en"].why
ROUNDED = 0.005 + 1e-6  # two decimals


@pytest.fixture(scope="module")
def layout(trace) -> Layout:
    return lay_out(trace)


@pytest.fixture(scope="module")
def told(trace, layout) -> Callable[[float | None], Story]:
    """The story of that many seconds, told once: a story of a given length takes a second or two."""
    return cache(lambda seconds: tell(trace, layout, seconds))


@pytest.fixture(scope="module", params=[None, 1.0, 90.0, 1e4], ids=["natural", "shortest", "ninety", "longest"])
def story(request, told) -> Story:
    return told(request.param)


@pytest.fixture(scope="module")
def natural(told) -> Story:
    return told(None)


def drawn(trace: Trace, layout: Layout, key: str) -> np.ndarray:
    """The numbers that a block draws, [rows, columns], in double precision."""
    block = layout.by_key[key]
    values = np.atleast_2d(trace.array(block.tensor)[block.index]).astype(np.float64)
    return values[block.rows[0] : block.rows[1] + 1, block.columns[0] : block.columns[1] + 1]


def words_of(formula: Formula) -> str:
    return " ".join(text for text, _color in formula.parts)


def numbers_of(text: str) -> list[float]:
    """The numbers with two decimals in a text, with a sign where it is written without a space."""
    return [float(number.replace("−", "-")) for number in re.findall(r"−?\d+\.\d\d", text)]


# --- the time line


def test_acts_follow_each_other_without_gaps(story):
    assert story.acts[0].start == 0
    for act, following in pairwise(story.acts):
        assert act.duration > 0
        assert act.start + act.duration == pytest.approx(following.start, abs=NEAR)
    assert story.acts[-1].start + story.acts[-1].duration == pytest.approx(story.duration, abs=NEAR)
    assert len({act.name for act in story.acts}) == len(story.acts) > 5


def test_captions_never_overlap_and_can_be_read(story):
    for caption, following in pairwise(story.captions):
        assert caption.start + caption.duration <= following.start + NEAR, (caption.text, following.text)
    for caption in story.captions:
        assert caption.text.strip() == caption.text != ""
        assert caption.duration >= len(caption.text) / 15, caption.text
        assert caption.start >= 0 and caption.start + caption.duration <= story.duration


@pytest.mark.parametrize("kind", ["formulas", "legends"])
def test_formulas_and_legends_never_overlap(story, kind):
    entries = getattr(story, kind)
    assert entries
    for entry, following in pairwise(entries):
        assert entry.start + entry.duration <= following.start + NEAR
    assert all(e.start >= 0 and e.duration > 0 and e.start + e.duration <= story.duration + NEAR for e in entries)


def test_camera_arrives_before_it_leaves_again(story):
    for shot, following in pairwise(story.shots):
        assert shot.start + shot.move <= following.start + NEAR
    assert story.shots[0].start == story.shots[0].move == 0
    # A close-up is approached while things happen, and may take its time.
    assert all(0.5 <= shot.move <= (6 if shot.within else 2) for shot in story.shots[1:])


def test_every_new_token_arrives_once_in_order_when_its_odds_are_there(trace, story):
    assert [a.token for a in story.arrivals] == list(range(len(trace.prompt_tokens), len(trace.tokens)))
    ends = {fill.block: fill.start + fill.duration for fill in story.fills}
    starts = {fill.block: fill.start for fill in story.fills}
    for step, arrival in enumerate(story.arrivals):
        assert ends[f"s{step}.probabilities"] <= arrival.start + NEAR <= story.duration
        if step:  # what is made of a token comes after it
            assert story.arrivals[step - 1].start <= starts[f"s{step}.token_embedding"] + NEAR


# --- what fills when


def test_every_block_but_weights_is_filled_once(layout, story):
    count = Counter(fill.block for fill in story.fills)
    assert set(count.values()) == {1}
    assert set(count) == {block.key for block in layout.blocks if block.kind != "weight"}
    assert [fill.start for fill in story.fills] == sorted(fill.start for fill in story.fills)
    assert all(fill.start >= 0 and fill.duration > 0 for fill in story.fills)
    assert all(fill.start + fill.duration <= story.duration for fill in story.fills)
    assert all(fill.relax >= fill.start + fill.duration for fill in story.fills)


def violations(layout: Layout, story: Story) -> list[str]:
    """Operands of the same head, or of none, that fill after what is made of them."""
    fills = {fill.block: fill for fill in story.fills}
    wrong = []
    for operation in layout.operations:
        for out in operation.out:
            for key in {*operation.left, *operation.right, *operation.bias} - set(operation.out):
                heads = {layout.by_key[key].head, layout.by_key[out].head} - {None}
                if key not in fills or len(heads) > 1:
                    continue
                early, late = fills[key], fills[out]
                if early.start > late.start + NEAR or early.start + early.duration > late.start + late.duration + NEAR:
                    wrong.append(f"{operation.kind} {operation.operation}: {key} after {out}")
    return wrong


def test_nothing_fills_before_its_operands(layout, story):
    assert violations(layout, story) == []


def test_a_result_before_its_operands_is_noticed(layout, natural):
    names = {"s0.l1.h2.q": "s0.l1.h2.scores", "s0.l1.h2.scores": "s0.l1.h2.q"}
    swapped = replace(
        natural, fills=tuple(replace(fill, block=names.get(fill.block, fill.block)) for fill in natural.fills)
    )
    assert any("s0.l1.h2.q after s0.l1.h2.scores" in line for line in violations(layout, swapped))


def test_operands_are_in_play_only_when_they_are_there(layout, story):
    fills = {fill.block: fill for fill in story.fills}
    for use in story.uses:
        assert use.block in layout.by_key and use.side in ("left", "right")
        assert use.start >= 0 and use.duration > 0 and use.start + use.duration <= story.duration + NEAR
        if use.block in fills:
            assert fills[use.block].start + fills[use.block].duration <= use.start + NEAR, use.block


def test_every_multiply_shows_its_operands(layout, story):
    used = {use.block for use in story.uses}
    for operation in layout.operations:
        if operation.kind == "matmul":
            missing = [
                key
                for key in operation.left + operation.right
                if layout.by_key[key].step in (0, operation.step) and key not in used
            ]
            assert not missing, operation.operation


def test_uses_of_a_block_never_overlap(story):
    uses = defaultdict(list)
    for use in story.uses:
        uses[use.block].append(use)
    for many in uses.values():
        for use, following in pairwise(many):
            assert use.start + use.duration <= following.start + NEAR, use.block


def test_later_uses_of_a_weight_come_at_even_intervals(trace, layout, story):
    """Its material knows one period and one length."""
    uses = defaultdict(list)
    for use in story.uses:
        uses[use.block].append(use)
    for block in layout.blocks:
        if block.kind == "weight" and block.role == "right":
            _first, *later = uses[block.key]
            assert len(later) == len(trace.steps) - 1
            periods = [b.start - a.start for a, b in pairwise(later)]
            assert periods == pytest.approx([periods[0]] * len(periods), abs=1e-6), block.key
            assert [u.duration for u in later] == pytest.approx([later[0].duration] * len(later), abs=1e-6)
            assert periods[0] > later[0].duration
    assert all(len(many) <= 2 for key, many in uses.items() if layout.by_key[key].kind != "weight")


# --- how long it takes


def test_a_story_is_as_long_as_asked_or_as_near_as_can_be(trace, layout, told):
    shortest, longest = told(1.0).duration, told(1e4).duration
    assert shortest < 75 < 170 < longest

    @given(seconds=st.floats(0, 300))
    @settings(max_examples=4)
    def holds(seconds):
        duration = tell(trace, layout, seconds).duration
        assert duration == pytest.approx(min(max(seconds, shortest), longest), abs=0.01)

    holds()


def test_the_brief_words_make_a_shorter_story(told, natural):
    brief = told(1.0)
    assert brief.duration < 0.6 * natural.duration
    assert sum(len(c.text) for c in brief.captions) < 0.6 * sum(len(c.text) for c in natural.captions)
    assert [act.name for act in brief.acts] == [act.name for act in natural.acts]


def test_rounds_are_even_and_their_captions_readable(trace, layout):
    values = Values(trace, layout)

    @given(
        count=st.integers(1, 9),
        action=st.floats(0.1, 5),
        captions=st.lists(st.text("ab ", max_size=90).map(str.strip), max_size=3),
    )
    def holds(count, action, captions):
        line = Timeline(Subjects(layout), values)
        line.act("an act")
        line.legend("s0.l0.w_up", "weights", line.beat(1.0, "", ("model", "model")))
        start = line.now
        windows = line.rounds(count, action, captions, ("output", "output"))
        story = line.story("", "")
        lengths = [end - begin for begin, end in windows]
        assert len(windows) == count and lengths == pytest.approx([max(lengths)] * count)
        assert lengths[0] >= action - NEAR
        periods = [b[0] - a[0] for a, b in pairwise(windows)]
        assert periods == pytest.approx([max(periods, default=0)] * len(periods))
        assert start < windows[0][0] and windows[-1][1] < story.duration
        assert [c.text for c in story.captions] == [c for c in captions if c]
        for caption in story.captions:
            assert caption.duration >= len(caption.text) / 15 - NEAR
            assert start < caption.start and caption.start + caption.duration < story.duration

    holds()


# --- every number is one of the trace's


def expected_words(trace: Trace, story: Story) -> dict[str, str]:
    """What may stand in the braces of a caption, taken from the trace's own description and softmax."""
    config = trace.model.config
    letters = config["vocabulary"]
    odds = trace.array("step0.probabilities").reshape(-1, len(letters))[-1].astype(np.float64)
    logits = trace.array("step0.lm_head").reshape(-1, len(letters))[-1].astype(np.float64)
    again = np.exp(logits - logits.max())
    assert again / again.sum() == pytest.approx(odds, abs=1e-5)
    (worked,) = {plan.row for plan in story.products}
    return {
        "token": str(worked + 1),
        "text": repr(trace.tokens[worked].text),
        "layers": str(config["n_layer"]),
        "heads": str(config["n_head"]),
        "channels": str(config["n_embd"]),
        "neurons": str(trace.tensor("transformer.h.0.mlp.c_fc.weight").shape[1]),
        "size": str(config["n_embd"] // config["n_head"]),
        "width": str(config["n_embd"]),
        "unit": "letter",
        "units": "letters",
        "each_unit": "Each letter",
        "new_unit": "The new letter",
        "with_new": "with the new letter",
        "for_each": "for each letter",
        "odds": ", ".join(f"{letter} {share:.2f}" for letter, share in zip(letters, odds, strict=True)),
        "likely": letters[trace.steps[0].sampled or 0],
        "answer": "".join(sorted(trace.prompt)),
        "operations": str(len(trace.operations)),
        "multiplies": str(trace.witness.captured),
        "activation": "GELU",
    }


def moment_of(text: str, brief: bool) -> tuple[str, dict[str, str]]:
    """Which moment of the narration a caption tells, and what stands in its braces."""
    said = [*((moment, versions[brief]) for moment, versions in CAPTIONS.items()), *WHY.items()]
    for moment, template in said:
        pattern = re.sub(r"\\\{(\w+)(:[^}]*)?\\\}", r"(?P<\1>.+?)", re.escape(template))
        found = re.fullmatch(pattern, text)
        if found:
            return moment, found.groupdict()
    raise AssertionError(f"no moment of the narration: {text}")


@pytest.mark.parametrize("seconds", [None, 1.0], ids=["full", "brief"])
def test_every_number_in_a_caption_is_true(trace, layout, told, seconds):
    story = told(seconds)
    expected = expected_words(trace, story)
    moments = []
    for caption in story.captions:
        moment, found = moment_of(caption.text, seconds is not None)
        moments.append(moment)
        if "weight" in found:
            check_the_look(trace, found)
        else:
            assert found == {name: expected[name] for name in found}, caption.text
        outside = CAPTIONS[moment][seconds is not None]
        assert not re.search(r"\d", re.sub(r"\{[^}]*\}", "", outside)), "a number that is not filled in"
    spoken = [m for m, versions in CAPTIONS.items() if versions[seconds is not None] and m not in TEXT | MODELS]
    assert sorted(moments) == sorted(spoken)  # each once, none forgotten


def test_what_a_step_is_for_is_said_with_true_numbers(trace, layout, natural):
    story = tell(trace, layout, preset="walkthrough")
    expected = expected_words(trace, story)
    said = [caption.text for caption in natural.captions]
    reasons = [caption.text for caption in story.captions if caption.text not in said]
    assert len(reasons) >= 12 and len(reasons) + len(said) == len(story.captions)
    for text in reasons:
        moment, found = moment_of(text, False)
        assert moment in WHY and found == {name: expected[name] for name in found}, text


def check_the_look(trace: Trace, found: dict[str, str]) -> None:
    """The weight with which one token looks at another, against a softmax done here."""
    texts = [repr(token.text) for token in trace.tokens]
    weight = float(found["weight"])
    raw = trace.array("step0.transformer.h.0.attn.scale")[0].astype(np.float64)  # [heads, tokens, tokens]
    raw = np.where(np.tri(raw.shape[-1], dtype=bool), raw, -np.inf)
    shares = np.exp(raw - raw.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    if "token" in found:
        token, seen = int(found["token"]) - 1, int(found["seen"]) - 1
        assert (texts[token], texts[seen]) == (found["text"], found["seen_text"])
        assert np.abs(shares[:, token, seen] - weight).min() <= ROUNDED
    else:
        assert np.abs(shares - weight).min() <= ROUNDED


def products_of(story: Story, formula: Formula) -> Products | None:
    middle = formula.start + formula.duration / 2
    return next((p for p in story.products if p.start < middle < p.start + p.duration), None)


def test_every_formula_is_a_piece_of_the_run(trace, layout, story):
    """Each of them recomputed from the operands in double precision; none is left over."""
    kinds: Counter[str] = Counter()
    for formula in story.formulas:
        words, plan = words_of(formula), products_of(story, formula)
        plain = "products" if plan else "sum" if "=" in words else "odds"
        kind = next((k for k in ("mean", "exp", "GELU") if k in words), plain)
        kinds[kind] += 1
        if plan:
            check_products(trace, layout, plan, formula)
        else:
            CHECKS[kind](trace, layout, words)
    assert kinds.keys() == {*CHECKS, "products"}
    explained = {plan for formula in story.formulas if (plan := products_of(story, formula))}
    assert explained == set(story.products)


def test_formulas_stay_long_enough_to_be_read(story):
    for formula in story.formulas:
        assert formula.duration >= 0.6, words_of(formula)


def test_shapes_are_those_of_the_multiply_that_runs(trace, layout, story):
    """The inner dimensions agree, and the three matrices have a multiply of the trace in common."""
    assert len(story.shapes) >= 5
    for formula in story.shapes:
        words = [text for text, _color in formula.parts]
        assert [words[i] for i in (4, 9)] == ["⋅", "="] and words.count("×") == 3
        i, k, k2, j, i2, j2 = (int(word) for word in words if word.isdigit())
        assert (i, k, j) == (i2, k2, j2)
        names = [words[n] for n in (0, 5, 10)]
        middle = formula.start + formula.duration / 2
        filled = {f.block for f in story.fills if f.start < middle < f.start + f.duration}
        multiplies = [o for o in layout.operations if o.kind == "matmul" and filled & set(o.out)]
        shown = [[layout.by_key[key].label for keys in (o.left, o.right, o.out) for key in keys] for o in multiplies]
        assert any(set(names) <= set(labels) for labels in shown), words


def check_products(trace: Trace, layout: Layout, plan: Products, formula: Formula) -> None:
    operation = next(
        o for o in layout.operations if o.kind == "matmul" and plan.left in o.left and plan.right in o.right
    )
    place = operation.right.index(plan.right)
    left, right = drawn(trace, layout, plan.left)[plan.row], drawn(trace, layout, plan.right)  # [k], [k, j]
    # The columns that the sweep passes while the formula is shown, faster and faster.
    first, last = (
        ((second - plan.start) / plan.duration) ** 2 * right.shape[1]
        for second in (formula.start, formula.start + formula.duration)
    )
    found = numbers_of(words_of(formula))
    wanted = []
    for column in range(round(first), round(last)):
        terms = left * right[:, column]
        bias = [drawn(trace, layout, operation.bias[place])[0, column]] if operation.bias else []
        out = drawn(trace, layout, operation.out[place])[plan.row, column]
        assert out == pytest.approx(terms.sum() + sum(bias), abs=1e-4)
        largest = int(np.argmax(np.abs(terms)))
        wanted.append([left[largest], right[largest, column], *bias, out])
    assert any(found == pytest.approx(true, abs=ROUNDED) for true in wanted), words_of(formula)


def check_norm(trace: Trace, layout: Layout, words: str) -> None:
    found = numbers_of(words.replace("− mean ", "")) if "− mean" in words else []
    value, mean, rstd, gain, shift, result = found
    rows = drawn(trace, layout, "s0.residual_0")
    place = np.argwhere(np.abs(rows - value) <= ROUNDED)
    gains, shifts = drawn(trace, layout, "s0.l0.norm_gain")[0], drawn(trace, layout, "s0.l0.norm_shift")[0]

    def true(row: int, channel: int) -> list[float]:
        x = rows[row]
        spread = 1 / np.sqrt(x.var() + 1e-5)
        y = (x[channel] - x.mean()) * spread * gains[channel] + shifts[channel]
        return [x.mean(), spread, gains[channel], shifts[channel], y]

    said = [mean, rstd, gain, shift, result]
    assert any(np.allclose(true(r, c), said, rtol=0, atol=ROUNDED) for r, c in place), words


def check_softmax(trace: Trace, layout: Layout, words: str) -> None:
    score, most, total, weight = numbers_of(words.replace("− ", ""))
    patterns = [key for key in layout.by_key if re.fullmatch(r"s0\.l0\.h\d\.masked", key)]
    for key in patterns:
        for row in drawn(trace, layout, key):
            seen = row[np.isfinite(row)]
            powers = np.exp(seen - seen.max())
            for value, power in zip(seen, powers, strict=True):
                true = [value, seen.max(), powers.sum(), power / powers.sum()]
                if np.allclose(true, [score, most, total, weight], rtol=0, atol=ROUNDED):
                    return
    raise AssertionError(words)


def check_gelu(trace: Trace, layout: Layout, words: str) -> None:
    before, after = numbers_of(words)
    x = drawn(trace, layout, "s0.l0.hidden")
    y = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    assert ((np.abs(x - before) <= ROUNDED) & (np.abs(y - after) <= ROUNDED)).any(), words


def check_sum(trace: Trace, layout: Layout, words: str) -> None:
    before, added, after = numbers_of(words)
    a, b = drawn(trace, layout, "s0.residual_0"), drawn(trace, layout, "s0.l0.attention_out")
    close = (np.abs(a - before) <= ROUNDED) & (np.abs(b - added) <= ROUNDED) & (np.abs(a + b - after) <= ROUNDED)
    assert close.any(), words


def check_odds(trace: Trace, layout: Layout, words: str) -> None:
    letters = trace.model.config["vocabulary"]
    logits = drawn(trace, layout, "s0.logits")[-1]
    shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert re.findall(r"[A-Z]", words) == list(letters)
    assert numbers_of(words) == pytest.approx(shares.tolist(), abs=ROUNDED), words


CHECKS = {"mean": check_norm, "exp": check_softmax, "GELU": check_gelu, "sum": check_sum, "odds": check_odds}


def test_a_made_up_number_is_noticed(trace, layout, natural):
    formula = next(f for f in natural.formulas if products_of(natural, f))
    plan = products_of(natural, formula)
    assert plan is not None
    wrong = tuple(("7.77", color) if color == "text" else (text, color) for text, color in formula.parts)
    with pytest.raises(AssertionError):
        check_products(trace, layout, plan, Formula(formula.start, formula.duration, wrong))


def test_product_planes_run_with_the_row_they_explain(layout, story):
    fills = {fill.block: fill for fill in story.fills}
    for plan in story.products:
        assert layout.by_key[plan.left].shape[1] == layout.by_key[plan.right].shape[0]
        assert 0 <= plan.row < layout.by_key[plan.left].shape[0]
        same = [f for f in fills.values() if f.start == pytest.approx(plan.start) and f.focus == plan.row]
        assert [f.style for f in same] == ["dot"]
        assert plan.duration == pytest.approx(same[0].duration * same[0].share)


def test_legends_name_the_true_ends(trace, layout, story):
    parts = defaultdict(list)
    for block in layout.blocks:
        parts[(block.layer, block.part)].append(drawn(trace, layout, block.key).ravel())
    ends = {(0.0, 1.0)}
    for many in parts.values():
        numbers = np.concatenate(many)
        numbers = numbers[np.isfinite(numbers)]
        high = min(np.abs(numbers).max(), max(3 * np.sqrt(np.mean(numbers**2)), np.abs(numbers).max() / 4))
        ends.add((round(-high, 4), round(high, 4)))
    for legend in story.legends:
        assert (round(legend.low, 4), round(legend.high, 4)) in ends, legend.name


def test_no_minus_zero(story):
    shown = " ".join(words_of(f) for f in story.formulas)
    assert not re.search(r"−0\.00\b", shown)


def test_a_model_too_large_to_show_every_cell_says_so(monkeypatch, root):
    trace = Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
    layout = lay_out(trace)
    assert "Each cell is one true number" in tell(trace, layout).captions[0].text
    monkeypatch.setattr("forward_pass.core.chapters.opening.MOST_VALUES", 10_000)
    assert "one cell stands for many" in tell(trace, layout).captions[0].text
