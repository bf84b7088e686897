# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a video of a model at work on a prompt: `python scripts/make_video.py CBABBC` writes out/CBABBC.mp4 and more.

prompt -> trace (in a process of its own) -> layout -> story -> scene -> .blend -> frames -> video and texts beside it
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout
from forward_pass.core.messages import Message, ProgressMessage, WarningMessage
from forward_pass.core.presets import COMPARE, MULTIPLY, SCALE, STORY
from forward_pass.core.recipe import write_recipe
from forward_pass.core.script import script_of
from forward_pass.core.story import Story
from forward_pass.core.trace import Trace
from forward_pass.process.models import find_model
from forward_pass.process.trace_prompt import trace_prompt
from forward_pass.render.speech import Voice, spoken, tell_aloud
from scripts._interrupt import Guard, Interrupted, interruptible
from scripts._kept_frames import KeptFrames, key_of
from scripts._memory import peak_memory
from scripts._outputs import Outputs
from scripts._request import Request, read_request
from scripts._terminal import Stage, Terminal, duration

if TYPE_CHECKING:
    import bpy

    from forward_pass.scene.productions import Film

FEW = 8  # frames: a process takes as long to start as to render them
POLITE = 8.0  # seconds that the tracer may take to end; longer than its own three steps of being asked


def main(arguments: list[str]) -> int:
    """Exit status 0, 1 for a failure, 2 for wrong use, 130 for Ctrl-C. Says on standard error what it does."""
    terminal, outputs = Terminal(), Outputs()

    def give_up() -> None:
        outputs.discard()
        terminal.say("Cancelled. Files of earlier runs are as they were.")

    try:
        with interruptible(give_up, POLITE) as guard:
            try:
                make_video(read_request(arguments), terminal, outputs, guard)
            finally:
                outputs.discard()
    except UserError as error:
        terminal.error(error.message, error.hint)
        return error.code
    except OSError as error:
        terminal.error(f"{error.strerror or error}: {error.filename or 'no file named'}.", "Check free disk space.")
        return 1
    except KeyboardInterrupt as error:
        terminal.say("Cancelled. Files of earlier runs are as they were.")
        return error.code if isinstance(error, Interrupted) else 130
    return 0


def make_video(request: Request, terminal: Terminal, outputs: Outputs, guard: Guard) -> None:
    """From the request to the files in their places. Raises `UserError`."""
    started = time.monotonic()
    if importlib.util.find_spec("bpy") is None:
        raise UserError(
            "Blender's module bpy is not installed in this Python.", "Run `make setup`, use .venv's Python."
        )
    trace = None if request.makes == SCALE else find_trace(request, terminal)
    targets = request.targets(trace.prompt if trace else None)
    places = {kind: outputs.stage(path, kind in request.folders) for kind, path in targets.items()}
    if trace is None and request.makes != SCALE:
        trace = make_trace(request, places.pop("trace"), terminal)
    traces = [] if trace is None else [trace]
    if request.makes == COMPARE:
        traces.append(make_trace(request.second, places.pop("second"), terminal))
    guard.grace = 1.0  # from here on nothing needs asking
    voice = Voice(request.speak, outputs.scratch("speech")) if request.speak else None
    film = plan(request, traces, terminal, voice)
    recipe = write_recipe(request.recipe(trace.prompt if trace else None), places["recipe"].name)
    places["recipe"].write_text(recipe, encoding="utf-8")
    scene = make_scene(request, film, recipe, terminal)
    add_sound(request, scene, film.story, voice, terminal)
    save_scene(places["blend"], terminal)
    if "video" in places:
        kept = keep_frames(request, film, outputs)
        folder = outputs.scratch("frames") if kept is None else kept.folder
        render(request, scene, places, folder, terminal)
        if kept is not None:
            kept.discard()
    written = outputs.targets
    outputs.publish()
    terminal.say(_counts(film, scene))
    terminal.say(f"{duration(time.monotonic() - started)} in all, peak memory {peak_memory()}")
    print(*map(_shown, written), sep="\n")


def find_trace(request: Request, terminal: Terminal) -> Trace | None:
    """The trace that is there already, read; None where the model is to run. Raises `UserError`."""
    if not request.reads_trace:
        for one in (request, request.second):  # before anything else is done
            find_model(one.model, one.options.online)
        return None
    assert request.trace is not None
    with terminal.stage("trace") as stage:
        trace = Trace.open(request.trace)
        stage.summary = f"{request.trace} read: {_run(trace)}"
    if request.prompt is not None and request.prompt != trace.prompt:
        raise UserError(
            f"{request.trace} is the trace of {trace.prompt!r}, not of {request.prompt!r}.",
            "Leave the prompt out to use that trace, or name a file that is not there yet to write a new one.",
            code=2,
        )
    return trace


def make_trace(request: Request, path: Path, terminal: Terminal) -> Trace:
    """Runs the model. Raises `UserError`."""
    assert request.prompt is not None
    with terminal.stage("trace") as stage:

        def listen(message: Message) -> None:
            _follow(message, stage, terminal)

        made = trace_prompt(
            request.prompt,
            request.model,
            path,
            request.device,
            on_message=listen,
            steps=request.steps,
            options=request.options,
        )
        trace = Trace.open(made)
        stage.summary = _run(trace)
    return trace


def _follow(message: Message, stage: Stage, terminal: Terminal) -> None:
    if isinstance(message, ProgressMessage):
        stage.update(message.done, message.text or message.stage)
    elif isinstance(message, WarningMessage):
        terminal.say(f"Warning: {message.message}")


