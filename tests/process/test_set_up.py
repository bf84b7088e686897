# SPDX-License-Identifier: GPL-3.0-or-later
"""The private environment: planned for the machine, made, broken off, gone on with, by a uv that pretends."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from pathlib import Path

import pytest

from forward_pass.core.errors import UserError
from forward_pass.process import environment, set_up
from forward_pass.process.environment import Machine, Plan, choose_variant, is_half_made, is_ready, make_plan
from forward_pass.process.set_up import EnvironmentJob
from tests.process.conftest import wrapper

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the pretended uv is a shell script")


@pytest.fixture
def plan_with(tmp_path: Path, python_with_torch: Path):
    """A plan by a uv that behaves as it is told; PYTHON of the environment seems to have torch."""

    def plan(mode: str) -> Plan:
        fake = Path(__file__).with_name("fake_uv.py")
        words = f'"{sys.executable}" "{fake}" {mode} "{tmp_path}/journal" "{python_with_torch}"'
        uv = wrapper(tmp_path / f"uv-{mode}", f'exec {words} "$@"')
        made = make_plan(tmp_path / "user" / "environment", environment.VARIANTS["cpu"], uv=str(uv))
        # Without what pip would try afterwards.
        return dataclasses.replace(
            made, steps=tuple(dataclasses.replace(step, commands=step.commands[:1]) for step in made.steps)
        )

    return plan


def finish(job: EnvironmentJob, seconds: float = 20.0) -> EnvironmentJob:
    until = time.monotonic() + seconds
    while job.state == "running":
        assert time.monotonic() < until, job.log
        time.sleep(0.01)
    return job


def journal(tmp_path: Path) -> list[str]:
    return (tmp_path / "journal").read_text().split()


def test_it_is_made_and_tried(plan_with, tmp_path: Path) -> None:
    plan = plan_with("good")
    job = finish(EnvironmentJob(plan))
    assert (job.state, job.error, job.done) == ("done", None, 1.0)
    assert job.info is not None and job.info.torch == "9.9.9" and job.info.path == plan.python
    assert is_ready(plan.folder) and not is_half_made(plan.folder)
    assert "Downloaded torch" in plan.log.read_text() and "$ " in plan.log.read_text()
    finish(EnvironmentJob(plan))
    assert journal(tmp_path) == ["venv", "pip"]  # the second time there was nothing left to do


@pytest.mark.parametrize(("mode", "words"), [("offline", "cannot be reached"), ("full", "The disk is full")])
def test_a_failure_says_why_and_the_next_try_goes_on(plan_with, tmp_path: Path, mode: str, words: str) -> None:
    job = finish(EnvironmentJob(plan_with(mode)))
    assert job.state == "failed" and job.error is not None
    assert words in job.error.message and job.error.remedies[0] == "set_up"
    assert "error: " in job.error.hint and is_half_made(job.plan.folder)
    assert finish(EnvironmentJob(plan_with("good"))).state == "done"
    assert journal(tmp_path) == ["venv", "pip", "pip"]


def test_a_python_that_cannot_make_environments_is_told_apart(plan_with) -> None:
    job = finish(EnvironmentJob(plan_with("bare")))
    assert job.error is not None and "cannot make environments" in job.error.message and "uv" in job.error.hint
    assert not is_half_made(job.plan.folder)


def test_what_a_python_left_that_cannot_is_not_in_the_way_of_the_next(plan_with, tmp_path: Path) -> None:
    bare, good = plan_with("bare"), plan_with("good")
    venv, *rest = good.steps
    both = dataclasses.replace(venv, commands=bare.steps[0].commands + venv.commands)
    job = finish(EnvironmentJob(dataclasses.replace(good, steps=(both, *rest))))
    assert (job.state, job.error) == ("done", None)
    assert journal(tmp_path) == ["venv", "venv", "pip"]


def test_a_cancel_ends_what_the_command_started_and_is_no_error(plan_with) -> None:
    job = EnvironmentJob(plan_with("slow"))
    until = time.monotonic() + 20
    while not any(line.startswith("child ") for line in job.log):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert job.text == "Downloading torch (183.0 MB)"
    child = int(next(line for line in job.log if line.startswith("child ")).split()[1])
    job.cancel()
    finish(job)
    assert (job.state, job.error) == ("cancelled", None) and is_half_made(job.plan.folder)
    for _ in range(200):
        if not is_alive(child):
            break
        time.sleep(0.01)
    assert not is_alive(child)


def test_unpacking_is_told_apart_from_downloading(plan_with) -> None:
    job = EnvironmentJob(plan_with("installing"))
    until = time.monotonic() + 20
    while job.text != "Installing":
        assert time.monotonic() < until
        time.sleep(0.01)
    assert 0.7 < job.done < 0.9
    job.cancel()
    assert finish(job).state == "cancelled"


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc").is_dir()


def test_a_flood_is_kept_out_of_memory_but_in_the_file(plan_with) -> None:
    job = finish(EnvironmentJob(plan_with("flood")))
    assert job.state == "done"
    assert len(job.log) <= set_up.MOST_LINES and max(map(len, job.log)) <= set_up.LONGEST_LINE
    assert job.plan.log.read_text().count("\nline ") == 3000


def test_another_build_of_torch_begins_anew(plan_with, tmp_path: Path) -> None:
    plan = plan_with("good")
    finish(EnvironmentJob(plan))
    finish(EnvironmentJob(dataclasses.replace(plan, variant=environment.VARIANTS["cuda"])))
    assert journal(tmp_path) == ["venv", "pip"] * 2


def test_no_room_on_the_disk_is_said_before_anything_is_made(plan_with, tmp_path: Path) -> None:
    plan = plan_with("good")
    huge = dataclasses.replace(plan.variant, disk=10**18)
    with pytest.raises(UserError, match=r"takes 1000000000\.0 GB"):
        EnvironmentJob(dataclasses.replace(plan, variant=huge))
    assert not (tmp_path / "journal").exists()


@pytest.mark.parametrize(
    ("machine", "name", "backend"),
    [
        (Machine("Linux", "x86_64"), "cpu", "cpu"),
        (Machine("Linux", "x86_64", ("NVIDIA L4, 23034 MiB",)), "cuda", "auto"),
        (Machine("Windows", "AMD64"), "cpu, Windows", "cpu"),
        (Machine("Windows", "AMD64", ("NVIDIA L4",)), "cuda", "auto"),
        (Machine("Darwin", "arm64"), "mps", None),
    ],
)
def test_each_machine_gets_its_build(machine: Machine, name: str, backend: str | None) -> None:
    variant = choose_variant(machine)
    assert (variant.name.partition(",")[0], variant.backend) == (name.partition(",")[0], backend)
    assert variant == environment.VARIANTS[name] and variant.download < variant.disk


def test_an_intel_mac_gets_a_sentence() -> None:
    with pytest.raises(UserError, match="Intel"):
        choose_variant(Machine("Darwin", "x86_64"))


def test_without_uv_a_python_makes_it_and_pip_fetches_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    plan = make_plan(tmp_path / "environment", environment.VARIANTS["cpu"])
    assert [step.name for step in plan.steps] == ["venv", "tools", "packages"]
    assert plan.steps[0].commands[0][1:] == ("-m", "venv", str(plan.folder))
    by_uv, by_pip = plan.steps[2].commands
    assert by_uv[1:5] == ("-m", "uv", "pip", "install") and by_pip[1:4] == ("-m", "pip", "install")
    assert by_uv[-3:] == by_pip[-3:] == environment.PACKAGES


def test_the_packages_are_those_of_the_project(root: Path) -> None:
    import tomllib

    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(environment.PACKAGES) == {*extras["tracer"], *extras["models"]}
