# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of make_video.py, and what a recipe says of all that is not written there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from forward_pass.core.chapters import CHAPTERS
from forward_pass.core.errors import UserError
from forward_pass.core.known_models import KNOWN
from forward_pass.core.presets import PRESETS, USUAL
from forward_pass.core.recipe import read_recipe
from forward_pass.core.theme import THEMES
from forward_pass.core.words import CATALOGS
from forward_pass.render.presets import CAPTIONS, ENGINES, FORMS, QUALITIES, Quality
from scripts._trace_options import add_trace_options

CELLS = ("flat", "bars", "cubes")
DEVICES = ("auto", "cuda", "mps", "cpu")
MODELS = "a built-in model, a folder with a model of transformers, or org/name of the hub"
# Choices of the run that recipes and options have by the same name.
SHARED = ("temperature", "top_k", "top_p", "seed", "chat", "dtype", "attention", "max_bytes", "keep")
OPERATION = 'words such as "layer 2 head 1 scores", an id or a name of inspect_trace.py, or a tensor'


def parse(arguments: list[str]) -> argparse.Namespace:
    """What is asked for; a recipe says what is not asked for otherwise. Raises `UserError` (code 2)."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.recipe is None:
        return asked
    try:
        text = asked.recipe.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UserError(f"The recipe {asked.recipe} cannot be read: {reason}.", "Check the path.", 2) from None
    recipe = read_recipe(text, str(asked.recipe))
    size = None if recipe.size is None else "x".join(map(str, recipe.size))
    parser.set_defaults(
        prompt=recipe.prompt,
        narration=None if recipe.narration is None else Path(recipe.narration),
        model=recipe.name,
        max_tokens=recipe.tokens,
        **{name: getattr(recipe, name) for name in SHARED} | {"keep": list(recipe.keep)},
        device=recipe.device,
        seconds=recipe.seconds,
        preset=recipe.preset,
        without=",".join(recipe.without),
        acts=",".join(recipe.acts),
        focus=recipe.focus,
        language=recipe.language,
        own_words=recipe.captions,
        views=recipe.camera,
        operation=recipe.operation,
        other=recipe.other,
        other_model=recipe.other_model,
        models=list(recipe.models),
        theme=recipe.theme,
        cells=recipe.cells,
        quality=recipe.quality,
        size=size,
        fps=recipe.fps,
        engine=recipe.engine,
        samples=recipe.samples,
        transparent=recipe.transparent,
        captions=recipe.subtitles,
    )
    return parser.parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong as a `UserError`, without a page of usage before it."""

    def error(self, message: str) -> NoReturn:
        text = message.removeprefix("argument ").rstrip(".")
        raise UserError(f"{text[:1].upper()}{text[1:]}.", f"Run {self.prog} --help to see what it takes.", code=2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="make_video.py",
        description="Make a video of a language model at work on a prompt, with the true numbers.",
        epilog="Exit status: 0 done, 1 failed, 2 wrong use, 130 cancelled. Files appear only when all are complete.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("prompt", nargs="?", metavar="PROMPT", help="for nano-sort: six letters out of A, B, C")
    add("--model", default="nano-sort", metavar="MODEL", help=f"{MODELS} (%(default)s)")
    add("--device", default="auto", metavar="NAME", help=f"what the model runs on: {', '.join(DEVICES)} (%(default)s)")
    add("--recipe", type=Path, metavar="FILE.toml", help="choices of an earlier video; what is written here goes first")
    _add_telling(parser.add_argument_group("what is told").add_argument)
    _add_look(parser.add_argument_group("how it looks").add_argument)
    _add_voice(parser.add_argument_group("how it sounds").add_argument)
    _add_work(parser.add_argument_group("the files, and the work").add_argument)
    add_trace_options(parser)
    parser.set_defaults(own_words={}, views={})
    return parser


def _add_telling(add: Any) -> None:
    add("--preset", default=USUAL, metavar="NAME", help=f"what kind of video: {', '.join(PRESETS)} (%(default)s)")
    add("--seconds", type=float, metavar="S", help="about how long the video is; captions keep the time to be read")
    add("--language", default="en", metavar="NAME", help=f"of what is said: {', '.join(CATALOGS)} (%(default)s)")
    add("--acts", default="", metavar="A,B", help=f"tell these chapters only: {', '.join(CHAPTERS)}")
    add("--without", default="", metavar="A,B", help="leave these chapters out; they are run unseen")
    add("--focus", metavar="WHERE", help='the head that is worked slowly, such as "layer 2 head 1"')
    add("--operation", metavar="WHICH", help="the multiply of one-multiply: " + OPERATION)
    add("--with", dest="other", metavar="PROMPT", help="compare: the prompt of the second run")
    add("--with-model", dest="other_model", metavar="MODEL", help="compare: the model of the second run")
    add(
        "--models",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"scale: {', '.join(one.key for one in KNOWN)}, or a config.json",
    )


def _add_look(add: Any) -> None:
    add("--theme", default="midnight", metavar="NAME", help=f"{', '.join(THEMES)} (%(default)s)")
    add("--cells", default="flat", metavar="NAME", help=f"how a number is drawn: {', '.join(CELLS)} (%(default)s)")
    add("--quality", default="draft", metavar="NAME", help="; ".join(map(_described, QUALITIES.values())) + " (draft)")
    add("--size", metavar="WxH", help="width and height in pixels, both even, instead of the quality's")
    add("--fps", type=int, metavar="N", help="frames a second, instead of the quality's")
    add(
        "--samples",
        type=int,
        metavar="N",
        help="samples a pixel, instead of the quality's: more are slower and cleaner",
    )
    add("--engine", metavar="NAME", help=f"{', '.join(ENGINES)}; auto is eevee (auto)")
    add(
        "--transparent",
        action=argparse.BooleanOptionalAction,
        help="nothing behind the model, where what comes out can be clear: png, prores, lossless, lecture",
    )
    add("--captions", metavar="WHERE", help=f"{', '.join(CAPTIONS)}: in the picture, in files beside it (both)")


def _add_voice(add: Any) -> None:
    add("--narration", type=Path, metavar="FOLDER", help="recordings, each named after the number of its act: 01.wav")
    add(
        "--speak",
        metavar="COMMAND",
        help="speaks each caption, and the pace follows; for example: espeak-ng -w {file} {text}",
    )


def _add_work(add: Any) -> None:
    add("-o", "--output", type=Path, metavar="FILE.mp4", help="the video; the other files lie beside (out/PROMPT.mp4)")
    add("--blend", type=Path, metavar="FILE", help="where to save the scene")
    add(
        "--trace",
        type=Path,
        metavar="FILE",
        help="a trace that is there is used instead of running the model, and PROMPT may be left out; "
        "otherwise the new trace is written there",
    )
    add("--frames", metavar="A-B", help="render only these frames, counted from 1")
    add("--workers", type=int, metavar="N", help="processes that render (without a GPU one for each core, else one)")
    add("--resume", action="store_true", help="keep the frames where the work is broken off, and go on from those")
    add("--no-render", action="store_true", help="stop when the scene is saved")


def _described(entry: Quality) -> str:
    samples = f"{entry.samples} sample{'s' if entry.samples > 1 else ''} a pixel"
    form = "" if entry.form == "mp4" else f", {FORMS[entry.form].words}"
    return f"{entry.name}: {entry.size[0]}x{entry.size[1]}, {entry.fps} frames a second, {samples}{form}"
