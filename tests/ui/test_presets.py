# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of video that are not a run's own story, through the button: only the tracer's process is pretended."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.layout import lay_out
from forward_pass.core.matmul_choice import choose_multiply
from forward_pass.core.recipe import read_recipe
from forward_pass.core.trace import Trace
from forward_pass.process.request import TraceRequest
from forward_pass.ui import panels, prepare, requests
from forward_pass.ui.film_fields import suggest_multiplies
from forward_pass.ui.generate import GenerateRequest, Generation
from forward_pass.ui.place import ScenePlace
from forward_pass.ui.session import SESSION
from tests.core.two_runs import run_of
from tests.ui.conftest import REQUEST, PretendJob, finish, inventory, poll_until, pretend_rooms
from tests.ui.test_operators import draw

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


class Tracer(PretendJob):
    """Leaves a true trace, of one step."""

    def poll(self) -> Any:
        said = super().poll()
        if self.result is not None:
            run_of(str(self.request.prompt), self.request.out, steps=1)
        return said


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    rooms = dataclasses.replace(prepare.real_rooms(), start=Tracer)
    monkeypatch.setattr(prepare, "real_rooms", lambda: rooms)
    monkeypatch.setattr(requests, "user_folder", lambda name: tmp_path)
    return bpy.context.scene.forward_pass


def test_one_multiply(settings: Any, tmp_path: Path) -> None:
    settings.preset, settings.operation = "one-multiply", "layer 2 head 1 scores"
    assert bpy.ops.forward_pass.generate() == {"FINISHED"}
    scene = bpy.context.scene
    trace = Trace.open(tmp_path / "CBABBC.trace.safetensors")
    told = {item["fp_operation"] for item in scene.objects if item.get("fp_kind") == "matmul"}
    chosen = choose_multiply(trace, lay_out(trace), "layer 2 head 1 scores").operation
    assert told == {chosen.id}
    assert read_recipe(scene["fp_recipe"], "it").operation == "layer 2 head 1 scores"
    assert scene["fp_trace"].startswith("CBABBC.trace.safetensors ")


def test_a_multiply_that_is_not_there_is_named_and_nothing_is_left(settings: Any) -> None:
    settings.preset, settings.operation = "one-multiply", "layer 9 scores"
    before = inventory()
    with pytest.raises(RuntimeError, match="layer 9 scores"):
        bpy.ops.forward_pass.generate()
    assert inventory() == before


def test_compare(settings: Any, tmp_path: Path) -> None:
    settings.preset = "compare"
    with pytest.raises(RuntimeError, match="There is nothing to compare with"):
        bpy.ops.forward_pass.generate()
    settings.other_prompt = "ABCABC"
    assert bpy.ops.forward_pass.generate() == {"FINISHED"}
    scene = bpy.context.scene
    runs = [Trace.open(tmp_path / f"CBABBC.{name}trace.safetensors") for name in ("", "second.")]
    assert [run.prompt for run in runs] == ["CBABBC", "ABCABC"]
    assert [scene[name].split()[1] for name in ("fp_trace", "fp_trace_2")] == [run.sha256 for run in runs]
    assert {item["fp_run"] for item in scene.objects if "fp_run" in item} == {1, 2}
    recipe = read_recipe(scene["fp_recipe"], "it")
    assert (recipe.prompt, recipe.other, recipe.other_model) == ("CBABBC", "ABCABC", "nano-sort")
    assert SESSION.log == ("a line of the log", "a line of the log")


def test_scale_runs_nothing_and_has_no_prompt(settings: Any, tmp_path: Path) -> None:
    settings.preset, settings.prompt = "scale", ""
    settings.known_models = {"gpt2", "nano-sort"}
    assert bpy.ops.forward_pass.generate() == {"FINISHED"}
    scene = bpy.context.scene
    assert [item["fp_parameters"] for item in scene.objects if "fp_parameters" in item] != []
    assert len([item for item in scene.objects if "fp_parameters" in item]) == 2
    assert list(tmp_path.iterdir()) == [] and SESSION.notice == "Generated the scene"
    recipe = read_recipe(scene["fp_recipe"], "it")
    assert (recipe.prompt, recipe.models) == (None, ("nano-sort", "gpt2"))
    assert requests.video_path(scene).name == "scale.mp4"
    settings = scene.forward_pass
    settings.theme = "paper"  # where no cells are, the rest of the look changes all the same
    settings.known_models = {"gpt2"}
    with pytest.raises(RuntimeError, match="needs 2 to"):
        bpy.ops.forward_pass.generate()


