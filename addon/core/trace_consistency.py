# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a trace says about itself is consistent: nothing is missing between its operations.

Numbers are for `trace_verify`. Here are the checks that notice an operation that is not there any more, and a
dimension that is called something else than it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .trace import Module, Operation, Tensor, Trace
from .trace_findings import Check, Finding
from .trace_manifest import BufferSource, PooledSource

FLOATS = frozenset(("F64", "F32", "F16", "BF16"))
TABLES = frozenset(("add", "mul", "mask", "rotary"))  # take in tables of positions, angles, masks beside an activation
ANYTHING = frozenset(("other", "embedding"))  # take in what nothing made: states, ids
RESULTS = frozenset(
    ("matmul", "add", "mul", "scale", "mask", "softmax", "layer_norm", "rms_norm", "gelu", "relu", "silu", "tanh")
    + ("rotary", "concat", "split", "merge")
)  # of which a model usually makes use


def consistency(trace: Trace) -> tuple[Check, ...]:
    """All of these checks."""
    sequence = _steps(trace), _ends_of_steps(trace)
    return _witness(trace), *sequence, _flow(trace), _use(trace), _modules(trace), _axes(trace)


def _witness(trace: Trace) -> Check:
    """As many multiplies in the file as reached a kernel, and as the tracer says it captured."""
    inside = [part.kind for operation in trace.operations for part in operation.parts]
    there = [*(operation.kind for operation in trace.operations), *inside].count("matmul")
    said = trace.witness
    wrong: tuple[Finding, ...] = ()
    if not there == said.captured == said.aten_matmuls:
        says = f"{said.aten_matmuls} were run, {said.captured} captured, and {there} are in the file"
        wrong = (Finding(len(trace.steps) - 1, "all multiplies", says),)
    return Check("multiplies witnessed", said.aten_matmuls, None, wrong, ())


def _steps(trace: Trace) -> Check:
    """Every step begins with its tokens being looked up in the vocabulary."""
    begun = {
        operation.step
        for operation in trace.operations
        if operation.kind == "embedding" and any(_is_vocabulary(trace.tensor(key)) for key in operation.inputs)
    }
    wrong = tuple(
        Finding(step.index, "all operations", "nothing looks up its tokens in the vocabulary")
        for step in trace.steps
        if step.index not in begun
    )
    return Check("steps that look up their tokens", len(trace.steps), None, wrong, ())


def _ends_of_steps(trace: Trace) -> Check:
    """What happens outside of all layers in every other step (of several) happens in each: embeddings, the last norm,
    the logits, the choice of a token."""
    kinds = RESULTS | {"embedding", "sample"}
    steps: dict[str, set[int]] = {}
    for operation in trace.operations:
        if operation.layer is None and operation.kind in kinds:
            steps.setdefault(operation.name, set()).add(operation.step)
    everywhere = {step.index for step in trace.steps}
    wrong = tuple(
        Finding(step, name, "it is not in this step, as it is in all others")
        for name, found in steps.items()
        for step in everywhere - found
        if len(found) == len(everywhere) - 1 >= 2
    )
    return Check("operations of every step", len(steps), None, wrong, ())


def _is_vocabulary(tensor: Tensor) -> bool:
    return len(tensor.axes) == 2 and "vocab" in tensor.axes[0]


def _flow(trace: Trace) -> Check:
    """What an operation takes in was made by an earlier one, or is a view of what one made. Asked of what can only be
    an activation: not of ids, parameters, tables of positions, masks, or pieces that were copied out of a cache."""
    made: set[int | str] = set()
    wrong: list[Finding] = []
    checked = 0
    for operation in trace.operations:
        leaves = [leaf for key in _activations(operation) for leaf in trace.leaves(key) if _needs_maker(leaf)]
        orphans = [leaf for leaf in leaves if not made & _places(leaf)]
        checked += len(leaves)
        wrong += [Finding(operation.step, operation.name, f"nothing made its input {one.name}") for one in orphans]
        made |= {place for key in _results(operation) for leaf in trace.leaves(key) for place in _places(leaf)}
    return Check("inputs made by an operation", checked, None, tuple(wrong), ())


def _activations(operation: Operation) -> tuple[int, ...]:
    """The inputs of which an operation can be sure that they are activations."""
    if operation.rows is not None or operation.kind in ANYTHING:
        return ()  # rows were copied out of an activation
    if operation.left is not None:
        return (operation.left,)
    return operation.inputs[:1] if operation.kind in TABLES else operation.inputs


