# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe: all that was chosen for a video, as a commented TOML file that can be edited and run again.

What lets a program reach the network or run a model's own code is never part of it: that takes a person's word each
time.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .chapters import check_chapters
from .errors import UserError
from .examples import read_focus
from .presets import PRESETS, USUAL, preset
from .view import ALL, BOUNDS, View, Views, check_views
from .words import CATALOGS, catalog, check_captions

VERSION = 1
CAPTIONS, CAMERA = "captions", "camera"
OWN_VIEWS = """\
# From where all acts are seen or, under [camera.scores] or another chapter's name, one of them. What is left out is
# chosen by the story.\
"""
OWN_WORDS = """\
# Your own words for a moment; "" leaves it out. docs/presets.md lists the moments and what stands in braces.
# "scores" = "{text} asks every token before it."
# "why scores" = "A large score is a match."\
"""
HEAD = """\
# A recipe of Forward Pass. Change what you like and run it again:
#   scripts/make_video.py --recipe {name}
# What stands behind a # is as it is by itself.
"""


# What is more than a type: each raises UserError.
CHECKS: dict[str, Callable[[Any], object]] = {
    "preset": preset,
    "without": check_chapters,
    "acts": check_chapters,
    "focus": read_focus,
    "language": catalog,
}


def _entry(section: str, words: str, default: Any, example: str = "") -> Any:
    """A field of the recipe: its section in the file, what it is for, and how one is written where there is none."""
    return field(default=default, metadata={"section": section, "words": words, "example": example})


@dataclass(frozen=True)
class Recipe:
    """`prompt` None is that of a trace; every other None leaves the choice to the model, the story or the quality."""

    name: str = _entry("model", "a built-in model, a folder, or org/name of the hub", "nano-sort")
    prompt: str | None = _entry("model", "the text that the model reads", None, '"CBABBC"')
    tokens: int | None = _entry("model", "how many tokens to generate", None, "6")
    temperature: float | None = _entry("model", "0 takes the likeliest token each time", None, "0.8")
    top_k: int | None = _entry("model", "draw from so many of the likeliest", None, "50")
    top_p: float | None = _entry("model", "draw from the likeliest that together have this share", None, "0.9")
    seed: int = _entry("model", "the same draws with the same number", 0)
    chat: bool = _entry("model", "put the prompt into the model's chat template", False)
    device: str = _entry("model", "auto, cuda, mps, cpu", "auto")
    dtype: str = _entry("model", "auto, float32, float16, bfloat16", "auto")
    attention: str = _entry("model", "eager: step by step; sdpa: fused", "eager")
    max_bytes: str | None = _entry("model", "the most that the trace may take", None, '"500MB"')
    keep: tuple[str, ...] = _entry(
        "model", "parts of large tensors to keep in full", (), '["lm_head.weight[0:64, 0:64]"]'
    )
    preset: str = _entry("story", f"what kind of video: {', '.join(PRESETS)}", USUAL)
    seconds: float | None = _entry("story", "about how long the video is", None, "60.0")
    without: tuple[str, ...] = _entry("story", "chapters to leave out", (), '["norm", "mlp"]')
    acts: tuple[str, ...] = _entry("story", "tell these chapters and no others", (), '["scores", "softmax"]')
    focus: str | None = _entry("story", "the head that is worked slowly", None, '"layer 2 head 1"')
    language: str = _entry("story", f"of what is said: {', '.join(CATALOGS)}", "en")
    other: str | None = _entry("story", "the other prompt of compare", None, '"ABCABC"')
    other_model: str | None = _entry("story", "the other model of compare", None, '"tiny-shakespeare"')
    models: tuple[str, ...] = _entry("story", "the models of scale", (), '["nano-sort", "gpt2", "gpt-3"]')
    operation: str | None = _entry("story", "the multiply of one-multiply", None, '"layer 2 head 1 scores"')
    theme: str = _entry("look", "colours of the scene", "midnight")
    cells: str = _entry("look", "flat, bars, cubes", "flat")
    quality: str = _entry("video", "a preset of docs/render.md: what the following is where it is left out", "draft")
    size: tuple[int, ...] | None = _entry("video", "width and height in pixels, both even", None, "[1920, 1080]")
    fps: int | None = _entry("video", "frames a second", None, "30")
    samples: int | None = _entry("video", "samples a pixel", None, "16")
    engine: str | None = _entry("video", "eevee, cycles", None, '"eevee"')
    transparent: bool | None = _entry("video", "nothing behind the model", None, "true")
    subtitles: str | None = _entry("video", "captions in the picture or beside it: burnt, beside, both", None, '"both"')
    narration: str | None = _entry("video", "a folder with a recording for each act", None, '"recordings"')
    camera: Views = field(default_factory=dict, metadata={"section": CAMERA})
    captions: Mapping[str, str] = field(default_factory=dict, metadata={"section": CAPTIONS})


