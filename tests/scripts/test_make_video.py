# SPDX-License-Identifier: GPL-3.0-or-later
"""make_video.py as a person runs it: bad input, Ctrl-C half way, and a whole video."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forward_pass.core.recipe import Recipe, read_recipe
from forward_pass.core.script import read_script

pytest.importorskip("bpy")

TRACE = Path("tests") / "data" / "CBABBC.trace.safetensors"
TEXTS = ("v.srt", "v.vtt", "v.chapters.txt", "v.narration.md")
SMALL = ["--size", "160x90", "--fps", "4"]
pytestmark = pytest.mark.blender


def start(root: Path, *arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """The script, with this Python, its standard error as text."""
    return subprocess.Popen(
        [sys.executable, str(root / "scripts" / "make_video.py"), *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(root: Path, *arguments: str | Path, cwd: Path) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = start(root, *arguments, cwd=cwd)
    out, err = process.communicate(timeout=540)
    return process.returncode, out, err


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A folder with the files of an earlier run."""
    for name in ("v.mp4", "v.blend", "v.srt", "v.chapters.txt", "v.trace.safetensors"):
        (tmp_path / name).write_text(f"earlier {name}")
    return tmp_path


def check_untouched(folder: Path) -> None:
    assert listing(folder) == {"v.mp4", "v.blend", "v.srt", "v.chapters.txt", "v.trace.safetensors"}
    assert all(path.read_text() == f"earlier {path.name}" for path in folder.iterdir())


def check_refused(result: tuple[int, str, str], code: int, sentence: str) -> None:
    """One sentence, one hint, nothing else."""
    status, out, err = result
    *_, error, hint = err.splitlines()
    assert (status, out) == (code, "") and "Traceback" not in err
    assert error.startswith("Error: ") and error.endswith(".") and sentence in error and hint


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([""], "The prompt is empty."),
        (["CBABBC", "--size", "17"], "'17' is not a size."),
        (["CBABBC", "--frames", "7-3"], "ends before it begins."),
        (["CBABBC", "--model", "gpt-5"], 'There is no model called "gpt-5".'),
        (["CBABBC", "--nonsense"], "Unrecognized arguments: --nonsense."),
    ],
)
def test_wrong_use_is_told_at_once(root: Path, tmp_path: Path, arguments: list[str], sentence: str) -> None:
    check_refused(run(root, *arguments, cwd=tmp_path), 2, sentence)
    assert listing(tmp_path) == set()


