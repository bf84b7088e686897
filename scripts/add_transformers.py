# SPDX-License-Identifier: GPL-3.0-or-later
"""Put another version of transformers beside the packages of .venv, to run the tracer's tests on it.

    .venv/bin/python scripts/add_transformers.py 4.57.6     prints the folder, .venv/transformers-4.57.6

Only what .venv has in a version that does not suit it comes along: never a second torch. Nothing is done where the
folder is whole.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
# The newest that suit the versions which CI tests; for others pip takes the newest that suits.
PINS = {"4.57.6": ("huggingface-hub==0.36.2", "tokenizers==0.22.2")}
STAMP = "complete"


def main(arguments: list[str]) -> int:
    """Exit status 0; 1 where pip fails, 2 for wrong use."""
    if len(arguments) != 1 or not re.fullmatch(r"\d+(\.\d+)+((a|b|rc|\.post|\.dev)\d+)?", arguments[0]):
        print("Say which version, for example: make test-transformers TRANSFORMERS=4.57.6", file=sys.stderr)
        return 2
    folder = ROOT / ".venv" / f"transformers-{arguments[0]}"
    try:
        if not (folder / STAMP).exists():
            fill(folder, arguments[0])
    except subprocess.CalledProcessError as error:
        print(f"transformers {arguments[0]} could not be installed: {last_line(error.stderr)}", file=sys.stderr)
        return 1
    print(folder.relative_to(ROOT))
    return 0


def fill(folder: Path, version: str) -> None:
    """Installs transformers and what it needs into an empty folder, and says so inside when all is there."""
    shutil.rmtree(folder, ignore_errors=True)
    pins = {Requirement(pin).name: pin for pin in PINS.get(version, ())}
    wanted, done = [f"transformers=={version}"], set[str]()
    while wanted:
        requirement = wanted.pop(0)
        name = Requirement(requirement).name
        if name not in done:
            done.add(name)
            pip_install(folder, requirement)
            wanted += [pins.get(one.name, str(one)) for one in requirements(folder, name) if not is_met(one)]
    (folder / STAMP).touch()


def pip_install(folder: Path, *requirements: str) -> None:
    """Installs those alone into `folder`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--target", os.fspath(folder), *requirements]
    subprocess.run(command, check=True, capture_output=True, text=True)


def requirements(folder: Path, name: str) -> list[Requirement]:
    """What the package of that name in `folder` needs here, without its extras."""
    found = next(iter(metadata.distributions(name=name, path=[os.fspath(folder)])))
    needed = map(Requirement, found.requires or ())
    return [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]


def is_met(requirement: Requirement) -> bool:
    """Whether .venv has it in a version that suits."""
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def last_line(text: str) -> str:
    """The last line that pip said."""
    return (text.strip().splitlines() or ["pip said nothing"])[-1].removeprefix("ERROR: ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
