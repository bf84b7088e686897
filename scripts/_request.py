# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person asks of make_video.py: read from the command line and checked before any work is done."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forward_pass.core.errors import UserError
from forward_pass.core.examples import read_focus, write_focus
from forward_pass.core.presets import COMPARE, SCALE, STORY, USUAL, preset
from forward_pass.core.recipe import Recipe
from forward_pass.core.story import read_plan
from forward_pass.core.telling import Telling
from forward_pass.core.theme import theme
from forward_pass.core.view import Views
from forward_pass.core.words import catalog
from forward_pass.process.options import DEFAULTS, TraceOptions
from forward_pass.render.endings import beside, endings
from forward_pass.render.presets import QUALITIES, Quality, quality, read_range, read_size
from forward_pass.render.workers import MOST
from scripts._arguments import CELLS, DEVICES, SHARED, parse
from scripts._trace_options import read_trace_options

# Of the quality that a person may change, besides the size.
OWN = ("fps", "samples", "engine", "transparent", "captions")
LONGEST = 3600.0  # seconds of video
LONGEST_NAME = 60  # characters of a prompt that go into a file's name


@dataclass(frozen=True)
class Request:
    """`prompt` is None where a trace is read without one; `seconds` None is the story's own length; `frames` are first
    and last, None for all; `workers` None is as many as are worth while; `video` None is out/<prompt>.mp4; `blend` and
    `trace` None lie beside the video; `steps` None generates what suits the model, and `options` say how it runs.
    `resumes` keeps the frames of a run that is broken off, for the next one. `preset` is the kind of video, `without`
    leaves chapters out, `acts` are the only ones told where there are any, `focus` is the layer and the head to work,
    from 0; `views` say from where chapters are seen; `operation` names the multiply of the preset one-multiply, None
    the one with most to show."""

    prompt: str | None
    model: str
    quality: Quality
    device: str
    theme: str
    seconds: float | None
    frames: tuple[int, int] | None
    renders: bool
    workers: int | None
    video: Path | None
    blend: Path | None
    trace: Path | None
    steps: int | None = None
    options: TraceOptions = DEFAULTS
    resumes: bool = False
    narration: Path | None = None  # a folder with a recording for each act
    speak: str = ""  # a command that speaks captions; never part of a recipe, as it runs a program
    cells: str = "flat"
    preset: str = USUAL
    without: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    focus: tuple[int, int] | None = None
    language: str = "en"
    captions: Mapping[str, str] = field(default_factory=dict)
    views: Views = field(default_factory=dict)
    operation: str | None = None
    other: str | None = None
    other_model: str | None = None
    models: tuple[str, ...] = ()

    @property
    def makes(self) -> str:
        """What kind of production it is: `core.presets` says which there are."""
        return preset(self.preset).makes

    @property
    def second(self) -> Request:
        """The run that the preset compare puts beside this one."""
        return dataclasses.replace(
            self,
            prompt=self.other if self.other is not None else self.prompt,
            model=self.other_model or self.model,
            trace=None,
        )

    @property
    def telling(self) -> Telling:
        """What the film depends on besides its runs."""
        width, height = self.quality.size
        return Telling(
            preset=self.preset,
            seconds=self.seconds,
            aspect=width / height,
            language=self.language,
            without=self.without,
            acts=self.acts,
            focus=self.focus,
            captions=self.captions,
            views=self.views,
            operation=self.operation,
            models=self.models,
            cells=self.cells,
        )

    @property
    def reads_trace(self) -> bool:
        """Whether there is a trace to read; otherwise the model runs."""
        return self.trace is not None and os.path.exists(self.trace)

    def targets(self, prompt: str | None = None) -> dict[str, Path]:
        """The files to write, by what they are; `prompt` is that of a trace that was read."""
        prompt = self.preset if self.makes == SCALE else self.prompt if self.prompt is not None else prompt
        assert prompt is not None
        name = file_name(prompt) + (self.quality.suffix or f"-{self.quality.form}")
        video = Path("out") / name if self.video is None else self.video
        if self.quality.suffix and os.path.isdir(video):
            video = video / name
        found = {"video": video} if self.renders else {}
        found["blend"] = self.blend or beside(video, self.quality, ".blend")
        found["recipe"] = beside(video, self.quality, ".recipe.toml")
        if not self.reads_trace and self.makes != SCALE:
            found["trace"] = self.trace or beside(video, self.quality, ".trace.safetensors")
        if self.makes == COMPARE:
            found["second"] = beside(video, self.quality, ".second.trace.safetensors")
        if self.renders:
            found |= {ending: beside(video, self.quality, ending) for ending in endings(self.quality)}
        return found

    @property
    def folders(self) -> tuple[str, ...]:
        """Which of the targets are folders."""
        return () if self.quality.suffix else ("video",)

    def check_frames(self, count: int) -> None:
        """Raises `UserError` (code 2) where the video of frames 1 to `count` does not have those asked for."""
        if self.frames is not None and not 1 <= self.frames[0] <= self.frames[1] <= count:
            raise UserError(
                f"Frames {self.frames[0]} to {self.frames[1]} are not in the video.",
                f"It has frames 1 to {count} at {self.quality.fps} a second.",
                code=2,
            )

    def recipe(self, prompt: str | None) -> Recipe:
        """What would make the same video again."""
        usual, options = _upright(QUALITIES[self.quality.name], self.preset), self.options
        own = {name: value for name in ("size", *OWN) if (value := getattr(self.quality, name)) != getattr(usual, name)}
        return Recipe(
            name=self.model,
            prompt=prompt,
            tokens=self.steps,
            **{name: getattr(options, name) for name in SHARED},
            device=self.device,
            preset=self.preset,
            without=self.without,
            acts=self.acts,
            focus=None if self.focus is None else write_focus(self.focus),
            language=self.language,
            captions=self.captions,
            camera=self.views,
            operation=self.operation,
            other=self.other,
            other_model=self.other_model,
            models=self.models,
            seconds=self.seconds,
            theme=self.theme,
            cells=self.cells,
            quality=self.quality.name,
            narration=None if self.narration is None else str(self.narration),
            **{"subtitles" if name == "captions" else name: value for name, value in own.items()},
        )


