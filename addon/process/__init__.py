# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, follow and cancel the external process, and find a Python for it: no bpy, no torch."""
