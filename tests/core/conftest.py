# SPDX-License-Identifier: GPL-3.0-or-later
"""The run that most tests of the core look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from forward_pass.core.trace import Trace


@pytest.fixture(scope="session")
def trace(root: Path) -> Trace:
    """nano-sort on CBABBC, as it is kept with the tests. Files that look at another run have a `trace` of their own."""
    return Trace.open(root / "tests" / "data" / "CBABBC.trace.safetensors")
