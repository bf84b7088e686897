# SPDX-License-Identifier: GPL-3.0-or-later
"""What a torch call becomes in the trace: one short function for each kind of operation.

What an operation is called follows from the module that it happens in and from what it does there: the first multiply
of two activations makes scores, the one that takes a softmax mixes, a sum with what a child module made is that
child's residual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .axes import Atom, Axes, fresh, leaves, regroup, size, unify_aligned, unify_axis
from .recorder import DTYPES, Draft, Recorder, Value, relative_error
from .witness import MULTIPLIES, Multiply, Seen

EXACT = {torch.float64: 1e-5, torch.float32: 1e-5, torch.bfloat16: 2e-3, torch.float16: 2e-3}
"""Relative error up to which a multiply counts as exact (trace format, version 1)."""


@dataclass(frozen=True)
class Call:
    """One call: its arguments by position and by name, what came out, what it came down to, and the module that it
    happened in (`leaf`: one without children)."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    result: Any
    seen: Seen
    module: str
    leaf: bool

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument, however it was given."""
        return self.args[position] if len(self.args) > position else self.options.get(name, default)

    def tensors(self) -> list[torch.Tensor]:
        """The tensors among the arguments."""
        flat = [*self.args, *self.options.values()]
        flat += [one for many in flat if isinstance(many, list | tuple) for one in many]
        return [one for one in flat if isinstance(one, torch.Tensor)]

    def called(self, name: str) -> str:
        """The name of an operation here: a leaf module's own path, else the path and what is done."""
        return self.module if self.leaf else within(self.module, name)


def within(module: str, name: str) -> str:
    """A path one step further."""
    return f"{module}.{name}" if module else name


def embedding(recorder: Recorder, call: Call) -> None:
    """Ids [...] and a table [n, C] -> [..., C]. Token ids are known; other ids are positions."""
    ids, table = recorder.value(call.argument(0, "input")), recorder.value(call.argument(1, "weight"))
    table.axes[0][0].call("vocab" if ids.id is not None else "position")
    table.axes[1][0].call("channel")
    draft = recorder.operation("embedding", call.called("embedding"), call.module)
    draft.inputs = [recorder.use(ids, "positions"), recorder.use(table, "table")]
    recorder.made(draft, call.result, (*ids.axes, table.axes[1]))


def layer_norm(recorder: Recorder, call: Call) -> None:
    """[..., C] -> [..., C], with the mean and the reciprocal deviation [..., 1] that the kernel gave."""
    x = recorder.value(call.argument(0, "input"))
    draft = recorder.operation("layer_norm", call.called("layer_norm"), call.module)
    draft.inputs = [recorder.use(x, f"{draft.name}.input")]
    for position, name in ((2, "weight"), (3, "bias")):
        tensor = call.argument(position, name)
        if tensor is not None:
            parameter = recorder.value(tensor)
            unify_axis(x.axes[-1], parameter.axes[-1])
            draft.inputs.append(recorder.use(parameter, name))
    recorder.made(draft, call.result, x.axes)
    for tensor, suffix in zip(call.seen.norm, (".mean", ".rstd"), strict=False):
        recorder.made(draft, tensor, (*x.axes[:-1], (Atom(1),)), suffix)


def softmax(recorder: Recorder, call: Call) -> None:
    """[..., n] -> [..., n], with the maximum that is taken off and the sum that it is divided by, [..., 1] each."""
    x = recorder.value(call.argument(0, "input"))
    axis = call.argument(1, "dim", -1) % len(x.axes)
    name = call.called("softmax") if call.module else "probabilities"
    draft = recorder.operation("softmax", name, call.module)
    draft.inputs = [recorder.use(x, f"{name}.input")]
    recorder.made(draft, call.result, x.axes)
    values = recorder.array(draft.inputs[0])
    with np.errstate(all="ignore"):
        largest = values.max(axis, keepdims=True)
        total = np.exp(values - largest).sum(axis, keepdims=True, dtype=np.float32)
    reduced = (*x.axes[:axis], (Atom(1),), *x.axes[axis + 1 :])
    recorder.made(draft, torch.from_numpy(largest), reduced, ".max")
    recorder.made(draft, torch.from_numpy(total), reduced, ".sum")