def file_name(prompt: str) -> str:
    """`prompt` as a file's name: what every system takes, and different for different prompts."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", prompt)[:LONGEST_NAME]
    if name != prompt or re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d|-.*", name):
        digest = hashlib.sha256(prompt.encode("utf-8", "surrogateescape")).hexdigest()
        name = f"{name.strip('_-') or 'prompt'}-{digest[:8]}"
    return name


def read_request(arguments: list[str]) -> Request:
    """Raises `UserError` (code 2) for what cannot be, with a hint."""
    asked = parse(arguments)
    prompt: str | None = asked.prompt
    trace = asked.trace
    chosen = preset(asked.preset)
    _check_sides(asked, chosen.makes)
    if prompt is None and chosen.makes != SCALE and (trace is None or not os.path.exists(trace)):
        raise UserError(
            "There is no prompt." if trace is None else f"There is no prompt, and no trace {trace} to read.",
            "For the built-in model write six letters out of A, B and C, for example CBABBC.",
            code=2,
        )
    if prompt is not None and not prompt.strip():
        raise UserError("The prompt is empty.", "For the built-in model write six letters, for example CBABBC.", 2)
    if asked.narration is not None and asked.speak is not None:
        raise UserError("A video is narrated by recordings or by a command.", "Give one of the two.", code=2)
    usual = _upright(quality(asked.quality), asked.preset)
    without, acts = _names(asked.without), _names(asked.acts)
    read_plan(chosen, without, acts or None)
    own = {"size": asked.size and read_size(asked.size), **{name: getattr(asked, name) for name in OWN}}
    made = dataclasses.replace(usual, **{name: value for name, value in own.items() if value is not None})
    return Request(
        prompt=prompt,
        model=asked.model,
        quality=made,
        device=_one_of(asked.device, "device", DEVICES),
        theme=theme(asked.theme).name,
        seconds=_seconds(asked.seconds) or (usual.seconds if chosen.name == USUAL else None),
        frames=None if asked.frames is None else read_range(asked.frames),
        renders=not asked.no_render,
        workers=_workers(asked.workers),
        video=_with_suffix(asked.output, made.suffix) if made.suffix else asked.output,
        blend=_with_suffix(asked.blend, ".blend"),
        trace=trace,
        steps=asked.max_tokens,
        options=read_trace_options(asked),
        resumes=asked.resume,
        narration=asked.narration,
        speak=asked.speak or "",
        cells=_one_of(asked.cells, "cell style", CELLS),
        preset=chosen.name,
        without=without,
        acts=acts,
        focus=None if asked.focus is None else read_focus(asked.focus),
        language=catalog(asked.language).language,
        captions=asked.own_words,
        views=asked.views,
        operation=asked.operation,
        other=asked.other,
        other_model=asked.other_model,
        models=_names(",".join(asked.models)),
    )


def _check_sides(asked: argparse.Namespace, makes: str) -> None:
    """Raises `UserError` (code 2) for a comparison with nothing, and for choices that another preset has."""
    if makes == COMPARE and asked.other is None and asked.other_model is None:
        raise UserError(
            "There is nothing to compare with.",
            "Write the other prompt, for example --with ABCABC, or another model with --with-model.",
            2,
        )
    if makes != COMPARE and (asked.other is not None or asked.other_model is not None):
        raise UserError("Only the preset compare shows a second run.", "Add --preset compare.", 2)
    if makes != STORY and asked.views:
        raise UserError(f"The preset {asked.preset} has no camera to choose.", "Leave [camera] out of the recipe.", 2)
    if makes != SCALE and asked.models:
        raise UserError("Only the preset scale shows several models.", "Add --preset scale.", 2)
    if makes == SCALE and (asked.prompt is not None or asked.trace is not None):
        raise UserError("The preset scale shows sizes: no model runs.", "Leave the prompt and the trace out.", 2)


def _upright(chosen: Quality, name: str) -> Quality:
    """A quality in the shape that a preset is made for."""
    width, height = chosen.size
    return dataclasses.replace(chosen, size=(height, width)) if preset(name).aspect < 1 < width / height else chosen


def _names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(name for name in re.split(r"[\s,]+", text) if name)


def _one_of(value: str, what: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UserError(f"There is no {what} called {value!r}.", f"Known: {', '.join(known)}.", code=2)
    return value


def _seconds(value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 < value <= LONGEST):
        raise UserError(f"A video cannot be {value:g} seconds long.", f"Write more than 0, at most {LONGEST:g}.", 2)
    return value


def _workers(value: int | None) -> int | None:
    if value is not None and not 1 <= value <= MOST:
        raise UserError(f"{value} processes cannot render.", f"Write 1 to {MOST}.", 2)
    return value


def _with_suffix(path: Path | None, suffix: str) -> Path | None:
    """With the suffix added where there is none; a folder stays one. Raises `UserError` (code 2) for another one."""
    if path is None or os.path.isdir(path):
        return path
    if path.suffix.lower() == suffix:
        return path
    if path.suffix and not str(path).endswith(os.sep):
        raise UserError(f"{path} does not end in {suffix}.", f"Write {path.with_suffix(suffix)}, for example.", code=2)
    return path.with_name(path.name + suffix)
