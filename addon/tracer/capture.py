# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture of a forward pass: every torch call that a model makes, seen as it is made.

A `TorchFunctionMode` sees the calls with all their dimensions, a witness under it the multiplies that they come down
to, and hooks only tell in which module they happen. What a call becomes is in `calls`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..core.trace import Module, Witness
from .calls import HANDLERS, Call, other, raw_multiply
from .recorder import Recorder, layer_of
from .witness import AtenWitness, Multiply


class Capture(TorchFunctionMode):
    """Watches `model` while it is entered; everything seen goes to the recorder."""

    def __init__(self, model: torch.nn.Module, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self.modules: list[Module] = []
        self._model = model
        self._aten = AtenWitness(self._stray)
        self._open: list[tuple[int, torch.nn.Module]] = []  # index in `modules` of the calls under way
        self._stack = contextlib.ExitStack()

    @property
    def witness(self) -> Witness:
        """Multiplies that reached a kernel, and those that became operations."""
        return Witness(self._aten.count, self.recorder.matmuls)

    def __enter__(self) -> Capture:
        self._stack.enter_context(torch.no_grad())
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
        seen = self._aten.open()
        try:
            result = func(*args, **(kwargs or {}))
        finally:
            self._aten.close()
        name = getattr(func, "__name__", "other").strip("_")
        self._note(Call(name, args, kwargs or {}, result, seen, *self._where()))
        return result

    def _watch(self, path: str, module: torch.nn.Module) -> None:
        """Hooks that tell when a module begins and ends. They return None: anything else would replace its output."""

        def begin(module: torch.nn.Module, inputs: object) -> None:
            first = len(self.recorder.operations)
            self._open.append((len(self.modules), module))
            name = type(module).__name__
            self.modules.append(Module(path, name, layer_of(path), (first, first), self.recorder.step))

        def end(module: torch.nn.Module, inputs: object, output: object) -> None:
            index, _ = self._open.pop()
            first, last = self.modules[index].operations[0], len(self.recorder.operations) - 1
            self.modules[index] = dataclasses.replace(self.modules[index], operations=(first, last))

        self._stack.callback(module.register_forward_pre_hook(begin).remove)
        self._stack.callback(module.register_forward_hook(end, always_call=True).remove)

    def _where(self) -> tuple[str, bool]:
        """Path of the innermost module under way, and whether it is one without children."""
        if not self._open:
            return "", False
        index, module = self._open[-1]
        return self.modules[index].path, not any(True for _ in module.children())

    def _note(self, call: Call) -> None:
        recorder, tensors = self.recorder, call.tensors()
        before = recorder.matmuls
        if any(map(recorder.known, tensors)) or (call.name == "embedding" and tensors):
            handler: Callable[[Recorder, Call], None] = HANDLERS.get(call.name, other)
            handler(recorder, call)
        for multiply in call.seen.multiplies[recorder.matmuls - before :]:
            raw_multiply(recorder, multiply, call.module)

    def _stray(self, multiply: Multiply) -> None:
        raw_multiply(self.recorder, multiply, self._where()[0])
