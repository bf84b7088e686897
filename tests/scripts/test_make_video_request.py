# SPDX-License-Identifier: GPL-3.0-or-later
"""What make_video.py makes of its command line, and the names it gives to files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.recipe import read_recipe, write_recipe
from forward_pass.core.shots import pose_of
from forward_pass.core.trace import Trace
from forward_pass.process.options import DEFAULTS, TraceOptions
from forward_pass.render.presets import QUALITIES
from scripts._request import file_name, read_request
from scripts._terminal import Terminal


def test_a_prompt_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = read_request(["CBABBC"])
    assert (request.prompt, request.model, request.quality) == ("CBABBC", "nano-sort", QUALITIES["draft"])
    assert {kind: str(path) for kind, path in request.targets().items()} == {
        "video": "out/CBABBC.mp4",
        "blend": "out/CBABBC.blend",
        "recipe": "out/CBABBC.recipe.toml",
        "trace": "out/CBABBC.trace.safetensors",
        **{ending: f"out/CBABBC{ending}" for ending in (".srt", ".vtt", ".chapters.txt", ".narration.md")},
    }


def test_the_other_files_lie_beside_the_video_unless_they_are_named(tmp_path: Path) -> None:
    video, blend = tmp_path / "take.2.mp4", tmp_path / "scenes" / "a.blend"
    targets = read_request(["CBABBC", "-o", str(video), "--blend", str(blend)]).targets()
    assert targets[".srt"] == tmp_path / "take.2.srt" and targets["blend"] == blend
    assert read_request(["CBABBC", "-o", str(tmp_path)]).targets()["video"] == tmp_path / "CBABBC.mp4"
    assert read_request(["CBABBC", "-o", str(tmp_path / "name")]).targets()["video"] == tmp_path / "name.mp4"


def test_without_a_render_there_is_no_video_to_write() -> None:
    assert set(read_request(["CBABBC", "--no-render"]).targets()) == {"blend", "recipe", "trace"}


def test_a_trace_that_is_there_is_read_and_one_that_is_not_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.trace.safetensors"
    writes = read_request(["CBABBC", "--trace", str(path)])
    assert not writes.reads_trace and writes.targets()["trace"] == path
    path.touch()
    reads = read_request(["--trace", str(path), "-o", str(tmp_path / "v.mp4")])
    assert reads.reads_trace and reads.prompt is None and "trace" not in reads.targets("CBABBC")


def test_single_settings_replace_those_of_the_quality() -> None:
    own = read_request(["AAAAAA", "--quality", "final", "--size", "1280x720", "--fps", "60", "--engine", "cycles"])
    assert (own.quality.size, own.quality.fps, own.quality.engine) == ((1280, 720), 60, "cycles")
    assert own.quality.samples == QUALITIES["final"].samples


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        ([], "There is no prompt.", "CBABBC"),
        ([" "], "The prompt is empty.", "six letters"),
        (["A", "B"], "Unrecognized arguments: B.", "--help"),
        (["A", "--colour", "red"], "Unrecognized arguments: --colour red.", "--help"),
        (["A", "--qual", "final"], "Unrecognized arguments: --qual final.", "--help"),
        (["A", "--fps", "fast"], "--fps: invalid int value: 'fast'.", "--help"),
        (["A", "--fps", "0"], "A video of 0 frames a second cannot be made.", "1 to 240"),
        (["A", "--size", "big"], "'big' is not a size.", "1280x720"),
        (["A", "--size", "641x360"], "A video of 641x360 pixels cannot be made.", "even"),
        (["A", "--quality", "best"], "There is no quality called 'best'.", "draft, preview, final"),
        (["A", "--engine", "eve"], "There is no engine called 'eve'.", "auto, eevee, cycles"),
        (["A", "--theme", "pink"], "There is no theme called 'pink'.", "midnight"),
        (["A", "--device", "tpu"], "There is no device called 'tpu'.", "auto, cuda, mps, cpu"),
        (["A", "--seconds", "nan"], "A video cannot be nan seconds long.", "more than 0"),
        (["A", "--seconds", "-3"], "A video cannot be -3 seconds long.", "more than 0"),
        (["A", "--frames", "9-3"], "The range of frames '9-3' ends before it begins.", "3-9"),
        (["A", "--frames", "all"], "'all' is not a range of frames.", "10-20"),
        (["A", "--workers", "0"], "0 processes cannot render.", "1 to"),
        (["A", "-o", "video.avi"], "video.avi does not end in .mp4.", "video.mp4"),
        (["A", "--blend", "a.mp4"], "a.mp4 does not end in .blend.", "a.blend"),
        (["--trace", "missing"], "There is no prompt, and no trace missing to read.", "six letters"),
    ],
)
def test_wrong_use_is_a_sentence_and_a_hint(arguments: list[str], sentence: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        read_request(arguments)
    assert caught.value.message == sentence and hint in caught.value.hint and caught.value.code == 2


def test_how_the_model_runs_is_passed_on_and_kept_in_the_scene() -> None:
    assert read_request(["A"]).options == DEFAULTS and read_request(["A"]).steps is None
    words = ["--max-tokens", "3", "--seed", "5", "--temperature", "0.5", "--top-k", "9", "--top-p", "0.8"]
    words += ["--dtype", "float16", "--online", "--chat", "--max-bytes", "1GB"]
    request = read_request(["A", "--model", "org/name", *words])
    options = TraceOptions(
        seed=5, temperature=0.5, top_k=9, top_p=0.8, dtype="float16", online=True, chat=True, max_bytes="1GB"
    )
    assert (request.model, request.steps, request.options) == ("org/name", 3, options)
    assert (request.recipe("A").tokens, request.recipe("A").seed) == (3, 5)


def test_frames_beyond_the_end_are_refused() -> None:
    request = read_request(["A", "--frames", "5-20", "--fps", "10"])
    request.check_frames(20)
    for count in (19, 4):
        with pytest.raises(UserError, match=f"Frames 5 to 20 .* frames 1 to {count} at 10 a second") as caught:
            request.check_frames(count)
        assert caught.value.code == 2
    with pytest.raises(UserError, match="Frames 0 to 3"):
        read_request(["A", "--frames", "0-3"]).check_frames(20)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_every_prompt_has_a_name_that_every_system_takes(prompt: str) -> None:
    name = file_name(prompt)
    assert 0 < len(name) < 80 and name.isascii() and not name.startswith("-")
    assert all(letter.isalnum() or letter in "_-" for letter in name)
    assert name.lower() not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(st.text("AB ./\\é-_", min_size=1), st.text("AB ./\\é-_", min_size=1))
def test_different_prompts_have_different_names(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


def test_a_plain_prompt_is_its_own_name() -> None:
    assert file_name("CBABBC") == "CBABBC"
    assert file_name("What is 2 + 2?").startswith("What_is_2_2-")


def test_a_recipe_says_what_is_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.recipe.toml"
    made = read_request(
        [
            "CBABBC",
            "--theme",
            "paper",
            "--fps",
            "30",
            "--seconds",
            "50",
            "--max-tokens",
            "2",
            "--top-k",
            "3",
            "--keep",
            "a",
        ]
    )
    path.write_text(write_recipe(made.recipe("CBABBC"), path.name), encoding="utf-8")
    assert read_request(["--recipe", str(path)]) == made
    other = read_request(["AABBCC", "--recipe", str(path), "--fps", "12", "--keep", "b"])
    assert other.prompt == "AABBCC" and other.quality.fps == 12 and other.theme == "paper"
    assert other.options.keep == ("a", "b") and other.steps == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "cannot be read: it is no text"),
        (b"version = 1\n[look]\ntheme = 'neon'\n", "no theme called 'neon'"),
        (b"version = 1\n[look]\ntheme = 3\n", "line 3: theme cannot be 3"),
        (b"version = 1\n[video]\nsize = [3]\n", "'3' is not a size"),
    ],
)
def test_a_recipe_that_cannot_be(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "a.recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=sentence) as caught:
        read_request(["CBABBC", "--recipe", str(path)])
    assert caught.value.code == 2


def test_what_is_told_is_chosen_and_stays_in_the_recipe(tmp_path: Path) -> None:
    arguments = ["CBABBC", "--preset", "attention", "--without", "norm,rotary, heads", "--focus", "Layer 2, head 1"]
    arguments += ["--language", "de"]
    request = read_request(arguments)
    assert (request.preset, request.without, request.acts) == ("attention", ("norm", "rotary", "heads"), ())
    assert request.focus == (1, 0) and request.seconds is None and request.language == "de"
    recipe = tmp_path / "a.toml"
    recipe.write_text(write_recipe(request.recipe("CBABBC"), "a.toml"))
    assert read_request(["--recipe", str(recipe)]) == request
    assert read_request(["--recipe", str(recipe), "--acts", "scores"]).acts == ("scores",)
    recipe.write_text(recipe.read_text() + '"why mix" = "It reads."\n')
    own = read_request(["--recipe", str(recipe)])
    assert own.captions == {"why mix": "It reads."} == own.recipe("CBABBC").captions


CAMERA = """
version = 1
[model]
prompt = "CBABBC"
[camera]
lens = 50
[camera.scores]
azimuth = -20
elevation = 55
nearer = 1.5
"""


@pytest.mark.blender
def test_a_recipe_says_from_where_an_act_is_seen(root: Path, tmp_path: Path) -> None:
    """As the camera stands in the end: the angles to the degree, nearer to the subject; other acts as they were."""
    pytest.importorskip("bpy")
    from scripts.make_video import plan

    path, trace = tmp_path / "a.toml", root / "tests" / "data" / "CBABBC.trace.safetensors"
    path.write_text(CAMERA, encoding="utf-8")
    request = read_request(["--recipe", str(path), "--trace", str(trace)])
    assert read_recipe(write_recipe(request.recipe("CBABBC"), "a.toml"), "a.toml").camera == request.views
    traces, terminal = [Trace.open(trace)], Terminal()
    chosen, usual = (plan(one, traces, terminal).story for one in (request, dataclasses.replace(request, views={})))
    act = next(act for act in chosen.acts if act.name == "Attention scores")
    for mine, other in zip(chosen.shots, usual.shots, strict=True):
        pose, before = pose_of(mine, 16 / 9), pose_of(other, 16 / 9)
        assert pose.lens == 50
        if act.start <= mine.start < act.start + act.duration:
            whole = pose_of(dataclasses.replace(mine, nearer=1.0), 16 / 9)
            assert (pose.azimuth, pose.elevation) == (-20, 55) and pose.distance == pytest.approx(whole.distance / 1.5)
        else:
            assert (mine.azimuth, mine.elevation, mine.subject) == (other.azimuth, other.elevation, other.subject)
    assert before.lens != 50


def test_a_camera_is_chosen_where_a_run_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("version = 1\n[camera]\nlens = 40\n", encoding="utf-8")
    with pytest.raises(UserError, match="preset one-multiply has no camera") as caught:
        read_request(["CBABBC", "--recipe", str(path), "--preset", "one-multiply"])
    assert caught.value.code == 2


def test_a_video_for_phones_stands_upright(tmp_path: Path) -> None:
    request = read_request(["CBABBC", "--preset", "short"])
    width, height = QUALITIES["draft"].size
    assert request.quality.size == (height, width)
    assert request.recipe("CBABBC").size is None
    assert read_request(["CBABBC", "--preset", "short", "--size", "640x640"]).quality.size == (640, 640)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "long"], "no preset called 'long'"),
        (["--acts", "mpl"], "no chapter called 'mpl'"),
        (["--without", "mpl"], "no chapter called 'mpl'"),
        (["--focus", "head 1"], "'head 1' is not a head"),
        (["--focus", "layer 0 head 1"], "is not a head"),
    ],
)
def test_what_is_told_must_be_there(arguments: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read_request(["CBABBC", *arguments])
    assert caught.value.code == 2 and caught.value.hint


def test_what_comes_out_is_chosen_with_the_quality(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = read_request(["CBABBC", "--quality", "prores", "--transparent", "--captions", "beside"])
    assert request.targets()["video"] == Path("out/CBABBC.mov") and request.folders == ()
    assert request.quality == dataclasses.replace(QUALITIES["prores"], transparent=True, captions="beside")
    png = read_request(["CBABBC", "--quality", "png", "--no-transparent"])
    assert not png.quality.transparent and png.folders == ("video",)
    assert {str(path) for path in png.targets().values()} >= {"out/CBABBC-frames", "out/CBABBC.blend", "out/CBABBC.srt"}
    lecture = read_request(["CBABBC", "--quality", "lecture", "-o", "talk"]).targets()
    assert {str(path) for path in lecture.values()} == {
        "talk",
        "talk.blend",
        "talk.recipe.toml",
        "talk.trace.safetensors",
    }
    with pytest.raises(UserError, match="cannot be transparent"):
        read_request(["CBABBC", "--transparent"])
    with pytest.raises(UserError, match=r"does not end in \.mov"):
        read_request(["CBABBC", "--quality", "prores", "-o", "a.mp4"])


def test_a_recipe_keeps_what_is_not_as_the_preset_has_it(tmp_path: Path) -> None:
    request = read_request(["CBABBC", "--quality", "png", "--no-transparent", "--captions", "beside", "--samples", "3"])
    path = tmp_path / "a.recipe.toml"
    path.write_text(write_recipe(request.recipe("CBABBC"), path.name), encoding="utf-8")
    assert read_request(["--recipe", str(path)]).quality == request.quality
    assert "# transparent" in write_recipe(read_request(["CBABBC"]).recipe("CBABBC"), "a.recipe.toml")


def test_who_speaks_is_one_or_the_other_and_a_command_stays_out_of_recipes(tmp_path: Path) -> None:
    request = read_request(["CBABBC", "--speak", "espeak-ng -w {file} {text}"])
    assert request.speak.startswith("espeak-ng") and "espeak" not in write_recipe(request.recipe("CBABBC"), "a.toml")
    recipe = tmp_path / "a.toml"
    recipe.write_text(write_recipe(read_request(["CBABBC", "--narration", "spoken"]).recipe("CBABBC"), "a.toml"))
    assert read_request(["--recipe", str(recipe)]).narration == Path("spoken")
    with pytest.raises(UserError, match="by recordings or by a command"):
        read_request(["CBABBC", "--narration", "spoken", "--speak", "say -o {file}"])


def test_a_comparison_has_a_second_run_and_its_trace(tmp_path: Path) -> None:
    arguments = ["CBABBC", "--preset", "compare", "--with", "ABCABC", "-o", str(tmp_path / "two.mp4")]
    request = read_request(arguments)
    assert (request.second.prompt, request.second.model, request.second.trace) == ("ABCABC", "nano-sort", None)
    targets = request.targets()
    assert targets["second"] == tmp_path / "two.second.trace.safetensors" != targets["trace"]
    other = read_request(["CBABBC", "--preset", "compare", "--with-model", "tiny-shakespeare"])
    assert (other.second.prompt, other.second.model) == ("CBABBC", "tiny-shakespeare")
    recipe = tmp_path / "two.recipe.toml"
    recipe.write_text(write_recipe(request.recipe("CBABBC"), recipe.name), encoding="utf-8")
    again = read_request(["--recipe", str(recipe)])
    assert (again.preset, again.prompt, again.other, again.other_model) == ("compare", "CBABBC", "ABCABC", None)


def test_sizes_need_no_prompt_and_no_trace(tmp_path: Path) -> None:
    request = read_request(["--preset", "scale", "--models", "nano-sort,gpt2", "gpt-3"])
    assert request.models == ("nano-sort", "gpt2", "gpt-3")
    targets = request.targets()
    assert targets["video"] == Path("out/scale.mp4") and not {"trace", "second"} & set(targets)
    recipe = tmp_path / "scale.recipe.toml"
    recipe.write_text(write_recipe(request.recipe(None), recipe.name), encoding="utf-8")
    assert read_request(["--recipe", str(recipe)]).models == request.models


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["CBABBC", "--preset", "compare"], "nothing to compare with"),
        (["CBABBC", "--with", "ABCABC"], "Only the preset compare"),
        (["CBABBC", "--models", "gpt2"], "Only the preset scale"),
        (["CBABBC", "--preset", "scale"], "no model runs"),
    ],
)
def test_choices_of_another_preset_are_refused(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        read_request(arguments)
    assert caught.value.code == 2 and caught.value.hint
