# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a Python that has torch, without ever importing torch here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..core.errors import UserError

VARIABLE = "FORWARD_PASS_PYTHON"
OLDEST = (3, 10)
HINT = (
    'Press Set Up in the add-on\'s preferences, run "make setup" in a checkout of Forward Pass, or point to a Python '
    f"that has torch, in the preferences or in the variable {VARIABLE}."
)
WAYS = ("set_up", "python")  # what can be done where torch is missing

# Looks for torch by its metadata: 50 ms instead of the seconds that importing it takes.
LOOK = """
import importlib.metadata, importlib.util, json, sys
version = None
if importlib.util.find_spec("torch") is not None:
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown version"
print(json.dumps({"python": list(sys.version_info[:3]), "torch": version, "devices": []}))
"""
# Imports it: says whether it really runs, and on what; a card's memory is in the unit that cards are sold by.
TRY = """
import importlib.metadata, json, sys, torch
devices = ["cpu"]
if torch.cuda.is_available():
    for i in range(torch.cuda.device_count()):
        memory = getattr(torch.cuda, "get_device_properties", lambda i: None)(i)
        size = "" if memory is None else f", {memory.total_memory / 2**30:.0f} GiB"
        devices.append(f"cuda ({torch.cuda.get_device_name(i)}{size})")
if getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
    devices += ["mps"]
try:
    transformers = importlib.metadata.version("transformers")
except importlib.metadata.PackageNotFoundError:
    transformers = None
version = list(sys.version_info[:3])
print(json.dumps({"python": version, "torch": torch.__version__, "devices": devices, "transformers": transformers}))
"""


@dataclass(frozen=True)
class PythonInfo:
    """What a Python is: its program, its version, torch's version (None without torch), and the devices that torch
    can use (empty where torch was only looked for, not imported); transformers' version, None where it was not looked
    for or is not there."""

    path: Path
    version: tuple[int, ...]
    torch: str | None
    devices: tuple[str, ...] = ()
    transformers: str | None = None

    def __str__(self) -> str:
        version = ".".join(map(str, self.version))
        devices = f" on {', '.join(self.devices)}" if self.devices else ""
        return f"Python {version}, torch {self.torch}{devices}" if self.torch else f"Python {version} without torch"


def clean_environment() -> dict[str, str]:
    """This process's environment without what would bend another Python (Blender sets some of these for its own),
    in UTF-8, and with nothing imported by chance from the working directory."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "__PYVENV_LAUNCHER__"}
    return kept | {"PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}


def _ask(path: Path, code: str, timeout: float) -> PythonInfo:
    """Runs `code` in that Python and reads the JSON line that it prints last. Raises `UserError`."""
    hint = "Choose another Python, or repair this one."
    try:
        done = subprocess.run(
            [str(path), "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            env=clean_environment(),
            cwd=path.parent,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{path} did not answer within {timeout:g} seconds.", hint) from error
    except OSError as error:
        raise UserError(f"{path} cannot be run: {error.strerror or error}.", hint) from error
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        devices = tuple(answer["devices"])
        return PythonInfo(path, tuple(answer["python"]), answer["torch"], devices, answer.get("transformers"))
    except (ValueError, LookupError, TypeError) as error:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"{path} does not work as a Python with torch: {said[:300]}", hint) from error


@lru_cache(maxsize=32)
def _look(path: Path, changed: float) -> PythonInfo:
    """As `look`; asked once for a program that has not changed."""
    return _ask(path, LOOK, timeout=20.0)


def look(path: Path) -> PythonInfo:
    """What that Python is, in about 50 ms, without importing torch. Raises `UserError` where it does not run."""
    try:
        changed = path.stat().st_mtime
    except OSError as error:
        hint = "Give the path of a Python program, such as .venv/bin/python."
        raise UserError(f"There is no Python at {path}.", hint, code=2) from error
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a Python program.", "Give the program inside it.", code=2)
    info = _look(path, changed)
    if info.torch is None:
        _look.cache_clear()  # torch may be installed a minute later
    return info


def try_python(path: Path, timeout: float = 120.0) -> PythonInfo:
    """Imports torch in that Python and says which devices it can use: seconds. Raises `UserError`."""
    checked = require(path)
    return _ask(checked.path, TRY, timeout)


def require(path: Path) -> PythonInfo:
    """What that Python is. Raises `UserError` where it is too old or has no torch."""
    info = look(path)
    if info.version < OLDEST:
        raise UserError(
            f"{path} is {info}; Forward Pass needs {'.'.join(map(str, OLDEST))} or newer.", HINT, remedies=WAYS
        )
    if info.torch is None:
        raise UserError(f"{path} has no torch.", HINT, remedies=WAYS)
    return info


def find_python(explicit: str | Path | None = None) -> Path:
    """The Python to run the tracer with.

    `explicit`, then the variable FORWARD_PASS_PYTHON, are final: where they are set and do not serve, that is the
    error. Then the first with torch of: the Python that runs now (unless it is Blender's own), `.venv` beside
    the checkout, and python3 of the search path. Raises `UserError` where there is none.
    """
    for chosen in (explicit, os.environ.get(VARIABLE)):
        if chosen and str(chosen).strip():
            return require(Path(os.path.abspath(os.path.expanduser(str(chosen).strip())))).path
    for path in candidates():
        try:
            return require(path).path
        except UserError:  # one of several to try; the sentence below speaks for all
            continue
    raise UserError("No Python with torch was found.", HINT, remedies=WAYS)


def candidates() -> Iterator[Path]:
    """Where to look for a Python, best first. Paths are not resolved: a venv's Python is a link that must stay."""
    running = Path(sys.executable) if sys.executable else None
    if running is not None and running.name.lower().startswith("python") and not is_blenders_own():
        yield running
    checkout = Path(__file__).resolve().parents[2]
    for program in (checkout / ".venv" / "bin" / "python", checkout / ".venv" / "Scripts" / "python.exe"):
        if program.is_file():
            yield program
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found:
            yield Path(found)


def own_python() -> Path | None:
    """The Python that runs now, as a program to start: Blender's own inside Blender. None where a variable says which
    one to take, and where this one cannot be started."""
    running = Path(sys.executable) if sys.executable else None
    chosen = os.environ.get(VARIABLE, "").strip()
    return running if running is not None and running.name.lower().startswith("python") and not chosen else None


def is_blenders_own() -> bool:
    """Whether the Python that runs is the one inside a Blender: `<version>/python` beside `<version>/scripts`."""
    home = Path(sys.prefix)
    return home.name == "python" and (home.parent / "scripts" / "startup").is_dir()
