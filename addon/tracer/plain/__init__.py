# SPDX-License-Identifier: GPL-3.0-or-later
"""The built-in models in NumPy alone, for a Python without torch, such as Blender's own: the same trace, made so."""
