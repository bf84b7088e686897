# SPDX-License-Identifier: GPL-3.0-or-later
"""`pytest -p tests.installed --installed ZIP`: the tests look at the extension as Blender has installed it, and not at
the sources.

Blender calls the package bl_ext.user_default.forward_pass. `forward_pass` and all within it become other names of the
same modules, so that every test imports what is installed.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

NAME, REPOSITORY = "forward_pass", "user_default"
FOLDER = "BLENDER_USER_RESOURCES"  # where Blender keeps a user's files


def pytest_addoption(parser: pytest.Parser) -> None:
    """The zip."""
    parser.addoption("--installed", metavar="ZIP", required=True, help="test this extension as Blender installs it")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before anything of the tests imports the package; in a worker too, as each has a Blender of its own."""
    install(early_config.known_args_namespace.installed)


def pytest_unconfigure() -> None:
    """The user files go."""
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)


class Alias(MetaPathFinder, Loader):
    """Finds `forward_pass...` where Blender has it."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}  # what the modules are by their own names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname.partition(".")[0] == NAME else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"bl_ext.{REPOSITORY}.{spec.name}")
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already; Python has only put the other name into it."""
        assert module.__spec__ is not None
        module.__spec__ = self._specs.pop(module.__spec__.name)


def install(archive: str) -> None:
    """Installs the zip among user files of this process's own, and lets the tests import it."""
    if NAME in sys.modules:
        raise RuntimeError(f"{NAME} was imported before the extension was installed")
    # Blender looks there as it starts, which is when the module is imported.
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="forward_pass_user_")
    import bpy

    done = bpy.ops.extensions.package_install_files(
        filepath=os.path.abspath(archive), repo=REPOSITORY, enable_on_install=False
    )
    if done != {"FINISHED"}:
        raise RuntimeError(f"Blender did not install {archive}")
    sys.meta_path.insert(0, Alias())
