# SPDX-License-Identifier: GPL-3.0-or-later
"""The operators as a script calls them, and the panels as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import REMEDIES, UserError
from forward_pass.core.recipe import read_recipe
from forward_pass.process.python import PythonInfo
from forward_pass.process.request import TraceRequest
from forward_pass.ui import (
    acts_panel,
    block_operators,
    block_panel,
    diagnostics,
    help,
    panels,
    preferences,
    prepare,
    python_test,
    remedies,
    requests,
)
from forward_pass.ui.session import SESSION
from tests.ui.conftest import PretendJob, pretend_rooms
from tests.ui.test_register import running_job

pytestmark = [pytest.mark.blender, pytest.mark.usefixtures("addon")]


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "real_rooms", pretend_rooms)


@pytest.mark.usefixtures("rooms")
def test_generate_from_a_script() -> None:
    assert bpy.ops.forward_pass.generate() == {"FINISHED"}
    assert bpy.context.scene["fp_version"] == 1
    assert SESSION.notice == "Generated the scene, run by NumPy 2.1.0"
    assert SESSION.log == ("a line of the log",)


@pytest.mark.usefixtures("rooms")
def test_a_trace_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "CBABBC.trace.safetensors"
    with pytest.raises(RuntimeError, match="There is no trace at"):
        bpy.ops.forward_pass.import_trace(filepath=str(path))
    path.write_bytes(b"a trace")
    assert bpy.ops.forward_pass.import_trace(filepath=str(path)) == {"FINISHED"}
    assert bpy.context.scene["fp_version"] == 1
    assert read_recipe(bpy.context.scene["fp_recipe"], "the scene").prompt is None
    assert SESSION.notice == "Built the scene of CBABBC.trace.safetensors"
    with pytest.raises(RuntimeError, match="There is no trace at"):
        bpy.ops.forward_pass.import_trace(filepath=str(path.with_name("another")))
    assert SESSION.error is not None and not SESSION.notice  # what was made before is no longer the news


def test_import_is_in_the_menu_and_takes_what_is_dropped() -> None:
    drawn: list[tuple[str, str]] = []
    layout = SimpleNamespace(operator=lambda name, text: drawn.append((name, text)))
    for draw in bpy.types.TOPBAR_MT_file_import._dyn_ui_initialize():
        if draw.__module__.endswith("ui.files"):
            draw(SimpleNamespace(layout=layout), bpy.context)
    assert drawn == [("forward_pass.import_trace", "Forward Pass Trace (.safetensors)")]
    handler = bpy.types.FORWARDPASS_FH_trace
    assert handler.bl_import_operator == "forward_pass.import_trace"
    assert handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="VIEW_3D")))
    assert not handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="TEXT_EDITOR")))
    assert not handler.poll_drop(SimpleNamespace(area=None))


def test_a_failure_is_an_exception_for_a_script_and_stays_in_the_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    start = lambda request: PretendJob(request, end="failed")  # noqa: E731
    monkeypatch.setattr(prepare, "real_rooms", lambda: pretend_rooms(start=start))
    with pytest.raises(RuntimeError, match=r"The model is tired\. Let it sleep\."):
        bpy.ops.forward_pass.generate()
    assert SESSION.error is not None and SESSION.error.message == "The model is tired."
    bpy.ops.forward_pass.dismiss()
    assert SESSION.error is None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("prompt", "", "There is no prompt."),
        ("model", "FOLDER", "No model folder is chosen."),
        ("model", "HUB", "No model is named."),
    ],
)
def test_missing_fields(field: str, value: str, message: str) -> None:
    setattr(bpy.context.scene.forward_pass, field, value)
    with pytest.raises(RuntimeError, match=message):
        bpy.ops.forward_pass.generate()


def test_one_job_at_a_time() -> None:
    job = running_job()
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.forward_pass.generate()
    other: Any = SimpleNamespace(end=lambda: None)
    with pytest.raises(UserError, match="already at work"):
        SESSION.start(other)
    assert bpy.ops.forward_pass.cancel() == {"FINISHED"}
    assert job.cancelled and not SESSION.running
    assert not bpy.ops.forward_pass.cancel.poll()


def test_rendering_needs_a_generated_scene() -> None:
    assert not bpy.ops.forward_pass.render.poll()
    bpy.context.scene["fp_version"] = 1
    assert bpy.ops.forward_pass.render.poll()


def test_diagnostics_hold_versions_error_and_log_and_no_home_folder() -> None:
    SESSION.error, SESSION.log = UserError("Oh.", "Well."), ("one", f"{Path.home()}/models/x")
    text = diagnostics.report(bpy.context)
    assert f"Blender: {bpy.app.version_string}" in text and "Forward Pass: 0.1.0" in text
    assert "Error: Oh. Well." in text and text.endswith("one\n~/models/x\n")
    assert str(Path.home()) not in text
    settings = bpy.context.scene.forward_pass
    settings.model, settings.model_name = "HUB", "org/name"
    assert "Model: org/name on auto" in diagnostics.report(bpy.context)
    assert bpy.ops.forward_pass.copy_log() == {"FINISHED"}


@pytest.mark.usefixtures("rooms")
def test_log_and_manual_open_as_texts() -> None:
    assert not bpy.ops.forward_pass.open_log.poll()
    bpy.ops.forward_pass.generate()
    bpy.ops.forward_pass.open_log()
    assert bpy.data.texts[diagnostics.NAME].as_string() == "a line of the log\n"
    bpy.ops.forward_pass.help(page="matmul")
    assert bpy.data.texts["Forward Pass: matmul"].as_string()[:40] == "A MULTIPLY OF YOUR OWN\n\nmake_multiply bu"
    assert bpy.ops.forward_pass.help(page="../README") == {"CANCELLED"}
    prefix, pages = help.manual()
    assert all((Path(unquote(prefix.removeprefix("file://"))) / page).is_file() for _, page in pages)


def test_the_python_test_says_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    info = PythonInfo(Path("/p/python"), (3, 11, 7), "2.13.0", ("cpu",))
    monkeypatch.setattr(python_test, "find_python", lambda chosen: Path("/p/python"))
    monkeypatch.setattr(python_test, "try_python", lambda path: info)
    assert bpy.ops.forward_pass.test_python() == {"FINISHED"}
    assert SESSION.python == "Python 3.11.7, torch 2.13.0 on cpu"

    def none(chosen: Any) -> Path:
        raise UserError("No Python with torch was found.", "Install it.")

    monkeypatch.setattr(python_test, "find_python", none)
    assert bpy.ops.forward_pass.test_python() == {"CANCELLED"}
    assert SESSION.python == "No Python with torch was found. Install it."


def test_every_operator_explains_itself() -> None:
    names = dir(bpy.ops.forward_pass)
    assert {"generate", "render", "cancel", "test_python", "switch_act", "set_up", "add_matmul"} <= set(names)
    for name in names:
        told = getattr(bpy.ops.forward_pass, name).get_rna_type()
        assert len(told.description) > 15 and not told.description.endswith("."), name
        assert told.name[0].isupper()


class Layout:
    """Stands for Blender's: takes what the real one takes, and refuses what it would refuse."""

    def __init__(self, drawn: list[str]) -> None:
        object.__setattr__(self, "drawn", drawn)

    def label(self, *, text: str, icon: str = "NONE", translate: bool = True) -> None:
        self.drawn.append(text)  # type: ignore[attr-defined]

    def prop(self, data: Any, name: str, text: str | None = None, placeholder: str = "") -> None:
        assert getattr(data, name) is not None
        self.drawn.append(data.bl_rna.properties[name].name)  # type: ignore[attr-defined]

    def operator(self, name: str, text: str | None = None, icon: str = "NONE", **_: Any) -> Any:
        room, call = name.split(".")
        assert call in dir(getattr(bpy.ops, room)), name
        assert icon in bpy.types.UILayout.bl_rna.functions["operator"].parameters["icon"].enum_items
        self.drawn.append(text or f"[{name}]")  # type: ignore[attr-defined]
        return SimpleNamespace()

    def progress(self, *, factor: float, text: str, type: str) -> None:
        assert 0.0 <= factor <= 1.0
        self.drawn.append(text)  # type: ignore[attr-defined]

    def separator(self) -> None: ...

    def panel(self, name: str, default_closed: bool) -> tuple[Layout, Layout]:
        return self, self

    def menu(self, name: str, text: str, icon: str) -> None:
        assert hasattr(bpy.types, name)
        self.drawn.append(f"[{name}]")  # type: ignore[attr-defined]

    def template_list(self, kind: str, _: str, data: Any, name: str, at: Any, active: str, **__: int) -> None:
        acts = getattr(bpy.types, kind)
        assert active in at.bl_rna.properties
        for item in getattr(data, name):
            acts.draw_item(None, bpy.context, self, data, item, 0, at, active)

    def row(self, align: bool = False, heading: str = "") -> Layout:
        return self

    def split(self, factor: float) -> Layout:
        return self

    column = box = row


