# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: where the checkout is, what may be missing, which tests a worker runs together, and a clean
end after bpy."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before NumPy and torch read it: workers that each take every core only wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# Machines that build and test at once are slow at times; a property that holds late still holds.
settings.register_profile("forward pass", deadline=None)
settings.load_profile("forward pass")

ROOT = Path(__file__).resolve().parent.parent
STATUS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; the test is skipped where there is none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("there is no ../shared with reference data beside this checkout")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Blender where there is none."""
    if importlib.util.find_spec("bpy") is None:
        for item in items:
            if "blender" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="bpy is not installed in this Python"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one file run in one worker, as they share what is costly to make."""
    from tests.workers import ByWhatTheyShare

    return ByWhatTheyShare(config, log)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End at once after the closing line: a process that imported bpy can hang when it ends in the ordinary way."""
    status = config.stash.get(STATUS, None)
    if status is not None and "bpy" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the exit status for `pytest_unconfigure`."""
    session.config.stash[STATUS] = int(exitstatus)
