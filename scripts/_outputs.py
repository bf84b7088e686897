# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that belong together: made beside their places, and put there only when all of them are complete."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from forward_pass.core.errors import UserError
from forward_pass.render.folders import check_folder


class Outputs:
    """The files of one run. Nothing is seen under its own name before `publish`."""

    def __init__(self) -> None:
        self._folders: dict[Path, Path] = {}  # the folder of a target -> the hidden one in it
        self._staged: dict[Path, Path] = {}  # target -> where it is made
        self._made: list[Path] = []  # folders that were not there before, outermost first

    @property
    def targets(self) -> tuple[Path, ...]:
        """The files to come, in the order in which they were asked for."""
        return tuple(self._staged)

    def stage(self, target: Path, folder: bool = False) -> Path:
        """Where to make `target`, a file or a `folder`: a path of the same name on the same file system.

        Raises `UserError`, also where an earlier folder has anything in it that this does not write.
        """
        target = Path(os.path.abspath(target.expanduser()))
        if target in self._staged:
            raise UserError(f"Two of the files to write are {target}.", "Give each a name of its own.", code=2)
        if folder and os.path.isdir(target):
            check_folder(target)
        elif os.path.isdir(target):
            raise UserError(f"{target} is a folder.", "Give the name of a file to write.", code=2)
        if os.path.exists(target) and not os.access(target, os.W_OK):
            raise UserError(f"{target} is write-protected.", "Choose another place, or allow writing to it.")
        self._staged[target] = self._folder(target) / target.name
        _try(target, self._staged[target])
        return self._staged[target]

    def scratch(self, name: str) -> Path:
        """A folder for what is needed on the way, beside the first target; it is gone at the end."""
        folder = next(iter(self._folders.values())) / f"{name}.scratch"
        folder.mkdir()
        return folder

    def publish(self) -> None:
        """Puts every file in its place. Raises `UserError`."""
        for target, made in self._staged.items():
            try:
                if made.is_dir() and target.is_dir():
                    check_folder(target)
                    shutil.rmtree(target)
                os.replace(made, target)
            except OSError as error:
                raise _unwritable(target, error) from error
        self._made.clear()
        self.discard()

    def discard(self) -> None:
        """Takes away whatever was made and not published."""
        for folder in self._folders.values():
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():  # something was being written into it at that moment
                shutil.rmtree(folder, ignore_errors=True)
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # somebody else has put something there
                folder.rmdir()

    def _folder(self, target: Path) -> Path:
        parent = target.parent
        if parent not in self._folders:
            try:
                missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
                for folder in reversed(missing):
                    folder.mkdir()
                    self._made.append(folder)
                self._folders[parent] = Path(tempfile.mkdtemp(prefix=".forward-pass-", dir=parent))
            except OSError as error:
                raise _unwritable(target, error) from error
        return self._folders[parent]


def _try(target: Path, path: Path) -> None:
    """Finds out now what would be found out in many minutes: writers add to the name for as long as they write."""
    probe = path.with_name(f".{path.name}.partial-index.probe")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> UserError:
    return UserError(f"{target} cannot be written: {error.strerror or error}.", "Choose another place.")
