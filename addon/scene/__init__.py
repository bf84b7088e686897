# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender scenes from layouts and stories: blocks, materials, text, lights, camera and clock."""