def gelu(recorder: Recorder, call: Call) -> None:
    """[...] -> [...]."""
    _elementwise(recorder, call, "gelu", call.called("gelu"))


def mask(recorder: Recorder, call: Call) -> None:
    """[..., T, T] -> [..., T, T], minus infinity where a token must not look."""
    _elementwise(recorder, call, "mask", call.called("mask"))


def _elementwise(recorder: Recorder, call: Call, kind: str, name: str) -> Draft:
    x = recorder.value(call.argument(0, "input"))
    draft = recorder.operation(kind, name, call.module)
    draft.inputs = [recorder.use(x, f"{name}.input")]
    recorder.made(draft, call.result, x.axes)
    return draft


def multiply_elements(recorder: Recorder, call: Call) -> None:
    """[...] times a number is a scale, times a tensor a product."""
    a, b = call.argument(0, "input"), call.argument(1, "other")
    divides = call.name in ("div", "truediv")
    if isinstance(a, torch.Tensor) and isinstance(b, int | float):
        draft = _elementwise(recorder, call, "scale", call.called("scale"))
        draft.scale = 1.0 / b if divides else float(b)
    elif divides:
        other(recorder, call)
    else:
        _pair(recorder, call, "mul", call.called("mul"))


def add(recorder: Recorder, call: Call) -> None:
    """[...] + [...] -> [...]."""
    a, b = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        makers = [maker for maker in (recorder.value(b).maker, recorder.value(a).maker) if maker is not None]
        _pair(recorder, call, "add", _name_of_sum(call.module, makers))
    else:
        other(recorder, call)


def _name_of_sum(module: str, makers: list[Draft]) -> str:
    if len(makers) == 2 and all(maker.kind == "embedding" for maker in makers):
        return within(module, "embed")
    prefix = f"{module}." if module else ""
    for maker in makers:
        if maker.module.startswith(prefix) and maker.module != module:
            child = maker.module[len(prefix) :].split(".")[0]
            return f"{prefix}{child}_residual"
    return within(module, "add")


def _pair(recorder: Recorder, call: Call, kind: str, name: str) -> None:
    a, b = recorder.value(call.argument(0, "input")), recorder.value(call.argument(1, "other"))
    draft = recorder.operation(kind, name, call.module)
    draft.inputs = [recorder.use(a, f"{name}.left"), recorder.use(b, f"{name}.right")]
    recorder.made(draft, call.result, unify_aligned(a.axes, b.axes))


def linear(recorder: Recorder, call: Call) -> None:
    """Activations [..., in], weight [out, in], bias [out] -> [..., out]: times the transposed view [in, out]."""
    x = recorder.value(call.argument(0, "input"))
    right = recorder.transposed(recorder.value(call.argument(1, "weight")))
    given = call.argument(2, "bias")
    bias = None if given is None else recorder.value(given)
    unify_axis(x.axes[-1], right.axes[-2])
    if bias is not None:
        unify_axis(right.axes[-1], bias.axes[-1])
    _matmul(recorder, call.result, call.called("linear"), call.module, (x, right, bias), ("left", "right"))


def matmul(recorder: Recorder, call: Call) -> None:
    """[..., i, k] @ [..., k, j] -> [..., i, j]; vectors are left to the witness."""
    left, right = recorder.value(call.argument(0, "input")), recorder.value(call.argument(1, "other"))
    if min(left.tensor.dim(), right.tensor.dim()) < 2:
        return
    for one, two in zip(left.axes[-3::-1], right.axes[-3::-1], strict=False):
        unify_axis(one, two)
    if recorder.parameter(left) is not None or recorder.parameter(right) is not None:
        unify_axis(left.axes[-1], right.axes[-2])
        name, roles = call.called("matmul"), ("left", "right")
    elif left.maker is not None and left.maker.kind == "softmax":
        name, roles = call.called("mix"), ("probabilities", "v")
        right.axes = (*right.axes[:-2], left.axes[-1], right.axes[-1])
        for atom in leaves(right.axes[-1]):
            atom.call("value_dim")
    else:
        name, roles = call.called("scores"), ("q", "k_transposed")
        _attend(recorder, left, right, within(call.module, "k"))
    _matmul(recorder, call.result, name, call.module, (left, right, None), roles)