def test_only_what_a_preset_takes_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = bpy.context.scene.forward_pass

    def drawn(preset: str) -> set[str]:
        settings.preset = preset
        return set(draw(panels.FORWARDPASS_PT_generate, monkeypatch))

    ours = {"Multiply", "Second Prompt", "Second Model", "Models", "Your Own"}
    assert not ours & drawn("tour")
    assert ours & drawn("one-multiply") == {"Multiply"} and "Choose the Head" in drawn("one-multiply")
    settings.operation = "query"
    assert "Choose the Head" not in drawn("one-multiply")
    compare = drawn("compare")
    assert ours & compare == {"Second Prompt", "Second Model"} and not {"Name", "Precision", "Cells"} & compare
    settings.other_model = "HUB"
    assert {"Name", "Precision", "Download", "Temperature"} <= drawn("compare")
    scale = drawn("scale")
    assert ours & scale == {"Models", "Your Own"} and not {"Prompt", "Model", "Tokens", "Device", "Cells"} & scale


def test_the_second_model_has_choices_of_its_own() -> None:
    settings = bpy.context.scene.forward_pass
    settings.preset, settings.other_model = "compare", "HUB"
    settings.other_model_name, settings.top_k = "org/name", 5
    first, second = requests.generate_request(bpy.context).runs
    assert isinstance(first, TraceRequest) and isinstance(second, TraceRequest)
    assert (first.model, first.options.words()) == ("nano-sort", [])
    assert (second.prompt, second.model, second.options.words()) == ("CBABBC", "org/name", ["--top-k=5"])
    settings.other_model, settings.other_model_folder = "FOLDER", "/nowhere/at/all"
    with pytest.raises(RuntimeError, match="There is no folder"):  # before the first one runs
        bpy.ops.forward_pass.generate()


def two(start: Any = PretendJob) -> Generation:
    runs = (REQUEST, dataclasses.replace(REQUEST, prompt="ABCABC"))
    request = GenerateRequest(runs, preset="compare")
    return Generation(request, ScenePlace(bpy.context.scene), pretend_rooms(start=start))


def test_two_runs_share_one_bar_and_the_second_can_be_cancelled_or_fail() -> None:
    before, texts, shares = inventory(), [], []
    generation = two()
    while generation.state == "tracing":
        generation.poll()
        texts.append(generation.progress.text)
        shares.append(generation.progress.done)
    assert list(dict.fromkeys(texts))[:2] == ["Run 1 of 2: Letter 3 of 6", "Run 2 of 2: Letter 3 of 6"]
    assert shares == sorted(shares) and max(shares) < 0.45
    assert shares[texts.index("Run 2 of 2: Letter 3 of 6")] >= 0.225
    finish(generation)
    assert generation.state == "done"

    before = inventory()
    generation = two()
    poll_until(generation, lambda: len(generation.traces) == 1)
    second: PretendJob = generation._job
    generation.end()
    assert second.ended and generation.state == "cancelled" and inventory() == before

    generation = two(lambda request: PretendJob(request, "failed" if request.prompt == "ABCABC" else "done"))
    finish(generation)
    assert generation.error is not None and generation.error.message == "The model is tired."
    assert inventory() == before


def test_what_a_multiply_may_be_called_follows_the_place_that_is_typed() -> None:
    suggested = suggest_multiplies(bpy.context.scene.forward_pass, bpy.context, "layer 2 head 1 sc")
    assert "layer 2 head 1 scores" in suggested and "layer 2 head 1 query" in suggested
    assert "scores" in suggest_multiplies(bpy.context.scene.forward_pass, bpy.context, "")
