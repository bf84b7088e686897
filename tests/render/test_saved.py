# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a scene for another Blender: what it needs is found from there, and the open file stays what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.render.saved import open_saved, save_copy

pytestmark = pytest.mark.blender


def test_a_copy_finds_what_lies_beside_the_original(tmp_path: Path) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    (tmp_path / "there").mkdir()
    picture: Any = bpy.data.images.new("paper", 4, 4)
    picture.filepath_raw, picture.file_format, picture.use_fake_user = str(tmp_path / "paper.png"), "PNG", True
    picture.save()
    picture.source = "FILE"
    file = tmp_path / "work.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    picture.filepath = "//paper.png"
    scene: Any = bpy.data.scenes.new("wanted")
    scene.render.fps = 30
    preferences: Any = bpy.context.preferences
    before = (preferences.filepaths.file_preview_type, preferences.is_dirty)
    saved = save_copy(scene, tmp_path / "there" / "copy.blend")
    assert (bpy.data.filepath, picture.filepath) == (str(file), "//paper.png")
    assert (preferences.filepaths.file_preview_type, preferences.is_dirty) == before
    opened = open_saved(saved)
    assert (opened.name, opened.render.fps) == ("wanted", 30)
    paper = bpy.data.images["paper"]
    assert Path(bpy.path.abspath(paper.filepath)).resolve() == tmp_path / "paper.png"


def test_no_place_for_a_copy_is_a_sentence(tmp_path: Path) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    with pytest.raises(UserError, match=r"^The scene could not be saved to be rendered: .*"):
        save_copy(bpy.context.scene, tmp_path / "missing" / "copy.blend")
