# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of tensors and sizes of files, as they are written on a command line."""

from __future__ import annotations

import pytest

from forward_pass.core.errors import UserError
from forward_pass.tracer.choices import Crop, read_bytes, read_crop


@pytest.mark.parametrize(
    ("text", "crop"),
    [
        ("lm_head.weight", Crop("lm_head.weight")),
        ("lm_head.weight[0:64, 0:32]", Crop("lm_head.weight", (0, 63), (0, 31))),
        (" a.b [ :3 ,2:4] ", Crop("a.b", (0, 2), (2, 3))),
        ("a[7]", Crop("a", (7, 7))),
        ("a[:, 5]", Crop("a", None, (5, 5))),
        ("blocks.0.attn.hook_pattern[:]", Crop("blocks.0.attn.hook_pattern")),
    ],
)
def test_a_part_is_read_as_python_writes_it(text: str, crop: Crop) -> None:
    assert read_crop(text) == crop


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", '"" is no part of a tensor.'),
        ("[0:2]", '"[0:2]" is no part of a tensor.'),
        ("a[0:2", '"a[0:2" is no part of a tensor.'),
        ("a[0:2, 0:2, 0:2]", '"a[0:2, 0:2, 0:2]" is no part of a tensor.'),
        ("a[x]", '"x" in "a[x]" is no range.'),
        ("a[3:]", '"3:" in "a[3:]" is no range.'),
        ("a[-1:3]", '"-1:3" in "a[-1:3]" is no range.'),
        ("a[0:2, ]", '"" in "a[0:2, ]" is no range.'),
        ("a[4:4]", '"4:4" in "a[4:4]" is an empty range.'),
        ("a[:0]", '":0" in "a[:0]" is an empty range.'),
    ],
)
def test_what_is_no_part_is_wrong_use(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        read_crop(text)
    assert (caught.value.message, caught.value.code) == (says, 2) and "lm_head.weight[0:64, 0:64]" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500MB", 500_000_000),
        ("2 GB", 2_000_000_000),
        ("1.5gib", 3 << 29),
        ("1e6", 1_000_000),
        ("10k", 10_000),
        ("7", 7),
    ],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert read_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-5MB", "0", "5 parsecs", "1e99", "9e30GB", "nan"])
def test_what_is_no_size_is_wrong_use(text: str) -> None:
    with pytest.raises(UserError) as caught:
        read_bytes(text)
    assert (caught.value.message, caught.value.code) == (f'"{text}" is no size of a file.', 2)
