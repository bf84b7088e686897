# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python that seems to have torch, and a tracer package that pretends."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def python_with_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This Python with a stand-in for torch, so that the tests run where there is none."""
    folder = tmp_path_factory.mktemp("python with torch")
    (folder / "torch.py").write_text(
        "__version__ = '9.9.9'\n"
        "class cuda:\n    is_available = staticmethod(lambda: True)\n"
        "    device_count = staticmethod(lambda: 1)\n    get_device_name = staticmethod(lambda i: f'Pretend {i}')\n"
        "class backends:\n    mps = None\n"
    )
    metadata = folder / "torch-9.9.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 9.9.9\n")
    return wrapper(folder / "python", f'PYTHONPATH="$PYTHONPATH:{folder}" exec "{sys.executable}" "$@"')


def wrapper(path: Path, command: str) -> Path:
    """A program of one shell line."""
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def pretend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package folder whose `tracer` is tests/process/fake_tracer.py."""
    package = tmp_path_factory.mktemp("packages") / "pretend"
    (package / "tracer").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tracer" / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("fake_tracer.py"), package / "tracer" / "__main__.py")
    return package


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that passes for a model."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder
