# SPDX-License-Identifier: GPL-3.0-or-later
"""Data and pure functions: NumPy and the standard library only, no bpy, no torch."""