def plan(request: Request, traces: Sequence[Trace], terminal: Terminal, voice: Voice | None = None) -> Film:
    """Where everything stands and when it happens, at the pace of a voice where there is one. Raises `UserError`."""
    from forward_pass.scene.productions import lay_out_film, plan_film

    layouts: tuple[Layout, ...] = ()
    if request.makes in (STORY, MULTIPLY):
        with terminal.stage("layout") as stage:
            layouts = lay_out_film(traces, request.telling)
            stage.summary = f"{len(layouts[0].blocks):,} blocks"
    film: Film | None = None
    with terminal.stage("story") as stage:

        def told(durations: dict[str, float]) -> Story:
            nonlocal film
            film = plan_film(traces, layouts, request.telling, durations)
            return film.story

        story = told({}) if voice is None else tell_aloud(told, voice, stage.update)
        assert film is not None
        stage.summary = f"{len(story.acts)} acts, {duration(story.duration)} long"
    if request.frames is not None:
        request.check_frames(1 + round(story.duration * request.quality.fps))
    return dataclasses.replace(film, story=story)


def make_scene(request: Request, film: Film, recipe: str, terminal: Terminal) -> bpy.types.Scene:
    """The scene, built in an otherwise empty file. Raises `UserError`."""
    import bpy

    from forward_pass.render.quiet import quiet

    quality = request.quality
    with terminal.stage("scene") as stage:
        with quiet():
            bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.data.scenes[0]
        for text, done in film.build(scene, theme=request.theme, recipe=recipe, size=quality.size, fps=quality.fps):
            stage.update(done, text)
        stage.summary = f"{len(scene.objects):,} objects"
    return scene


def add_sound(request: Request, scene: bpy.types.Scene, story: Story, voice: Voice | None, terminal: Terminal) -> None:
    """What is heard, in the scene's sequencer. Raises `UserError`."""
    from forward_pass.render.sound import add_narration, add_sounds

    if voice is not None:
        add_sounds(scene, spoken(story, voice))
    if request.narration is not None:
        for sentence in add_narration(scene, script_of(story), request.narration):
            terminal.say(f"Warning: {sentence}")


def save_scene(path: Path, terminal: Terminal) -> None:
    """The open file at `path`. Raises `UserError`."""
    from forward_pass.render.quiet import quiet
    from forward_pass.scene.save import save_blend

    with terminal.stage("save") as stage:
        with quiet():
            save_blend(path)
        stage.summary = f"{path.stat().st_size / 1e6:.1f} MB"


def keep_frames(request: Request, film: Film, outputs: Outputs) -> KeptFrames | None:
    """The frames that a run that was broken off has left, where they are to be kept. Raises `UserError`."""
    if not request.resumes:
        return None
    look = (request.theme, request.cells)
    return KeptFrames(outputs.targets[0], key_of(film.traces, film.layouts, film.story, request.quality, *look))


def render(request: Request, scene: bpy.types.Scene, places: dict[str, Path], folder: Path, terminal: Terminal) -> None:
    """The frames, and what is made of them with its captions and chapters. Raises `UserError`."""
    from forward_pass.render.production import Production, Step, produce
    from forward_pass.render.workers import worker_count

    quality, out = request.quality, places["video"]
    first, last = request.frames or (scene.frame_start, scene.frame_end)
    count = last - first + 1
    # A process renders its frames in one call, which is faster even where it is the only one, but takes time to start.
    workers = min(request.workers or worker_count(), max(1, count // FEW)) if count >= FEW else 0
    heard = Step("frames", 0, 1)
    stage: Stage | None = None

    def follow(step: Step) -> None:
        nonlocal heard
        heard = step
        if stage is not None and step.stage == stage.name:
            first_one = "the first one takes longest, it compiles the shaders"
            stage.update(step.done / step.total, f"{step.done} of {step.total}" if step.done else first_one)

    job = Production(scene, quality, out, folder, first, last, places["blend"], workers, resume=request.resumes)
    with contextlib.closing(produce(job, follow)) as work:
        with terminal.stage("frames") as stage:
            for _ in work:
                if heard.stage == "video":
                    break
            width, height = quality.size
            stage.summary = f"{heard.total} of {width}x{height}, samples {quality.samples}, processes {workers or 1}"
        if heard.stage == "video":
            with terminal.stage("video") as stage:
                for _ in work:
                    pass
                size = sum(path.stat().st_size for path in (out.iterdir() if out.is_dir() else [out]))
                stage.summary = f"{size / 1e6:.1f} MB, {duration(count / quality.fps)} long"


def _run(trace: Trace) -> str:
    generated = "".join(token.text for token in trace.generated_tokens)
    return f"{trace.prompt} -> {generated}, {len(trace.operations):,} operations, {trace.run.device}"


def _counts(film: Film, scene: bpy.types.Scene) -> str:
    operations = [operation for trace in film.traces for operation in trace.operations]
    multiplies = sum(operation.kind == "matmul" for operation in operations)
    blocks = [block for layout in film.layouts for block in layout.blocks]
    cells = sum(rows * columns for rows, columns in (block.shape for block in blocks))
    ran = f"{len(operations):,} operations ({multiplies:,} multiplies), " if operations else ""
    drawn = f"{len(blocks):,} blocks, {cells:,} cells, " if blocks else ""
    return f"{ran}{drawn}{len(scene.objects):,} objects"


def _shown(path: Path) -> str:
    """As short as it can be written from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(status)