def draw(cls: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    drawn: list[str] = []
    monkeypatch.setattr(preferences, "preferences", lambda context: None)
    cls.draw(SimpleNamespace(layout=Layout(drawn)), bpy.context)
    return drawn


def test_the_panel_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(panels.FORWARDPASS_PT_generate, monkeypatch)
    assert [name for name in ("Prompt", "Model", "Theme", "Format", "[forward_pass.generate]") if name in drawn] == [
        "Prompt",
        "Model",
        "Theme",
        "Format",
        "[forward_pass.generate]",
    ]
    assert "Folder" not in drawn
    bpy.context.scene.forward_pass.model = "FOLDER"
    assert "Folder" in draw(panels.FORWARDPASS_PT_generate, monkeypatch)


def test_only_what_applies_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    of_others = {"Temperature", "Precision", "As a Chat"}
    assert not of_others & set(draw(panels.FORWARDPASS_PT_generate, monkeypatch))
    bpy.context.scene.forward_pass.model = "HUB"
    drawn = set(draw(panels.FORWARDPASS_PT_generate, monkeypatch))
    assert of_others | {"Name", "Download", "[forward_pass.allow_online]"} <= drawn
    assert "Run Its Code" not in drawn and "Folder" not in drawn


def test_a_number_is_shown_once_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = bpy.context.scene.forward_pass
    drawn = draw(panels.FORWARDPASS_PT_generate, monkeypatch)
    assert {"Until it is done", "As long as needed"} <= set(drawn) and not {"Tokens", "Length"} & set(drawn)
    settings.own_steps = settings.own_seconds = True
    assert (settings.steps, settings.seconds) == (8, 60.0)
    assert {"Tokens", "Length"} <= set(draw(panels.FORWARDPASS_PT_generate, monkeypatch))
    settings.steps, settings.own_seconds = 3, False
    (run,) = requests.generate_request(bpy.context).runs
    assert isinstance(run, TraceRequest) and run.steps == 3 and settings.seconds == 0.0
    settings.own_steps = True  # it is already
    assert settings.steps == 3


def test_what_is_chosen_reaches_the_tracer() -> None:
    settings = bpy.context.scene.forward_pass
    settings.model, settings.model_name, settings.top_k = "HUB", " org/name ", 5
    settings.online = settings.chat = True
    settings.dtype, settings.scale = "bfloat16", "global"
    settings.preset, settings.focus, settings.focus_layer = "short", True, 2
    request = requests.generate_request(bpy.context)
    (run,) = request.runs
    assert isinstance(run, TraceRequest) and run.model == "org/name"
    words = run.options.words()
    assert words == ["--dtype=bfloat16", "--top-k=5", "--chat"]  # and not --online: Blender is offline
    assert (request.scale, request.preset, request.size) == ("global", "short", (1080, 1920))
    assert request.focus == (1, 0) and read_recipe(request.recipe, "it").focus == "layer 2 head 1"
    assert read_recipe(request.recipe, "it").top_k == 5
    settings.model = "nano-sort"
    assert requests.generate_request(bpy.context).runs[0].options.words() == []


def test_the_panel_while_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    running_job()
    drawn = draw(panels.FORWARDPASS_PT_generate, monkeypatch)
    assert "[forward_pass.generate]" not in drawn and "[forward_pass.cancel]" in drawn
    assert any(line.startswith("Letter 3 of 6") for line in drawn)


def test_the_panel_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    SESSION.fail(UserError("There is no model called x.", "Built-in models: nano-sort; or give the path of a folder."))
    drawn = draw(panels.FORWARDPASS_PT_generate, monkeypatch)
    text = " ".join(drawn)
    assert "There is no model called x." in text and "or give the path of a folder." in text
    assert "[forward_pass.dismiss]" in drawn


def test_the_panel_of_a_block_says_what_it_is_and_why_it_cannot_count_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.context.scene["fp_version"] = 1
    block: Any = bpy.context.active_object
    assert not block_panel.FORWARDPASS_PT_block.poll(bpy.context)
    block["fp_tensor"], block["fp_shape"], block["fp_low"], block["fp_high"] = "step0.wte.weight", (6, 48), -0.33, 0.33
    block["fp_role"], block["fp_detail"] = "right", "cells"
    assert block_panel.FORWARDPASS_PT_block.poll(bpy.context)
    drawn = draw(block_panel.FORWARDPASS_PT_block, monkeypatch)
    assert drawn == ["step0.wte.weight", "Shape", "6 × 48", "Colors", "−0.33 … 0.33", "[forward_pass.partial_sums]"]
    with pytest.raises(RuntimeError, match="Select the result of a multiply"):
        bpy.ops.forward_pass.partial_sums()
    menu = SimpleNamespace(layout=Layout([]))
    block_operators.draw_block(menu, bpy.context)
    assert menu.layout.drawn == []
    block["fp_role"], block.parent = "out", bpy.data.objects["Camera"]
    block.parent["fp_kind"] = "matmul"
    block_operators.draw_block(menu, bpy.context)
    assert menu.layout.drawn == ["[forward_pass.partial_sums]"]


def test_what_went_wrong_with_a_rendering_stands_below_its_button(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = bpy.context.scene
    scene["fp_version"] = 1
    scene.forward_pass.output = "/dev/null/nowhere"
    with pytest.raises(RuntimeError, match="cannot be written"):
        bpy.ops.forward_pass.render()
    assert "[forward_pass.dismiss]" in draw(panels.FORWARDPASS_PT_render, monkeypatch)
    assert "[forward_pass.dismiss]" not in draw(panels.FORWARDPASS_PT_generate, monkeypatch)
    del scene["fp_version"]  # with the scene the panel goes
    assert "[forward_pass.dismiss]" in draw(panels.FORWARDPASS_PT_generate, monkeypatch)


def test_an_error_offers_its_ways_out_as_buttons(monkeypatch: pytest.MonkeyPatch) -> None:
    assert remedies.WAYS.keys() == REMEDIES.keys()
    SESSION.fail(UserError("There is not enough memory for this.", remedies=["half", "cpu", "online", "new one"]))
    drawn = draw(panels.FORWARDPASS_PT_generate, monkeypatch)
    first = drawn.index("Use Half Precision")
    assert drawn[first : first + 3] == ["Use Half Precision", "Run on the CPU", "[forward_pass.allow_online]"]


@pytest.mark.usefixtures("rooms")
def test_a_way_out_changes_the_fields_and_tries_again() -> None:
    SESSION.fail(UserError("There is not enough memory for this.", remedies=["half"]))
    bpy.ops.forward_pass.remedy(remedy="half")
    assert SESSION.error is None and bpy.context.scene["fp_version"] == 1
    assert bpy.context.scene.forward_pass.dtype == "bfloat16"


def test_an_older_scene_learns_its_acts_and_a_newer_one_is_named(tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene["fp_version"] = 1
    scene.timeline_markers.new("Overview", frame=1)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "old.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "old.blend"))
    assert bpy.context.scene["fp_acts"] == "Overview" and SESSION.error is None
    bpy.context.scene["fp_version"] = 99
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "new.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "new.blend"))
    assert SESSION.error is not None and "newer" in SESSION.error.message


@pytest.mark.usefixtures("rooms")
def test_the_other_panels_come_with_the_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not acts_panel.FORWARDPASS_PT_acts.poll(bpy.context)
    bpy.ops.forward_pass.generate()
    assert acts_panel.FORWARDPASS_PT_acts.poll(bpy.context) and panels.FORWARDPASS_PT_render.poll(bpy.context)
    assert "0:00  Overview" in draw(acts_panel.FORWARDPASS_PT_acts, monkeypatch)
    bpy.context.scene.frame_start = 100  # some of it is to be rendered: the acts begin where they did
    assert "0:00  Overview" in draw(acts_panel.FORWARDPASS_PT_acts, monkeypatch)
    assert "[forward_pass.render]" in draw(panels.FORWARDPASS_PT_render, monkeypatch)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.render.fps = 1, 240, 24
    scene.forward_pass.quality = "youtube"
    assert "1920 × 1080, 600 frames, 60 fps, 10 s" in draw(panels.FORWARDPASS_PT_render, monkeypatch)
    scene.forward_pass.rate = "scene"
    assert "1920 × 1080, 240 frames, 24 fps, 10 s" in draw(panels.FORWARDPASS_PT_render, monkeypatch)


def test_quality_takes_the_scenes_shape_and_on_request_its_rate() -> None:
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 1080, 1920, 24
    scene.forward_pass.quality = "final"
    assert requests.render_quality(scene).size == (1080, 1920)
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    assert requests.render_quality(scene).size == (1920, 1080)
    assert requests.render_quality(scene).fps == 30
    scene.forward_pass.rate = "scene"
    assert requests.render_quality(scene).fps == 24
    scene.render.resolution_x, scene.render.resolution_y = 1000, 333
    assert all(side % 2 == 0 for side in requests.render_quality(scene).size)


def test_where_the_video_goes(tmp_path: Path) -> None:
    scene = bpy.context.scene
    assert requests.video_path(scene) == Path.home() / "CBABBC.mp4"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    assert requests.video_path(bpy.context.scene) == tmp_path / "CBABBC.mp4"
    bpy.context.scene.forward_pass.output = str(tmp_path / "videos")
    bpy.context.scene.forward_pass.prompt = "a/b: ünï?"
    assert requests.video_path(bpy.context.scene) == tmp_path / "videos" / "a_b_ünï.mp4"


def test_a_video_is_named_after_the_trace_that_its_scene_shows() -> None:
    scene = bpy.context.scene
    scene.forward_pass.prompt = "something else by now"
    scene["fp_trace"] = "The sky.trace.safetensors 0123abcd"
    assert requests.video_path(scene).name == "The sky.mp4"
    scene["fp_trace"] = ""  # one of sizes
    assert requests.video_path(scene).name == "scale.mp4"


@pytest.fixture(autouse=True)
def no_timers() -> Iterator[None]:
    yield
    SESSION.end()


def test_the_look_of_a_generated_scene_changes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from forward_pass.scene import cell_styles, themes

    done: list[tuple[str, str]] = []
    monkeypatch.setattr(themes, "apply_theme", lambda scene, name: done.append((scene.name, name)))
    monkeypatch.setattr(cell_styles, "set_style", lambda scene, style: done.append((scene.name, style)))
    scene = bpy.context.scene
    scene.forward_pass.theme = "paper"
    assert done == []  # it is a scene of one's own
    scene["fp_version"] = 1
    scene.forward_pass.cells = "bars"
    assert done == [(scene.name, "paper"), (scene.name, "bars")]