def write_recipe(recipe: Recipe, file_name: str) -> str:
    """The text of the file of that name."""
    lines = [HEAD.format(name=file_name) + f"version = {VERSION}"]
    section = ""
    for one in dataclasses.fields(recipe):
        if one.metadata["section"] in (CAPTIONS, CAMERA):
            continue
        if one.metadata["section"] != section:
            section = one.metadata["section"]
            lines.append(f"\n[{section}]")
        value = getattr(recipe, one.name)
        empty = value is None or value == ()
        said = f"# {one.name} = {one.metadata['example']}" if empty else f"{one.name} = {_toml(value)}"
        lines.append(f"{said:<32}  # {one.metadata['words']}")
    own = [f"{_toml(moment)} = {_toml(text)}" for moment, text in recipe.captions.items()]
    return "\n".join([*lines, *_written_views(recipe.camera), f"\n[{CAPTIONS}]", OWN_WORDS, *own]) + "\n"


def _written_views(views: Views) -> list[str]:
    """The lines of the camera: for all acts first, then for those of chapters."""
    lines = [f"\n[{CAMERA}]", OWN_VIEWS, *_written_view(views.get(ALL, View()), says=True)]
    for chapter, view in views.items():
        if chapter != ALL:
            lines += [f"[{CAMERA}.{chapter}]", *_written_view(view, says=False)]
    return lines


def _written_view(view: View, says: bool) -> list[str]:
    """A line for each choice; with `says` those that are left out too, as comments."""
    lines = []
    for one in dataclasses.fields(View):
        value, words = getattr(view, one.name), one.metadata["words"]
        if value is not None or says:
            said = f"# {one.name} = {one.metadata['example']}" if value is None else f"{one.name} = {_toml(value)}"
            lines.append(f"{said:<32}  # {words}")
    return lines


