# SPDX-License-Identifier: GPL-3.0-or-later
"""Build and validate the Blender extension: dist/forward_pass-<version>.zip.

    .venv/bin/python scripts/build_extension.py [--output-dir dist]
    .venv/bin/python scripts/build_extension.py --repository FOLDER

The second makes a folder that any web server can serve as an extension repository: people add its index.json to
Blender once, and are offered every later version.

Blender's own extension builder refuses a folder without an `__init__.py` beside the manifest, so the manifest, what
is in addon/ and the assets that ship are staged in a temporary folder first. Needs bpy for that builder only; no
Blender is started.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from forward_pass.core.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
SHIPPED_ASSETS = ("models", "themes")  # not the pictures of the README
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "tests", ".*", "*.part")
Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


def find_builder() -> Path:
    """Blender's `blender_ext.py` in the bpy wheel of this Python.

    Raises:
        UserError: there is no bpy, or it has no such file.
    """
    hint = "Run `make setup` and use the Python of .venv."
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        raise UserError("Blender's module bpy is not installed in this Python.", hint)
    found = sorted(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    if not found:
        raise UserError("This bpy has no extension builder (blender_ext.py).", hint)
    return found[-1]


def read_version(manifest: Path) -> str:
    """The version in a `blender_manifest.toml`.

    Raises:
        UserError: the file is missing, is not TOML or has no version.
    """
    try:
        return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{manifest.name} cannot be read: {error}.", "It lies at the root of the checkout.") from error


def stage(root: Path, folder: Path) -> None:
    """Copy what ships from the checkout at `root` into `folder`, which must not exist yet."""
    shutil.copytree(root / "addon", folder, ignore=LEFT_OUT)
    shutil.copy(root / "blender_manifest.toml", folder)
    shutil.copy(root / "LICENSE", folder)
    if (root / "docs").is_dir():  # the manual, which the add-on's help buttons open
        shutil.copytree(root / "docs", folder / "docs", ignore=LEFT_OUT)
    for name in SHIPPED_ASSETS:
        source = root / "assets" / name
        if source.is_dir():
            shutil.copytree(source, folder / "assets" / name, ignore=LEFT_OUT)


def blender_ext(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run Blender's extension tool; its output is text."""
    command = [sys.executable, str(find_builder()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(result: subprocess.CompletedProcess[str]) -> None:
    """Raise a UserError with the last thing Blender's tool said where it failed."""
    if result.returncode:
        lines = (result.stdout + result.stderr).strip().splitlines() or ["no reason given"]
        raise UserError(f"Blender refuses the extension: {lines[-1].strip()}", "Mend what it names and build again.")


def build(output_dir: Path, root: Path = ROOT, run: Run = blender_ext) -> Path:
    """Build the extension of the checkout at `root` and validate it; an earlier zip is replaced only by a valid one.

    Raises:
        UserError: Blender's tool refuses something, or `output_dir` cannot be written.
    """
    final = output_dir / f"forward_pass-{read_version(root / 'blender_manifest.toml')}.zip"
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".forward-pass-", dir=output_dir) as temporary:
            staged, built = Path(temporary, "forward_pass"), Path(temporary, final.name)
            stage(root, staged)
            check(run(["build", "--source-dir", str(staged), "--output-filepath", str(built)]))
            check(run(["validate", str(built)]))
            os.replace(built, final)
    except OSError as error:
        raise UserError(
            f"{final} cannot be written: {error.strerror or error}.", "Give another --output-dir."
        ) from error
    return final


def build_repository(folder: Path, root: Path = ROOT, run: Run = blender_ext) -> Path:
    """Build the extension into `folder`, with the index that Blender reads and a page that people read; returns the
    index.

    Only the new version is listed. Earlier zips that lie there stay: somebody may be downloading one. The index comes
    last, so that what is listed is there.

    Raises:
        UserError: Blender's tool refuses something, or `folder` cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".forward-pass-", dir=folder) as temporary:
            made = build(Path(temporary, "repository"), root, run)
            check(run(["server-generate", "--repo-dir", str(made.parent), "--html"]))
            for name in (made.name, "index.html", "index.json"):
                os.replace(made.with_name(name), folder / name)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}.", "Give another folder.") from error
    return folder / "index.json"


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Build and validate the Blender extension.")
    parser.add_argument("--output-dir", type=Path, default=ROOT / "dist", help="where the zip goes (dist)")
    parser.add_argument("--repository", type=Path, metavar="FOLDER", help="make an extension repository there instead")
    asked = parser.parse_args(arguments)
    try:
        path = build(asked.output_dir) if asked.repository is None else build_repository(asked.repository)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return 130
    print(f"{os.path.relpath(path)}  {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
