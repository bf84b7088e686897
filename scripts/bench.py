# SPDX-License-Identifier: GPL-3.0-or-later
"""How long things take, measured where it is asked: `python scripts/bench.py build --json build.json`.

    trace    the tracer's process, what tracing costs over the multiplies alone, and for a model of the size of GPT-2
             small over its plain forward pass and beside other tracers, which are installed into the user's cache
    layout   layout and story, from a trace
    build    the scene, from a trace
    frame    frames of that scene in some sizes and samples
    slices   how long Blender's window waits while a scene is generated, from a trace
    scene    the scenes of three sizes of model, each in a process of its own, beside the naive way and a static mesh;
             and a frame of one matrix of millions of cells beside one of few

Times are the best of a few runs, as other work on the machine only ever adds to them. A ratio compares two times of
the same run, so it holds on another machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from forward_pass.core.errors import UserError
from forward_pass.core.layout import lay_out
from forward_pass.core.story import tell
from forward_pass.core.trace import Trace
from forward_pass.process.trace_prompt import trace_prompt
from forward_pass.render.captions import write_text
from scripts._bench_cost import Cost, lines, report
from scripts._bench_overhead import Overhead, measure_overhead
from scripts._bench_scene import measure_scenes
from scripts._bench_slabs import Slabs, measure_slabs
from scripts._bench_slices import Waits, measure_slices
from scripts._memory import peak_memory

PROMPT = "CBABBC"
SIZES = ((480, 270), (854, 480))
SAMPLES = (1, 4)
FRAMES = 3  # of each kind; the first of all compiles the shaders and counts for itself


@dataclass(frozen=True)
class Measure:
    """`seconds` of the thing called `name`; `ratio` is how often it holds the time of the thing called `to`."""

    name: str
    seconds: float
    ratio: float | None = None
    to: str = ""

    def over(self, other: Measure) -> Measure:
        """The same, with its ratio to `other`."""
        return Measure(self.name, self.seconds, self.seconds / other.seconds, other.name)

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f"  {self.ratio:8.2f} x {self.to}"
        return f"{self.name:<28} {self.seconds * 1000:10.1f} ms{ratio}"


def best(name: str, work: Callable[[], Any], runs: int) -> Measure:
    """The shortest of `runs` times of `work`."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return Measure(name, min(times))


def bench_trace(path: Path, runs: int) -> list[Measure]:
    """The child as a whole, the traced forward passes in it, and their multiplies done again by NumPy."""
    whole = best("process", lambda: trace_prompt(PROMPT, "nano-sort", path, "cpu"), 1)
    trace = Trace.open(path)
    traced = Measure("traced forward passes", trace.run.seconds)
    pairs = [
        (trace.array(operation.left), trace.array(operation.right))
        for operation in trace.operations
        if operation.left is not None and operation.right is not None
    ]
    plain = best("multiplies in NumPy", lambda: [left @ right for left, right in pairs], runs)
    opened = best("open and check", lambda: Trace.open(path), runs)
    return [plain, traced.over(plain), whole.over(traced), opened]


def bench_layout(path: Path, runs: int) -> list[Measure]:
    """Where and when."""
    trace = Trace.open(path)
    layout = lay_out(trace)
    placed = best("layout", lambda: lay_out(trace), runs)
    told = best("story", lambda: tell(trace, layout), runs)
    timed = best("story of 45 s", lambda: tell(trace, layout, 45.0), runs)
    return [placed, told.over(placed), timed.over(told)]


def bench_build(path: Path, runs: int) -> list[Measure]:
    """The scene, its file, and a step of its clock."""
    import bpy

    from forward_pass.render.quiet import quiet
    from forward_pass.scene.save import save_blend

    built = best("build", lambda: _build(path), runs)
    scene = bpy.data.scenes[0]
    stepped = best("one frame's clock", lambda: scene.frame_set(scene.frame_current + 1), 10 * runs)
    with tempfile.TemporaryDirectory() as folder, quiet():
        saved = best("save", lambda: save_blend(Path(folder) / "a.blend"), runs)
    return [built, saved.over(built), stepped]


