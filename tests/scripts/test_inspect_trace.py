# SPDX-License-Identifier: GPL-3.0-or-later
"""inspect_trace.py: what it prints about the sample and about traces made for the purpose, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forward_pass.core.trace import Composite, Map, Module, Part, Step, Token, Trace
from forward_pass.core.trace_manifest import ConcatSource, ExternalSource, PooledSource
from scripts._table import Column, table
from scripts._trace_text import axes, head, operations, plain, tensor
from scripts._trace_tree import tree
from tests.core.making import Maker

Result = subprocess.CompletedProcess[str]


@pytest.fixture
def sample(root: Path) -> Path:
    return root / "tests" / "data" / "CBABBC.trace.safetensors"


@pytest.fixture
def inspect(root: Path) -> Callable[..., Result]:
    """Runs the command as a person does."""

    def run(*arguments: object) -> Result:
        command = [sys.executable, str(root / "scripts" / "inspect_trace.py"), *map(str, arguments)]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)

    return run


# Tables.

COLUMNS = (
    Column("id", right=True),
    Column("name", least=6, keep_end=True),
    Column("note", least=5, drop=1),
    Column("n", drop=2),
)
ROWS = [["1", "model.layers.0.mlp", "a long remark", "7"], ["12", "lm_head", "", "8"]]


def test_a_table_is_aligned_and_whole_where_nobody_limits_it() -> None:
    assert table(COLUMNS, ROWS, None) == [
        "id  name                note           n",
        " 1  model.layers.0.mlp  a long remark  7",
        "12  lm_head                            8",
    ]


@pytest.mark.parametrize("width", range(10, 45))
def test_a_table_fits_every_width(width: int) -> None:
    lines = table(COLUMNS, ROWS, width)
    assert max(map(len, lines)) <= width and len(lines) == 3
    assert ("note" in lines[0]) == (width >= 2 + 6 + 5 + 1 + 3 * 2)
    assert lines[1].startswith(" 1  ") and ".mlp" in lines[1]  # the end of a name is kept
    assert ("model.layers" in lines[1]) == (width >= 40)


def test_what_is_cut_says_so() -> None:
    assert table(COLUMNS, ROWS, 30)[1] == " 1  …ers.0.mlp  a long rem…  7"


def test_a_table_of_nothing_is_its_titles() -> None:
    assert table(COLUMNS, [], None) == ["id  name  note  n"]


# The sample, through the command.


def test_the_table_has_a_line_for_every_operation(inspect: Callable[..., Result], sample: Path) -> None:
    result = inspect(sample)
    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert lines[0] == "trace     CBABBC.trace.safetensors, 1.43 MB: 330 operations, 569 tensors, 6 forward passes"
    assert "prompt    'CBABBC', 6 tokens" in lines and "generated 'ABBBCC', 6 tokens" in lines
    assert "witness   114 multiplies run, 114 captured" in lines
    assert "error     at most 6.4e-07 relative, over 114 multiplies" in lines
    start = lines.index("")
    titles, rows = lines[start + 1], lines[start + 2 :]
    assert " ".join(titles.split()) == "id step layer kind name axes of the result shape max error time"
    assert len(rows) == 330 and [int(row.split()[0]) for row in rows] == list(range(330))
    (scores,) = [row for row in rows if row.split()[:2] == ["226", "4"]]
    error = Trace.open(sample).operations[226].max_error
    said = f"0 matmul transformer.h.0.attn.scores batch head token key_token 1×3×10×10 {error:.1e}"
    assert " ".join(scores.split()[2:]) == said
    for title in ("kind", "name", "axes of the result", "shape"):  # left-aligned columns begin where titles do
        at = titles.index(title)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows)


def test_one_step_may_be_asked_for(inspect: Callable[..., Result], sample: Path) -> None:
    rows = inspect(sample, "--step", 5).stdout.split("\n\n")[1].splitlines()[1:]
    assert len(rows) == 55 and {row.split()[1] for row in rows} == {"5"}
    wrong = inspect(sample, "--step", 6)
    assert wrong.returncode == 2 and wrong.stderr.startswith("Error: There is no step 6.\nThe trace has 6, counted")


def test_the_tree_nests_modules(inspect: Callable[..., Result], sample: Path) -> None:
    result = inspect(sample, "--tree", "--step", 1)
    lines = result.stdout.split("\n\n")[1].splitlines()
    assert lines[:5] == [
        "step 1: tokens 0 to 6",
        "  the model  GPT",
        "    transformer  Transformer",
        "      wte  Embedding",
        "        #55 embedding wte  batch token channel  1×7×48",
    ]
    at = lines.index("      h.1  Block")
    assert lines[at + 3 : at + 6] == [
        "        attn  Attention",
        "          c_attn  Linear",
        "            #75 matmul c_attn  batch token ?*head*key_dim  1×7×144  error 2.1e-07",
    ]
    assert [line.split()[0] for line in lines if "#" in line] == [f"#{i}" for i in range(55, 110)]


def test_everything_is_there_for_programs(inspect: Callable[..., Result], sample: Path) -> None:
    result = inspect(sample, "--json")
    words = json.loads(result.stdout)
    assert result.returncode == 0 and words["file"] == {"path": str(sample), "bytes": sample.stat().st_size}
    assert (len(words["operations"]), len(words["tensors"]), len(words["modules"])) == (330, 569, 216)
    scores = next(one for one in words["operations"] if one["name"].endswith("h.1.attn.scores"))
    assert (scores["shape"], scores["axes"][-1], scores["exact"]) == ([1, 3, 6, 6], ["key_token"], True)
    assert words["witness"] == {"aten_matmuls": 114, "captured": 114} and "verification" not in words
    tensor = next(one for one in words["tensors"] if one["name"] == "step0.transformer.h.0.attn.q")
    assert tensor["stats"]["absmax"] > 0 and tensor["source"]["strides"] == [864, 16, 144, 1]


def test_what_is_right_is_verified(inspect: Callable[..., Result], sample: Path) -> None:
    result = inspect(sample, "--verify")
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and lines[-1] == "Nothing is wrong."
    assert any(line.startswith("multiplies   ") and "114 checked, 0 wrong" in line for line in lines)
    words = json.loads(inspect(sample, "--verify", "--json").stdout)["verification"]
    assert words["ok"] and words["complete"] and words["checks"][0]["checked"] == 114


def test_what_is_wrong_ends_with_status_1(inspect: Callable[..., Result], sample: Path, tmp_path: Path) -> None:
    content = bytearray(sample.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    source = Trace.open(sample).tensor("step3.transformer.h.2.mlp.c_fc").source
    begin = start + json.loads(content[8:start])[source.buffer]["data_offsets"][0]
    content[begin : begin + 4] = np.float32(50).tobytes()
    changed = tmp_path / "changed.trace.safetensors"
    changed.write_bytes(content)
    result = inspect(changed, "--verify")
    assert result.returncode == 1 and result.stderr == ""
    assert "  WRONG: step 3 transformer.h.2.mlp.c_fc: relative error" in result.stdout
    assert json.loads(inspect(changed, "--verify", "--json").stdout)["verification"]["ok"] is False


def test_a_tensor_is_shown_with_a_corner_of_it(inspect: Callable[..., Result], sample: Path) -> None:
    result = inspect(sample, "--tensor", "transformer.h.0.attn.q")  # of step 0
    lines = result.stdout.splitlines()
    assert lines[0].endswith("  step0.transformer.h.0.attn.q") and lines[1] == "shape     1×3×6×16  F32"
    assert lines[2] == "axes      batch head token key_dim"
    assert "used by   #6 matmul transformer.h.0.attn.scores (step 0)" in lines
    at = lines.index("its first 6×6 of 1×3×6×16, at 0, 0:")
    shown = np.array([[float(cell) for cell in line.split()] for line in lines[at + 1 :]])
    np.testing.assert_allclose(shown, Trace.open(sample).array("transformer.h.0.attn.q")[0, 0, :6, :6], rtol=1e-4)
    assert len({len(line) for line in lines[at + 1 :]}) == 1  # aligned
    ids = inspect(sample, "--tensor", "step2.ids").stdout.splitlines()
    assert ids[-1].split() == ["2", "1", "0", "1", "1", "2"]
    assert inspect(sample, "--tensor", "0").stdout.splitlines()[0] == "tensor    0  step0.ids"


def test_a_name_that_is_not_there_is_said_with_names_like_it(inspect: Callable[..., Result], sample: Path) -> None:
    result = inspect(sample, "--tensor", "lm_head.weigth")
    assert result.returncode == 1 and result.stdout == "" and "Traceback" not in result.stderr
    assert result.stderr.splitlines()[0] == "Error: The trace CBABBC.trace.safetensors has no tensor 'lm_head.weigth'."
    assert result.stderr.splitlines()[1].startswith("Names like it: lm_head.weight, ")


def test_a_file_that_is_no_trace_is_one_sentence(inspect: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Once upon a time there was a file that was no trace at all.")
    for name, says in (("none", "is not there"), ("text", "text is not a trace of Forward Pass")):
        result = inspect(tmp_path / name)
        assert result.returncode == 1 and result.stdout == "" and len(result.stderr.splitlines()) == 2
        assert result.stderr.startswith("Error: ") and says in result.stderr
    assert inspect().returncode == 2 and inspect("x", "--tree", "--json").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes there")
def test_a_reader_that_has_seen_enough_is_no_error(root: Path, sample: Path) -> None:
    command = f"'{sys.executable}' '{root}/scripts/inspect_trace.py' '{sample}' --json | head -1"
    result = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "{\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals there")
@pytest.mark.parametrize("width", [40, 80, 132])
def test_the_table_fits_the_terminal(root: Path, sample: Path, width: int) -> None:
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    command = [sys.executable, str(root / "scripts" / "inspect_trace.py"), str(sample), "--step", "0"]
    with subprocess.Popen(command, stdout=child, env={**environment, "PYTHONIOENCODING": "utf-8"}):
        os.close(child)
        shown = read(parent)
    rows = shown.split("\r\n\r\n")[1].rstrip().split("\r\n")
    assert len(rows) == 56 and max(map(len, rows)) <= width
    assert ("max error" in rows[0]) == (width >= 80) and ("time" in rows[0]) == (width >= 132)


def read(terminal: int) -> str:
    """All that is written to a terminal."""
    content = b""
    try:
        while more := os.read(terminal, 1 << 16):
            content += more
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    return content.decode()


# Traces with everything in them.


def everything(path: Path) -> Trace:
    """A composite, parts, aliases, a map, a weight elsewhere, a joined tensor, a sample of elements, rows."""
    made = Maker()
    x = made.tensor("step0.x", np.ones((1, 4)), "token channel")
    normed = made.tensor("step0.norm", np.ones((1, 4)), "token channel", aliases=("blocks.0.ln1.hook_normalized",))
    weight = made.refer("w", (4, 3), ExternalSource("/models/gone.safetensors", "w", (1, 4), 2), parameter="w")
    small = made.tensor("w.absmax", np.full((2, 2), -7.0))
    pooled = made.refer("big", (4, 3), PooledSource(small, "absmax", (2, 2)), maps=(Map("absmax", small, (2, 2)),))
    out, out2 = made.tensor("step0.q", np.ones((1, 3)), "token head*key_dim"), made.tensor("step0.k", np.ones((1, 3)))
    joined = made.refer("step0.cache", (2, 3), ConcatSource((out, out2), 0))
    made.operation(
        "rms_norm", "block.norm", [x], [normed], parts=(Part("other", "pow", (), ()), Part("mul", "mul", (), ()))
    )
    made.multiply("block.attn.q", normed, weight, out, checked=2, seconds=0.0015, rows=(6, 6), of_rows=7)
    made.multiply("block.attn.k", normed, pooled, out2, exact=False, max_error=0.5, seconds=1.25)
    made.operation("concat", "block.attn.cache", [out, out2], [joined], layer=0)
    made.operation("other", "block.attn.nothing.2", [joined], [])
    for path_, name, first, last in (
        ("", "Model", 0, 4), ("block", "Block", 0, 4), ("block.norm", "Norm", 0, 0), ("block.attn", "Attn", 1, 4),
        ("block.attn.q", "Linear", 1, 1), ("block.attn.k", "Linear", 2, 2),
    ):  # fmt: skip
        made.modules.append(Module(path_, name, None, (first, last), 0))
    parts = (("query", 1), ("key", 2), ("columns", 3))
    made.composites.append(Composite("attention", "block.attn", "block.attn", 0, 0, parts, (normed,), (joined,)))
    made.steps = (Step(0, 0, (0, 0), out, 1),)
    tokens = (Token(0, "A", 0), Token(1, "\x1b[31m", 0))
    return made.write(path, prompt="A\x1b[31m\n", tokens=tokens, warnings=("All is not well.",), also="b.safetensors")


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    return everything(tmp_path / "all.trace.safetensors")


def test_the_head_says_what_there_is_to_know(trace: Trace) -> None:
    lines = head(trace)
    assert lines[3] == "prompt    'A\\x1b[31m\\n', 1 tokens"
    assert lines[-1] == "warning   All is not well."
    assert "also      b.safetensors, to compare with (not there)" in lines
    assert "error     at most 1.0e-07 relative, over 1 multiplies; 1 are not exact" in lines
    assert "kept      5 tensors in this file, 1 tensors joined of others, 1 tensors as maps only, " in "\n".join(lines)
    assert any(line.endswith("1 in /models/gone.safetensors") for line in lines)


def test_samples_rows_and_times_are_told_in_the_table(trace: Trace) -> None:
    lines = operations(trace, trace.operations, None)
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "0 0 rms_norm block.norm token channel 1×4",
        "1 0 matmul block.attn.q token head*key_dim 1×3 (row 6 of 7) 1.0e-07* 1.50 ms",
        "2 0 matmul block.attn.k ? ? 1×3 not exact 1.25 s",
        "3 0 0 concat block.attn.cache ? ? 2×3",
        "4 0 other block.attn.nothing.2",
        "* of some of the elements, evenly spaced; --verify recomputes all",
    ]


def test_composites_hold_their_modules_in_the_tree(trace: Trace) -> None:
    assert tree(trace, [0]) == [
        "step 0: tokens 0 to 0",
        "  the model  Model",
        "    block  Block",
        "      norm  Norm",
        "        #0 rms_norm norm  token channel  1×4  of pow, mul",
        "      attn  Attn",
        "        [attention] block.attn",
        "          query    q  Linear",
        "            #1 matmul q  token head*key_dim  1×3  error 1.0e-07*",
        "          key      k  Linear",
        "            #2 matmul k  ? ?  1×3  error not exact",
        "          columns  #3 concat cache  ? ?  2×3",
        "        #4 other nothing.2",
    ]


def test_every_operation_is_in_the_tree_of_a_flat_trace(tmp_path: Path) -> None:
    made = Maker()
    x = made.tensor("x", [[1.0]])
    for i in range(4):
        made.operation("other", f"o{i}", [x], [x])
    made.composites.append(Composite("pair", "p", "", None, 0, (("one", 3), ("two", 1)), (), ()))
    assert [line.strip() for line in tree(made.write(tmp_path / "flat.trace.safetensors"), [0])] == [
        "step 0: tokens 0 to 0", "#0 other o0  ? ?  1×1", "[pair] p", "one  #3 other o3  ? ?  1×1",
        "two  #1 other o1  ? ?  1×1", "#2 other o2  ? ?  1×1",
    ]  # fmt: skip


def shown(trace: Trace, name: str) -> list[str]:
    return tensor(trace, trace.tensor(name))


def test_a_tensor_that_is_elsewhere_says_where(trace: Trace) -> None:
    lines = shown(trace, "w")
    assert "kept      w in /models/gone.safetensors from 2, strides 1, 4" in lines
    assert "the model file /models/gone.safetensors, which does, is not there" in lines[-1]


def test_a_tensor_that_is_a_map_shows_it(trace: Trace) -> None:
    lines = shown(trace, "big")
    assert "kept      only as a map, map absmax of 2×2" in lines
    assert lines[-3:] == ["its map absmax, a number for each 2×2:", "-7  -7", "-7  -7"]


def test_names_and_sources_of_a_tensor_are_shown(trace: Trace) -> None:
    assert "aliases   blocks.0.ln1.hook_normalized" in shown(trace, "blocks.0.ln1.hook_normalized")
    lines = shown(trace, "cache")
    assert "kept      2 tensors joined along dimension 0: step0.q, step0.k" in lines
    assert "made by   #3 concat block.attn.cache (step 0)" in lines and lines[-1] == "1  1  1"


def test_what_does_not_print_is_shown_as_text() -> None:
    assert plain("a\x1b[2J\tb ×é") == "a\\x1b[2J\\tb ×é"


def test_axes_join_what_one_dimension_is_made_of(trace: Trace) -> None:
    assert axes(trace.tensor("step0.q")) == "token head*key_dim"


def test_a_large_trace_is_shown_in_time(tmp_path: Path, inspect: Callable[..., Any]) -> None:
    made = Maker()
    x = made.tensor("x", np.ones((2, 2)))
    for i in range(5000):
        made.operation("other", f"model.layers.{i // 100}.o{i}", [x], [x], seconds=0.001)
    made.modules.append(Module("", "Model", None, (0, 4999), 0))
    path = made.write(tmp_path / "large.trace.safetensors").path
    assert len(inspect(path).stdout.splitlines()) > 5000
    assert sum("#" in line for line in inspect(path, "--tree").stdout.splitlines()) == 5000
