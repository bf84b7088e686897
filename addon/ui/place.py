# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a generated scene goes: a scene of its own, there whole or not at all.

A new scene is built beside the others. When it is whole it takes the place of the generated scene that was shown
before, if one was; a scene of the user's own is never touched. Until then everything stays as it was.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress

import bpy

from .properties import copy_settings

NAME = "Forward Pass"
VERSION = "fp_version"  # a generated scene carries it: see the scene contract
SHOWING = (bpy.types.Screen, bpy.types.WindowManager, bpy.types.WorkSpace)  # they let go of what goes
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
        self._before = {datablock.session_uid for datablock in bpy.data.user_map()}
        try:
            return self._open()
        except BaseException:
            self.rollback()
            raise

    def _open(self) -> bpy.types.Scene:
        shown = bpy.data.scenes.get(self._shown)
        if shown is not None and is_generated(shown):
            # The built-in font's name cannot be changed, and need not be.
            owned = [datablock for datablock in owned_by(shown) if not datablock.is_property_readonly("name")]
            for datablock in owned:
                self._parked[datablock] = datablock.name
                datablock.name = PARKED + datablock.name
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
        gone = only_used_within(set(self._parked))
        self._parked = {datablock: name for datablock, name in self._parked.items() if datablock not in gone}
        self._scene = None
        bpy.data.batch_remove(gone)  # all in one go: each removal looks at the whole file
        self._unpark()

    def rollback(self) -> None:
        """Removes the new scene and all that came with it."""
        new = {datablock for datablock in bpy.data.user_map() if datablock.session_uid not in self._before}
        self._scene = None
        bpy.data.batch_remove(only_used_within(new))
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


def owned_by(scene: bpy.types.Scene) -> set[bpy.types.ID]:
    """The scene and every local data-block that it needs and nothing outside of it uses."""
    uses: dict[bpy.types.ID, set[bpy.types.ID]] = defaultdict(set)
    for datablock, users in bpy.data.user_map().items():
        for user in users:
            uses[user].add(datablock)
    reached: set[bpy.types.ID] = {scene}
    waiting: list[bpy.types.ID] = [scene]
    while waiting:
        for datablock in uses[waiting.pop()] - reached:
            if not isinstance(datablock, bpy.types.Scene) and datablock.library is None:
                reached.add(datablock)
                waiting.append(datablock)
    return only_used_within(reached)


def only_used_within(datablocks: set[bpy.types.ID]) -> set[bpy.types.ID]:
    """Those of `datablocks` that could go together: what anything outside uses stays, with all that it needs."""
    users = bpy.data.user_map()
    within = {datablock for datablock in datablocks if not _is_kept(datablock, users[datablock])}
    while True:
        shared = {d for d in within if any(u not in within and not isinstance(u, SHOWING) for u in users[d])}
        if not shared:
            return within
        within -= shared


def _is_kept(datablock: bpy.types.ID, users: set[bpy.types.ID]) -> bool:
    """Whether it stays though nothing uses it: with a fake user, or as a text does. A font that was loaded has such a
    user too, but only the objects that are set in it need it."""
    if isinstance(datablock, bpy.types.Scene | bpy.types.VectorFont):
        return bool(datablock.use_fake_user)
    return bool(datablock.use_fake_user or (datablock.users and not users))