def _attend(recorder: Recorder, q: Value, k_transposed: Value, name: str) -> None:
    """Queries [..., T, d] and keys transposed [..., d, T]: what is contracted is the key dimension, the columns are key
    tokens; k itself, which the multiply takes only transposed, is registered too."""
    unify_axis(q.axes[-1], k_transposed.axes[-2])
    for atom in leaves(q.axes[-1]):
        atom.call("key_dim")
    if len(q.axes) > 3:
        for atom in leaves(q.axes[-3]):
            atom.call("head")
    keys = (Atom(size(k_transposed.axes[-1]), "key_token"),)
    k_transposed.axes = (*k_transposed.axes[:-1], keys)
    swapped = (*k_transposed.axes[:-2], keys, k_transposed.axes[-2])
    k = recorder.view(k_transposed, k_transposed.tensor.transpose(-2, -1), swapped)
    recorder.use(k, name)


def _matmul(
    recorder: Recorder,
    result: torch.Tensor,
    name: str,
    module: str,
    operands: tuple[Value, Value, Value | None],
    roles: tuple[str, str],
    scale: float = 1.0,
) -> None:
    """Records a multiply and recomputes it in float64 from the bytes that were written."""
    left, right, bias = operands
    left.id = recorder.use(left, within(module, roles[0]))
    right.id = recorder.use(right, within(module, roles[1]))
    draft = recorder.operation("matmul", name, module)
    draft.left, draft.right, draft.scale = left.id, right.id, scale
    draft.bias = None if bias is None else recorder.use(bias, within(module, "bias"))
    draft.inputs = [key for key in (draft.left, draft.right, draft.bias) if key is not None]
    draft.out = recorder.made(draft, result, (*left.axes[:-1], right.axes[-1])).id
    assert draft.out is not None
    with np.errstate(all="ignore"):  # infinities are compared, not complained about
        wanted = scale * (recorder.array(left.id).astype(np.float64) @ recorder.array(right.id).astype(np.float64))
        if draft.bias is not None:
            wanted = wanted + recorder.array(draft.bias)
    draft.max_error = relative_error(recorder.array(draft.out), wanted)
    draft.exact = draft.max_error <= EXACT.get(result.dtype, 0.0)
    draft.flops = 2 * result.numel() * left.tensor.shape[-1]


def raw_multiply(recorder: Recorder, multiply: Multiply, module: str) -> None:
    """A multiply that no call above it explains, as the kernel got it."""
    if multiply.name not in MULTIPLIES:
        recorder.warnings.append(f"A multiply of vectors in {module or 'the model'} was not captured.")
        return
    at_bias, at_left, at_right = MULTIPLIES[multiply.name]
    left, right = recorder.value(multiply.operands[at_left]), recorder.value(multiply.operands[at_right])
    bias = None if at_bias is None else recorder.value(multiply.operands[at_bias])
    name = within(module, multiply.name)
    scale = float(multiply.options.get("alpha", 1.0))
    roles = (f"{multiply.name}.left", f"{multiply.name}.right")
    _matmul(recorder, multiply.out, name, module, (left, right, bias), roles, scale)


