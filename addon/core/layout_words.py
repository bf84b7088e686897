# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout in the words of a language: what stands in the picture. Keys, places and collections stay as they are."""

from __future__ import annotations

from dataclasses import replace

from .layout_types import Label, Layout
from .words import Catalog


def labels_in_words(layout: Layout, words: Catalog) -> Layout:
    """The layout with the names that stand in it in a language, in the same room: a longer name is set smaller."""
    return replace(layout, labels=tuple(_said(label, words.label(label.text)) for label in layout.labels))


def in_words(layout: Layout, words: Catalog) -> Layout:
    """As `labels_in_words`, and with what its blocks are called. A layout that is in that language already stays as it
    is."""
    labels = labels_in_words(layout, words).labels
    told = {name: words.label(name) for name in {block.label for block in layout.blocks}}
    if labels == layout.labels and all(name == said for name, said in told.items()):
        return layout
    blocks = tuple(replace(block, label=told[block.label]) for block in layout.blocks)
    return replace(layout, labels=labels, blocks=blocks)


def _said(label: Label, text: str) -> Label:
    if text == label.text:
        return label
    return replace(label, text=text, size=label.size * min(1.0, len(label.text) / len(text)))
