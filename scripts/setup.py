# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the virtual environment this project runs in, once, with its progress shown.

    python3.11 scripts/setup.py                   .venv: everything (Blender 5.0, torch, transformers, tests, linters)
    python3.11 scripts/setup.py --bpy 4.5.15      .venv-4.5.15: that Blender and the tests, no torch

Nothing is done where the environment is whole and its pins have not changed. Standard library only, because it
runs before anything is installed; for the same reason it has an error class of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"  # 3.11.2 and 3.11.7 may share an environment
PINS = ("pyproject.toml", "constraints.txt")
LIBRARIES = "libegl1 libgl1 libsm6 libxi6 libxkbcommon0 libxrender1 libxfixes3 libxxf86vm1"


class SetupError(Exception):
    """What failed, in one sentence, and a hint."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Environment:
    """A virtual environment to make: its folder, what pip installs into it, and what must import afterwards."""

    folder: Path
    requirements: tuple[str, ...]
    imports: tuple[str, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        """Written last: there if and only if the environment is whole."""
        return self.folder / "forward-pass.json"

    def state(self) -> dict[str, str]:
        """All that, when changed, makes the set-up run again."""
        digest = hashlib.sha256()
        for name in PINS:
            digest.update((ROOT / name).read_bytes())
        return {
            "checkout": str(ROOT),  # an editable install and the scripts of a venv hold absolute paths
            "python": VERSION,
            "pins": digest.hexdigest(),
            "requirements": " ".join(self.requirements),
        }

    def is_ready(self) -> bool:
        """Whether there is nothing to do."""
        try:
            stamped = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(stamped == self.state()) and self.python.exists()


def environment(bpy: str | None) -> Environment:
    """The whole environment, or the small one that tests the Blender side on another version of bpy."""
    if bpy is None:
        imports = ("numpy", "forward_pass", "torch", "transformers", "bpy")
        return Environment(ROOT / ".venv", (".[blender,tracer,models,test,lint]",), imports)
    return Environment(ROOT / f".venv-{bpy}", (".[test]", f"bpy=={bpy}"), ("numpy", "forward_pass", "bpy"))


class Progress:
    """What pip is at and for how long: one line that is rewritten on a terminal, single lines elsewhere."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.now = ""
        self.terminal = sys.stdout.isatty()
        self.done = threading.Event()
        self.clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self.clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.clock.join()
        if self.terminal:
            print("\r\033[K", end="", flush=True)

    def show(self, text: str) -> None:
        """Say what is being done now."""
        self.now = text
        if not self.terminal:
            print(f"      {text}", flush=True)

    def _tick(self) -> None:
        while not self.done.wait(0.5 if self.terminal else 20.0):
            seconds = int(time.monotonic() - self.started)
            if self.terminal:
                width = shutil.get_terminal_size().columns - 12
                print(f"\r\033[K      {self.now[:width]}  {seconds} s", end="", flush=True)
            else:
                print(f"      ... {seconds} s", flush=True)


def what_pip_does(line: str) -> str | None:
    """A line of pip's output in the words of the progress display, or None where it is not worth showing."""
    words = line.split()
    if line.startswith("Installing collected packages:"):
        return f"unpacking {len(words) - 3} packages"
    if words[:1] in (["Downloading"], ["Processing"]) and len(words) > 1 and ".whl" in words[1]:
        name, version = words[1].rsplit("/", 1)[-1].split("-")[:2]
        size = " ".join(words[2:]) if words[0] == "Downloading" else ""
        return f"fetching {name} {version} {size}".rstrip()
    return None


def pip_install(env: Environment, log: Path) -> None:
    """Install what `env` asks for, editable so that a change of the sources needs no new set-up."""
    path_part, *others = env.requirements
    command = [str(env.python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-c", "constraints.txt", "-e", path_part, *others]
    errors: list[str] = []
    with (
        Progress() as progress,
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            kind, _, reason = line.strip().partition(": ")
            if kind in ("ERROR", "error") and reason != "subprocess-exited-with-error":
                errors.append(reason)
            if text := what_pip_does(line.strip()):
                progress.show(text)
    if process.returncode:
        what = errors[-1] if errors else f"pip ended with exit status {process.returncode}"
        hint = f"Check the network and the free disk space. All that pip said is in {env.folder.name}/{log.name}."
        raise SetupError(f"The packages could not be installed: {what}", hint)


def check_imports(env: Environment) -> None:
    """Start what was installed: a wheel can be there and still miss a library of the system."""
    for name in env.imports:
        # os._exit, because a process that imported bpy may hang when it ends in the ordinary way.
        program = f"import os, {name}; os._exit(0)"
        result = subprocess.run([env.python, "-c", program], cwd=env.folder, capture_output=True, text=True)
        if result.returncode == 0:
            continue
        last = (result.stderr.strip().splitlines() or [f"exit status {result.returncode}"])[-1]
        hint = f"Remove the folder {env.folder.name} and try again."
        if "cannot open shared object file" in last:
            hint = f"A library of the system is missing; on Debian and Ubuntu: apt install {LIBRARIES}"
        raise SetupError(f"{name} was installed but does not start: {last}", hint)


def make_folder(env: Environment) -> None:
    """An empty virtual environment, or the one that is there where it fits this Python and this checkout."""
    if env.python.exists():
        check = "import sys; print('%d.%d' % sys.version_info[:2])"
        result = subprocess.run([env.python, "-c", check], capture_output=True, text=True)
        if result.returncode == 0 and result.stdout.strip() == VERSION:
            return
    result = subprocess.run([sys.executable, "-m", "venv", "--clear", env.folder], capture_output=True, text=True)
    if result.returncode:
        last = ((result.stdout + result.stderr).strip().splitlines() or ["no reason given"])[-1]
        raise SetupError(f"The virtual environment {env.folder.name} could not be made: {last}", "Is the disk full?")


def set_up(env: Environment) -> None:
    """Make `env` ready; the stamp goes first and comes back last, so that a failure in between leaves none.

    Raises:
        SetupError: a step failed.
    """
    env.stamp.unlink(missing_ok=True)
    started = time.monotonic()
    name = env.folder.name
    print(f"Setting up {name} (once; this takes a few minutes)", flush=True)
    print(f"[1/3] a virtual environment of Python {sys.version.split()[0]}", flush=True)
    make_folder(env)
    print("[2/3] the packages", flush=True)
    pip_install(env, env.folder / "setup.log")
    print(f"[3/3] starting {', '.join(env.imports)}", flush=True)
    check_imports(env)
    beside = env.stamp.with_suffix(".part")
    beside.write_text(json.dumps(env.state(), indent=1), encoding="utf-8")
    os.replace(beside, env.stamp)
    print(f"{name} is ready after {time.monotonic() - started:.0f} s", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Make the virtual environment this project runs in.")
    parser.add_argument("--bpy", metavar="VERSION", help="make .venv-VERSION with this bpy and no torch instead")
    env = environment(parser.parse_args(arguments).bpy)
    if env.is_ready():
        return 0
    try:
        set_up(env)
    except SetupError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Setting up failed: {error}\nCheck the rights and the free space of {ROOT}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSetting up was interrupted; the next make goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
