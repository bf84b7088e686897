# SPDX-License-Identifier: GPL-3.0-or-later
"""Other tracers to compare with, installed by the benchmark only: each into a folder of its own in the user's cache,
beside the packages of .venv and never with a second torch.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from forward_pass.core.errors import UserError
from scripts.add_transformers import last_line, pip_install


@dataclass(frozen=True)
class Peer:
    """Another tracer. `way` is what `tracer.overhead` calls it; `needs` what it imports and .venv lacks."""

    way: str
    title: str
    version: str
    package: str
    needs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.title} {self.version}"


PEERS = (
    Peer("torchlens", "torchlens", "2.36.1", "torchlens", ("graphviz==0.21",)),
    Peer(
        "transformerlens",
        "TransformerLens",
        "4.3.0",
        "transformer-lens",
        (
            "accelerate==1.15.0",
            "datasets==5.2.0",
            "dill==0.4.1",
            "einops==0.8.2",
            "jaxtyping==0.3.11",
            "multiprocess==0.70.19",
            "pandas==2.2.3",  # later ones, and those of pyarrow, want another NumPy than bpy does
            "pyarrow==21.0.0",
            "python-dateutil==4.0.0",
            "pytz==2026.6",
            "six==1.17.0",
            "wadler-lindig==0.1.8",
            "xxhash==4.1.0",
        ),
    ),
)


def install(peer: Peer) -> Path:
    """The folder that has it, filled where it was not there yet. Raises UserError where pip fails."""
    folder = cache_folder() / f"{peer.way}-{peer.version}"
    if folder.is_dir():
        return folder
    beside = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        pip_install(beside, f"{peer.package}=={peer.version}", *peer.needs)
        os.replace(beside, folder)
    except subprocess.CalledProcessError as error:
        raise UserError(f"{peer} could not be installed: {last_line(error.stderr)}.") from error
    except OSError as error:
        raise UserError(f"{peer} could not be installed: {error.strerror}.") from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)
    return folder


def cache_folder() -> Path:
    """Where the user's caches are, and this project's in them."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or "~/.cache"
    return Path(base).expanduser() / "forward-pass"
