# SPDX-License-Identifier: GPL-3.0-or-later
"""bench.py measures what it says, and keeps the numbers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from scripts import _bench_overhead, _bench_peers
from scripts._bench_cost import GPT2, Cost, growth, lines, report
from scripts._bench_overhead import Overhead, Run
from scripts._bench_scene import measure_scenes
from scripts._bench_slabs import measure_slabs
from scripts._bench_slices import Turn, Waits, measure_slices
from scripts.bench import Measure, best


def test_the_best_of_several_runs_counts() -> None:
    lengths = iter([0.05, 0.01, 0.05])
    measure = best("nap", lambda: time.sleep(next(lengths)), 3)
    assert 0.01 <= measure.seconds < 0.05


def test_a_ratio_names_what_it_is_to() -> None:
    assert Measure("a", 3.0).over(Measure("b", 1.5)) == Measure("a", 3.0, 2.0, "b")


def test_numbers_are_shown_and_kept(root: Path, tmp_path: Path) -> None:
    trace, kept = root / "tests" / "data" / "CBABBC.trace.safetensors", tmp_path / "bench.json"
    command = [sys.executable, str(root / "scripts" / "bench.py"), "layout", "--trace", str(trace), "--runs", "1"]
    result = subprocess.run([*command, "--json", str(kept)], capture_output=True, text=True, check=True)
    names = [measure["name"] for measure in json.loads(kept.read_text())["measures"]["layout"]]
    assert names == ["layout", "story", "story of 45 s"] and all(name in result.stdout for name in names)


def test_a_trace_that_is_not_there_is_a_sentence(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(root / "scripts" / "bench.py"), "layout", "--trace", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith("Error: ") and "Traceback" not in result.stderr


def overhead(*peers: str) -> Overhead:
    """One that was measured, with the other tracers of these ways."""
    runs = {"plain": Run("plain forward", 0.2, 1.5, 1000), "trace": Run("trace, to file", 0.3, 1.0, 1250)}
    return Overhead(64, 2, 0.5, 3.0, 50, runs | {peer: Run(peer, 3.0, 0.1, 2000) for peer in peers}, ("no peer",))


def test_ratios_have_the_names_that_they_are_kept_under() -> None:
    assert overhead("torchlens").keys() == {
        "trace_over_plain_64": 1.5,
        "memory_over_plain_64": 1.25,
        "trace_over_torchlens_64": 0.1,
        "trace_over_transformerlens_64": None,
    }


def test_memory_is_told_with_the_file_and_without() -> None:
    lines = list(overhead().lines())
    assert "memory over plain: 1.250, less the file's size 1.200" in lines and lines[-1] == "no peer"


def test_a_peer_that_cannot_run_is_a_line_and_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def child(folder: Path, *words: str, beside: Path | None = None) -> str:
        ways = tuple(word for word in words if word in ("plain", "trace", "torchlens", "transformerlens"))
        asked.append((ways, beside))
        if "torchlens" in ways:
            raise UserError("The measurement failed: no graphviz.")
        seconds = {"plain": 0.5, "trace": 1.0, "transformerlens": 4.0}
        facts = {"peak": 100 * len(ways[0]), "threads": 2, "prepare": 1.0, "bytes": 7} if ways else {}
        return "said before\n" + json.dumps({"seconds": {way: seconds[way] for way in ways}, **facts})

    monkeypatch.setattr(_bench_overhead, "_child", child)
    monkeypatch.setattr(_bench_overhead, "install", lambda peer: Path(peer.way))
    (found,) = _bench_overhead.measure_overhead(1, (8,))
    assert found.keys() == {
        "trace_over_plain_8": 2.0,
        "memory_over_plain_8": 1.0,
        "trace_over_torchlens_8": None,
        "trace_over_transformerlens_8": 0.25,
    }
    assert found.left_out == ("torchlens 2.36.1 is left out: The measurement failed: no graphviz.",)
    assert asked[1:4] == [(("plain", "trace"), None), (("plain",), None), (("trace",), None)]
    assert asked[-2:] == [
        (("trace", "transformerlens"), Path("transformerlens")),
        (("transformerlens",), Path("transformerlens")),
    ]


def test_what_pip_refuses_leaves_nothing_and_what_is_there_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[tuple[str, ...]] = []

    def install(folder: Path, *requirements: str) -> None:
        (folder / "half").touch()
        if not installed:
            installed.append(requirements)
            raise subprocess.CalledProcessError(1, "pip", stderr="WARNING: slow\nERROR: No such version\n")
        installed.append(requirements)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_bench_peers, "pip_install", install)
    peer = _bench_peers.PEERS[0]
    with pytest.raises(UserError, match=r"torchlens 2\.36\.1 could not be installed: No such version\."):
        _bench_peers.install(peer)
    assert list(tmp_path.glob("forward-pass/*")) == []
    assert _bench_peers.install(peer) == _bench_peers.install(peer) == tmp_path / "forward-pass" / "torchlens-2.36.1"
    assert installed == [("torchlens==2.36.1", "graphviz==0.21")] * 2
    assert [path.name for path in (tmp_path / "forward-pass").iterdir()] == ["torchlens-2.36.1"]


def test_the_child_measures_a_small_model(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    model = tmp_path / "model"
    ways = ("--way", "plain", "--way", "trace", "--tokens", "8", "--rounds", "1")
    found = json.loads(_bench_overhead._child(model, "--make", "--tiny", *ways))
    assert set(found["seconds"]) == {"plain", "trace"} and min(found["seconds"].values()) > 0
    assert found["bytes"] > 10_000 and found["prepare"] > 0 and found["threads"] >= 1
    assert [path.name for path in model.iterdir() if "trace" in path.name] == []


def test_a_child_that_fails_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^The measurement failed: .*No such file or directory.*\.$"):
        _bench_overhead._child(tmp_path / "none", "--way", "plain")


def cost(name: str, step: float, cells: int = 1000) -> Cost:
    return Cost(name, cells, 10, 1.5, 2**30, 2_000_000, step, 0.6, 0.5)


def test_scenes_are_kept_under_their_names() -> None:
    found = report([cost("nano-sort", 1.0), cost(GPT2, 9.0), cost("naive", 40.0)])
    assert (found["nano_build_s"], found["nano_frame_set_ms"], found["naive_frame_set_ms"]) == (1.5, 1.0, 40.0)
    assert (found["gpt2_build_s"], found["gpt2_peak_gib"], found["gpt2_blend_mb"]) == (1.5, 1.0, 2.0)
    assert found["gpt2_frame_set_ms"] == 9.0 and found["frame_over_static_mesh"] == pytest.approx(1.2)
    assert report([]) == {}


def test_growth_is_the_power_of_the_cells() -> None:
    costs = [cost(GPT2, 9.0, 90_000), cost("nano-sort", 3.0, 10_000), cost("naive", 40.0, 500)]
    assert growth(costs) == report(costs)["frame_set_exponent"] == pytest.approx(0.5)
    assert growth(costs[:1]) is growth([costs[0], costs[2]]) is None
    assert "to the power of 0.50" in "\n".join(lines(costs))


def test_the_naive_way_is_scaled_only_in_words() -> None:
    said = lines([cost("nano-sort", 1.0, 4000), cost("naive", 40.0, 500)])
    assert said[-1] == "nano-sort: the naive way, were it to grow evenly, would take 320 ms a step"


@pytest.mark.blender
@pytest.mark.slow
def test_small_scenes_are_measured() -> None:
    pytest.importorskip("bpy")
    pytest.importorskip("transformers")
    costs = {cost.name: cost for cost in measure_scenes(tiny=True)}
    assert list(costs) == ["nano-sort", GPT2, "naive"]
    for cost in costs.values():
        assert cost.build > 0 and cost.step > 0 and cost.cells > 20 and cost.objects > 20
        assert (cost.frame > 0 and cost.static > 0 and cost.file > 100_000) == (cost.name != "naive")


@pytest.mark.blender
def test_a_slab_of_more_cells_is_measured() -> None:
    pytest.importorskip("bpy")
    slabs = measure_slabs(128, percent=10)
    assert slabs.cells == 128 * 128 and slabs.few > 0 and slabs.many > 0
    assert slabs.keys()["slab_frame_over_few_cells"] == slabs.many / slabs.few


def test_the_longest_turns_are_told_first() -> None:
    turns = (Turn("blocks", 0.03, 0.04), Turn("names", 0.05, 0.2), Turn("button", 0.01, 0.01))
    waits = Waits("first", turns, 0.0, 0.07)
    assert [turn.at for turn in waits.longest] == ["names", "blocks", "button"]
    assert waits.keys() == {"first_longest_turn_ms": 50.0, "first_undo_ms": pytest.approx(70.0)}
    assert "50.0 ms cpu" in waits.lines()[1] and "0.09 s cpu" in waits.lines()[0]


@pytest.mark.blender
@pytest.mark.slow
def test_turns_of_a_generation_are_measured(root: Path) -> None:
    pytest.importorskip("bpy")
    waits = next(measure_slices(root / "tests" / "data" / "CBABBC.trace.safetensors"))
    at = [turn.at for turn in waits.turns]
    assert at[0] == "the button" and at[-1] == "Done" and "Building: blocks" in at
    assert len(at) > 30 and waits.undo > 0
