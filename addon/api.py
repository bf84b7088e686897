# SPDX-License-Identifier: GPL-3.0-or-later
"""From a prompt to a video in five calls, for scripts and notebooks:

    from forward_pass import build, lay_out, render_video, tell, trace

    run = trace("CBABBC")                      # the model runs, in a process of its own
    layout = lay_out(run)                      # where every block stands
    story = tell(run, layout, seconds=60)      # what happens when
    scene = build(run, layout, story)          # an ordinary Blender scene
    render_video(scene, "out/CBABBC.mp4")      # frames, video, captions and chapters

`trace`, `lay_out` and `tell` need no Blender, the other two run inside it or where its module bpy is installed. What
goes wrong is a `UserError` with one sentence and a hint.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .core.errors import UserError
from .core.layout import Layout, lay_out
from .core.story import Story, tell
from .core.trace import Trace

if TYPE_CHECKING:
    import bpy

    from .render.presets import Quality

__all__ = [
    "Layout",
    "Story",
    "Trace",
    "UserError",
    "build",
    "compare",
    "lay_out",
    "make_multiply",
    "render_video",
    "scale",
    "tell",
    "trace",
]

Follow = Callable[[str, float], None]
BATCH = 16  # frames in one call of Blender's, which saves nearly half their time; nothing is heard of them meanwhile


def nobody(what: str, done: float) -> None:
    """Told what is being done and which share of it is (0 to 1); listens to nothing."""


def trace(
    prompt: str | None,
    model: str | Path = "nano-sort",
    path: str | Path | None = None,
    *,
    steps: int | None = None,
    device: str = "auto",
    options: Mapping[str, Any] | None = None,
) -> Trace:
    """Runs a model on a prompt and reads back every operation of it.

    `model` is a built-in one, a folder, or `org/name` of the hub; `steps` how many tokens to generate, None what suits
    the model; `options` any of `scripts/trace.py`'s by name, such as {"temperature": 0.8, "online": True}. The trace is
    written to `path`, which stays; without one to a temporary file that is there as long as the system keeps such.
    Raises `UserError`, with the code 2 for an option that there is not.
    """
    from .process.options import TraceOptions
    from .process.trace_prompt import trace_prompt

    try:
        chosen = TraceOptions(**(options or {}))
    except TypeError as error:
        names = ", ".join(TraceOptions.__dataclass_fields__)
        raise UserError(f"There is no such option: {error}.", f"Options: {names}.", 2) from error
    if path is None:
        path = Path(tempfile.mkdtemp(prefix="forward_pass_")) / "run.trace.safetensors"
    return Trace.open(trace_prompt(prompt, model, Path(path), device, steps=steps, options=chosen))


def _scene_or_new(scene: bpy.types.Scene | None) -> bpy.types.Scene:
    """The scene that is given, or a new one of the open file."""
    import bpy

    return bpy.data.scenes.new("Forward Pass") if scene is None else scene


def build(
    trace: Trace,
    layout: Layout,
    story: Story,
    scene: bpy.types.Scene | None = None,
    *,
    theme: str = "midnight",
    maps: Iterable[str] = (),
    cells: str = "flat",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
    follow: Follow = nobody,
) -> bpy.types.Scene:
    """The scene of a story, built into `scene` or a new one of the open file.

    `maps` names published colour maps instead of the theme's own, `cells` is `flat`, `bars` or `cubes`, `size` is the
    picture's width and height in pixels. Raises `UserError` for a theme, a map or a style that there is not.
    """
    from .scene.build import build_scene

    made = _scene_or_new(scene)
    work = build_scene(made, trace, layout, story, theme=theme, size=size, fps=fps, maps=maps, cells=cells)
    for what, done in work:
        follow(what, done)
    return made


def scale(
    models: Iterable[str] | None = None,
    scene: bpy.types.Scene | None = None,
    *,
    seconds: float | None = None,
    language: str = "en",
    theme: str = "midnight",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
    follow: Follow = nobody,
) -> bpy.types.Scene:
    """The scene of several models at one scale, from the smallest to the largest: shapes only, no model runs.

    `models` are names of `core.known_models.KNOWN` or paths of a config.json, a usual list where None; the other
    choices are those of `tell` and `build`. Raises `UserError`.
    """
    from .core.known_models import USUAL
    from .core.story_scale import tell_scale
    from .scene.scale import build_scale

    chosen = USUAL if models is None else models
    plan = tell_scale(chosen, seconds=seconds, aspect=size[0] / size[1], language=language)
    made = _scene_or_new(scene)
    for what, done in build_scale(made, plan, theme=theme, size=size, fps=fps):
        follow(what, done)
    return made


def compare(
    first: Trace,
    second: Trace,
    scene: bpy.types.Scene | None = None,
    *,
    seconds: float | None = None,
    language: str = "en",
    theme: str = "midnight",
    size: tuple[int, int] = (1280, 720),
    fps: float = 24.0,
    follow: Follow = nobody,
) -> bpy.types.Scene:
    """The scene of two runs on one clock, with what is different in them: one above the other where they are of one
    model and of prompts of one length, else side by side.

    The choices are those of `tell` and `build`. Raises `UserError`.
    """
    from .core.story_compare import tell_compare
    from .scene.compare import build_compare

    plan = tell_compare(first, second, seconds=seconds, aspect=size[0] / size[1], language=language)
    made = _scene_or_new(scene)
    for what, done in build_compare(made, plan, theme=theme, size=size, fps=fps):
        follow(what, done)
    return made


def make_multiply(left: Any, right: Any, scene: bpy.types.Scene | None = None, **options: Any) -> bpy.types.Object:
    """The multiply of two matrices [i, k] and [k, j] as a box that one number sweeps through, in `scene` or the one
    that is shown: the empty with that number, `fp_sweep_at`. `options` are those of `scene.matmul.make_multiply`.

    Raises `UserError` where the matrices do not fit or are too large to be multiplied live.
    """
    import bpy

    from .scene.matmul import make_multiply as make

    shown = scene or bpy.context.scene
    assert shown is not None  # every file has one
    return make(shown, left, right, **options)


def render_video(
    scene: bpy.types.Scene,
    path: str | Path,
    quality: str | Quality = "draft",
    *,
    frames: tuple[int, int] | None = None,
    follow: Follow = nobody,
) -> Path:
    """Renders a built scene to a video, with its captions (.srt, .vtt), chapters and narration as text beside it.

    `quality` is the name of a preset, or a `Quality` of your own; it says what comes out, an MP4 or another file, or a
    folder of pictures, and how many of them a second, whatever the scene's own frame rate. The ending of `path` is that
    of what comes out. `frames` are the scene's first and last (inclusive), all where None. Nothing is at `path` before
    it is whole. Returns the path. Raises `UserError`.
    """
    from .render.endings import with_ending
    from .render.presets import quality as preset
    from .render.production import Production, produce

    chosen = preset(quality) if isinstance(quality, str) else quality
    out = with_ending(Path(path), chosen)
    first, last = frames or (None, None)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.stem}-frames-", dir=out.parent) as made:
        job = Production(scene, chosen, out, Path(made), first, last, batch=BATCH)
        with contextlib.closing(produce(job, lambda step: follow(step.stage, step.done / step.total))) as work:
            for _ in work:
                pass
    return out