def _use(trace: Trace) -> Check:
    """A result that is used in one layer is used in every other: where it is not, an operation is missing that did."""
    used = {place for key in _ends(trace) for leaf in trace.leaves(key) for place in _places(leaf)}
    siblings: dict[tuple[int, str], list[tuple[Operation, bool]]] = {}
    for operation in trace.operations:
        if operation.kind in RESULTS and operation.outputs and operation.layer is not None:
            places = [place for leaf in trace.leaves(operation.outputs[0]) for place in _places(leaf)]
            name = re.sub(r"\b\d+\b", "*", operation.name, count=1)
            pooled = isinstance(trace.tensor(operation.outputs[0]).source, PooledSource)
            siblings.setdefault((operation.step, name), []).append(
                (operation, pooled or bool(used.intersection(places)))
            )
    wrong = tuple(
        Finding(operation.step, operation.name, "nothing takes in its result, as other layers do")
        for ones in siblings.values()
        for operation, is_used in ones
        if not is_used and any(other for _, other in ones)
    )
    return Check("results taken in", sum(map(len, siblings.values())), None, wrong, ())


def _ends(trace: Trace) -> Iterator[int]:
    """All tensors that are of use: what an operation takes in, and the logits."""
    for operation in trace.operations:
        yield from operation.inputs
    for step in trace.steps:
        yield step.logits


def _results(operation: Operation) -> Iterator[int]:
    """What an operation made, and what was made on the way."""
    yield from operation.outputs
    for part in operation.parts:
        yield from part.outputs


def _modules(trace: Trace) -> Check:
    """The operations in the range of a module call are those of that module or of one that it calls (which may be one
    that several share, under the path that it has in the first of them), and of the same step."""
    wrong: list[Finding] = []
    calls: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for module in trace.modules:
        calls.setdefault((module.path, module.step), []).append(module.operations)

    def strange(operation: Operation, module: Module) -> bool:
        if operation.step != module.step:
            return True
        below = not module.path or f"{operation.module}.".startswith(f"{module.path}.")
        own = calls.get((operation.module, operation.step), ())
        return not below and not any(first <= operation.id <= last for first, last in own)

    for module in trace.modules:
        first, last = module.operations
        odd = [one for one in trace.operations[first : last + 1] if strange(one, module)]
        if odd:
            says = f"{len(odd)} of its {last - first + 1} operations are not of it, such as {odd[0].name}"
            wrong.append(Finding(module.step, module.path or "the model", says))
    return Check("modules that hold their operations", len(trace.modules), None, tuple(wrong), ())


def _needs_maker(tensor: Tensor) -> bool:
    """Whether this can only be a result: numbers for each token, which are no parameter, ids, or a state of zeros that
    a model starts with."""
    atoms = {atom for axis in tensor.axes for atom in axis}
    known = bool(atoms & {"token", "key_token"}) and len(tensor.shape) > 1
    known = known and not isinstance(tensor.source, PooledSource)  # a view of another, which a map does not tell
    return known and tensor.parameter is None and tensor.dtype in FLOATS and tensor.stats.absmax > 0


def _places(tensor: Tensor) -> set[int | str]:
    """What a tensor is known by: its id, and the buffer that views of it lie in too."""
    return {tensor.id, tensor.source.buffer} if isinstance(tensor.source, BufferSource) else {tensor.id}


def _axes(trace: Trace) -> Check:
    """What a multiply contracts is called alike at its left, at its right and by the operation, and so are its rows
    and columns in its operands and its result: names that are known have at least one in common."""
    wrong: list[Finding] = []
    checked = 0
    for operation in trace.operations:
        if operation.left is None or operation.right is None or operation.out is None:
            continue
        left, right, out = (trace.tensor(key).axes for key in (operation.left, operation.right, operation.out))
        contracted = tuple((operation.contracted or "?").split())
        same = {
            "what it contracts": (left[-1], right[-2], contracted),
            "its rows": (left[-2], out[-2]),
            "its columns": (right[-1], out[-1]),
        }
        checked += 1
        for what, axes in same.items():
            if not _alike(axes):
                names = " and ".join(repr(" ".join(axis)) for axis in dict.fromkeys(axes))
                wrong.append(Finding(operation.step, operation.name, f"{what} are called {names}"))
    return Check("names of rows, columns, contraction", checked, None, tuple(wrong), ())


def _alike(axes: tuple[tuple[str, ...], ...]) -> bool:
    """Whether names of one dimension go together; a token is one also where it is looked at, and a name that is
    unknown or a guess goes with any."""
    known = [{"token" if atom == "key_token" else atom for atom in axis} for axis in axes]
    return any(atom.startswith(("?", "~")) for axis in axes for atom in axis) or bool(set.intersection(*known))