def read_recipe(text: str, where: str) -> Recipe:
    """The recipe in a file's text; `where` names the file in errors.

    Raises UserError (code 2) for text that is not TOML, another version, and what is unknown or of the wrong type,
    each with the line that it stands in.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{where} is not TOML: {error}.", "Compare it with a recipe that was written.", 2) from None
    version = found.pop("version", None)
    if version != VERSION:
        hint = f"This Forward Pass reads version {VERSION}."
        raise UserError(f"{where} says version {version!r}.", hint, 2)
    known = {(one.metadata["section"], one.name): one for one in dataclasses.fields(Recipe)}
    chosen: dict[str, Any] = {}
    own: dict[str, str] = {}
    views = _read_views(found.pop(CAMERA, {}), where, text)
    for section, name, value in _entries(found, where, text):
        place = f"{where}, line {_line(text, section, name)}"
        if section == CAPTIONS:
            if not isinstance(value, str):
                raise UserError(f"{place}: {name} cannot be {_toml(value)}.", "It is a text in quotation marks.", 2)
            own[name] = value
            _check(place, check_captions, {name: value})
            continue
        if (section, name) not in known:
            names = ", ".join(key for at, key in known if at == section)
            raise UserError(f"{place}: there is no {name!r} in [{section}].", f"There are: {names}.", 2)
        kind = str(known[section, name].type)
        if not _fits(value, kind):
            raise UserError(f"{place}: {name} cannot be {_toml(value)}.", f"It is {_described(kind)}.", 2)
        chosen[name] = tuple(value) if isinstance(value, list) else value
        if name in CHECKS:
            _check(place, CHECKS[name], chosen[name])
    return Recipe(**chosen, captions=own, camera=views)


def _read_views(found: Any, where: str, text: str) -> dict[str, View]:
    """What a recipe says of the camera, by chapter."""
    if not isinstance(found, dict):
        raise UserError(f"{where}, line {_line(text, '', CAMERA)}: {CAMERA} is a table.", f"Write [{CAMERA}].", 2)
    tables = {ALL: {name: value for name, value in found.items() if not isinstance(value, dict)}}
    tables |= {name: value for name, value in found.items() if isinstance(value, dict)}
    views = {}
    for chapter, chosen in tables.items():
        section = CAMERA if chapter == ALL else f"{CAMERA}.{chapter}"
        for name, value in chosen.items():
            place = f"{where}, line {_line(text, section, name)}"
            if name not in BOUNDS:
                raise UserError(f"{place}: there is no {name!r} in [{section}].", f"There are: {', '.join(BOUNDS)}.", 2)
            if not _fits(value, "float"):
                raise UserError(f"{place}: {name} cannot be {_toml(value)}.", f"It is {_described('float')}.", 2)
            _check(place, lambda chosen: View(**chosen), {name: float(value)})
        if chosen or chapter != ALL:
            views[chapter] = View(**{name: float(value) for name, value in chosen.items()})
            _check(f"{where}, line {_line(text, CAMERA, section)}", check_views, {chapter: views[chapter]})
    return views


def _check(place: str, check: Callable[[Any], object], value: Any) -> None:
    """Raises the UserError of a check with the place that it is about."""
    try:
        check(value)
    except UserError as error:
        raise UserError(f"{place}: {error.message}", error.hint, 2) from None


def _entries(found: dict[str, Any], where: str, text: str) -> Iterator[tuple[str, str, Any]]:
    sections = dict.fromkeys(one.metadata["section"] for one in dataclasses.fields(Recipe))
    for section, entries in found.items():
        if section not in sections or not isinstance(entries, dict):
            place = f"{where}, line {_line(text, '', section)}"
            hint = f"There are: {', '.join(f'[{name}]' for name in sections)}."
            raise UserError(f"{place}: there is no section {section!r}.", hint, 2)
        for name, value in entries.items():
            yield section, name, value


def _line(text: str, section: str, name: str) -> int:
    """The line, from 1, where `name` stands under [section]; where it cannot be told the section's, or the first."""
    here, best = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[+\s*([^\]\s]+)\s*\]", line)
        if head:
            here = head[1].replace('"', "").replace("'", "")
            best = number if here in (section, name) else best
        if here == section and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[.=]", line):
            return number
    return best


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("tuple[int"):
        return isinstance(value, list) and all(type(one) is int for one in value)
    if kind.startswith("tuple[str"):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if kind.startswith("float"):
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is {"int": int, "str": str, "bool": bool}[kind.split(" ")[0]]


def _described(kind: str) -> str:
    if kind.startswith("tuple"):
        return "a list of whole numbers" if "int" in kind else "a list of texts"
    words = {"float": "a number", "int": "a whole number", "str": "a text in quotation marks", "bool": "true or false"}
    return words[kind.split(" ")[0]]


def _toml(value: Any) -> str:
    """A value as TOML writes it; its basic strings are JSON's but for DEL, which JSON does not escape."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value) if isinstance(value, int | float) else json.dumps(str(value))
