# SPDX-License-Identifier: GPL-3.0-or-later
"""The external process: torch; imports only core of the add-on, never bpy."""
