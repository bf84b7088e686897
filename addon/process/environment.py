# SPDX-License-Identifier: GPL-3.0-or-later
"""A private Python environment with torch and transformers: which build of torch suits this machine, how much it is to
download, and by which commands it is made. Making it is `set_up`'s."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .python import OLDEST, candidates, clean_environment, own_python

PACKAGES = ("torch==2.13.0", "safetensors==0.8.0", "transformers==5.24.0")  # as in pyproject.toml
UV = "uv==0.13.9"  # fetched where none is on the PATH: it alone finds the build of torch for a graphics card by itself
MARK = "forward_pass.json"  # in the environment: how far it was made
VERSION = 1
MB = 1_000_000


@dataclass(frozen=True)
class Machine:
    """What decides on the build of torch: the system and the processor as `platform` names them, the NVIDIA graphics
    cards by name (empty for none)."""

    system: str
    processor: str
    nvidia: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variant:
    """A build of torch, `backend` as uv calls it (None where there is only one), with bytes to download and on disk
    for it and all that it needs, transformers included."""

    name: str
    words: str
    backend: str | None
    download: int
    disk: int


# Sizes as the wheels of torch 2.13.0 and of what it needs have, for Python 3.11: summed up from what pip said that it
# downloads, on 24 November 2026 (for CUDA torch itself is 527 MB, CUDA's libraries 2.3 GB, Triton 286 MB). On disk as
# measured for the processor's on Linux; the others by the same factor.
OTHERS = 56 * MB  # transformers, NumPy, SymPy and the rest, alike everywhere
VARIANTS = {
    "cpu": Variant("cpu", "for the processor", "cpu", 192 * MB + OTHERS, 1100 * MB),
    "cpu, Windows": Variant("cpu", "for the processor", "cpu", 122 * MB + OTHERS, 900 * MB),
    "cuda": Variant("cuda", "for NVIDIA graphics cards", "auto", 3119 * MB + OTHERS, 8000 * MB),
    "mps": Variant("mps", "for Apple graphics", None, 111 * MB + OTHERS, 800 * MB),
}


@dataclass(frozen=True)
class Step:
    """One part of the work: a name, a line for people, commands to try in turn until one succeeds, and where it begins
    and ends on the bar."""

    name: str
    words: str
    commands: tuple[tuple[str, ...], ...]
    begins: float
    ends: float


@dataclass(frozen=True)
class Plan:
    """How to make the environment in `folder`."""

    folder: Path
    variant: Variant
    steps: tuple[Step, ...]

    @property
    def python(self) -> Path:
        """The Python of the environment."""
        return python_of(self.folder)

    @property
    def log(self) -> Path:
        """Where all that the commands said is kept: beside the folder, as that may be begun anew."""
        return self.folder.with_name(f"{self.folder.name}.log")


def look_at_machine() -> Machine:
    """This machine: 10 ms, and up to some seconds where NVIDIA's driver has to wake up."""
    found = shutil.which("nvidia-smi")
    names: tuple[str, ...] = ()
    if found is not None:
        command = [found, "--query-gpu=name,memory.total", "--format=csv,noheader"]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
            names = tuple(line.strip() for line in said.stdout.splitlines() if line.strip() and not said.returncode)
        except (OSError, subprocess.TimeoutExpired):
            names = ()
    return Machine(platform.system(), platform.machine(), names)


def choose_variant(machine: Machine) -> Variant:
    """The build of torch for a machine. Raises `UserError` where none is made for it."""
    if machine.system == "Darwin":
        if machine.processor != "arm64":
            raise UserError("torch is no longer made for Macs with Intel processors.", "Use a built-in model.")
        return VARIANTS["mps"]
    if machine.nvidia:
        return VARIANTS["cuda"]
    return VARIANTS["cpu, Windows" if machine.system == "Windows" else "cpu"]


def python_of(folder: Path) -> Path:
    """The Python of the environment in `folder`, whether it is there or not."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def make_plan(folder: Path, variant: Variant, uv: str | None = None) -> Plan:
    """The commands that make the environment: by `uv` (default: the one on the PATH), else by a Python's own venv and
    pip, which then fetches uv. Where uv does not get the packages, pip tries, which honours its own configuration.

    Raises `UserError` where there is neither uv nor a Python to begin with.
    """
    uv = uv or shutil.which("uv")
    python = str(python_of(folder))
    bases = _bases()
    if uv is None and not bases:
        hint = "Install uv or Python, or point to a Python that has torch in the preferences."
        raise UserError("There is no Python to make an environment with.", hint, remedies=("python",))
    if uv is not None:
        wanted = [str(bases[0])] if bases else []
        makers: list[tuple[str, ...]] = [
            (uv, "venv", "--seed", "--python", base, str(folder)) for base in (*wanted, "3.12")
        ]
        tools: tuple[Step, ...] = ()
        installer: tuple[str, ...] = (uv,)
    else:
        makers = [(str(base), "-m", "venv", str(folder)) for base in bases]
        fetch = (python, "-m", "pip", "install", *QUIET, UV)
        tools = (Step("tools", "Fetching the installer", (fetch, (python, "-c", "")), 0.03, 0.05),)
        installer = (python, "-m", "uv")
    backend = ("--torch-backend", variant.backend) if variant.backend else ()
    by_uv = (*installer, "pip", "install", "--python", python, *backend, *PACKAGES)
    by_pip = (python, "-m", "pip", "install", *QUIET, *PACKAGES)
    return Plan(
        folder,
        variant,
        (
            Step("venv", "Making an environment", tuple(makers), 0.0, 0.03),
            *tools,
            Step("packages", "Fetching torch and transformers", (by_uv, by_pip), 0.05, 0.95),
        ),
    )


QUIET = ("--disable-pip-version-check", "--no-input", "--progress-bar", "off")


def _bases() -> list[Path]:
    """Pythons that can make an environment, the best first: the one that runs now, then those of the search path."""
    own = own_python()
    found = [own] if own is not None and sys.version_info >= OLDEST else []
    return found + [path for path in candidates() if path not in found and not _is_ours(path)]


def _is_ours(path: Path) -> bool:
    return (path.parent.parent / MARK).is_file()


def read_mark(folder: Path) -> dict[str, Any]:
    """How far the environment in `folder` was made: its `variant`, the names of the steps `done`, and whether it is
    `ready`. Empty where there is none, or one that this program did not make."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(mark, dict) and mark.get("version") == VERSION and isinstance(mark.get("done"), list)
    return mark if known else {}


def write_mark(folder: Path, variant: str, done: list[str], ready: bool) -> None:
    """Notes how far it is, whole or not at all."""
    beside = folder / f"{MARK}.part"
    mark = {"version": VERSION, "variant": variant, "packages": PACKAGES, "done": done, "ready": ready}
    beside.write_text(json.dumps(mark), encoding="utf-8")
    os.replace(beside, folder / MARK)


def is_ready(folder: Path) -> bool:
    """Whether a whole environment is there."""
    return bool(read_mark(folder).get("ready")) and python_of(folder).exists()


def is_half_made(folder: Path) -> bool:
    """Whether making it was broken off; it can go on."""
    return bool(read_mark(folder)) and not is_ready(folder)


def size(count: int) -> str:
    """`250 MB` or `2.7 GB`."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def environment_of_commands() -> dict[str, str]:
    """The variables for the commands: no Python's own, no colours, no bars that overwrite themselves."""
    return clean_environment() | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "PYTHONUNBUFFERED": "1", "PIP_NO_COLOR": "1"}
