# SPDX-License-Identifier: GPL-3.0-or-later
"""A video at a frame rate of its own: how many pictures, of which moments."""

from __future__ import annotations

from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from forward_pass.core.errors import UserError
from forward_pass.render.pace import LAST_FRAME, Pace, clock_frame, cut_frames, pace_of

pytestmark = pytest.mark.blender


@pytest.fixture
def scene() -> Any:
    """At 24 frames a second, with a property that is the number of the frame."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1.0
    for frame in (0.0, 1000.0):
        scene["frame"] = frame
        scene.keyframe_insert('["frame"]', frame=frame)
    curve = scene.animation_data.action.layers[0].strips[0].channelbags[0].fcurves[0]
    for key in curve.keyframe_points:
        key.interpolation = "LINEAR"
    return scene


def moments(scene: Any, pace: Pace) -> list[float]:
    """The frame of the scene that Blender shows in each picture."""
    with cut_frames(scene, pace):
        shown = []
        for picture in pace.pictures:
            scene.frame_set(pace.part(picture))
            shown.append(scene["frame"])
        return shown


@pytest.mark.parametrize(
    ("fps", "base", "video", "pace"),
    [
        (24, 1.0, 24, Pace(1, 10)),
        (24, 1.0, 60, Pace(1, 25, 5, 2)),
        (30, 1.0, 60, Pace(1, 20, 2, 1)),
        (24, 1.0, 12, Pace(1, 5, 1, 2)),
        (25, 1.0, 60, Pace(1, 24, 12, 5)),
        (60, 1.0, 24, Pace(1, 4, 2, 5)),
    ],
)
def test_every_picture_is_of_its_own_moment(scene: Any, fps: int, base: float, video: int, pace: Pace) -> None:
    scene.render.fps, scene.render.fps_base = fps, base
    assert pace_of(scene, 1, 10, video) == pace
    wanted = [1 + i * fps / video for i in range(pace.count)]
    assert moments(scene, pace) == pytest.approx(wanted, abs=1e-4)
    assert [pace.frame(picture) for picture in pace.pictures] == pytest.approx(wanted)
    assert [pace.picture(pace.part(picture)) for picture in pace.pictures] == list(pace.pictures)


def test_a_rate_that_is_no_whole_number_keeps_its_seconds(scene: Any) -> None:
    scene.render.fps, scene.render.fps_base = 30, 1.001
    short, long = pace_of(scene, 1, 900, 60), pace_of(scene, 1, 17982, 60)
    assert short.count == pytest.approx(900 * 1.001 * 2, abs=2)
    assert short.frame(1801) == pytest.approx(1 + 1800 * 30 / 1.001 / 60, abs=0.2)
    assert long == Pace(1, 2 * 17982, 2, 1)  # ten minutes, of which a thousandth is missing


def test_a_creators_own_remapping_stays(scene: Any) -> None:
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 200  # half as fast
    pace = pace_of(scene, 2, 3, 48)
    assert moments(scene, pace) == pytest.approx([1.0, 1.25, 1.5, 1.75], abs=1e-4)
    assert [clock_frame(scene, pace.frame(one)) for one in pace.pictures] == [1.0, 1.25, 1.5, 1.75]
    assert (scene.render.frame_map_old, scene.render.frame_map_new) == (100, 200)


def test_a_scene_that_is_too_long_to_be_cut_is_told(scene: Any) -> None:
    assert pace_of(scene, 1, LAST_FRAME - 1, 24).parts == 1
    with pytest.raises(UserError, match="cannot become a video of 60 frames a second"):
        pace_of(scene, 1, LAST_FRAME // 2, 60)
