# SPDX-License-Identifier: GPL-3.0-or-later
"""A still of every kind of operation, from the built-in models: `python scripts/make_gallery.py -o assets/gallery`.

Each picture is a frame of the model's own story, in the middle of the first such operation that is shown by itself.
Those of "multiply" are one query of nano-sort as a theatre of its own, in each sweep and each arrangement.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.core.layout import Layout
from forward_pass.core.story import Story

PROMPTS = {"nano-sort": "CBABBC", "tiny-shakespeare": "To be, or not to b"}
MULTIPLIES: dict[str, dict[str, str]] = {
    **{style: {"style": style} for style in ("dot", "row", "column", "outer")},
    "corner": {"arrangement": "corner", "theme": "paper"},
    "in-a-row": {"arrangement": "row", "style": "row"},
    "cubes": {"cell_style": "cubes", "style": "row"},
}
SWEPT = 0.47  # where the sweep stands
SECONDS = 120.0  # long enough for the full captions
SLOW = 0.3  # seconds; what fills faster is not shown by itself
MOMENT = 0.68  # of the time that it takes: between two numbers of a running formula


@dataclass(frozen=True)
class Moment:
    """A kind of operation, and the second of the story that shows it."""

    kind: str
    second: float


def moments(layout: Layout, story: Story) -> Iterator[Moment]:
    """One for each kind of operation that fills a block at a pace that can be followed, in the order of the story."""
    fills = {fill.block: fill for fill in story.fills}
    seen: set[str] = set()
    for operation in layout.operations:
        made = [fills[key] for key in operation.out if key in fills and fills[key].duration >= SLOW]
        if operation.kind in seen or not made:
            continue
        seen.add(operation.kind)
        slowest = max(made, key=lambda fill: fill.duration)
        yield Moment(operation.kind, slowest.start + MOMENT * slowest.duration)


def draw(folder: Path, model: str, size: tuple[int, int], samples: int) -> Iterator[Path]:
    """Renders the stills of one built-in model; yields each path. Raises UserError."""
    import bpy

    from forward_pass import build, lay_out, tell, trace
    from forward_pass.render.frames import render_still
    from forward_pass.render.presets import Quality
    from forward_pass.render.quiet import quiet
    from forward_pass.render.settings import still_settings

    quality = Quality("gallery", size=size, fps=24, samples=samples)
    run = trace(PROMPTS[model], model)
    layout = lay_out(run, size[0] / size[1])
    story = tell(run, layout, SECONDS)
    with quiet():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = build(run, layout, story, bpy.data.scenes[0], size=size, fps=quality.fps)
    with still_settings(scene, quality):
        for moment in moments(layout, story):
            path = folder / f"{model}-{moment.kind}.jpg"
            render_still(scene, 1 + round(moment.second * quality.fps), path.with_suffix(".png"))
            as_jpeg(path.with_suffix(".png"), path)
            yield path


def draw_multiplies(folder: Path, size: tuple[int, int], samples: int) -> Iterator[Path]:
    """Renders the stills of a multiply by itself; yields each path. Raises UserError."""
    import bpy

    from forward_pass import make_multiply, trace
    from forward_pass.render.frames import render_still
    from forward_pass.render.presets import Quality
    from forward_pass.render.quiet import quiet
    from forward_pass.render.settings import still_settings
    from forward_pass.scene.matmul_stage import make_matmul_stage

    run = trace(PROMPTS["nano-sort"], "nano-sort", steps=1)
    hidden = run.array("step0.transformer.h.0.ln_1")[0]  # [6, 48]
    query = run.array("transformer.h.0.attn.c_attn.weight")[:, :48]  # [48, 48]
    quality = Quality("gallery", size=size, fps=24, samples=samples)
    for name, look in MULTIPLIES.items():
        with quiet():
            bpy.ops.wm.read_factory_settings(use_empty=True)
        scene = bpy.data.scenes[0]
        words = {"names": ("X", "W", "Q"), "axes": ("tokens", "channels", "features")}
        multiply = make_multiply(hidden, query, scene, **words, **look)
        multiply["fp_sweep_at"] = SWEPT
        make_matmul_stage(scene, multiply, theme=look.get("theme", "midnight"), size=size)
        path = folder / f"multiply-{name}.jpg"
        with still_settings(scene, quality):
            render_still(scene, 1, path.with_suffix(".png"))
        as_jpeg(path.with_suffix(".png"), path)
        yield path


def as_jpeg(png: Path, path: Path) -> None:
    """The picture as a JPEG; the PNG goes."""
    import bpy

    image = bpy.data.images.load(str(png))
    len(image.pixels)  # type: ignore[arg-type]  # saving to another format needs it in memory
    image.filepath_raw, image.file_format = str(path), "JPEG"
    image.save(quality=88)
    bpy.data.images.remove(image)
    png.unlink()


def main(words: Sequence[str] | None = None) -> int:
    """Exit status 0, 1 for a failure, 2 for wrong use."""
    parser = argparse.ArgumentParser(description="Render a still of every kind of operation.")
    parser.add_argument("-o", "--out", type=Path, default=Path("assets/gallery"), help="the folder for the pictures")
    parser.add_argument(
        "--model", action="append", choices=[*PROMPTS, "multiply"], help="one built-in model, or the multiply; else all"
    )
    parser.add_argument("--size", type=int, nargs=2, default=(960, 540), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--samples", type=int, default=16)
    asked = parser.parse_args(words)
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
        for model in asked.model or (*PROMPTS, "multiply"):
            size = (asked.size[0], asked.size[1])
            alone = model == "multiply"
            drawn = (
                draw_multiplies(asked.out, size, asked.samples)
                if alone
                else draw(asked.out, model, size, asked.samples)
            )
            for path in drawn:
                print(path, flush=True)
    except UserError as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return error.code
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(status)
