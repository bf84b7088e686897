# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a generated scene goes: a scene of its own, there whole or not at all.

A new scene is built beside the others. When it is whole it takes the place of the generated scene that was shown
before, if one was; a scene of the user's own is never touched. Until then everything stays as it was, but that the
scene to be replaced hides what is in it, and viewports their overlays: whatever is made, Blender looks anew at all that
a window shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress

import bpy

from ..scene.slices import Slices
from .calm import CalmViewports
from .properties import copy_settings

NAME = "Forward Pass"
VERSION = "fp_version"  # a generated scene carries it: see the scene contract
SHOWING = (bpy.types.Screen, bpy.types.WindowManager, bpy.types.WorkSpace)  # they let go of what goes
PARKED = "~"  # before the names of what is about to be replaced, so that the new scene gets the plain ones
TOGETHER = 100  # data-blocks that are renamed or removed in one slice


class ScenePlace:
    """Room for one new scene, beside or instead of `shown`."""

    def __init__(self, shown: bpy.types.Scene) -> None:
        self._shown = shown.name
        self._scene: bpy.types.Scene | None = None
        self._parked: dict[bpy.types.ID, str] = {}
        self._hidden: list[bpy.types.Collection] = []
        self._calm: CalmViewports | None = None
        self._before: set[int] | None = None  # what was there; None until `open` begins

    def open(self) -> Slices[bpy.types.Scene]:
        """Makes room and returns an empty scene, in slices. Nothing is shown yet."""
        self._before = {datablock.session_uid for datablock in bpy.data.user_map()}
        shown = bpy.data.scenes.get(self._shown)
        if shown is not None:
            self._calm = CalmViewports(shown)
        if shown is not None and is_generated(shown):
            owned = owned_by(shown)
            self._hidden = _hide(collection for collection in shown.collection.children if collection in owned)
            yield
            # The built-in font's name cannot be changed, and need not be.
            named = [datablock for datablock in owned if not datablock.is_property_readonly("name")]
            for some in _portions(named):
                for datablock in some:
                    self._parked[datablock] = datablock.name
                    datablock.name = PARKED + datablock.name
                yield
        self._scene = bpy.data.scenes.new(NAME)
        if shown is not None:
            copy_settings(shown, self._scene)
        return self._scene

    def commit(self) -> Slices[None]:
        """Removes the scene that is replaced, then shows the new one in every window that showed it; in slices. Once
        begun it has to be ended: there is no way back."""
        new = self._scene
        if new is None:
            raise RuntimeError("no scene was opened")
        self._scene = None
        gone = only_used_within({datablock for datablock in self._parked if _is_there(datablock)})
        self._parked = {datablock: name for datablock, name in self._parked.items() if datablock not in gone}
        self._hidden = [collection for collection in self._hidden if collection not in gone]
        old = next((datablock for datablock in gone if isinstance(datablock, bpy.types.Scene)), None)
        yield
        yield from _remove(gone - {old}, old)
        hidden = _hide(new.collection.children_recursive)
        leaving = old or bpy.data.scenes.get(self._shown)
        for window in (window for manager in bpy.data.window_managers for window in manager.windows):
            if window.scene == leaving:
                window.scene = new
        if old is not None:
            bpy.data.scenes.remove(old)
        self._unpark()
        yield
        yield from _show(new, hidden)
        self._stir()

    def rollback(self) -> None:
        """Removes the new scene and all that came with it."""
        if self._before is None:
            return
        new = {datablock for datablock in bpy.data.user_map() if datablock.session_uid not in self._before}
        self._scene = None
        bpy.data.batch_remove(only_used_within(new))
        self._unpark()
        self._stir()

    def _stir(self) -> None:
        """Viewports show again what they showed."""
        if self._calm is not None:
            self._calm.end()
            self._calm = None

    def _unpark(self) -> None:
        """Gives what is still there its name back, and shows it."""
        for datablock, name in self._parked.items():
            with suppress(ReferenceError):
                datablock.name = name
        for collection in self._hidden:
            with suppress(ReferenceError):
                collection.hide_viewport = False
        self._parked, self._hidden = {}, []


def _hide(collections: Iterable[bpy.types.Collection]) -> list[bpy.types.Collection]:
    """Hides collections in viewports; returns those that were not hidden."""
    shown = [collection for collection in collections if not collection.hide_viewport]
    for collection in shown:
        collection.hide_viewport = True
    return shown


def _show(scene: bpy.types.Scene, hidden: Sequence[bpy.types.Collection]) -> Slices[None]:
    """Shows a scene's collections in two slices, about half of the objects each. Blender's first look at something
    cannot be cut, and the more there is already the longer it takes, so in more slices the last were no shorter."""
    half, objects = sum(len(collection.objects) for collection in hidden) / 2, 0
    for collection in hidden:
        before, objects = objects, objects + len(collection.objects)
        if before < half <= objects:
            scene.view_layers[0].update()
            yield
        collection.hide_viewport = False
    scene.view_layers[0].update()
    yield


def _portions(datablocks: Iterable[bpy.types.ID]) -> Iterable[list[bpy.types.ID]]:
    """A slice's worth after the other."""
    every = list(datablocks)
    return (every[i : i + TOGETHER] for i in range(0, len(every), TOGETHER))


def _is_there(datablock: bpy.types.ID) -> bool:
    """Whether nobody removed it meanwhile."""
    try:
        return bool(datablock.name)
    except ReferenceError:
        return False


def _remove(datablocks: set[bpy.types.ID], scene: bpy.types.Scene | None) -> Slices[None]:
    """Removes what only that scene needed, in slices: each removal looks at the whole file, and at every collection
    that a scene shows."""
    if scene is not None:
        for collection in scene.collection.children:
            if collection in datablocks:
                scene.collection.children.unlink(collection)
    first = [datablock for datablock in datablocks if isinstance(datablock, bpy.types.Collection)]
    then = [datablock for datablock in datablocks if isinstance(datablock, bpy.types.Object)]
    last = datablocks.difference(first, then)
    for some in _portions([*first, *then, *last]):
        bpy.data.batch_remove(some)
        yield


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
