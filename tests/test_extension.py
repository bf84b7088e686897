# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip that people install: what is in it, and that Blender installs, enables and disables it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from forward_pass.core.errors import UserError
from scripts import build_extension

pytestmark = pytest.mark.blender

# Runs in a Python of its own: registering an add-on would stay with the other tests of this process.
INSTALL = """
import json, os, sys
import bpy
import addon_utils

module = "bl_ext.user_default.forward_pass"

def classes():
    return {name for name in dir(bpy.types) if "forward_pass" in getattr(getattr(bpy.types, name), "__module__", "")}

def properties():
    return {(kind, name) for kind in ("Scene", "WindowManager", "Object")
            for name in getattr(bpy.types, kind).bl_rna.properties.keys()}

before = properties()
seen = {"install": sorted(bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True))}
seen["enabled"] = module in bpy.context.preferences.addons
first = classes(), properties() - before
seen["classes"] = sorted(first[0])
seen["panels"] = sorted(name for name in classes()
                        if getattr(getattr(bpy.types, name), "bl_category", "") == "Forward Pass")
addon_utils.disable(module)
seen["left"] = sorted(classes()) + sorted(map(list, properties() - before))
errors = []
addon_utils.enable(module, handle_error=lambda error: errors.append(repr(error)))
seen["errors"] = errors
seen["again"] = (classes(), properties() - before) == first
seen["foreign"] = sorted({"torch", "forward_pass"} & set(sys.modules))
print("RESULT " + json.dumps(seen))
sys.stdout.flush()
os._exit(0)
"""


