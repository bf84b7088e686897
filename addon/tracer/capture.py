# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture of a forward pass: every torch call that a model makes, seen as it is made.

A `TorchFunctionMode` sees the calls with all their dimensions, a witness under it the multiplies that they come down
to, and hooks only tell in which module they happen. What a call becomes is in `rules`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import _disable_current_modes

from ..core.trace import Module, Witness
from .attention import expand_attention, unfused
from .calls import Call, tensors
from .calls_multiply import explained, raw
from .calls_other import other
from .folding import fold_module, fold_rotary
from .graph import Graph
from .layers import layer_of
from .rules import IGNORED, RULES, name_of
from .store import DTYPES
from .witness import AtenWitness, Multiply

ATTENTION = torch.nn.functional.scaled_dot_product_attention


def _is_kept(out: object) -> bool:
    """Whether the trace has this number type: not complex ones, and nothing that is not laid out in strides."""
    return not isinstance(out, torch.Tensor) or (out.layout is torch.strided and out.dtype in DTYPES)


class Capture(TorchFunctionMode):
    """Watches `model` while it is entered; everything seen goes to the graph."""

    def __init__(self, model: torch.nn.Module, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self._opened: list[Module] = []
        self._model = model
        self._aten = AtenWitness(self._stray, graph.freeze)
        self._open: list[
            tuple[int, int, bool]
        ] = []  # of the calls under way: index of the call, of what was pending, leaf
        self._parents: list[int] = []  # of each call of a module, the one that it happened in, or -1
        self._stack = contextlib.ExitStack()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What is computed in here is no part of the run, and nobody watches it."""
        with _disable_current_modes(), torch._C.DisableTorchFunction():
            yield

    @property
    def witness(self) -> Witness:
        """Multiplies that reached a kernel, and those that became operations."""
        return Witness(self._aten.count, self.graph.matmuls)

    def __enter__(self) -> Capture:
        self._stack.enter_context(torch.no_grad())
        self._stack.enter_context(unfused())
        for path, module in self._model.named_modules():
            self._watch(path, module)
        self._stack.enter_context(self._aten)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._stack.close()

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Lets the call happen, and notes it."""
        options = kwargs or {}
        if func in IGNORED or torch._C._functorch.peek_interpreter_stack() is not None:
            return func(*args, **options)
        if func is ATTENTION:
            return expand_attention(self._observe, args, options)
        return self._observe(func, *args, **options)

    def _observe(self, func: Any, *args: Any, **options: Any) -> Any:
        graph = self.graph
        call = Call(graph, name_of(func), args, options, *self._where())
        call.given = [one for one in tensors((*args, *options.values())) if one.layout is torch.strided]
        noted = any(map(graph.known, call.given))
        if noted:
            call.before = {id(tensor): graph.value(tensor) for tensor in call.given}
        began = time.perf_counter()
        call.seen = self._aten.open()
        try:
            call.result = func(*args, **options)
        finally:
            self._aten.close()
        call.seconds = time.perf_counter() - began
        result = call.result
        if call.name == "setitem":  # writes, and gives nothing
            call.result = args[0]
        if noted or call.seen.multiplies:
            self._aten.sleeps = True  # what the rules compute is no part of the run
            self._note(call, noted)
            self._aten.sleeps = False
        return result

    def _note(self, call: Call, noted: bool) -> None:
        graph, result = self.graph, call.result
        before = graph.matmuls
        if any(not _is_kept(multiply.out) for multiply in call.seen.multiplies):
            where = call.module or "the model"
            graph.ledger.warnings.append(f"A multiply in {where} was not captured: its numbers are of no kept type.")
            return
        if noted and (isinstance(result, torch.Tensor) or (isinstance(result, list | tuple) and tensors(result))):
            rule: Callable[[Call], None] = RULES.get(call.name, other)
            if rule is not other or not call.seen.multiplies:
                rule(call)
        caught = graph.matmuls - before
        for multiply in call.seen.multiplies[caught:]:
            raw(graph, multiply, call.module, call.seconds)
        if len(call.seen.multiplies) > caught and graph.pending and graph.pending[-1].kind == "matmul":
            explained(call, graph.pending[-1])

    def _stray(self, multiply: Multiply) -> None:
        raw(self.graph, multiply, self._where()[0])

    def _where(self) -> tuple[str, bool]:
        """Path of the innermost module under way, and whether it is one without children."""
        if not self._open:
            return "", False
        index, _, leaf = self._open[-1]
        return self._opened[index].path, leaf

    def _watch(self, path: str, module: torch.nn.Module) -> None:
        """Hooks that tell when a module begins and ends. They return None: anything else would replace its output."""
        leaf = not any(True for _ in module.children())
        name = type(module).__name__

        def begin(module: torch.nn.Module, inputs: object) -> None:
            self._parents.append(self.graph.frame)
            self.graph.frame = len(self._opened)
            self._open.append((self.graph.frame, len(self.graph.pending), leaf))
            self._opened.append(Module(path, name, layer_of(path), (0, 0), self.graph.step))

        def end(module: torch.nn.Module, inputs: object, output: object) -> None:
            self._end(module, output)

        self._stack.callback(module.register_forward_pre_hook(begin).remove)
        self._stack.callback(module.register_forward_hook(end, always_call=True).remove)

    def _end(self, module: torch.nn.Module, output: object) -> None:
        index, start, leaf = self._open.pop()
        with self.aside():
            if leaf:
                fold_module(self.graph, start, self._opened[index].path, output)
            else:
                self.flush()
        self.graph.frame = self._parents[index]

    def flush(self) -> None:
        """Writes what was captured up to now."""
        fold_rotary(self.graph)
        self.graph.flush()

    def modules(self) -> tuple[Module, ...]:
        """Every call of a module in which there were operations, with the first and the last of them."""
        spans: dict[int, tuple[int, int]] = {}
        for number, node in enumerate(self.graph.done):
            frame = node.frame
            while frame >= 0:
                first, last = spans.get(frame, (number, number))
                spans[frame] = (min(first, number), max(last, number))
                frame = self._parents[frame]
        return tuple(dataclasses.replace(self._opened[frame], operations=spans[frame]) for frame in sorted(spans))
