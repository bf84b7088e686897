# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule makes an operation of which torch call."""

from __future__ import annotations

from typing import Any

import torch

from . import calls_einsum, calls_joins, calls_multiply, calls_other, calls_parts, calls_values, calls_views
from .calls import Rule

_SAME: dict[Rule, tuple[str, ...]] = {
    calls_values.embedding: ("embedding",),
    calls_values.layer_norm: ("layer_norm",),
    calls_values.rms_norm: ("rms_norm",),
    calls_values.softmax: ("softmax",),
    calls_values.activation("gelu"): ("gelu",),
    calls_values.activation("relu"): ("relu",),
    calls_values.activation("silu"): ("silu",),
    calls_values.activation("tanh"): ("tanh",),
    calls_values.masked_fill: ("masked_fill",),
    calls_values.where: ("where",),
    calls_values.add: ("add", "iadd", "radd"),
    calls_values.multiply: (
        "mul", "imul", "rmul", "multiply", "div", "truediv", "itruediv", "rtruediv", "true_divide", "divide",
    ),
    calls_values.convert: calls_values.CONVERSIONS,
    calls_values.topk: ("topk",),
    calls_values.choose: ("argmax", "multinomial"),
    calls_multiply.linear: ("linear",),
    calls_multiply.matmul: ("matmul", "mm", "bmm", "rmatmul", "mv", "dot"),
    calls_einsum.einsum: ("einsum",),
    calls_multiply.addmm: ("addmm", "baddbmm"),
    calls_views.permute: ("transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "t", "T", "mT"),
    calls_views.reshape: (
        "view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "reshape_as", "ravel",
    ),
    calls_views.repeat_interleave: ("repeat_interleave",),
    calls_views.contiguous: ("contiguous", "clone", "detach", "alias"),
    calls_views.expand: ("expand", "expand_as"),
    calls_parts.split: ("split", "chunk", "split_with_sizes", "tensor_split", "unbind"),
    calls_parts.pick: ("getitem",),
    calls_parts.select: ("select", "narrow"),
    calls_joins.cat: ("cat", "concat", "concatenate"),
    calls_joins.stack: ("stack",),
    calls_parts.gather: ("index_select",),
    calls_other.nothing: (
        "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like",
        "new_zeros", "new_ones", "new_empty", "new_full", "new_tensor", "new_empty_strided",
    ),
}  # fmt: skip

RULES: dict[str, Rule] = {name: rule for rule, names in _SAME.items() for name in names}

# Asked for all the time, and no computation.
_PROPERTIES = ("shape", "dtype", "device", "ndim", "is_cuda", "is_meta", "is_cpu", "requires_grad", "layout", "is_mps")
IGNORED: frozenset[Any] = frozenset(
    [getattr(torch.Tensor, name).__get__ for name in (*_PROPERTIES, "is_quantized", "is_nested", "is_sparse")]
    + [getattr(torch.Tensor, name) for name in ("size", "dim", "numel", "stride", "is_floating_point", "is_contiguous")]
    + [torch.is_floating_point, torch.Tensor.__len__, torch.Tensor.__hash__, torch.Tensor.__repr__]
)


def name_of(func: Any) -> str:
    """The name of a torch function, without what tells that it is a method, in place, or an operator."""
    name = str(getattr(func, "__name__", "other"))
    if name == "__get__":  # a property: its own name
        name = str(getattr(func.__self__, "__name__", "other"))
    return name.strip("_")