def test_a_place_that_cannot_be_written_is_told_before_any_work(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_refused(run(root, "CBABBC", "-o", "file/v.mp4", cwd=tmp_path), 1, "v.mp4 cannot be written: ")
    (tmp_path / "v.srt").mkdir()
    check_refused(run(root, "CBABBC", "-o", "v.mp4", cwd=tmp_path), 2, "v.srt is a folder.")
    assert listing(tmp_path) == {"file", "v.srt"}


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def newer(data: bytes) -> bytes:
    return data.replace(b'"format":"forward_pass.trace","version":"1"', b'"format":"forward_pass.trace","version":"9"')


@pytest.mark.parametrize("damage", [cut, newer, lambda data: b"PK" + data[2:], lambda data: b""])
def test_a_trace_that_cannot_be_read_is_told(
    root: Path, earlier: Path, damage: Callable[[bytes], bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = (root / TRACE).read_bytes()
    bad = tmp_path_factory.mktemp("bad") / "bad.trace.safetensors"
    bad.write_bytes(damage(data))
    assert bad.read_bytes() != data
    check_refused(run(root, "--trace", bad, "-o", "v.mp4", cwd=earlier), 1, "bad.trace.safetensors")
    check_untouched(earlier)


def test_a_trace_of_another_prompt_is_not_mistaken_for_this_one(root: Path, tmp_path: Path) -> None:
    result = run(root, "AAAAAA", "--trace", root / TRACE, cwd=tmp_path)
    check_refused(result, 2, "is the trace of 'CBABBC', not of 'AAAAAA'.")
    assert listing(tmp_path) == set()


def test_frames_beyond_the_end_are_told_before_the_scene_is_built(root: Path, earlier: Path) -> None:
    result = run(root, "--trace", root / TRACE, "-o", "v.mp4", "--frames", "1-999999", cwd=earlier)
    check_refused(result, 2, "Frames 1 to 999999 are not in the video.")
    check_untouched(earlier)


@pytest.mark.slow
@pytest.mark.parametrize(("prompt", "sentence"), [("CBAXYZ", '"X"'), ("ABC", "too short"), ("ABCABCA", "too long")])
def test_a_prompt_that_the_model_cannot_read_is_told(root: Path, earlier: Path, prompt: str, sentence: str) -> None:
    pytest.importorskip("torch")
    check_refused(run(root, prompt, "-o", "v.mp4", cwd=earlier), 2, sentence)
    check_untouched(earlier)


@pytest.mark.slow
def test_a_model_with_broken_weights_is_told(
    root: Path, earlier: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pytest.importorskip("torch")
    model = tmp_path_factory.mktemp("models") / "broken"
    shutil.copytree(root / "assets" / "models" / "nano-sort", model)
    weights = model / "model.safetensors"
    weights.write_bytes(cut(weights.read_bytes()))
    check_refused(run(root, "CBABBC", "--model", model, "-o", "v.mp4", cwd=earlier), 1, "is corrupt")
    check_untouched(earlier)


def children_of(folder: Path) -> list[int]:
    """Processes that have `folder` in their command line, by Linux's /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(folder) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def wait_for(process: subprocess.Popen[str], there: Callable[[], bool], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert process.poll() is None, f"it ended by itself:\n{process.communicate()[1]}"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def interrupt(process: subprocess.Popen[str], within: float) -> str:
    """Ctrl-C; its standard error, once it ended with 130 in that many seconds."""
    process.send_signal(signal.SIGINT)
    sent = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - sent < within
    return err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for left-over processes in /proc")
def test_ctrl_c_while_the_model_runs_ends_the_child_and_leaves_nothing(root: Path, earlier: Path) -> None:
    pytest.importorskip("torch")
    process = start(root, "CBABBC", "-o", earlier / "v.mp4", cwd=root)
    # The tracer's own folder is in its command line.
    wait_for(process, lambda: len(set(children_of(earlier)) - {process.pid}) > 0)
    err = interrupt(process, within=15)
    assert "Traceback" not in err and err.splitlines()[-1].startswith("Cancelled.")
    check_untouched(earlier)
    assert children_of(earlier) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for left-over processes in /proc")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_while_it_renders_leaves_nothing(root: Path, earlier: Path, workers: int) -> None:
    arguments: list[str | Path] = ["--trace", root / TRACE, "-o", earlier / "v.mp4", *SMALL, "--workers", str(workers)]
    process = start(root, *arguments, cwd=root)
    wait_for(process, lambda: any(earlier.rglob("frame_*.png")))
    err = interrupt(process, within=8)
    assert "Traceback" not in err and err.splitlines()[-1].startswith("Cancelled.")
    check_untouched(earlier)
    time.sleep(0.5)
    assert children_of(earlier) == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_render_that_is_broken_off_goes_on_where_it_stopped(root: Path, tmp_path: Path, workers: int) -> None:
    av = pytest.importorskip("av")
    arguments: list[str | Path] = ["--trace", root / TRACE, "-o", tmp_path / "v.mp4", *SMALL, "--resume"]
    arguments += ["--frames", "1-12", "--workers", str(workers)]
    process = start(root, *arguments, cwd=root)
    folder = tmp_path / ".v.frames"
    wait_for(process, lambda: len(list(folder.glob("frame_*.png"))) >= 2)
    interrupt(process, within=8)
    left = {path: path.stat().st_mtime_ns for path in folder.glob("frame_*.png")}
    assert left and listing(tmp_path) >= {".v.frames"} and not (tmp_path / "v.mp4").exists()
    seen: list[dict[Path, int]] = []
    process = start(root, *arguments, cwd=root)
    while process.poll() is None:
        if len(frames := list(folder.glob("frame_*.png"))) > len(left):
            seen.append({path: path.stat().st_mtime_ns for path in frames if path in left and path.exists()})
        time.sleep(0.02)
    assert process.communicate()[1].count("Traceback") == 0 and process.returncode == 0
    assert seen and seen[0] == left  # none of them was rendered again
    assert listing(tmp_path) == {"v.mp4", "v.blend", "v.recipe.toml", *TEXTS}
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.streams[0].frames == 12


@pytest.mark.slow
def test_frames_of_another_video_are_not_taken_for_its_own(root: Path, tmp_path: Path) -> None:
    arguments: list[str | Path] = ["--trace", root / TRACE, "-o", "v.mp4", *SMALL, "--resume"]
    arguments += ["--frames", "1-2", "--workers", "1"]
    (tmp_path / ".v.frames").mkdir()
    (tmp_path / ".v.frames" / "made-from").write_text("0" * 64)
    (tmp_path / ".v.frames" / "frame_000001.png").write_bytes(b"another")
    status, _, err = run(root, *arguments, cwd=tmp_path)
    assert status == 0, err
    assert listing(tmp_path) == {"v.mp4", "v.blend", "v.recipe.toml", *TEXTS}


@pytest.mark.slow
def test_a_few_frames_from_end_to_end(root: Path, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    (tmp_path / "v.mp4").write_text("earlier")
    arguments: list[str | Path] = ["CBABBC", "--trace", root / TRACE, "-o", "v.mp4", *SMALL]
    arguments += ["--frames", "9-16", "--workers", "1"]
    status, out, err = run(root, *arguments, cwd=tmp_path)
    assert status == 0, err
    assert out.splitlines() == ["v.mp4", "v.blend", "v.recipe.toml", *TEXTS]
    assert listing(tmp_path) == set(out.splitlines())
    with av.open(str(tmp_path / "v.mp4")) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (stream.frames, stream.average_rate) == (8, 4)
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 160, 90)
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert all(picture.std() > 3 for picture in pictures)  # something is to be seen
    assert "330 operations (114 multiplies)" in err and "peak memory" in err
    assert (tmp_path / "v.chapters.txt").read_text().startswith("00:00 ")
    # The scene is the one that was rendered, and says how to make it again.
    program = (
        "import bpy, json, os, sys\n"
        "bpy.ops.wm.open_mainfile(filepath=sys.argv[1])\n"
        "scene = bpy.data.scenes[0]\n"
        "print(json.dumps([scene.render.resolution_x, scene.render.fps, scene['fp_trace'], scene['fp_recipe']]))\n"
        "sys.stdout.flush(); os._exit(0)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "v.blend")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    width, fps, trace, recipe = json.loads(said)
    assert (width, fps) == (160, 4) and "CBABBC.trace.safetensors" in trace
    assert recipe == (tmp_path / "v.recipe.toml").read_text(encoding="utf-8")
    assert read_recipe(recipe, "v.recipe.toml") == Recipe(
        prompt="CBABBC", seconds=45.0, size=(160, 90), fps=4, quality="draft"
    )


@pytest.mark.slow
def test_without_a_render_the_scene_is_all_there_is(root: Path, tmp_path: Path) -> None:
    trace = tmp_path / "in.trace.safetensors"
    shutil.copy(root / TRACE, trace)
    status, out, err = run(root, "--trace", trace, "-o", "new/v.mp4", "--no-render", cwd=tmp_path)
    assert status == 0, err
    assert out.splitlines() == [str(Path("new") / "v.blend"), str(Path("new") / "v.recipe.toml")]
    assert listing(tmp_path) == {"in.trace.safetensors", "new", "new/v.blend", "new/v.recipe.toml"}


@pytest.mark.slow
def test_stills_of_a_spoken_story(root: Path, tmp_path: Path) -> None:
    speaker = tmp_path / "speaker.py"
    speaker.write_text(
        "import sys, wave\n"
        "with wave.open(sys.argv[1], 'wb') as sound:\n"
        "    sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(8000)\n"
        "    sound.writeframes(bytes(2 * 8000 * 7))\n"
    )
    arguments: list[str | Path] = [
        "--trace",
        root / TRACE,
        "--quality",
        "lecture",
        "-o",
        "talk",
        *SMALL,
        "--samples",
        "1",
    ]
    arguments += ["--acts", "overview,scores", "--speak", f"'{sys.executable}' '{speaker}' {{file}}"]
    status, out, err = run(root, *arguments, cwd=tmp_path)
    assert status == 0, err
    assert out.splitlines() == ["talk", "talk.blend", "talk.recipe.toml"]
    stills = sorted(path.stem for path in (tmp_path / "talk").glob("*.png"))
    assert len(stills) >= 2 and stills[0] == "01 Overview"
    assert {path.name for path in (tmp_path / "talk").iterdir()} == {
        "stills.md", *(f"{name}.{kind}" for name in stills for kind in ("png", "txt"))
    }  # fmt: skip
    # Seven seconds are more than anybody needs to read a caption: the pace is the voice's.
    program = (
        "import bpy, json, os, sys\n"
        "bpy.ops.wm.open_mainfile(filepath=sys.argv[1])\n"
        "scene = bpy.data.scenes[0]\n"
        "strips = sorted(scene.sequence_editor.strips_all, key=lambda strip: strip.frame_start)\n"
        "print(json.dumps([[s.frame_start, s.sound.packed_file is not None] for s in strips] + [scene['fp_script']]))\n"
        "sys.stdout.flush(); os._exit(0)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path / "talk.blend")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    *strips, script = json.loads(said)
    captions = read_script(script).captions
    assert [start for start, _ in strips] == [1 + round(4 * one.start) for one in captions]
    assert all(packed for _, packed in strips) and min(one.duration for one in captions) > 7
