# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel "Block": what the selected block of a generated scene is, and what can be done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drawing import ScenePanel, write_lines

if TYPE_CHECKING:
    from bpy.types import Context

TENSOR = "fp_tensor"  # a block has its name in the trace: see the scene contract


class FORWARDPASS_PT_block(ScenePanel):
    """There while the active object is a block."""

    bl_label = "Block"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """The active object must draw a tensor."""
        block = context.active_object
        return super().poll(context) and block is not None and TENSOR in block.keys()  # noqa: SIM118

    def draw(self, context: Context) -> None:
        """Its name in the trace, its shape, and the numbers at the ends of its colors; below, its partial sums."""
        layout, block = self.layout, context.active_object
        assert block is not None
        write_lines(layout.column(align=True), context, str(block[TENSOR]))
        rows, columns = block["fp_shape"]
        facts = layout.column(align=True)
        for name, fact in (
            ("Shape", f"{rows} × {columns}"),
            ("Colors", f"{block['fp_low']:.3g} … {block['fp_high']:.3g}".replace("-", "−")),
        ):
            split = facts.split(factor=0.3)
            split.label(text=name)
            split.label(text=fact, translate=False)
        layout.operator("forward_pass.partial_sums")