def split(recorder: Recorder, call: Call) -> None:
    """[..., n c] -> n times [..., c], as views; each is registered in the form in which it is used."""
    x = recorder.value(call.args[0])
    axis = call.argument(2, "dim", 0) % len(x.axes)
    draft = recorder.operation("split", call.called("split"), call.module)
    draft.inputs = [recorder.use(x, f"{draft.name}.input")]
    draft.outputs = [None] * len(call.result)
    chunks = [Atom(tensor.shape[axis]) for tensor in call.result]
    if len(x.axes[axis]) == 1 and len({chunk.size for chunk in chunks}) == 1:
        x.axes[axis][0].split((Atom(len(chunks)), chunks[0]))
    for slot, (tensor, chunk) in enumerate(zip(call.result, chunks, strict=True)):
        value = Value(tensor, (*x.axes[:axis], (chunk,), *x.axes[axis + 1 :]), maker=draft, slot=slot)
        draft.pending.append(recorder.put(value))


def transpose(recorder: Recorder, call: Call) -> None:
    """A view with two dimensions exchanged."""
    x = recorder.value(call.args[0])
    axes = list(x.axes)
    a, b = call.argument(1, "dim0"), call.argument(2, "dim1")
    axes[a], axes[b] = axes[b], axes[a]
    recorder.view(x, call.result, tuple(axes))


def reshape(recorder: Recorder, call: Call) -> None:
    """A view in another shape; where the bytes had to be moved for it, a merge."""
    x = recorder.value(call.args[0])
    _viewed_or_merged(recorder, call, x, regroup(x.axes, call.result.shape))


def contiguous(recorder: Recorder, call: Call) -> None:
    """The same, its bytes moved into order where they were not: a merge."""
    x = recorder.value(call.args[0])
    if call.result is not x.tensor:
        _viewed_or_merged(recorder, call, x, x.axes)


def _viewed_or_merged(recorder: Recorder, call: Call, x: Value, axes: Axes) -> None:
    if shares(call.result, x.tensor):
        recorder.view(x, call.result, axes)
        return
    draft = recorder.operation("merge", call.called("merge"), call.module)
    draft.inputs = [recorder.use(x.base or x, f"{draft.name}.input")]
    draft.outputs = [None]
    draft.pending = [recorder.put(Value(call.result, axes, maker=draft, slot=0))]


def choose(recorder: Recorder, call: Call) -> None:
    """The token with the largest probability: what is chosen from is the vocabulary."""
    x = recorder.value(call.args[0])
    source = x.base or x
    for atom in leaves(source.axes[-1]):
        atom.call("vocab")
    draft = recorder.operation("sample", call.called("sample"), call.module)
    draft.inputs = [recorder.use(source, f"{draft.name}.input")]
    one_each = call.result.shape == (source.tensor.shape[0], 1)  # [B, 1], the next token of each sequence
    axes = (source.axes[0], (Atom(1, "token"),)) if one_each else fresh(call.result.shape)
    recorder.made(draft, call.result, axes)


def other(recorder: Recorder, call: Call) -> None:
    """Whatever else gives a tensor: a view without names, or an operation of kind "other"."""
    result, tensors = call.result, call.tensors()
    if not isinstance(result, torch.Tensor) or result.dtype not in DTYPES or call.seen.multiplies:
        return
    source = recorder.value(next(tensor for tensor in tensors if recorder.known(tensor)))
    if shares(result, source.tensor):
        if not recorder.known(result):
            recorder.view(source, result, fresh(result.shape))
        return
    draft = recorder.operation("other", call.called(call.name), call.module)
    used = [recorder.value(tensor) for tensor in tensors if recorder.known(tensor)]
    draft.inputs = [recorder.use(value, f"{draft.name}.{i}") for i, value in enumerate(used)]
    recorder.made(draft, result, fresh(result.shape))


def shares(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether the two are views of one storage."""
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


HANDLERS: dict[str, Callable[[Recorder, Call], None]] = {
    "embedding": embedding,
    "layer_norm": layer_norm,
    "softmax": softmax,
    "gelu": gelu,
    "masked_fill": mask,
    "mul": multiply_elements,
    "div": multiply_elements,
    "truediv": multiply_elements,
    "add": add,
    "linear": linear,
    "matmul": matmul,
    "split": split,
    "chunk": split,
    "transpose": transpose,
    "view": reshape,
    "reshape": reshape,
    "contiguous": contiguous,
    "argmax": choose,
}
