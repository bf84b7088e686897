# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, frames, video, captions and chapters."""