# Adds the repository as the preferences do, installs from it, and is offered what is newer.
SUBSCRIBE = """
import json, os, sys, tomllib
from pathlib import Path
import bpy

extensions = bpy.context.preferences.extensions
bpy.context.preferences.system.use_online_access = True
added = extensions.repos.new(name="Forward Pass", module="served", remote_url=sys.argv[1])
place = [repo.module for repo in extensions.repos].index("served")

def version():
    manifest = Path(extensions.repos[place].directory, "forward_pass", "blender_manifest.toml")
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]

seen = {"sync": sorted(bpy.ops.extensions.repo_sync(repo_index=place))}
seen["install"] = sorted(
    bpy.ops.extensions.package_install(repo_index=place, pkg_id="forward_pass", enable_on_install=True))
seen["enabled"] = "bl_ext.served.forward_pass" in bpy.context.preferences.addons
seen["versions"] = [version()]
print("RESULT " + json.dumps(seen), flush=True)
sys.stdin.readline()
bpy.ops.extensions.repo_sync(repo_index=place)
bpy.ops.extensions.package_upgrade_all()
print("RESULT " + json.dumps({"versions": [version()]}), flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_extension.build(tmp_path_factory.mktemp("dist"))


def test_the_zip_holds_the_add_on_and_its_model_only(extension: Path, root: Path) -> None:
    names = zipfile.ZipFile(extension).namelist()
    assert {"blender_manifest.toml", "__init__.py", "LICENSE", "core/errors.py"} <= set(names)
    if (root / "assets/models/nano-sort").is_dir():
        assert {"assets/models/nano-sort/config.json", "assets/models/nano-sort/model.safetensors"} <= set(names)
    unwanted = (".pyc", ".whl", ".so", ".pyd", ".dll", ".png", ".mp4", ".blend", ".part")
    assert [name for name in names if name.endswith(unwanted) or "__pycache__" in name or "tests/" in name] == []


def test_the_zip_is_named_after_the_version_and_small(extension: Path, root: Path) -> None:
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert extension.name == f"{manifest['id']}-{manifest['version']}.zip"
    assert extension.stat().st_size < 5_000_000


def test_the_manifest_keeps_the_rules_of_the_platform(root: Path) -> None:
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["blender_version_min"] == "4.5.0"
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    sentences = [manifest["tagline"], *manifest["permissions"].values()]
    assert [text for text in sentences if len(text) > 64 or text.endswith(".")] == []


def test_blender_installs_enables_and_disables_it(extension: Path, tmp_path: Path) -> None:
    script = tmp_path / "install.py"
    script.write_text(INSTALL, encoding="utf-8")
    command = [sys.executable, str(script), str(extension)]
    env = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=tmp_path, env=env)
    lines = [line for line in result.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, result.stdout + result.stderr
    seen = json.loads(lines[0].removeprefix("RESULT "))
    assert seen["install"] == ["FINISHED"] and seen["enabled"]
    assert seen["classes"], "the add-on registers no class"
    assert seen["panels"], 'no panel is in a sidebar tab "Forward Pass"'
    assert seen["left"] == []
    assert seen["errors"] == [] and seen["again"]
    assert seen["foreign"] == [], "inside Blender the package has another name, and torch has no place"
    assert "Traceback" not in result.stderr, result.stderr


def test_a_refusal_of_blender_is_a_sentence_and_keeps_the_earlier_zip(tmp_path: Path, root: Path) -> None:
    broken = tmp_path / "checkout"
    (broken / "addon").mkdir(parents=True)
    (broken / "addon/__init__.py").touch()
    (broken / "LICENSE").touch()
    manifest = (root / "blender_manifest.toml").read_text(encoding="utf-8")
    tagline = tomllib.loads(manifest)["tagline"]
    (broken / "blender_manifest.toml").write_text(manifest.replace(tagline, "x" * 65), encoding="utf-8")
    earlier = tmp_path / f"forward_pass-{tomllib.loads(manifest)['version']}.zip"
    earlier.write_bytes(b"earlier")
    with pytest.raises(UserError, match=r"Blender refuses the extension: .*tagline"):
        build_extension.build(tmp_path, root=broken)
    assert earlier.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", earlier.name]


def test_a_missing_manifest_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"blender_manifest\.toml cannot be read"):
        build_extension.build(tmp_path / "dist", root=tmp_path)


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert build_extension.main(["--output-dir", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_repository_is_served_and_offers_updates(tmp_path: Path, root: Path) -> None:
    """A static folder on localhost, and the operators behind Preferences > Get Extensions > Repositories."""
    checkout, folder = tmp_path / "checkout", tmp_path / "served"
    checkout.mkdir()
    for name in ("addon", "docs", "assets", "LICENSE"):
        (checkout / name).symlink_to(root / name)
    manifest = (root / "blender_manifest.toml").read_text(encoding="utf-8")
    now = tomllib.loads(manifest)["version"]

    def publish(version: str) -> None:
        text = manifest.replace(f'"{now}"', f'"{version}"', 1)
        (checkout / "blender_manifest.toml").write_text(text, encoding="utf-8")
        assert build_extension.build_repository(folder, checkout) == folder / "index.json"

    publish(now)
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = tmp_path / "subscribe.py"
        script.write_text(SUBSCRIBE, encoding="utf-8")
        command = [sys.executable, str(script), f"http://127.0.0.1:{server.server_address[1]}/index.json"]
        env = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
        with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=subprocess.STDOUT, text=True, env=env) as process:
            assert process.stdin is not None
            seen = _result(process)
            publish("99.0.0")
            process.stdin.write("\n")
            process.stdin.flush()
            later = _result(process)
        server.shutdown()
    assert seen["sync"] == seen["install"] == ["FINISHED"] and seen["enabled"]
    assert (seen["versions"], later["versions"]) == ([now], ["99.0.0"])
    zips = {f"forward_pass-{version}.zip" for version in (now, "99.0.0")}
    assert {path.name for path in folder.iterdir()} == zips | {"index.json", "index.html"}
    listed = json.loads((folder / "index.json").read_text(encoding="utf-8"))["data"]
    assert [entry["version"] for entry in listed] == ["99.0.0"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Says nothing of requests."""

    def log_message(self, format: str, *args: object) -> None: ...


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line with a result."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
        said.append(line)
    raise AssertionError("".join(said[-30:]))