def bench_frame(path: Path, runs: int) -> list[Measure]:
    """One frame from the middle of the story: the first, and the best of those that follow, one by one."""
    from forward_pass.render.frames import render_frames
    from forward_pass.render.presets import Quality

    scene = _build(path)
    middle = (scene.frame_start + scene.frame_end) // 2
    measures: list[Measure] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            for samples in SAMPLES:
                quality = Quality("bench", size, 12, samples)
                times = [
                    seconds
                    for _, seconds in render_frames(scene, Path(folder), quality, middle, middle + FRAMES * runs)
                ]
                if not measures:
                    measures.append(Measure("first frame", times[0]))
                name = f"{size[0]}x{size[1]}, samples {samples}"
                measures.append(Measure(name, min(times[1:])))
    return [measures[0].over(measures[1]), measures[1], *(each.over(measures[1]) for each in measures[2:])]


def _build(path: Path) -> Any:
    """A scene from the trace at `path`, in an otherwise empty file."""
    import bpy

    from forward_pass.render.quiet import quiet
    from forward_pass.scene.build import build_scene

    trace = Trace.open(path)
    layout = lay_out(trace)
    with quiet():
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.data.scenes[0]
    for _ in build_scene(scene, trace, layout, tell(trace, layout)):
        pass
    return scene


BENCHES = {"trace": bench_trace, "layout": bench_layout, "build": bench_build, "frame": bench_frame}


SCENE, SLICES = "scene", "slices"


def main(arguments: list[str]) -> int:
    """Exit status 0; 1 for a failure, 2 for wrong use."""
    parser = argparse.ArgumentParser(description="Measure how long things take here.")
    parser.add_argument("what", choices=(*BENCHES, SLICES, SCENE), nargs="+")
    parser.add_argument("--trace", type=Path, help="a trace to work on, instead of a new one")
    parser.add_argument("--runs", type=int, default=3, help="the best of how many (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    asked = parser.parse_args(arguments)
    if asked.runs < 1:
        parser.error("--runs must be 1 or more")
    try:
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder) / "bench.trace.safetensors"
            found = {what: _bench(what, asked.trace, fresh, asked.runs) for what in asked.what if what in BENCHES}
            waits = _slices(asked.trace, fresh) if SLICES in asked.what else []
        overheads = _overheads(asked.runs) if "trace" in asked.what else []
        costs, slabs = _scenes() if SCENE in asked.what else ([], None)
        if asked.json is not None:
            words = _report(found, overheads, waits) | report(costs) | (slabs.keys() if slabs else {})
            write_text(asked.json, json.dumps(words, indent=1) + "\n")
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130
    return 0


def _bench(what: str, given: Path | None, fresh: Path, runs: int) -> list[Measure]:
    """Measures and shows them. `fresh` is where a trace is made when none is given."""
    measures = BENCHES[what](fresh if what == "trace" else _trace(given, fresh), runs)
    print(f"{what} (peak memory so far {peak_memory()})", *measures, sep="\n  ", flush=True)
    return measures


def _trace(given: Path | None, fresh: Path) -> Path:
    """The trace to work on, made where none is given."""
    if given is None and not fresh.exists():
        trace_prompt(PROMPT, "nano-sort", fresh, "cpu")
    return given or fresh


def _slices(given: Path | None, fresh: Path) -> list[Waits]:
    """How long the window waits, measured and shown."""
    waits = []
    for wait in measure_slices(_trace(given, fresh)):
        print(*wait.lines(), sep="\n  ", flush=True)
        waits.append(wait)
    return waits


def _scenes() -> tuple[list[Cost], Slabs]:
    """What scenes cost, measured and shown."""
    costs, slabs = list(measure_scenes()), measure_slabs()
    print(SCENE, *lines(costs), slabs.line(), sep="\n  ", flush=True)
    return costs, slabs


def _overheads(runs: int) -> list[Overhead]:
    """What tracing a larger model costs, measured and shown."""
    overheads = []
    for overhead in measure_overhead(runs):
        print(*overhead.lines(), sep="\n  ", flush=True)
        overheads.append(overhead)
    return overheads


def _report(found: dict[str, list[Measure]], overheads: list[Overhead], waits: list[Waits]) -> dict[str, Any]:
    machine = {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count()}
    numbers = {what: [asdict(measure) for measure in measures] for what, measures in found.items()}
    report: dict[str, Any] = {**machine, "python": platform.python_version(), "measures": numbers}
    for overhead in overheads:
        report |= overhead.keys()
    for wait in waits:
        report |= wait.keys()
    return report | ({"overhead": [asdict(overhead) for overhead in overheads]} if overheads else {})


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    # A process that imported bpy can hang when it ends in the ordinary way.
    os._exit(status)
