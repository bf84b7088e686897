# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the house that no linter knows: who may import whom, licences, versions, names of hosts."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOMS = ("core", "tracer", "process", "scene", "render", "ui")
MAY_IMPORT = {
    "core": set(),
    "tracer": {"core"},
    "process": {"core"},
    "scene": {"core"},
    "render": {"core"},
    "ui": {"core", "process", "scene", "render"},
    "scripts": {"core", "process", "scene", "render", "ui"},
    "": {"core", "process", "scene", "render", "ui"},  # addon/__init__.py and addon/api.py
}
BLENDER = {"bpy", "bmesh", "mathutils", "bpy_extras", "gpu", "gpu_extras", "blf", "idprop", "imbuf", "addon_utils"}
OUTSIDE = {  # besides the standard library
    "core": {"numpy"},
    "process": {"numpy"},
    "scene": {"numpy"} | BLENDER,
    "render": {"numpy"} | BLENDER,
    "ui": {"numpy"} | BLENDER,
    "": BLENDER,
}
NEVER = {"tracer": BLENDER}  # where anything else is welcome


def imports(source: str, package: tuple[str, ...]) -> set[str]:
    """The dotted names that `source`, a module in `package`, imports; members count, as they may be modules."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            names |= {".".join((*base, alias.name)) for alias in node.names}
    return names


def breaches(source: str, room: str, package: tuple[str, ...]) -> list[str]:
    """What a module of `room` imports and must not."""
    wrong = []
    for name in sorted(imports(source, package)):
        top, *rest = name.split(".")
        if top in ("forward_pass", "addon"):
            other = rest[0] if rest and rest[0] in ROOMS else ""
            if other and other != room and other not in MAY_IMPORT[room]:
                wrong.append(name)
        elif top in NEVER.get(room, ()) or top not in OUTSIDE.get(room, {top}) | sys.stdlib_module_names:
            wrong.append(name)
    return wrong


def modules(root: Path) -> list[tuple[Path, str, tuple[str, ...]]]:
    """Every module of the add-on and the scripts, with its room and its package."""
    found: list[tuple[Path, str, tuple[str, ...]]] = []
    for path in sorted((root / "addon").rglob("*.py")):
        parts = path.relative_to(root / "addon").parent.parts
        found.append((path, parts[0] if parts else "", ("forward_pass", *parts)))
    return found + [(path, "scripts", ("scripts",)) for path in sorted((root / "scripts").glob("*.py"))]


@pytest.mark.parametrize(
    ("source", "room", "wrong"),
    [
        ("from ..scene import blocks", "core", ["forward_pass.scene.blocks"]),
        ("from .. import scene", "process", ["forward_pass.scene"]),
        ("import bpy", "core", ["bpy"]),
        ("def f():\n    import torch", "scene", ["torch"]),
        ("import bpy", "tracer", ["bpy"]),
        ("from forward_pass.tracer import model", "scripts", ["forward_pass.tracer.model"]),
        ("from ..scene import blocks", "render", ["forward_pass.scene.blocks"]),
        ("from ..core.errors import UserError\nimport json\nimport numpy as np", "scene", []),
        ("from . import tensors", "core", []),
    ],
)
def test_the_import_rule_sees_breaches(source: str, room: str, wrong: list[str]) -> None:
    package = ("scripts",) if room == "scripts" else ("forward_pass", room)
    assert breaches(source, room, package) == wrong


def test_rooms_import_only_what_they_may(root: Path) -> None:
    found = modules(root)
    assert {room for _, room, _ in found} >= {"core", "scene", "scripts", ""}
    wrong = {
        str(path.relative_to(root)): names
        for path, room, package in found
        if (names := breaches(path.read_text(encoding="utf-8"), room, package))
    }
    assert wrong == {}


def test_the_package_imports_without_blender_and_torch() -> None:
    """None in sys.modules makes an import fail, installed or not."""
    program = (
        "import sys; sys.modules.update(bpy=None, torch=None)\n"
        "import forward_pass, forward_pass.core.layout, forward_pass.core.story, forward_pass.process"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stderr == "" and result.returncode == 0


def test_only_compat_asks_which_blender_this_is(root: Path) -> None:
    asking = [
        path.relative_to(root).as_posix()
        for path, _, _ in modules(root)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("bpy.app.version", "app.version")
    ]
    assert set(asking) <= {"addon/scene/compat.py"}


def files_of_the_checkout(root: Path) -> list[Path]:
    """All files that git would carry."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if result.returncode:
        pytest.skip("this is not a git checkout")
    return [root / name for name in result.stdout.split("\0") if name and (root / name).is_file()]


def test_every_source_file_names_its_licence(root: Path) -> None:
    sources = [
        path
        for path in files_of_the_checkout(root)
        if path.suffix in (".py", ".sh", ".toml") or path.name in ("Makefile", "run", "constraints.txt")
    ]
    assert len(sources) > 20
    line = "# SPDX-License-Identifier: GPL-3.0-or-later"
    bare = [
        str(path.relative_to(root)) for path in sources if line not in path.read_text(encoding="utf-8").split("\n")[:2]
    ]
    assert bare == []
    assert "GNU GENERAL PUBLIC LICENSE" in (root / "LICENSE").read_text(encoding="utf-8")


def test_no_file_names_a_package_registry(root: Path) -> None:
    """Where packages come from is the business of pip's own configuration."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "download.py" + "torch.org", "ana" + "conda.org"]
    naming = []
    for path in files_of_the_checkout(root):
        content = path.read_bytes().lower()
        naming += [f"{path.relative_to(root)}: {host}" for host in hosts if host.encode() in content]
    assert naming == []


def test_one_version(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert project["version"] == manifest["version"]


def test_every_package_is_installed(root: Path) -> None:
    """Besides in place, where folders are found without being named."""
    listed = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = {path.parent.relative_to(root / "addon") for path in (root / "addon").rglob("__init__.py")}
    assert sorted(listed) == sorted(".".join(("forward_pass", *folder.parts)) for folder in found)


def test_everything_is_pinned(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["build-system"]["requires"] + project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    constraints = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wanted += [line for line in constraints if not line.startswith("#")]
    assert {"torch==2.13.0", "bpy==5.0.1; python_version == '3.11'"} <= set(wanted)
    assert [line for line in wanted if line.count("==") < 1 or ">" in line.split(";")[0]] == []
