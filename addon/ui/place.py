# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a generated scene goes: a scene of its own, there whole or not at all.

A new scene is built beside the others. When it is whole it takes the place of the generated scene that was shown
before, if one was; a scene of the user's own is never touched. Until then everything stays as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

import bpy

from .properties import copy_settings

NAME = "Forward Pass"
VERSION = "fp_version"  # a generated scene carries it: see the scene contract
PARKED = "~"  # before the names of what is about to be replaced, so that the new scene gets the plain ones


class ScenePlace:
    """Room for one new scene, beside or instead of `shown`."""

    def __init__(self, shown: bpy.types.Scene) -> None:
        self._shown = shown.name
        self._scene: bpy.types.Scene | None = None
        self._parked: dict[bpy.types.ID, str] = {}
        self._before: set[int] = set()

    def open(self) -> bpy.types.Scene:
        """Makes room and returns an empty scene. Nothing is shown yet."""
        shown = bpy.data.scenes.get(self._shown)
        self._before = {datablock.session_uid for datablock in bpy.data.user_map()}
        if shown is not None and is_generated(shown):
            self._parked = {datablock: datablock.name for datablock in owned_by(shown)}
            for datablock, name in self._parked.items():
                datablock.name = PARKED + name
        self._scene = bpy.data.scenes.new(NAME)
        if shown is not None:
            copy_settings(shown, self._scene)
        return self._scene

    def commit(self) -> None:
        """Shows the new scene in every window that showed the old one, and removes the old one."""
        new = self._scene
        if new is None:
            raise RuntimeError("no scene was opened")
        old = next((datablock for datablock in self._parked if isinstance(datablock, bpy.types.Scene)), None)
        leaving = old or bpy.data.scenes.get(self._shown)
        for window in (window for manager in bpy.data.window_managers for window in manager.windows):
            if window.scene == leaving:
                window.scene = new
        if old is not None:
            parked = [datablock for datablock in self._parked if datablock != old]
            names = {datablock: self._parked[datablock] for datablock in parked}
            bpy.data.scenes.remove(old)
            self._parked = {datablock: names[datablock] for datablock in purge(parked)}
        self._unpark()
        self._scene = None

    def rollback(self) -> None:
        """Removes the new scene and all that came with it."""
        with suppress(ReferenceError):  # the user removed it meanwhile
            if self._scene is not None:
                bpy.data.scenes.remove(self._scene)
        self._scene = None
        purge(datablock for datablock in bpy.data.user_map() if datablock.session_uid not in self._before)
        self._unpark()

    def _unpark(self) -> None:
        """Gives what is still there its name back."""
        for datablock, name in self._parked.items():
            with suppress(ReferenceError):
                datablock.name = name
        self._parked = {}


def is_generated(scene: bpy.types.Scene) -> bool:
    """Whether Forward Pass made that scene."""
    return VERSION in scene.keys()  # noqa: SIM118  (a Scene has keys() but `in` does not mean them everywhere)


def owned_by(scene: bpy.types.Scene) -> list[bpy.types.ID]:
    """The scene and every local data-block that nothing outside of it uses."""
    users: dict[bpy.types.ID, set[bpy.types.ID]] = bpy.data.user_map()
    uses: dict[bpy.types.ID, set[bpy.types.ID]] = defaultdict(set)
    for datablock, by in users.items():
        for user in by:
            uses[user].add(datablock)
    reached: set[bpy.types.ID] = {scene}
    waiting: list[bpy.types.ID] = [scene]
    while waiting:
        for datablock in uses[waiting.pop()] - reached:
            if isinstance(datablock, bpy.types.Scene):
                continue
            reached.add(datablock)
            waiting.append(datablock)
    shared = True
    while shared:  # what something outside uses stays, and so does all that it needs
        outside = set(users) - reached - {d for d in users if isinstance(d, bpy.types.WindowManager | bpy.types.Screen)}
        shared_now = {d for d in reached if d != scene and users[d] & outside}
        reached -= shared_now
        shared = bool(shared_now)
    return [datablock for datablock in reached if datablock.library is None]


def purge(datablocks: Iterable[bpy.types.ID]) -> list[bpy.types.ID]:
    """Removes those that nothing uses, again and again as others become unused; returns those that stay."""
    left = list(datablocks)
    while True:
        unused = [datablock for datablock in left if datablock.users == 0 and not datablock.use_fake_user]
        if not unused:
            return left
        left = [datablock for datablock in left if datablock.users > 0 or datablock.use_fake_user]
        bpy.data.batch_remove(unused)
